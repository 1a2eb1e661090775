//! Symbols of a document and of the workspace.

use crate::server::{Server, or_nothing};
use crate::to_proto;
use engine::answers::Seen;
use engine::syntax::text::Span;
use lsp_types::{
    BaseSymbolInformation, DocumentSymbol, DocumentSymbolParams, DocumentSymbolResponse, Location, SymbolInformation,
    Uri, WorkspaceSymbolParams, WorkspaceSymbolResponse,
};
use tower_lsp::jsonrpc::Result;

/// `textDocument/documentSymbol`.
pub(crate) async fn document(server: &Server, params: DocumentSymbolParams) -> Result<Option<DocumentSymbolResponse>> {
    let (uri, profile) = (params.text_document.uri.0, server.profile());
    let Some(snapshot) = server.core.snapshot(&uri) else { return Ok(None) };
    let work = async { or_nothing(server.core.outline(&uri).await.map(Some)) };
    let seen = server.newest.run("documentSymbol", &uri, snapshot.version, work).await?;
    let Some(Seen { diagnosis, value: items }) = seen else { return Ok(Some(Vec::<DocumentSymbol>::new().into())) };
    let place = |span: Span| to_proto::range(diagnosis.range(span, profile.encoding));
    let symbols = to_proto::document_symbols(&items, &place);
    if profile.nested_symbols {
        return Ok(Some(symbols.into()));
    }
    let mut flat = Vec::new();
    flatten(symbols, &Uri(uri), None, &mut flat);
    Ok(Some(flat.into()))
}

/// A tree of symbols as a list that names each one's owner.
fn flatten(symbols: Vec<DocumentSymbol>, uri: &Uri, owner: Option<&str>, flat: &mut Vec<SymbolInformation>) {
    for symbol in symbols {
        #[allow(deprecated)]
        flat.push(SymbolInformation {
            deprecated: None,
            location: Location { uri: uri.clone(), range: symbol.range },
            base_symbol_information: BaseSymbolInformation {
                name: symbol.name.clone(),
                kind: symbol.kind,
                tags: symbol.tags,
                container_name: owner.map(str::to_owned),
            },
        });
        flatten(symbol.children.unwrap_or_default(), uri, Some(&symbol.name), flat);
    }
}

/// `workspace/symbol`.
pub(crate) async fn workspace(
    server: &Server,
    params: WorkspaceSymbolParams,
) -> Result<Option<WorkspaceSymbolResponse>> {
    let found = or_nothing(server.core.symbols(&params.query).await)?;
    let symbols = found.into_iter().map(|symbol| {
        #[allow(deprecated)]
        SymbolInformation {
            deprecated: None,
            location: Location { uri: Uri(symbol.uri), range: to_proto::range((symbol.start, symbol.end)) },
            base_symbol_information: BaseSymbolInformation {
                name: to_proto::shown_name(&symbol.name),
                kind: to_proto::symbol_kind(symbol.kind),
                tags: None,
                container_name: (!symbol.container.is_empty()).then_some(symbol.container),
            },
        }
    });
    Ok(Some(symbols.collect::<Vec<_>>().into()))
}

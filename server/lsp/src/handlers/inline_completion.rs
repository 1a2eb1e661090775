//! Inline completion: code that a model suggests at the cursor, for clients that show it as ghost text; others get it as an item of their list.

use crate::from_proto;
use crate::handlers::completion::{indentation, insert};
use crate::server::Server;
use crate::to_proto;
use engine::inline::Inline;
use engine::syntax::text::Span;
use engine::workspace::Snapshot;
use lsp_types::{
    CompletionItem, CompletionItemKind, InlineCompletionItem, InlineCompletionList, InlineCompletionParams, InsertText,
    Range, TextEdit,
};
use tower_lsp::jsonrpc::Result;

/// Characters of a suggestion in a list.
const LABEL: usize = 60;

/// `textDocument/inlineCompletion`.
pub(crate) async fn inline_completion(
    server: &Server,
    params: InlineCompletionParams,
) -> Result<Option<InlineCompletionList>> {
    let at = params.text_document_position_params;
    let (uri, profile) = (at.text_document.uri.0, server.profile());
    let Some(snapshot) = server.core.snapshot(&uri) else { return Ok(None) };
    let offset = snapshot.offset(from_proto::position(at.position), profile.encoding);
    let chosen = params.context.selected_completion_info.map(|chosen| {
        let (start, end) = from_proto::range(chosen.range);
        (snapshot.span(start, end, profile.encoding), chosen.text)
    });
    let items = match suggested(server, &uri, &snapshot, offset, chosen).await? {
        Some(inline) => vec![InlineCompletionItem {
            range: Some(range(server, &snapshot, inline.span)),
            insert_text: InsertText::String(inline.text),
            filter_text: None,
            command: None,
        }],
        None => Vec::new(),
    };
    Ok(Some(InlineCompletionList { items }))
}

/// The same as an item of a list, for clients that have no other way to show it.
pub(crate) async fn item(
    server: &Server,
    uri: &str,
    snapshot: &Snapshot,
    offset: usize,
) -> Result<Option<CompletionItem>> {
    if server.profile().inline_completions {
        return Ok(None);
    }
    let Some(inline) = suggested(server, uri, snapshot, offset, None).await? else { return Ok(None) };
    let text = snapshot.text();
    // The word before the cursor is what the client filters by.
    let before = text.get(..offset).unwrap_or("");
    let word = before.rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or("");
    let first = inline.text.lines().next().unwrap_or("");
    let label: String = format!("{word}{first}").trim().chars().take(LABEL).collect();
    let span = Span::new(offset - word.len(), offset);
    let whole = format!("{word}{}", inline.text);
    let indentation = indentation(&text, offset);
    let made = insert(server.profile(), &whole, &escaped(&whole), indentation);
    Ok(Some(CompletionItem {
        label,
        kind: Some(CompletionItemKind::Text),
        detail: Some("code-agent".to_owned()),
        sort_text: Some("~".to_owned()),
        filter_text: Some(word.to_owned()),
        // Neovim takes only the first word of plain text.
        insert_text_format: Some(made.format),
        insert_text_mode: made.mode,
        text_edit: Some(TextEdit { range: range(server, snapshot, span), new_text: made.text }.into()),
        ..CompletionItem::default()
    }))
}

/// The text as a snippet that stands for itself.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('$', "\\$").replace('}', "\\}")
}

/// What is suggested. That a model failed is told to the log, not to somebody who only types.
async fn suggested(
    server: &Server,
    uri: &str,
    snapshot: &Snapshot,
    offset: usize,
    chosen: Option<(Span, String)>,
) -> Result<Option<Inline>> {
    let work = async { Ok(server.core.inline(uri, offset, chosen).await) };
    let result = server.newest.run("inlineCompletion", uri, snapshot.version, work).await?;
    Ok(result.unwrap_or_else(|error| {
        tracing::warn!(%error, "Nothing is suggested.");
        None
    }))
}

fn range(server: &Server, snapshot: &Snapshot, span: Span) -> Range {
    let at = |offset| to_proto::position(snapshot.position(offset, server.profile().encoding));
    Range { start: at(span.start), end: at(span.end) }
}

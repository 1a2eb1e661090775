//! Completion: a documentation comment drafted behind its opening, with tab stops where the client takes them.

use crate::capabilities::ClientProfile;
use crate::from_proto;
use crate::handlers::inline_completion;
use crate::server::{Server, or_nothing};
use crate::to_proto;
use engine::syntax::text::Span;
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionList, CompletionParams, CompletionResponse, InsertTextFormat,
    InsertTextMode, Range, TextEdit,
};
use tower_lsp::jsonrpc::Result;

/// `textDocument/completion`.
pub(crate) async fn completion(server: &Server, params: CompletionParams) -> Result<Option<CompletionResponse>> {
    let at = params.text_document_position_params;
    let (uri, profile) = (at.text_document.uri.0, server.profile());
    let Some(snapshot) = server.core.snapshot(&uri) else { return Ok(None) };
    let offset = snapshot.offset(from_proto::position(at.position), profile.encoding);
    let work = async { or_nothing(server.core.completion(&uri, offset).await) };
    let Some(draft) = server.newest.run("completion", &uri, snapshot.version, work).await? else {
        let item = inline_completion::item(server, &uri, &snapshot, offset).await?;
        // What is suggested holds for this place alone, so the client asks again after the next key.
        let list = |item| CompletionList { is_incomplete: true, items: vec![item], ..CompletionList::default() }.into();
        return Ok(item.map(list));
    };
    let text = snapshot.text();
    let end = |offset| to_proto::position(snapshot.position(offset, profile.encoding));
    let range = Range { start: end(draft.span.start), end: end(draft.span.end) };
    if range.start.line != range.end.line {
        // The protocol allows an edit on one line only.
        return Ok(None);
    }
    let typed = Span::new(draft.span.start, offset.max(draft.span.start)).of(&text).to_owned();
    let insert = insert(profile, &draft.text, &draft.snippet, indentation(&text, draft.span.start));
    let item = CompletionItem {
        label: draft.label,
        kind: Some(CompletionItemKind::Snippet),
        detail: (!draft.detail.is_empty()).then_some(draft.detail),
        preselect: Some(true),
        sort_text: Some("0".to_owned()),
        filter_text: Some(typed),
        insert_text_format: Some(insert.format),
        insert_text_mode: insert.mode,
        text_edit: Some(TextEdit { range, new_text: insert.text }.into()),
        ..CompletionItem::default()
    };
    Ok(Some(CompletionList { is_incomplete: false, items: vec![item], ..CompletionList::default() }.into()))
}

/// A text for a client, and how it takes it.
pub(crate) struct Insert {
    pub text: String,
    pub format: InsertTextFormat,
    pub mode: Option<InsertTextMode>,
}

/// Which of the two texts this client inserts as it is meant.
///
/// Clients indent the lines of a snippet like the line it is inserted on, unless they can be told not to; plain text they leave alone.
pub(crate) fn insert(profile: &ClientProfile, plain: &str, snippet: &str, indentation: &str) -> Insert {
    let as_is = profile.keeps_whitespace.then_some(InsertTextMode::AsIs);
    if !profile.snippet_completions {
        return Insert { text: plain.to_owned(), format: InsertTextFormat::PlainText, mode: as_is };
    }
    // Editors put their own line ends into a snippet, and some of them know only one sort in it.
    let snippet = snippet.replace("\r\n", "\n").replace('\r', "\n");
    let text = match as_is {
        Some(_) => snippet,
        None => snippet
            .split_inclusive('\n')
            .enumerate()
            .map(|(number, line)| if number == 0 { line } else { line.strip_prefix(indentation).unwrap_or(line) })
            .collect(),
    };
    Insert { text, format: InsertTextFormat::Snippet, mode: as_is }
}

/// The white space that the line of `offset` begins with.
pub(crate) fn indentation(text: &str, offset: usize) -> &str {
    let before = text.get(..offset).unwrap_or("");
    let line = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    let line = before.get(line..).unwrap_or("");
    let width = line.len() - line.trim_start_matches([' ', '\t']).len();
    line.get(..width).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_is_indented_once_whatever_the_client_does() {
        let (plain, snippet) = (
            "\"\"\"Do.\r\n\r\n    Args:\r\n        x: X.\r\n    \"\"\"",
            "\"\"\"${1:Do}.\r\n\r\n    Args:\r\n        x: X.\r\n    \"\"\"",
        );
        let mut profile = ClientProfile { snippet_completions: true, ..ClientProfile::default() };
        let made = insert(&profile, plain, snippet, "    ");
        assert_eq!(made.text, "\"\"\"${1:Do}.\n\nArgs:\n    x: X.\n\"\"\"");
        profile.keeps_whitespace = true;
        let made = insert(&profile, plain, snippet, "    ");
        assert_eq!((made.text, made.mode), (snippet.replace("\r\n", "\n"), Some(InsertTextMode::AsIs)));
        profile.snippet_completions = false;
        let made = insert(&profile, plain, snippet, "    ");
        assert_eq!((made.text.as_str(), made.format), (plain, InsertTextFormat::PlainText));
    }

    #[test]
    fn indentation_is_that_of_the_line() {
        assert_eq!(indentation("def f():\r\n\t  \"\"\"", 13), "\t  ");
        assert_eq!(indentation("///", 0), "");
    }
}

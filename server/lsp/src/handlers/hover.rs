//! Hover: the documentation of the symbol under the cursor, with marks where it drifted.

use crate::from_proto;
use crate::server::{Server, or_nothing};
use crate::to_proto;
use engine::answers::{PlaceAt, Seen};
use engine::syntax::text::Span;
use lsp_types::{Hover, HoverParams, MarkupContent, MarkupKind};
use tower_lsp::jsonrpc::Result;

/// `textDocument/hover`.
pub(crate) async fn hover(server: &Server, params: HoverParams) -> Result<Option<Hover>> {
    let at = params.text_document_position_params;
    let (uri, profile) = (at.text_document.uri.0, server.profile());
    let Some(snapshot) = server.core.snapshot(&uri) else { return Ok(None) };
    let offset = snapshot.offset(from_proto::position(at.position), profile.encoding);
    let place = PlaceAt { span: Span::at(offset), revision: snapshot.revision };
    let work = async { or_nothing(server.core.hover(&uri, place).await) };
    let Some(Seen { diagnosis, value: hover }) = server.newest.run("hover", &uri, snapshot.version, work).await? else {
        return Ok(None);
    };
    let contents = if profile.markdown_hovers {
        MarkupContent { kind: MarkupKind::Markdown, value: hover.markdown }
    } else {
        MarkupContent { kind: MarkupKind::PlainText, value: plain(&hover.markdown) }
    };
    let range = to_proto::range(diagnosis.range(hover.span, profile.encoding));
    Ok(Some(Hover { contents: contents.into(), range: Some(range) }))
}

/// Markdown without its marks, for clients that show it as it is.
fn plain(markdown: &str) -> String {
    let mut lines = Vec::new();
    let mut is_code = false;
    for line in markdown.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        } else if is_code {
            lines.push(line.to_owned());
        } else if line.trim() == "---" {
            lines.push(String::new());
        } else {
            let line = line.strip_prefix("> ").unwrap_or(line);
            let line = if line.starts_with('#') { line.trim_start_matches('#').trim_start() } else { line };
            lines.push(without_marks(line));
        }
    }
    lines.join("\n").trim().to_owned()
}

/// A line without emphasis, code marks and escapes.
fn without_marks(line: &str) -> String {
    let bullet = line.len() - line.trim_start().len() + usize::from(line.trim_start().starts_with("* "));
    let (start, rest) = line.split_at(bullet);
    let mut result = start.to_owned();
    let mut is_code = false;
    let mut characters = rest.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '`' => is_code = !is_code,
            '\\' if !is_code && characters.peek().is_some_and(char::is_ascii_punctuation) => {
                result.extend(characters.next());
            }
            '*' if !is_code => {}
            other => result.push(other),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_keeps_code_and_loses_marks() {
        let markdown = "```python\ndef f(**kw):\n    return `x`\n```\n---\n### Parameters\n- `a` — **the** first\n  more\n\\_x *is `*args`* \\*\n* item";
        let expected = "def f(**kw):\n    return `x`\n\nParameters\n- a — the first\n  more\n_x is *args *\n* item";
        assert_eq!(plain(markdown), expected);
    }
}

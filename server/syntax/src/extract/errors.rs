//! Places that do not parse.
//!
//! Where the grammar reads valid code wrongly, the code must not be told to be wrong.

use super::signature::span_of;
use crate::grammar::{Grammar, role};
use crate::model::SyntaxError;
use crate::text::Span;
use tree_sitter::{Node, Parser};

/// No more syntax errors than this are told of one file.
const MOST_ERRORS: usize = 50;

/// What does not parse below `root`.
pub(super) fn syntax_errors(grammar: &Grammar, root: Node, text: &str) -> Vec<SyntaxError> {
    let found = errors_below(root);
    if found.is_empty() {
        return found;
    }
    let ends = unmarked_ends(grammar, root, text);
    if ends.is_empty() {
        return found;
    }
    // The same text with its unwritten semicolons put over white space, so that all places stay where they are.
    let mut marked = text.as_bytes().to_vec();
    for end in ends {
        if let Some(space) = marked.get_mut(end) {
            *space = b';';
        }
    }
    let mut parser = Parser::new();
    if parser.set_language(&grammar.language).is_err() {
        return found;
    }
    parser.parse(&marked, None).map_or(found, |tree| errors_below(tree.root_node()))
}

/// White space behind what cannot go on in the next line, where that line begins as if it could: `() => {}` and below it `[…`.
fn unmarked_ends(grammar: &Grammar, root: Node, text: &str) -> Vec<usize> {
    let mut ends = Vec::new();
    let mut open = vec![root];
    while let Some(node) = open.pop() {
        let span = span_of(node);
        let after = text.get(span.end..).unwrap_or("");
        let next = after_comments(after);
        let gap = after.get(..after.len() - next.len()).unwrap_or("");
        let goes_on = next.starts_with(['[', '(']) && gap.contains('\n') && gap.starts_with(char::is_whitespace);
        if grammar.role(node.kind_id()) & role::CLOSED != 0 && goes_on && span.of(text).ends_with('}') {
            ends.push(span.end);
        }
        let mut cursor = node.walk();
        open.extend(node.named_children(&mut cursor));
    }
    ends
}

/// The text behind white space and comments.
fn after_comments(text: &str) -> &str {
    let mut rest = text.trim_start();
    loop {
        let end = match rest.get(..2) {
            Some("//") => rest.find('\n'),
            Some("/*") => rest.find("*/").map(|end| end + 2),
            _ => None,
        };
        match end.and_then(|end| rest.get(end..)) {
            Some(behind) => rest = behind.trim_start(),
            None => return rest,
        }
    }
}

fn errors_below(root: Node) -> Vec<SyntaxError> {
    let mut found = Vec::new();
    let mut open = if root.has_error() { vec![root] } else { Vec::new() };
    while let Some(node) = open.pop() {
        if found.len() >= MOST_ERRORS {
            break;
        }
        if node.is_missing() {
            found.push(SyntaxError { span: Span::at(node.start_byte()), missing: Some(node.kind().to_string()) });
        } else if node.is_error() {
            found.push(SyntaxError { span: span_of(node), missing: None });
        } else {
            let mut cursor = node.walk();
            let start = open.len();
            open.extend(node.children(&mut cursor).filter(Node::has_error));
            open[start..].reverse();
        }
    }
    found.sort_by_key(|error| (error.span.start, error.span.end));
    found
}

#[cfg(test)]
mod tests {
    use crate::extract::{Depth, model};
    use crate::language::Language;
    use std::sync::Arc;

    #[test]
    fn a_line_below_an_arrow_function_begins_a_statement_of_its_own() {
        for (code, is_valid) in [
            ("const f = () => {\n}\n[...x].forEach(g)\n", true),
            ("const f = () => {\r\n}\r\n[].concat(a)\r\n", true),
            ("const f = () => {\n}\n[, b] = c\n", true),
            ("const f = () => {\n}\n\n(a, b) => c\n", true),
            ("const f = () => {\n} // Done.\n/* More. */\n[...x].forEach(g)\n", true),
            ("class A { x = () => {\n}\n[...y].z = 1 }\n", false),
            ("const f = () => {\n}\n[...x.forEach(g)\n", false),
            ("const f = () => {\n} [...x]\n", false),
            ("const f = function () {\n}\n[...x]\n", false),
        ] {
            for id in ["javascript", "typescript", "tsx"] {
                let language = Language::from_id(id).unwrap();
                let model = model(language, Arc::from(code), Depth::Full);
                assert_eq!(model.syntax_errors.is_empty(), is_valid, "{id}: {code}");
            }
        }
    }
}

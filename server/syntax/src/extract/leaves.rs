//! The leaves of a tree that tell what code speaks of: its names and its comments.
//!
//! For whoever judges code that somebody else wrote; knows no language by name.

use super::Parsed;
use crate::text::Span;
use tree_sitter::Node;

/// A name as code uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeName {
    /// Where it stands.
    pub span: Span,
    /// It is a member of something: `.name`, `::name`, `->name`.
    pub is_member: bool,
    /// It is called: `name(…)`, `name!(…)`.
    pub is_called: bool,
}

/// All names of the code in a span, in order. Comments and plain strings have none; what a string interpolates does.
pub fn names_in(parsed: &Parsed, text: &str, span: Span) -> Vec<CodeName> {
    let is_name = |node: Node<'_>| node.kind().contains("identifier") && node.named_child_count() == 0;
    let name = |span: Span| CodeName { span, is_member: is_member(text, span), is_called: is_called(text, span) };
    leaves(parsed, span, is_name).map(name).collect()
}

/// All comments in a span, delimiters included, in order; documentation that is a string is none.
pub fn comments_in(parsed: &Parsed, span: Span) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    for comment in leaves(parsed, span, |node| node.kind().contains("comment")) {
        // Some grammars part a comment: what lies in another one is a piece of it.
        if found.last().is_none_or(|last| !last.contains(comment)) {
            found.push(comment);
        }
    }
    found
}

/// The outermost named nodes in the span that are wanted.
fn leaves(parsed: &Parsed, span: Span, wanted: impl Fn(Node<'_>) -> bool) -> impl Iterator<Item = Span> {
    let mut found = Vec::new();
    let mut cursor = parsed.tree.walk();
    loop {
        let node = cursor.node();
        let own = Span::new(node.start_byte(), node.end_byte());
        let is_here = own.overlaps(span);
        if is_here && node.is_named() && wanted(node) && span.contains(own) {
            found.push(own);
        } else if is_here && cursor.goto_first_child() {
            continue;
        }
        loop {
            if cursor.goto_next_sibling() {
                break;
            }
            if !cursor.goto_parent() {
                return found.into_iter();
            }
        }
    }
}

fn is_member(text: &str, span: Span) -> bool {
    let before = text.get(..span.start).unwrap_or("").trim_end();
    let is_range = before.ends_with("..");
    !is_range && (before.ends_with('.') || before.ends_with("::") || before.ends_with("->"))
}

fn is_called(text: &str, span: Span) -> bool {
    let after = text.get(span.end..).unwrap_or("");
    let after = after.strip_prefix('!').unwrap_or(after).trim_start_matches([' ', '\t']);
    after.starts_with('(')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::parse_incremental;
    use crate::language::Language;

    fn names(language: &str, text: &str) -> Vec<String> {
        let parsed = parse_incremental(Language::from_id(language).unwrap(), text, None, &|| false).unwrap();
        let shown = |name: CodeName| {
            let sign = |is: bool, sign: &'static str| if is { sign } else { "" };
            format!("{}{}{}", sign(name.is_member, "."), name.span.of(text), sign(name.is_called, "()"))
        };
        names_in(&parsed, text, Span::new(0, text.len())).into_iter().map(shown).collect()
    }

    #[test]
    fn names_are_found_with_their_parts_and_not_in_comments_or_strings() {
        let python = "x = a.load(f'{b}', 'c')  # d\ndef größe(): pass\n";
        assert_eq!(names("python", python), ["x", "a", ".load()", "b", "größe()"]);
        assert_eq!(names("rust", "fn f() { vec![g(0..n)]; S::new() }"), ["f()", "vec", "g()", "n", "S", ".new()"]);
        assert_eq!(names("javascript", "const {k} = o?.p(`q${r}`) // s"), ["k", "o", ".p()", "r"]);
        assert_eq!(names("go", "package p\nfunc (s *T) M() { s.x() }"), ["p", "s", "T", "M()", "s", ".x()"]);
    }

    #[test]
    fn comments_are_found_once_and_whole() {
        let text = "/* a */ fn f() {} // b\n/// c\nfn g() {}\n";
        let parsed = parse_incremental(Language::from_id("rust").unwrap(), text, None, &|| false).unwrap();
        let found = comments_in(&parsed, Span::new(0, text.len()));
        let found: Vec<_> = found.into_iter().map(|span| span.of(text).trim_end()).collect();
        assert_eq!(found, ["/* a */", "// b", "/// c"]);
        assert!(comments_in(&parsed, Span::new(8, 16)).is_empty());
    }
}

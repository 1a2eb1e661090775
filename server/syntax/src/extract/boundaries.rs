//! Nested functions and types of a body: what stands in one is not the body's own.

use super::flow::Flow;
use super::signature::span_of;
use crate::text::Span;
use tree_sitter::Node;

/// The outermost boundaries, in order and apart from each other.
pub(super) struct Boundaries {
    spans: Vec<Span>,
}

impl Boundaries {
    pub(super) fn new(mut spans: Vec<Span>) -> Self {
        spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
        let mut end = 0;
        spans.retain(|span| {
            let is_outer = span.start >= end;
            end = end.max(span.end);
            is_outer
        });
        Self { spans }
    }

    /// Whether a place is the body's own; a boundary itself is.
    pub(super) fn own(&self, place: Span) -> bool {
        let before = self.spans.partition_point(|span| span.start <= place.start);
        let around = before.checked_sub(1).and_then(|index| self.spans.get(index));
        !around.is_some_and(|span| span.contains(place) && *span != place)
    }
}

/// Whether a name that the function handed to `promise` takes means something else at `node`: a function or a declaration
/// between the two has the same name for its own.
pub(super) fn is_rebound(node: Node, name: &str, promise: Span, flow: Flow<'_>) -> bool {
    let names = |node: Node| span_of(node).of(flow.text) == name;
    let declares = |node: Node| node.child_by_field_name("name").is_some_and(names);
    let mut takers: Vec<bool> = Vec::new();
    for outer in std::iter::successors(node.parent(), Node::parent).take_while(|outer| span_of(*outer) != promise) {
        let params = ["parameters", "parameter"].iter().find_map(|field| outer.child_by_field_name(field));
        if let Some(params) = params {
            let mut words =
                span_of(params).of(flow.text).split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
            takers.push(words.any(|word| word == name));
        }
        if flow.is_block(outer) {
            let mut cursor = outer.walk();
            let mut inner = outer.walk();
            let is_declared = outer
                .named_children(&mut cursor)
                .any(|statement| declares(statement) || statement.named_children(&mut inner).any(declares));
            if is_declared {
                return true;
            }
        }
    }
    // The outermost one is the function that the promise was given.
    takers.pop();
    takers.contains(&true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_nested_function_is_not_own_and_the_function_itself_is() {
        let boundaries = Boundaries::new(vec![Span::new(5, 7), Span::new(4, 10), Span::new(20, 30)]);
        assert!(boundaries.own(Span::new(1, 3)));
        assert!(boundaries.own(Span::new(4, 10)));
        assert!(!boundaries.own(Span::new(5, 7)));
        assert!(!boundaries.own(Span::new(8, 9)));
        assert!(boundaries.own(Span::new(12, 19)));
        assert!(!boundaries.own(Span::new(21, 22)));
    }
}

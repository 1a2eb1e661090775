//! Nested functions and types of a body: what stands in one is not the body's own.

use crate::text::Span;

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

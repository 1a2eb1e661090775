//! How hard a body is to follow, by the patterns of `complexity.scm`.

use super::boundaries::Boundaries;
use super::signature::span_of;
use crate::grammar::CompiledQuery;
use crate::text::Span;
use streaming_iterator::StreamingIterator;
use tree_sitter::{Node, QueryCursor};

/// What one place adds.
#[derive(Clone, Copy, Default)]
struct Weight {
    cyclomatic: u32,
    cognitive: u32,
    /// Cognitive complexity counts one more for each level it is nested in.
    nested: bool,
}

/// Cyclomatic (McCabe 1976) and cognitive complexity (Campbell, SonarSource 2018) of a body.
pub(super) fn complexity(query: &CompiledQuery, cursor: &mut QueryCursor, body: Node, text: &str) -> (u32, u32) {
    let mut boundaries: Vec<Span> = Vec::new();
    let mut nests: Vec<Span> = Vec::new();
    let mut flats: Vec<Span> = Vec::new();
    let mut weights: Vec<(Span, Weight)> = Vec::new();
    cursor.set_max_start_depth(None);
    let mut matches = cursor.matches(&query.query, body, text.as_bytes());
    while let Some(hit) = matches.next() {
        for capture in hit.captures() {
            let (node, span) = (capture.node, span_of(capture.node));
            let weight = |cyclomatic, cognitive, nested| (span, Weight { cyclomatic, cognitive, nested });
            match query.names[capture.index as usize].as_str() {
                "boundary" => boundaries.push(span),
                "branch" => {
                    weights.push(weight(1, 1, true));
                    nests.push(span);
                }
                "branch.flat" => flats.push(span),
                "branch.case" => weights.push(weight(1, 0, false)),
                "branch.operator" => weights.push(weight(1, u32::from(!continues(node)), false)),
                "cognitive" => weights.push(weight(0, 1, false)),
                "cognitive.nest" => {
                    weights.push(weight(0, 1, true));
                    nests.push(span);
                }
                "nest" => nests.push(span),
                _ => {}
            }
        }
    }
    // `else if` is an `if` too to the grammar of some languages.
    weights.retain(|(known, weight)| !weight.nested || !flats.contains(known));
    nests.retain(|known| !flats.contains(known));
    weights.extend(flats.into_iter().map(|span| (span, Weight { cyclomatic: 1, cognitive: 1, nested: false })));
    let boundaries = Boundaries::new(boundaries);
    let (mut cyclomatic, mut cognitive) = (1, 0);
    for (span, weight) in weights {
        if !boundaries.own(span) {
            continue;
        }
        cyclomatic += weight.cyclomatic;
        let depth = nests.iter().filter(|nest| nest.contains(span) && **nest != span).count() as u32;
        cognitive += weight.cognitive + if weight.nested { depth } else { 0 };
    }
    (cyclomatic, cognitive)
}

/// Whether an operator stands in a row of the same ones (`a && b && c`), which is read as one.
fn continues(node: Node) -> bool {
    let operator = |node: Node| node.child_by_field_name("operator").map(|operator| operator.kind_id());
    node.parent().is_some_and(|parent| parent.kind_id() == node.kind_id() && operator(parent) == operator(node))
}

//! How hard a body is to follow, by the patterns of `complexity.scm`.

use super::boundaries::Boundaries;
use super::signature::span_of;
use crate::text::Span;
use tree_sitter::Node;

/// What one place adds.
#[derive(Clone, Copy, Default)]
struct Weight {
    cyclomatic: u32,
    cognitive: u32,
    /// Cognitive complexity counts one more for each level it is nested in.
    nested: bool,
}

/// Counts while the patterns are told; cyclomatic (McCabe 1976) and cognitive complexity (Campbell, SonarSource 2018).
#[derive(Default)]
pub(super) struct Complexity {
    boundaries: Vec<Span>,
    nests: Vec<Span>,
    flats: Vec<Span>,
    weights: Vec<(Span, Weight)>,
}

impl Complexity {
    /// Takes in one capture.
    pub(super) fn tell(&mut self, capture: &str, node: Node) {
        let span = span_of(node);
        let weight = |cyclomatic, cognitive, nested| (span, Weight { cyclomatic, cognitive, nested });
        match capture {
            "boundary" => self.boundaries.push(span),
            "branch" => {
                self.weights.push(weight(1, 1, true));
                self.nests.push(span);
            }
            "branch.flat" => self.flats.push(span),
            "branch.case" => self.weights.push(weight(1, 0, false)),
            "branch.operator" => self.weights.push(weight(1, u32::from(!continues(node)), false)),
            "cognitive" => self.weights.push(weight(0, 1, false)),
            "cognitive.nest" => {
                self.weights.push(weight(0, 1, true));
                self.nests.push(span);
            }
            "nest" => self.nests.push(span),
            _ => {}
        }
    }

    /// The cyclomatic and the cognitive complexity of what was told.
    pub(super) fn conclude(mut self) -> (u32, u32) {
        // `else if` is an `if` too to the grammar of some languages.
        let flats: rustc_hash::FxHashSet<usize> = self.flats.iter().map(|span| span.start).collect();
        self.weights.retain(|(known, weight)| !weight.nested || !flats.contains(&known.start));
        self.nests.retain(|known| !flats.contains(&known.start));
        let flat = Weight { cyclomatic: 1, cognitive: 1, nested: false };
        self.weights.extend(self.flats.into_iter().map(|span| (span, flat)));
        let boundaries = Boundaries::new(self.boundaries);
        let (mut cyclomatic, mut cognitive) = (1, 0);
        for (span, weight) in self.weights {
            if !boundaries.own(span) {
                continue;
            }
            cyclomatic += weight.cyclomatic;
            let depth = self.nests.iter().filter(|nest| nest.contains(span) && **nest != span).count() as u32;
            cognitive += weight.cognitive + if weight.nested { depth } else { 0 };
        }
        (cyclomatic, cognitive)
    }
}

/// Whether an operator stands in a row of the same ones (`a && b && c`), which is read as one.
fn continues(node: Node) -> bool {
    let operator = |node: Node| node.child_by_field_name("operator").map(|operator| operator.kind_id());
    node.parent().is_some_and(|parent| parent.kind_id() == node.kind_id() && operator(parent) == operator(node))
}

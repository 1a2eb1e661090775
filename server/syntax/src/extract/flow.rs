//! Where control goes in a body: what decides that a place is reached, whether the end is, and which expressions are handed out.

use super::signature::span_of;
use crate::language::BodyFactsTable;
use crate::text::Span;
use tree_sitter::Node;

/// Nesting at which control is no longer followed.
const DEEPEST: usize = 200;

/// The facts that tell of control, with the text they are read in.
#[derive(Clone, Copy)]
pub(super) struct Flow<'s> {
    pub table: &'s BodyFactsTable,
    pub text: &'s str,
}

impl Flow<'_> {
    /// The condition of the nearest guard around `node` in `body`, negated in its other branch.
    pub(super) fn guard(self, node: Node, body: Node) -> Option<String> {
        let mut inner = node;
        while inner.id() != body.id() {
            let outer = inner.parent()?;
            if let Some(guard) = self.table.guards.iter().find(|guard| guard.kind == outer.kind()) {
                let condition = outer.child_by_field_name(&guard.condition)?;
                let place = span_of(inner);
                if span_of(condition).contains(place) {
                    return None;
                }
                let consequence = outer.child_by_field_name(&guard.consequence);
                let written = bare_condition(span_of(condition).of(self.text));
                if consequence.is_some_and(|consequence| span_of(consequence).contains(place)) {
                    return Some(written);
                }
                // Another branch of the same guard has its own condition; only a plain else is the negation.
                let mut cursor = outer.walk();
                let has_middle =
                    outer.children(&mut cursor).any(|child| child.id() != inner.id() && self.is_guard(child));
                let is_opaque = guard.opaque.iter().any(|kind| kind == condition.kind());
                return (!has_middle && !is_opaque).then(|| negated(&written, &self.table.negation));
            }
            if outer.id() == body.id() {
                return None;
            }
            inner = outer;
        }
        None
    }

    fn is_guard(self, node: Node) -> bool {
        self.table.guards.iter().any(|guard| !guard.condition.is_empty() && guard.kind == node.kind())
    }

    pub(super) fn is_block(self, node: Node) -> bool {
        self.table.blocks.iter().any(|kind| kind == node.kind())
    }

    /// Whether the end of a statement is never reached.
    pub(super) fn ends(self, node: Node, depth: usize) -> bool {
        let is = |kinds: &[String], node: Node| kinds.iter().any(|kind| kind == node.kind());
        if depth > DEEPEST {
            return false;
        }
        if is(&self.table.terminators, node) {
            return true;
        }
        if let Some(guard) = self.table.guards.iter().find(|guard| guard.kind == node.kind()) {
            let mut cursor = node.walk();
            let mut alternatives: Vec<Node> = node.children_by_field_name("alternative", &mut cursor).collect();
            let consequence = |node: Node| {
                node.child_by_field_name(&guard.consequence).is_some_and(|branch| self.ends(branch, depth + 1))
            };
            let Some(last) = alternatives.pop() else { return false };
            return consequence(node) && alternatives.into_iter().all(consequence) && self.ends(last, depth + 1);
        }
        if is(&self.table.all_end, node) {
            let mut cursor = node.walk();
            let parts: Vec<Node> = node
                .named_children(&mut cursor)
                .filter(|child| self.is_block(*child) || is(&self.table.all_end, *child) || self.is_guard(*child))
                .collect();
            // `else return x` has no block of its own.
            return match parts.is_empty() {
                true => last_child(node).is_some_and(|last| self.ends(last, depth + 1)),
                false => parts
                    .into_iter()
                    .filter(|part| !is(&self.table.never_count, *part))
                    .all(|part| self.ends(part, depth + 1)),
            };
        }
        self.is_block(node) && last_child(node).is_some_and(|last| self.ends(last, depth + 1))
    }

    /// The expressions whose value a body hands out without a `return`.
    pub(super) fn tails<'t>(self, body: Node<'t>) -> Vec<Node<'t>> {
        let mut found = Vec::new();
        let mut open = if self.table.tails.is_empty() { Vec::new() } else { vec![(body, 0)] };
        while let Some((node, depth)) = open.pop() {
            let Some(through) = self.table.tails.get(node.kind()) else {
                found.push(node);
                continue;
            };
            // A statement that ends with a semicolon has no value.
            if depth > DEEPEST || span_of(node).of(self.text).ends_with(';') {
                continue;
            }
            for part in through {
                let mut cursor = node.walk();
                match part.as_str() {
                    "*" => open.extend(
                        node.named_children(&mut cursor)
                            .filter(|child| !child.is_extra())
                            .map(|child| (child, depth + 1)),
                    ),
                    "$" => open.extend(last_child(node).map(|child| (child, depth + 1))),
                    field => open.extend(node.child_by_field_name(field).map(|child| (child, depth + 1))),
                }
            }
        }
        found.sort_by_key(Node::start_byte);
        found.retain(|node| {
            !self.table.terminators.iter().any(|kind| kind == node.kind())
                && !span_of(*node).of(self.text).ends_with(';')
        });
        found
    }
}

/// The last statement, comments apart.
fn last_child(node: Node) -> Option<Node> {
    (0..node.named_child_count() as u32)
        .rev()
        .filter_map(|index| node.named_child(index))
        .find(|child| !child.is_extra())
}

/// Without brackets around it, white space folded.
fn bare_condition(condition: &str) -> String {
    let mut bare = condition.trim();
    while let Some(inner) = bare.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        let mut depth = 0i32;
        let closes_early = inner.chars().any(|character| {
            depth += i32::from(character == '(') - i32::from(character == ')');
            depth < 0
        });
        if closes_early {
            break;
        }
        bare = inner.trim();
    }
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The opposite of a condition.
pub(super) fn negated(condition: &str, negation: &str) -> String {
    match condition.strip_prefix(negation) {
        Some(bare) if !bare.contains([' ', '|', '&']) => bare.to_string(),
        _ if condition.contains(' ') => format!("{negation}({condition})"),
        _ => format!("{negation}{condition}"),
    }
}

/// The first argument of a call that is not parsed further: `(x > 0, "text")` gives `x > 0`.
pub(super) fn first_argument(arguments: &str) -> Option<Span> {
    let mut depth = 0usize;
    let mut quoted = false;
    let mut previous = '(';
    for (at, character) in arguments.char_indices() {
        match character {
            '"' if previous != '\\' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if !quoted && (character == ',' && depth == 1 || depth == 0) {
            return Some(Span::new(1.min(at), at));
        }
        previous = character;
    }
    None
}

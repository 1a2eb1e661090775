//! The graph of symbols, and how near each is to some of them.
//!
//! Personalised PageRank (Page et al. 1999, Haveliwala 2002): a reader who walks from where he stands along calls, types and owners, and now and
//! then goes back to where he began.

use super::Source;
use rustc_hash::FxHashMap;
use syntax::model::Symbol;
use syntax::text::Span;

/// How often the reader walks on.
const DAMPING: f64 = 0.85;
/// Rounds; the rest of the error is below a thousandth.
const ROUNDS: usize = 24;
/// How much a call counts against its direction, and an owner.
const BACKWARDS: f64 = 0.4;
const OWNED: f64 = 0.5;
/// A name that more symbols have than this says nothing of which is meant.
const AMBIGUOUS: usize = 12;

/// A symbol of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    pub file: usize,
    pub symbol: usize,
}

/// Symbols, and who calls whom.
pub struct Graph {
    nodes: Vec<Node>,
    spans: Vec<Span>,
    /// For each node those it leads to, with a weight.
    edges: Vec<Vec<(usize, f64)>>,
    calls: Vec<Vec<usize>>,
}

impl Graph {
    /// The graph of all symbols that can be called or hold others.
    pub fn of<'a, I: Iterator<Item = &'a str>>(files: &'a [Source], mentions: impl Fn(&'a Symbol) -> I) -> Self {
        let mut graph = Self { nodes: Vec::new(), spans: Vec::new(), edges: Vec::new(), calls: Vec::new() };
        let mut by_name: FxHashMap<&str, Vec<usize>> = FxHashMap::default();
        let mut by_place: FxHashMap<(usize, usize), usize> = FxHashMap::default();
        for (file, source) in files.iter().enumerate() {
            for (index, symbol) in source.model.symbols.iter().enumerate().skip(1) {
                if symbol.name.is_empty() || !(symbol.kind.is_callable() || symbol.kind.is_type()) {
                    continue;
                }
                let number = graph.nodes.len();
                by_name.entry(&symbol.name).or_default().push(number);
                by_place.insert((file, index), number);
                graph.nodes.push(Node { file, symbol: index });
                graph.spans.push(symbol.extent());
            }
        }
        graph.edges = vec![Vec::new(); graph.nodes.len()];
        graph.calls = vec![Vec::new(); graph.nodes.len()];
        for (number, node) in graph.nodes.iter().enumerate() {
            let Some(symbol) = files.get(node.file).and_then(|source| source.model.symbols.get(node.symbol)) else {
                continue;
            };
            if let Some(owner) = symbol.parent.and_then(|parent| by_place.get(&(node.file, parent))) {
                link(&mut graph.edges, number, *owner, OWNED);
                link(&mut graph.edges, *owner, number, OWNED / 4.0);
            }
            for name in mentions(symbol) {
                let all = by_name.get(name).map_or(&[][..], Vec::as_slice);
                let in_file = |other: &&usize| graph.nodes.get(**other).is_some_and(|other| other.file == node.file);
                let near: Vec<usize> = all.iter().filter(in_file).copied().collect();
                // A name means what the same file defines, else whatever has it.
                let meant = if near.is_empty() { all } else { &near };
                if meant.len() > AMBIGUOUS {
                    continue;
                }
                for other in meant.iter().filter(|other| **other != number) {
                    let weight = 1.0 / meant.len() as f64;
                    link(&mut graph.edges, number, *other, weight);
                    link(&mut graph.edges, *other, number, weight * BACKWARDS);
                    if let Some(calls) = graph.calls.get_mut(number) {
                        calls.push(*other);
                    }
                }
            }
        }
        graph
    }

    /// How many symbols there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The symbol of that number.
    pub fn node(&self, number: usize) -> Node {
        self.nodes.get(number).copied().unwrap_or(Node { file: 0, symbol: 0 })
    }

    /// Whether one calls or uses the other.
    pub fn calls(&self, one: usize, other: usize) -> bool {
        self.calls.get(one).is_some_and(|calls| calls.contains(&other))
    }

    /// The symbols of the first file that begin in a span, else the innermost one around it.
    pub fn nodes_at(&self, span: Span) -> Vec<usize> {
        let here = |(number, own): (usize, &Span)| (self.node(number).file == 0).then_some((number, *own));
        let own: Vec<(usize, Span)> = self.spans.iter().enumerate().filter_map(here).collect();
        let inside: Vec<usize> = own.iter().filter(|(_, own)| span.contains(*own)).map(|(number, _)| *number).collect();
        if !inside.is_empty() {
            return inside;
        }
        let around = own.iter().filter(|(_, own)| own.contains(span)).min_by_key(|(_, own)| own.len());
        around.map(|(number, _)| *number).into_iter().collect()
    }

    /// How near each symbol is to these; all together are 1.
    pub fn personalised(&self, from: &[usize]) -> Vec<f64> {
        let mut start = vec![0.0; self.len()];
        for number in from {
            if let Some(share) = start.get_mut(*number) {
                *share = 1.0 / from.len() as f64;
            }
        }
        let totals: Vec<f64> = self.edges.iter().map(|edges| edges.iter().map(|(_, weight)| weight).sum()).collect();
        let mut rank = start.clone();
        for _ in 0..ROUNDS {
            let mut next: Vec<f64> = start.iter().map(|share| share * (1.0 - DAMPING)).collect();
            let mut lost = 0.0;
            for ((own, edges), total) in rank.iter().zip(&self.edges).zip(&totals) {
                if *total == 0.0 {
                    lost += own * DAMPING;
                }
                for (other, weight) in edges {
                    if let Some(share) = next.get_mut(*other) {
                        *share += own * DAMPING * weight / total;
                    }
                }
            }
            // Who cannot go on begins anew.
            next.iter_mut().zip(&start).for_each(|(share, start)| *share += lost * start);
            rank = next;
        }
        rank
    }
}

fn link(edges: &mut [Vec<(usize, f64)>], from: usize, to: usize, weight: f64) {
    let Some(list) = edges.get_mut(from) else { return };
    match list.iter_mut().find(|(known, _)| *known == to) {
        // Often is more, but not in proportion.
        Some((_, known)) => *known += weight * 0.1,
        None => list.push((to, weight)),
    }
}

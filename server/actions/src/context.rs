//! What stands around a place and helps a model to understand it: ranked over the graph of symbols, fitted to a budget.
//!
//! Pure: from models of files to pieces of text, each with the reason for which it is there. Which files may be looked at is decided by who
//! calls; nothing is read here.

mod changes;
mod rank;

pub use changes::changes;

use llm::prompt::{Origin, Part};
use rank::Graph;
use std::sync::Arc;
use syntax::model::{FileModel, Symbol, SymbolKind};
use syntax::text::Span;

/// Bytes of a token in code, on the safe side.
pub const BYTES_A_TOKEN: usize = 3;
/// Bytes of imports that are shown.
const IMPORTS: usize = 1500;
/// Bytes of a body that is shown whole.
const SHORT_BODY: usize = 400;
/// Neighbours shown for their style.
const STYLE: usize = 2;

/// A file that may be looked at. The first one is the file of the place.
#[derive(Clone, Debug)]
pub struct Source {
    /// As it is shown, relative to its root.
    pub path: String,
    /// What is in it, bodies included.
    pub model: Arc<FileModel>,
}

/// Why a piece is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The file's imports.
    Imports,
    /// The type that holds the place.
    Enclosing,
    /// It is called or used at the place.
    Called,
    /// It calls what stands at the place.
    Caller,
    /// It is near in the graph of symbols.
    Related,
    /// How neighbours are documented.
    Style,
    /// What tools found at the place.
    Diagnostics,
    /// What changed near the place since the last commit.
    Changes,
}

impl Why {
    /// A word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Imports => "imports",
            Self::Enclosing => "enclosing",
            Self::Called => "called",
            Self::Caller => "caller",
            Self::Related => "related",
            Self::Style => "style",
            Self::Diagnostics => "found here",
            Self::Changes => "changed since the last commit",
        }
    }
}

/// A piece of text.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The file it is from.
    pub path: String,
    /// Its first line, from 1.
    pub line: usize,
    /// The symbol, where it is one's.
    pub symbol: String,
    /// The text.
    pub text: String,
    /// Why it is there.
    pub why: Why,
    /// How near it is: its share of the rank of all.
    pub score: f64,
}

impl Piece {
    /// Tokens that it takes, estimated on the safe side.
    pub fn tokens(&self) -> usize {
        (self.text.len() + self.path.len()).div_ceil(BYTES_A_TOKEN)
    }
}

/// The names that the code of a span uses, for finding the files that define them.
pub fn names_used(model: &FileModel, span: Span) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let is_here = |symbol: &&Symbol| symbol.span.overlaps(span) && symbol.kind != SymbolKind::Module;
    for symbol in model.symbols.iter().filter(is_here) {
        names.extend(mentions(symbol).map(str::to_owned));
    }
    let own = |name: &String| model.symbols.iter().any(|symbol| symbol.name == *name);
    names.retain(|name| !own(name) && !model.language.is_builtin(name) && name.len() > 1);
    names.sort_unstable();
    names.dedup();
    names
}

/// The names that the innermost definition around a span gives to what others can call, for finding the files that call it.
pub fn names_defined(model: &FileModel, span: Span) -> Vec<String> {
    let is_named = |symbol: &&Symbol| {
        let is_wanted = symbol.kind.is_callable() || symbol.kind.is_type();
        is_wanted && symbol.span.contains(span) && symbol.name.len() > 2 && !symbol.flags.is_local
    };
    // The first symbol is the file itself.
    let around = model.symbols.iter().skip(1).filter(is_named).min_by_key(|symbol| symbol.span.len());
    let is_special = |name: &str| name.starts_with("__") || model.language.is_builtin(name);
    around.map(|symbol| symbol.name.clone()).filter(|name| !is_special(name)).into_iter().collect()
}

/// The last parts of the names that a symbol calls or has in its signature.
fn mentions(symbol: &Symbol) -> impl Iterator<Item = &str> {
    let calls = symbol.facts.iter().flat_map(|facts| facts.calls.iter().map(String::as_str));
    let types = symbol
        .params
        .iter()
        .filter_map(|param| param.type_text.as_ref())
        .chain(&symbol.return_type)
        .chain(&symbol.value_type);
    let types = types.flat_map(|spanned| words(&spanned.text));
    let bases = symbol.bases.iter().flat_map(|base| words(base));
    calls.map(analysis::names::last_segment).chain(types).chain(bases)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_').filter(|word| !word.is_empty())
}

/// The pieces around a span of the first file, best first, in at most `budget` tokens.
pub fn gather(files: &[Source], span: Span, budget: usize) -> Vec<Piece> {
    let Some(here) = files.first() else { return Vec::new() };
    let graph = Graph::of(files, mentions);
    let at = graph.nodes_at(span);
    let scores = graph.personalised(&at);
    let own: Vec<usize> = at.iter().map(|node| graph.node(*node).symbol).collect();
    let mut pieces = Vec::new();
    imports(here, &mut pieces);
    let mut order: Vec<usize> = (0..graph.len()).collect();
    order.sort_by(|one, other| score(&scores, *other).total_cmp(&score(&scores, *one)).then(one.cmp(other)));
    for number in order {
        let node = graph.node(number);
        let Some((source, symbol)) =
            files.get(node.file).and_then(|source| Some((source, source.model.symbols.get(node.symbol)?)))
        else {
            continue;
        };
        // What is asked about is shown anyway, and so is what lies in it.
        let is_shown = node.file == 0 && (at.contains(&number) || span.overlaps(symbol.span) && !symbol.kind.is_type());
        if is_shown || score(&scores, number) <= f64::EPSILON {
            continue;
        }
        let holds = node.file == 0 && own.iter().any(|own| is_owner(&here.model, node.symbol, *own));
        let why = match () {
            () if holds => Why::Enclosing,
            () if at.iter().any(|from| graph.calls(*from, number)) => Why::Called,
            () if at.iter().any(|to| graph.calls(number, *to)) => Why::Caller,
            () => Why::Related,
        };
        pieces.push(piece(source, symbol, why, score(&scores, number)));
    }
    style(here, span, &mut pieces);
    fitted(pieces, budget)
}

fn score(scores: &[f64], number: usize) -> f64 {
    scores.get(number).copied().unwrap_or(0.0)
}

fn is_owner(model: &FileModel, owner: usize, symbol: usize) -> bool {
    let parent = |index: usize| model.symbols.get(index).and_then(|symbol| symbol.parent);
    std::iter::successors(parent(symbol), |index| parent(*index)).any(|index| index == owner)
}

/// What stands before the first definition and brings names in.
fn imports(here: &Source, pieces: &mut Vec<Piece>) {
    const WORDS: [&str; 8] = ["import ", "from ", "use ", "pub use ", "const ", "export ", "require(", "package "];
    let model = &here.model;
    let first = model.symbols.iter().skip(1).filter(|symbol| symbol.kind.is_callable() || symbol.kind.is_type());
    let end = first.map(|symbol| symbol.extent().start).min().unwrap_or(model.text.len());
    let lines = model.text.get(..end).unwrap_or("").lines().filter(|line| {
        let is_inner = line.starts_with([' ', '\t', ')', '}']) && !line.trim().is_empty();
        WORDS.iter().any(|word| line.starts_with(word)) || is_inner && !line.trim_start().starts_with(['#', '/', '*'])
    });
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    if !text.trim().is_empty() {
        let text = text.get(..text.floor_char_boundary(IMPORTS)).unwrap_or("").to_owned();
        pieces.push(Piece {
            path: here.path.clone(),
            line: 1,
            symbol: String::new(),
            text,
            why: Why::Imports,
            score: 1.0,
        });
    }
}

/// A symbol in short: its signature and what its documentation says first; whole where that is not much.
fn piece(source: &Source, symbol: &Symbol, why: Why, score: f64) -> Piece {
    let model = &source.model;
    let line = model.lines.line(symbol.span.start) + 1;
    let whole = symbol.extent().of(&model.text);
    let text = if whole.len() <= SHORT_BODY && why != Why::Enclosing {
        whole.to_owned()
    } else {
        let mut text = symbol.signature.of(&model.text).trim_end().trim_end_matches(['{', ':']).trim_end().to_owned();
        if let Some(summary) = summary(model, symbol) {
            text = format!("{text}  // {summary}");
        }
        if symbol.kind.is_type() {
            let index = model.symbols.iter().position(|other| std::ptr::eq(other, symbol)).unwrap_or(0);
            for (_, member) in model.children(index).take(24) {
                let signature = member.signature.of(&model.text);
                let first = if signature.is_empty() { member.span.of(&model.text) } else { signature };
                text = format!(
                    "{text}\n    {}",
                    first.lines().next().unwrap_or("").trim().trim_end_matches(['{', ':']).trim_end()
                );
            }
        }
        text
    };
    Piece { path: source.path.clone(), line, symbol: symbol.path.clone(), text, why, score }
}

fn summary(model: &FileModel, symbol: &Symbol) -> Option<String> {
    let doc = symbol.doc.as_ref()?;
    let lines = doc.block.lines.get(doc.summary.clone())?;
    let words: Vec<&str> = lines.iter().map(|line| line.span.of(&model.text).trim()).collect();
    Some(words.join(" ")).filter(|words| !words.is_empty())
}

/// Neighbours of the same sort with documentation, so that a model sees how this house writes.
fn style(here: &Source, span: Span, pieces: &mut Vec<Piece>) {
    let model = &here.model;
    let Some(own) = model.symbol_at(span.start).and_then(|index| model.symbols.get(index)) else { return };
    let is_like = |symbol: &&Symbol| symbol.kind == own.kind && symbol.span != own.span && symbol.doc.is_some();
    let mut near: Vec<&Symbol> = model.symbols.iter().filter(is_like).collect();
    near.sort_by_key(|symbol| symbol.span.start.abs_diff(own.span.start));
    for symbol in near.into_iter().take(STYLE) {
        let Some(doc) = &symbol.doc else { continue };
        let text = format!("{}\n{}", symbol.signature.of(&model.text).trim(), doc.block.span.of(&model.text));
        let line = model.lines.line(symbol.span.start) + 1;
        pieces.push(Piece {
            path: here.path.clone(),
            line,
            symbol: symbol.path.clone(),
            text,
            why: Why::Style,
            score: 0.0,
        });
    }
}

/// As many pieces as the budget holds, none cut.
fn fitted(pieces: Vec<Piece>, budget: usize) -> Vec<Piece> {
    let mut left = budget;
    let mut fits = |piece: &Piece| {
        let tokens = piece.tokens();
        let fits = tokens <= left;
        left -= if fits { tokens } else { 0 };
        fits
    };
    pieces.into_iter().filter(|piece| fits(piece)).collect()
}

/// The pieces as parts of a prompt: data, each with where it is from.
pub fn parts(pieces: &[Piece]) -> Vec<Part> {
    let text = |piece: &Piece| {
        format!("{} (line {}, {}):\n{}", piece.path, piece.line, piece.why.word(), piece.text.trim_end())
    };
    if pieces.is_empty() {
        return Vec::new();
    }
    vec![Part::Data(Origin::Code, pieces.iter().map(text).collect::<Vec<_>>().join("\n\n"))]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{model, symbol};

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.into(), model: Arc::new(model("python", text)) }
    }

    const HERE: &str = "import os\nfrom b import fetch\n\nclass Store:\n    \"\"\"Keep things.\"\"\"\n\n    def load(self, key):\n        return fetch(self.place(key))\n\n    def place(self, key):\n        \"\"\"Say where a key is.\"\"\"\n        return os.path.join('x', key)\n\ndef main():\n    store = Store()\n    return store.load('a')\n\ndef apart(x):\n    return x\n";

    fn pieces(budget: usize) -> Vec<Piece> {
        let far = format!(
            "def fetch(url, limit=3):\n    \"\"\"Fetch a page.\"\"\"\n    return get(url)\n{}",
            "    x = 1\n".repeat(90)
        );
        let files = [source("a.py", HERE), source("b.py", &far), source("c.py", "def unrelated():\n    return 1\n")];
        let load = files[0].model.symbols[symbol(&files[0].model, "Store.load")].span;
        assert_eq!(names_used(&files[0].model, load), ["fetch"]);
        gather(&files, load, budget)
    }

    #[test]
    fn what_is_near_in_the_graph_comes_first_with_its_reason() {
        let found: Vec<(String, Why)> = pieces(2000).iter().map(|piece| (piece.symbol.clone(), piece.why)).collect();
        let why = |name: &str| found.iter().find(|(symbol, _)| symbol == name).map(|(_, why)| *why);
        assert_eq!(found[0].1, Why::Imports);
        assert_eq!(why("fetch"), Some(Why::Called), "{found:?}");
        assert_eq!(why("Store.place"), Some(Why::Called), "{found:?}");
        assert_eq!(why("Store"), Some(Why::Enclosing), "{found:?}");
        assert_eq!(why("main"), Some(Why::Caller), "{found:?}");
        assert_eq!(why("unrelated"), None, "{found:?}");
        assert_eq!(why("apart"), None, "{found:?}");
        assert_eq!(why("Store.load"), None, "what is asked about is not its own context");
        let fetch = pieces(2000).into_iter().find(|piece| piece.symbol == "fetch").unwrap();
        assert_eq!(fetch.text, "def fetch(url, limit=3)  // Fetch a page.");
    }

    #[test]
    fn the_budget_is_kept_and_no_piece_is_cut() {
        for budget in [0, 10, 40, 100, 1000] {
            let found = pieces(budget);
            assert!(found.iter().map(Piece::tokens).sum::<usize>() <= budget);
        }
        assert!(pieces(0).is_empty() && pieces(40).len() < pieces(1000).len());
    }

    #[test]
    fn the_rank_does_not_depend_on_the_order_of_files() {
        let order = |turned: bool| {
            let mut files = vec![
                source("a.py", HERE),
                source("b.py", "def fetch(u):\n    return 1\n"),
                source("c.py", "def fetch(v):\n    return 2\n"),
            ];
            if turned {
                files.swap(1, 2);
            }
            let load = files[0].model.symbols[symbol(&files[0].model, "Store.load")].span;
            let mut found: Vec<_> = gather(&files, load, 5000)
                .into_iter()
                .map(|piece| (piece.path, piece.symbol, (piece.score * 1e9) as i64))
                .collect();
            found.sort();
            found
        };
        assert_eq!(order(false), order(true));
    }
}

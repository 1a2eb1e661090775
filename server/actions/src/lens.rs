//! The lenses above definitions: what is undocumented, and what has drifted.

use crate::document::{Scope, should_document};
use crate::writer::WriterOptions;
use analysis::diagnostic::{Finding, Repair};
use syntax::model::FileModel;
use syntax::text::Span;

/// What a lens tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LensKind {
    /// Documentation is missing.
    Undocumented,
    /// Documentation no longer fits the code.
    Drifted,
}

/// A line above a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lens {
    /// The name of the definition.
    pub span: Span,
    /// The symbol's index in the model.
    pub symbol: usize,
    /// What it tells.
    pub kind: LensKind,
    /// What the user reads: `undocumented`, `2 documentation problems`.
    pub title: String,
    /// The offer's identifier that a click runs: `document:7`, `update:7`.
    pub offer: String,
}

/// The lenses of a file, in source order, at most one for each symbol.
pub fn lenses(model: &FileModel, findings: &[Finding]) -> Vec<Lens> {
    let options = WriterOptions::default();
    let mut list = Vec::new();
    for (index, symbol) in model.symbols.iter().enumerate().skip(1) {
        let drifted = findings.iter().filter(|finding| finding.symbol == index && is_drift(finding)).count();
        let lens = |kind, title: String, offer| Lens { span: symbol.name_span, symbol: index, kind, title, offer };
        if drifted > 0 {
            let title =
                if drifted == 1 { "drifted: 1 problem".to_owned() } else { format!("drifted: {drifted} problems") };
            list.push(lens(LensKind::Drifted, title, format!("update:{index}")));
        } else if should_document(model, index, Scope::File, &options) {
            list.push(lens(LensKind::Undocumented, "undocumented".to_owned(), format!("document:{index}")));
        }
    }
    list
}

/// Whether a finding says that documentation, which is there, can be made true.
fn is_drift(finding: &Finding) -> bool {
    !finding.repairs.is_empty() && !finding.repairs.contains(&Repair::Draft)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{findings, model};

    #[test]
    fn a_definition_is_undocumented_drifted_or_fine() {
        let model = model(
            "python",
            "def f(a):\n    \"\"\"Do it.\n\n    Args:\n        b: One.\n    \"\"\"\n    use(a)\n\ndef g(x):\n    use(x)\n\ndef h():\n    \"\"\"Be fine.\"\"\"\n",
        );
        let lenses: Vec<(usize, LensKind, String)> =
            lenses(&model, &findings(&model)).into_iter().map(|lens| (lens.symbol, lens.kind, lens.title)).collect();
        assert_eq!(
            lenses,
            [
                (1, LensKind::Drifted, "drifted: 1 problem".to_owned()),
                (2, LensKind::Undocumented, "undocumented".to_owned())
            ]
        );
    }
}

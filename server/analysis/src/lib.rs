//! Keeps the rules in: what is wrong with the documentation and the code of one file, told as [`diagnostic::Finding`]s.
//!
//! Rules read the model, never a tree, do no I/O and cannot fail. They say what to mend ([`diagnostic::Repair`]); how it is written is the business of `actions`.

pub mod baseline;
mod calls;
pub mod context;
pub mod diagnostic;
mod exceptions;
mod likelihood;
pub mod matching;
pub mod names;
mod pairing;
pub mod prose;
pub mod rules;
pub mod settings;
pub mod signature;
pub mod suppress;
#[cfg(test)]
mod testing;
pub mod types;
pub mod values;

use context::{DocContext, FileContext, Reporter, SymbolContext};
use diagnostic::Finding;
use rules::{Check, RULES};
use rustc_hash::FxHashSet;
use settings::Settings;
use syntax::docstring::DocStyle;
use syntax::model::FileModel;

/// What is known of the whole repository; empty where a file is looked at alone.
#[derive(Clone, Debug, Default)]
pub struct RepoFacts {
    /// Documentation tags and section titles that the repository uses so often (three times or more) that they are its own.
    pub tags: FxHashSet<String>,
    /// Names that are defined or imported anywhere.
    pub known_names: FxHashSet<String>,
    /// The style that most of its documentation has.
    pub majority_style: Option<DocStyle>,
}

/// All findings of one file, in the order of their places.
pub fn diagnostics(model: &FileModel, settings: &Settings, repo: &RepoFacts) -> Vec<Finding> {
    diagnostics_around(model, settings, repo, &mut |_, run| run())
}

/// As [`diagnostics`], with each rule run by `around`, which gets its name and must call it once: the place for a caller to measure.
pub fn diagnostics_around(
    model: &FileModel,
    settings: &Settings,
    repo: &RepoFacts,
    around: &mut dyn FnMut(&'static str, &mut dyn FnMut()),
) -> Vec<Finding> {
    let file = FileContext::new(model, settings, repo);
    let symbols = || model.symbols.iter().enumerate();
    let docs: Vec<DocContext> = symbols()
        .filter_map(|(index, symbol)| Some(DocContext::new(&file, index, symbol, symbol.doc.as_ref()?)))
        .collect();
    let mut findings = Vec::new();
    for rule in RULES {
        let Some(severity) = settings.severity(rule) else { continue };
        let mut reporter = Reporter::new(&mut findings, rule, severity);
        let mut run = || match rule.check {
            Check::File(check) => check(&file, &mut reporter),
            Check::Symbol(check) => {
                symbols()
                    .for_each(|(index, symbol)| check(&SymbolContext { file: &file, index, symbol }, &mut reporter));
            }
            Check::Doc(check) => docs.iter().for_each(|doc| check(doc, &mut reporter)),
        };
        around(rule.name, &mut run);
    }
    suppress::drop_suppressed(model, settings, &mut findings);
    findings.sort_by(|left, right| left.span.cmp(&right.span).then(left.rule.cmp(right.rule)));
    findings
}

//! What one analysis sees besides the text: the settings and the customs of the repository, frozen together under one number.

use crate::config::sections::Settings;
use actions::writer::WriterOptions;
use analysis::RepoFacts;
use analysis::diagnostic::Finding;
use rustc_hash::FxHashMap;
use std::sync::Arc;
use syntax::docstring::DocStyle;
use syntax::extract::{Depth, Parsed, model_from, parse_incremental};
use syntax::language::Language;
use syntax::model::FileModel;
use workspace::index::RepositoryFacts;

use crate::metrics::{Kind, MetricsCollector};

/// The settings and customs in force.
#[derive(Debug)]
pub(crate) struct View {
    /// Another number, other findings perhaps.
    pub epoch: u64,
    /// The generation of the settings it was made from.
    pub config_generation: u64,
    /// The settings.
    pub settings: Arc<Settings>,
    /// For each language its style, and the tags of all.
    customs: Customs,
    facts: FxHashMap<&'static str, RepoFacts>,
    nothing_known: RepoFacts,
}

/// What files have in common, in a form that can be compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Customs {
    styles: Vec<(&'static str, DocStyle)>,
    tags: Vec<String>,
}

impl Customs {
    /// Whether other findings may come of it: styles are for writing only.
    pub fn finds_the_same(&self, other: &Self) -> bool {
        self.tags == other.tags
    }

    /// Picks the customs out of what is known of the repository.
    pub fn of(facts: &RepositoryFacts) -> Self {
        let styles = Language::all().filter_map(|language| Some((language.id, facts.style(language.id)?))).collect();
        Self { styles, tags: facts.custom_tags().into_iter().map(str::to_string).collect() }
    }
}

impl View {
    /// Freezes settings and customs.
    pub fn new(epoch: u64, config_generation: u64, settings: Arc<Settings>, customs: Customs) -> Self {
        let facts_of = |language: &Language| RepoFacts {
            tags: customs.tags.iter().cloned().collect(),
            majority_style: customs.styles.iter().find(|(id, _)| *id == language.id).map(|(_, style)| *style),
            ..RepoFacts::default()
        };
        let facts = Language::all().map(|language| (language.id, facts_of(language))).collect();
        Self { epoch, config_generation, settings, customs, facts, nothing_known: RepoFacts::default() }
    }

    /// The customs it was made from.
    pub fn customs(&self) -> &Customs {
        &self.customs
    }

    /// What rules may know of the repository.
    pub fn facts(&self, language: &Language) -> &RepoFacts {
        self.facts.get(language.id).unwrap_or(&self.nothing_known)
    }

    /// How documentation is written.
    pub fn writer(&self) -> WriterOptions {
        let styles = self.customs.styles.iter().map(|(language, style)| ((*language).to_string(), *style)).collect();
        self.settings.docs.writer(styles)
    }

    /// How deep files are read for their findings.
    pub fn depth(&self) -> Depth {
        if self.settings.analysis.needs_full_depth() { Depth::Full } else { Depth::Documented }
    }
}

/// Parses a text, after an edit with the old tree; `None` when cancelled.
pub(crate) fn parse(
    language: &'static Language,
    text: &str,
    old: Option<&Parsed>,
    cancelled: &dyn Fn() -> bool,
    metrics: &MetricsCollector,
) -> Option<Parsed> {
    metrics.time(Kind::Parse, language.id, || parse_incremental(language, text, old, cancelled))
}

/// Reads the model of a parsed text.
pub(crate) fn model(
    parsed: &Parsed,
    text: Arc<str>,
    depth: Depth,
    name: &'static str,
    metrics: &MetricsCollector,
) -> FileModel {
    metrics.time(Kind::Model, name, || model_from(parsed, text, depth))
}

/// What the rules find.
pub(crate) fn findings(model: &FileModel, view: &View, metrics: &MetricsCollector) -> Vec<Finding> {
    let (settings, facts) = (&view.settings.analysis, view.facts(model.language));
    let findings = analysis::diagnostics_around(model, settings, facts, &mut |rule, run| {
        metrics.time(Kind::Rule, rule, run);
    });
    for finding in &findings {
        metrics.count(Kind::Finding, finding.rule, 1);
    }
    findings
}

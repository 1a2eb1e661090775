//! What the rules' tests share: source in, findings as short lines out.

use crate::diagnostic::Finding;
use crate::settings::Settings;
use crate::{RepoFacts, diagnostics};
use std::sync::Arc;
use syntax::extract::{Depth, model};
use syntax::language::Language;

/// The findings of `source`.
pub fn findings(language: &str, source: &str, settings: &Settings) -> Vec<Finding> {
    findings_in(language, source, settings, &RepoFacts::default())
}

/// The findings of `source` in a repository of which something is known.
pub fn findings_in(language: &str, source: &str, settings: &Settings, repo: &RepoFacts) -> Vec<Finding> {
    let language = Language::from_id(language).unwrap();
    let depth = if settings.needs_full_depth() { Depth::Full } else { Depth::Documented };
    let model = model(language, Arc::from(source), depth);
    let found = diagnostics(&model, settings, repo);
    for finding in &found {
        assert!(finding.message.ends_with('.'), "{}", finding.message);
        assert!(source.get(finding.span.range()).is_some(), "{finding:?}");
    }
    found
}

/// One line a finding: `rule [names] at "underlined"`.
pub fn lines(source: &str, findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| format!("{} [{}] at {:?}", finding.rule, finding.names.join(", "), finding.span.of(source)))
        .collect()
}

/// Checks that `source` has these findings and no others.
pub fn check(language: &str, source: &str, settings: &Settings, expected: &[&str]) {
    assert_eq!(lines(source, &findings(language, source, settings)), expected, "in:\n{source}");
}

/// Checks one rule alone, in its thorough form.
pub fn check_only(rule: &str, language: &str, source: &str, expected: &[&str]) {
    check(language, source, &Settings::only(rule), expected);
}

/// Checks that the quiet profile has nothing to say.
pub fn check_quiet(language: &str, source: &str) {
    check(language, source, &Settings::default(), &[]);
}

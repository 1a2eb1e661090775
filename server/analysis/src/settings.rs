//! What the user wants checked: a profile, and for each rule its level and options. Plain data, read by the rules, never from disk here.

use crate::diagnostic::Severity;
use crate::rules::{self, RULES, RuleInfo};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is checked, and how strictly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// The set of rules to begin with.
    pub profile: Profile,
    /// Levels and options by rule name (or by a code of another tool): `missing-doc = "warning"`, `complexity = { cyclomatic = 15 }`.
    pub rules: BTreeMap<String, RuleSetting>,
    /// Documentation tags and section titles that are known besides the usual ones.
    pub tags: Vec<String>,
    /// Whose comments switch findings off: `doc-ignore`, `noqa`, `eslint-disable`, `allow`, `nolint`.
    pub suppressions: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        let suppressions = ["doc-ignore", "noqa", "eslint-disable", "allow", "nolint"].map(str::to_owned).to_vec();
        Self { profile: Profile::Default, rules: BTreeMap::new(), tags: Vec::new(), suppressions }
    }
}

/// A set of rules with their levels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Only what is very likely wrong.
    #[default]
    Default,
    /// Everything, missing documentation included.
    Strict,
    /// What pydoclint checks.
    Pydoclint,
    /// What eslint-plugin-jsdoc checks.
    Jsdoc,
    /// What clippy and rustc check in documentation.
    Clippy,
}

impl Profile {
    /// All profiles, in the order in which they are listed to users.
    pub const ALL: [Profile; 5] = [Self::Default, Self::Strict, Self::Pydoclint, Self::Jsdoc, Self::Clippy];

    /// The name in settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Strict => "strict",
            Self::Pydoclint => "pydoclint",
            Self::Jsdoc => "jsdoc",
            Self::Clippy => "clippy",
        }
    }

    /// The profile of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }

    /// At which level the profile has a rule; `None` where it is off.
    pub fn severity(self, rule: &RuleInfo) -> Option<Severity> {
        let listed: &[&str] = match self {
            Self::Strict => return Some(rule.default_severity),
            Self::Default => DEFAULT_RULES,
            Self::Pydoclint => PYDOCLINT_RULES,
            Self::Jsdoc => JSDOC_RULES,
            Self::Clippy => CLIPPY_RULES,
        };
        listed.contains(&rule.name).then_some(match self {
            Self::Default => rule.default_severity,
            _ => rule.default_severity.min(Severity::Warning),
        })
    }
}

const DEFAULT_RULES: &[&str] = &[
    "attribute-drift",
    "default-mismatch",
    "empty-doc",
    "hardcoded-secret",
    "injection-risk",
    "param-duplicated",
    "param-not-documented",
    "param-not-in-signature",
    "param-order",
    "param-renamed",
    "raises-not-documented",
    "raises-not-raised",
    "returns-not-returned",
    "returns-on-generator",
    "safety-not-documented",
    "stale-example",
    "stale-name",
    "stale-subject",
    "syntax-error",
    "type-param-drift",
    "unknown-tag",
    "unparsable-section",
    "unsafe-eval",
    "yields-not-yielded",
];

const PYDOCLINT_RULES: &[&str] = &[
    "attribute-drift",
    "param-duplicated",
    "param-not-documented",
    "param-not-in-signature",
    "param-order",
    "param-renamed",
    "param-type-mismatch",
    "raises-not-documented",
    "raises-not-raised",
    "return-type-mismatch",
    "returns-not-documented",
    "returns-not-returned",
    "returns-on-generator",
    "unparsable-section",
    "yields-not-documented",
    "yields-not-yielded",
];

const JSDOC_RULES: &[&str] = &[
    "attribute-drift",
    "empty-doc",
    "missing-doc",
    "param-duplicated",
    "param-not-documented",
    "param-not-in-signature",
    "param-order",
    "param-renamed",
    "raises-not-documented",
    "rejects-not-documented",
    "returns-not-documented",
    "returns-not-returned",
    "returns-on-generator",
    "type-param-drift",
    "unknown-tag",
    "unparsable-section",
    "yields-not-documented",
    "yields-not-yielded",
];

const CLIPPY_RULES: &[&str] = &[
    "empty-doc",
    "missing-doc",
    "panics-not-documented",
    "raises-not-documented",
    "safety-not-documented",
    "safety-on-safe-function",
];

/// How one rule is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RuleSetting {
    /// Only its level.
    Level(Level),
    /// Its level and options.
    Detailed(RuleDetail),
}

/// A rule's level and options.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RuleDetail {
    /// The level; the profile's where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// The rule's own options, described on its page.
    #[serde(flatten)]
    pub options: BTreeMap<String, serde_json::Value>,
}

/// Off, on, or on with a severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Not checked.
    Off,
    /// Checked with the rule's own severity.
    On,
    /// Wrong.
    Error,
    /// Very likely wrong.
    Warning,
    /// Worth knowing.
    Info,
    /// A suggestion.
    Hint,
}

impl Level {
    fn severity(self, rule: &RuleInfo) -> Option<Severity> {
        match self {
            Self::Off => None,
            Self::On => Some(rule.default_severity),
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Info => Some(Severity::Info),
            Self::Hint => Some(Severity::Hint),
        }
    }
}

impl RuleSetting {
    fn level(&self) -> Option<Level> {
        match self {
            Self::Level(level) => Some(*level),
            Self::Detailed(detail) => detail.level,
        }
    }
}

impl Settings {
    /// The settings of a profile, nothing changed.
    pub fn of(profile: Profile) -> Self {
        Self { profile, ..Self::default() }
    }

    /// Everything off but `rule`.
    pub fn only(rule: &str) -> Self {
        let mut settings = Self::of(Profile::Strict);
        for known in RULES {
            let level = if known.name == rule { Level::On } else { Level::Off };
            settings.rules.insert(known.name.to_owned(), RuleSetting::Level(level));
        }
        settings
    }

    /// At which level a rule is on.
    pub fn severity(&self, rule: &RuleInfo) -> Option<Severity> {
        let own = self.rules.get(rule.name).or_else(|| rule.aliases.iter().find_map(|alias| self.rules.get(*alias)));
        match own.and_then(RuleSetting::level) {
            Some(level) => level.severity(rule),
            None => self.profile.severity(rule),
        }
    }

    /// Whether bodies of undocumented symbols must be read.
    pub fn needs_full_depth(&self) -> bool {
        RULES.iter().any(|rule| rule.needs_bodies && self.severity(rule).is_some())
    }

    /// One sentence for each rule name that no rule answers to, and for each option that its rule does not have.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, setting) in &self.rules {
            let Some(rule) = rules::find(name) else {
                problems.push(format!("There is no rule named `{name}`."));
                continue;
            };
            let RuleSetting::Detailed(detail) = setting else { continue };
            problems.extend(detail.options.iter().filter_map(|(option, value)| rule_problem(rule.name, option, value)));
        }
        problems
    }

    /// A number among a rule's options.
    pub fn number(&self, rule: &str, option: &str) -> Option<u32> {
        self.option(rule, option)?.as_u64()?.try_into().ok()
    }

    /// A switch among a rule's options.
    pub fn switch(&self, rule: &str, option: &str) -> Option<bool> {
        self.option(rule, option)?.as_bool()
    }

    fn option(&self, rule: &str, option: &str) -> Option<&serde_json::Value> {
        match self.rules.get(rule)? {
            RuleSetting::Level(_) => None,
            RuleSetting::Detailed(detail) => detail.options.get(option),
        }
    }
}

/// What an option takes.
#[derive(Clone, Copy)]
enum OptionKind {
    Number,
    Switch,
}

/// The options of the rules that have any.
const OPTIONS: [(&str, &str, OptionKind); 6] = [
    ("complexity", "cyclomatic", OptionKind::Number),
    ("complexity", "cognitive", OptionKind::Number),
    ("missing-doc", "private", OptionKind::Switch),
    ("missing-doc", "magic", OptionKind::Switch),
    ("missing-doc", "modules", OptionKind::Switch),
    ("missing-doc", "fields", OptionKind::Switch),
];

/// What is wrong with an option of a rule.
fn rule_problem(rule: &str, option: &str, value: &serde_json::Value) -> Option<String> {
    let own = || OPTIONS.iter().filter(|(owner, ..)| *owner == rule);
    let Some((.., kind)) = own().find(|(_, name, _)| *name == option) else {
        let names: Vec<String> = own().map(|(_, name, _)| format!("`{name}`")).collect();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        return Some(format!("`{rule}` has no option `{option}`; it has {known} besides `level`."));
    };
    let (is_right, expected) = match kind {
        OptionKind::Number => (value.as_u64().is_some_and(|number| u32::try_from(number).is_ok()), "a whole number"),
        OptionKind::Switch => (value.is_boolean(), "true or false"),
    };
    (!is_right).then(|| format!("The option `{option}` of `{rule}` must be {expected}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str) -> &'static RuleInfo {
        rules::find(name).unwrap()
    }

    #[test]
    fn a_rule_is_set_by_its_name_or_by_a_code_of_another_tool() {
        let settings: Settings = serde_json::from_str(
            r#"{"rules": {"missing-doc": "error", "DOC201": "off", "complexity": {"cyclomatic": 7}}}"#,
        )
        .unwrap();
        assert_eq!(settings.severity(rule("missing-doc")), Some(Severity::Error));
        assert_eq!(settings.severity(rule("returns-not-documented")), None);
        assert_eq!(settings.severity(rule("complexity")), None, "options alone do not switch a rule on");
        assert_eq!(settings.number("complexity", "cyclomatic"), Some(7));
        assert!(settings.problems().is_empty());
    }

    #[test]
    fn an_option_that_its_rule_does_not_have_is_named() {
        let problems = |rules: &str| serde_json::from_str::<Settings>(rules).unwrap().problems();
        let of_complexity = "`complexity` has no option `bogus`; it has `cyclomatic`, `cognitive` besides `level`.";
        assert_eq!(problems(r#"{"rules": {"complexity": {"bogus": 1}}}"#), [of_complexity]);
        let private = problems(r#"{"rules": {"param-renamed": {"level": "error", "private": true}}}"#);
        assert_eq!(private, ["`param-renamed` has no option `private`; it has none besides `level`."]);
        let number = problems(r#"{"rules": {"complexity": {"cyclomatic": "x"}}}"#);
        assert_eq!(number, ["The option `cyclomatic` of `complexity` must be a whole number."]);
        assert!(problems(r#"{"rules": {"missing-doc": {"level": "on", "private": true}}}"#).is_empty());
    }

    #[test]
    fn an_unknown_rule_is_named() {
        let settings: Settings = serde_json::from_str(r#"{"rules": {"mising-doc": "error"}}"#).unwrap();
        assert_eq!(settings.problems(), ["There is no rule named `mising-doc`."]);
    }

    #[test]
    fn the_default_profile_reads_no_body_of_undocumented_code() {
        assert!(!Settings::default().needs_full_depth());
        assert!(Settings::of(Profile::Strict).needs_full_depth());
    }

    #[test]
    fn profiles_list_only_rules_that_exist() {
        for name in [DEFAULT_RULES, PYDOCLINT_RULES, JSDOC_RULES, CLIPPY_RULES].concat() {
            assert!(RULES.iter().any(|rule| rule.name == name), "{name}");
        }
    }
}

//! The list of rules: adding one is a file in `rules/`, a page in `../rules/`, and a line here.

use crate::context::{DocContext, FileContext, Reporter, SymbolContext};
use crate::diagnostic::Severity;

macro_rules! rules {
    ($($module:ident),* $(,)?) => {
        $(pub mod $module;)*

        /// All rules, in the order in which they are listed to users.
        pub static RULES: &[&RuleInfo] = &[$(&$module::RULE),*];
    };
}

rules! {
    missing_doc,
    empty_doc,
    restating_doc,
    param_not_documented,
    param_not_in_signature,
    param_renamed,
    param_order,
    param_duplicated,
    param_type_mismatch,
    default_mismatch,
    type_param_drift,
    returns_not_documented,
    returns_not_returned,
    return_type_mismatch,
    yields_not_documented,
    yields_not_yielded,
    returns_on_generator,
    raises_not_documented,
    raises_not_raised,
    panics_not_documented,
    safety_not_documented,
    safety_on_safe_function,
    rejects_not_documented,
    attribute_drift,
    stale_name,
    stale_subject,
    stale_example,
    unknown_tag,
    unparsable_section,
    syntax_error,
    complexity,
    todo,
    hardcoded_secret,
    injection_risk,
    unsafe_eval,
}

/// What is known of a rule besides what it finds.
#[derive(Clone, Copy, Debug)]
pub struct RuleInfo {
    /// Its name, kebab-case.
    pub name: &'static str,
    /// What it finds, in one sentence.
    pub summary: &'static str,
    /// What it speaks of.
    pub group: Group,
    /// How much its findings matter when nothing else is set.
    pub default_severity: Severity,
    /// Whether a machine can mend (most of) its findings.
    pub fixable: bool,
    /// Codes under which other tools report the same, so that their suppressions and settings hold here.
    pub aliases: &'static [&'static str],
    /// Its page in Markdown.
    pub page: &'static str,
    /// Whether it needs the bodies of undocumented symbols.
    pub needs_bodies: bool,
    /// How it looks for findings.
    pub check: Check,
}

/// What a rule speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Documentation, alone or against the code.
    Documentation,
    /// Code alone.
    Code,
}

impl Group {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Documentation => "documentation",
            Self::Code => "code",
        }
    }
}

/// How a rule looks for findings.
#[derive(Clone, Copy, Debug)]
pub enum Check {
    /// Once a file.
    File(fn(&FileContext<'_>, &mut Reporter<'_>)),
    /// Once a symbol.
    Symbol(fn(&SymbolContext<'_>, &mut Reporter<'_>)),
    /// Once a docstring.
    Doc(fn(&DocContext<'_>, &mut Reporter<'_>)),
}

/// The rule of that name, or the first that has it as an alias.
pub fn find(name: &str) -> Option<&'static RuleInfo> {
    let by_name = RULES.iter().find(|rule| rule.name == name);
    by_name.or_else(|| RULES.iter().find(|rule| rule.aliases.contains(&name))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Profile, Settings};
    use crate::testing::findings;

    #[test]
    fn every_rule_has_a_name_a_summary_and_a_page_of_its_own() {
        for rule in RULES {
            assert!(rule.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", rule.name);
            assert!(rule.summary.ends_with('.'), "{}", rule.name);
            assert!(rule.page.starts_with(&format!("# {}\n", rule.name)), "{}", rule.name);
            for part in ["## What it finds", "## Why", "## Example"] {
                assert!(rule.page.contains(part), "{} lacks {part}", rule.name);
            }
            assert!(
                rule.aliases.iter().all(|alias| rule.page.contains(&format!("`{alias}`"))),
                "{} does not list its aliases",
                rule.name
            );
            assert_eq!(RULES.iter().filter(|other| other.name == rule.name).count(), 1, "{}", rule.name);
        }
    }

    #[test]
    fn a_rule_is_found_by_name_and_by_alias() {
        assert_eq!(find("param-renamed").map(|rule| rule.name), Some("param-renamed"));
        assert_eq!(find("DOC101").map(|rule| rule.name), Some("param-not-documented"));
        assert!(find("nonsense").is_none());
    }

    /// The language and text of the example that a page gives under a word.
    fn example<'p>(page: &'p str, word: &str) -> (&'p str, &'p str) {
        let (_, rest) = page.split_once(&format!("\n{word}:\n\n```")).unwrap();
        let (language, rest) = rest.split_once('\n').unwrap();
        let (code, _) = rest.split_once("```").unwrap();
        let language = match language {
            "js" => "javascript",
            "ts" => "typescript",
            other => other,
        };
        (language, code)
    }

    #[test]
    fn every_page_is_right_about_its_own_examples() {
        let settings = Settings { profile: Profile::Strict, ..Settings::default() };
        let mut wrong = Vec::new();
        for rule in RULES {
            let fires = |word: &str| {
                let (language, code) = example(rule.page, word);
                // No file of the repository holds anything that looks like a secret.
                let code = code.replace("…a real one…", &["t7Gq2", "vLx9Z", "pR4mW8"].concat());
                findings(language, &code, &settings).iter().any(|finding| finding.rule == rule.name)
            };
            if !fires("Wrong") || fires("Right") {
                wrong.push((rule.name, fires("Wrong"), fires("Right")));
            }
        }
        assert_eq!(wrong, [], "rule, found in its wrong example, found in its right one");
    }
}

//! Drops findings that a comment in the code switches off, in our own words or in those of the tools that came before.

use crate::diagnostic::Finding;
use crate::rules::{self, RuleInfo};
use crate::settings::Settings;
use syntax::model::{FileModel, Suppression, Visibility};

/// Keeps only findings that no suppression covers.
pub fn drop_suppressed(model: &FileModel, settings: &Settings, findings: &mut Vec<Finding>) {
    if model.suppressions.is_empty() {
        return;
    }
    let honoured: Vec<&Suppression> =
        model.suppressions.iter().filter(|suppression| settings.suppressions.contains(&suppression.dialect)).collect();
    findings.retain(|finding| !honoured.iter().any(|suppression| covers(model, suppression, finding)));
}

fn covers(model: &FileModel, suppression: &Suppression, finding: &Finding) -> bool {
    let holds_at = |offset: usize| {
        suppression.scope.start <= offset && offset < suppression.scope.end.max(suppression.scope.start + 1)
    };
    // A comment on the line of the definition speaks for its documentation too.
    let symbol = model.symbols.get(finding.symbol).filter(|_| finding.symbol != 0);
    let is_in_doc =
        || symbol.and_then(|symbol| symbol.doc.as_ref()).is_some_and(|doc| doc.block.span.contains(finding.span));
    let holds =
        holds_at(finding.span.start) || symbol.is_some_and(|symbol| holds_at(symbol.name_span.start) && is_in_doc());
    let is_public = model.symbols.get(finding.symbol).is_none_or(|symbol| symbol.visibility == Visibility::Public);
    holds && names_rule(suppression, finding.rule, is_public)
}

fn names_rule(suppression: &Suppression, rule: &str, is_public: bool) -> bool {
    if suppression.codes.is_empty() {
        return true;
    }
    let Some(rule) = rules::find(rule) else { return false };
    // What is said of private items says nothing of the others.
    let applies = |code: &str| !is_public || !code.trim().ends_with("in_private_items");
    suppression.codes.iter().any(|code| applies(code) && is_code_of(code, rule, &suppression.dialect))
}

/// The linters that Go's comments name, and those of our rules that each of them has.
const LINTERS: [(&str, &[&str]); 6] = [
    ("revive", &["missing-doc", "stale-subject"]),
    ("golint", &["missing-doc", "stale-subject"]),
    ("stylecheck", &["missing-doc", "stale-subject"]),
    ("staticcheck", &["missing-doc", "stale-subject"]),
    ("gosec", &["hardcoded-secret", "injection-risk", "unsafe-eval"]),
    ("cyclop", &["complexity"]),
];

fn is_code_of(code: &str, rule: &RuleInfo, dialect: &str) -> bool {
    let code = code.trim();
    let plain = code.rsplit("::").next().unwrap_or(code);
    if code == rule.name || plain.replace('_', "-") == rule.name {
        return true;
    }
    let is_linter =
        || code == "all" || LINTERS.iter().any(|(linter, rules)| *linter == code && rules.contains(&rule.name));
    if dialect == "nolint" && is_linter() {
        return true;
    }
    let is_prefix = |alias: &str| {
        dialect == "noqa"
            && !code.is_empty()
            && code.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && alias.starts_with(code)
    };
    rule.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(code) || *alias == plain || is_prefix(alias))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::findings;

    fn named(dialect: &str, codes: &[&str], rule: &str) -> bool {
        let codes = codes.iter().map(|code| (*code).to_owned()).collect();
        names_rule(
            &Suppression { codes, dialect: dialect.to_owned(), scope: Default::default(), span: Default::default() },
            rule,
            true,
        )
    }

    #[test]
    fn codes_of_other_tools_switch_off_our_rules() {
        assert!(named("noqa", &["DOC101"], "param-not-documented"));
        assert!(named("noqa", &["F401", "D417"], "param-not-documented"));
        assert!(named("noqa", &["DOC1"], "param-not-documented"), "flake8 takes prefixes");
        assert!(named("eslint-disable", &["jsdoc/require-param"], "param-not-documented"));
        assert!(named("allow", &["missing_docs"], "missing-doc"));
        assert!(named("allow", &["clippy::missing_errors_doc"], "raises-not-documented"));
        assert!(named("doc-ignore", &["stale-name"], "stale-name"));
    }

    #[test]
    fn switches_for_a_line_a_file_and_an_item_hold_in_all_their_spellings() {
        let python = |head: &str, tail: &str| {
            format!("{head}def f(a):{tail}\n    \"\"\"Do.\n\n    Args:\n        a: One.\n        b: Two.\n    \"\"\"\n")
        };
        let told = |source: &str| findings("python", source, &Settings::default()).len();
        assert_eq!(told(&python("", "")), 1);
        for tail in ["  # NOQA: DOC103", "  # NoQA", "  # noqa:DOC103"] {
            assert_eq!(told(&python("", tail)), 0, "{tail}");
        }
        for head in ["# ruff: noqa\n", "# flake8: noqa\n", "# ruff: noqa: DOC103\n\n\n", "# flake8: NOQA: DOC\n\n\n"] {
            assert_eq!(told(&python(head, "")), 0, "{head}");
        }
        for head in ["# ruff: noqa: E501\n\n\n", "x = 1  # noqa\n\n\n"] {
            assert_eq!(told(&python(head, "")), 1, "{head}");
        }
        let rust =
            |attribute: &str| format!("/// Does.\n{attribute}\npub fn f(x: Option<u8>) -> u8 {{ x.unwrap() }}\n");
        let told = |attribute: &str| findings("rust", &rust(attribute), &Settings::only("panics-not-documented")).len();
        assert_eq!(told("#[inline]"), 1);
        for attribute in [
            "#[expect(clippy::missing_panics_doc)]",
            "#[allow(clippy::missing_panics_doc)]",
            "#[expect(\n    clippy::missing_panics_doc,\n    reason = \"none\"\n)]",
        ] {
            assert_eq!(told(attribute), 0, "{attribute}");
        }
    }

    #[test]
    fn comments_of_go_switch_off_what_their_linters_tell() {
        let told = |source: &str| {
            findings("go", source, &Settings::only("missing-doc")).iter().filter(|finding| finding.symbol != 0).count()
        };
        let source =
            |before: &str, behind: &str| format!("// Package p does.\npackage p\n\n{before}func Do() {{{behind}\n}}\n");
        assert_eq!(told(&source("", "")), 1);
        for comment in
            ["//nolint", "//nolint:revive", "//nolint:gocyclo,revive // later", "//nolint:all", "// nolint:golint"]
        {
            assert_eq!(told(&source(&format!("{comment}\n"), "")), 0, "{comment}");
            assert_eq!(told(&source("", &format!(" {comment}"))), 0, "{comment}");
        }
        for comment in ["//nolint:errcheck", "// nobody reads about nolint"] {
            assert_eq!(told(&source("", &format!(" {comment}"))), 1, "{comment}");
        }
    }

    #[test]
    fn attributes_under_a_condition_count_and_those_on_private_items_leave_public_ones_alone() {
        let told = |attribute: &str| {
            findings("rust", &format!("//! It.\n\n{attribute}\npub struct S;\n"), &Settings::only("missing-doc")).len()
        };
        assert_eq!(told("#[derive(Clone)]"), 1);
        assert_eq!(told("#[cfg_attr(test, derive(Clone))]"), 1);
        assert_eq!(told("#[cfg_attr(feature = \"a\", allow(missing_docs))]"), 0);
        assert_eq!(told("#[cfg_attr(all(test, unix), inline, expect(missing_docs))]"), 0);
        assert_eq!(told("#[allow(missing_docs)]"), 0);
        assert_eq!(told("#[allow(clippy::missing_docs_in_private_items)]"), 1);
        let private = |is_public| {
            let codes = vec!["clippy::missing_docs_in_private_items".to_owned()];
            let suppression =
                Suppression { codes, dialect: "allow".to_owned(), scope: Default::default(), span: Default::default() };
            names_rule(&suppression, "missing-doc", is_public)
        };
        assert!(private(false) && !private(true));
    }

    #[test]
    fn a_bare_comment_switches_off_all_and_a_foreign_code_nothing() {
        assert!(named("noqa", &[], "stale-name"));
        assert!(!named("noqa", &["E501"], "stale-name"));
        assert!(!named("doc-ignore", &["DOC"], "param-not-documented"), "prefixes are flake8's own");
    }
}

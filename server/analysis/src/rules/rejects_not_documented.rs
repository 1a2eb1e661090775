//! A promise is rejected with an error that the documentation does not name.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use super::raises_not_documented::exceptions_of;
use crate::names::last_segment;
use syntax::docstring::EntryKind;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "rejects-not-documented",
    summary: "A promise is rejected with an error that the documentation does not name.",
    group: Group::Documentation,
    default_severity: Severity::Info,
    fixable: true,
    aliases: &["jsdoc/require-rejects"],
    page: include_str!("../../rules/rejects-not-documented.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let Some(facts) = doc.facts().filter(|_| doc.has_contract() && !doc.declares_elsewhere()) else { return };
    // Rejections may be documented as exceptions; then the rule on exceptions speaks.
    if facts.rejects.is_empty() || (doc.doc.speaks_of(EntryKind::Raise) && !doc.doc.speaks_of(EntryKind::Reject)) {
        return;
    }
    let rejects = doc.entries(EntryKind::Reject).chain(doc.entries(EntryKind::Raise));
    let documented: Vec<&str> = rejects.flat_map(|(_, entry)| exceptions_of(entry)).collect();
    let is_untyped = doc.doc.speaks_of(EntryKind::Reject) && documented.is_empty();
    if is_untyped {
        return;
    }
    let mut told: Vec<&str> = Vec::new();
    for (index, rejected) in facts.rejects.iter().enumerate() {
        let name = last_segment(&rejected.type_name);
        let is_throw = doc.text(rejected.span).starts_with("throw");
        // A throw is told of by the rule on exceptions, unless the documentation speaks of rejections.
        if name.is_empty() || documented.contains(&name) || told.contains(&name) || (is_throw && !doc.doc.speaks_of(EntryKind::Reject)) {
            continue;
        }
        told.push(name);
        let finding = doc.finding(doc.place_of(&[EntryKind::Reject]), format!("`{}` rejects with `{name}`, but its documentation does not name it.", doc.symbol.name));
        report.add(finding.name(name).related(rejected.span, "Where it is rejected.").repair(Repair::AddReject { reject: index }));
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::check_only;

    #[test]
    fn what_a_promise_is_rejected_with_where_it_is_made_is_found() {
        for executor in [
            "(resolve, reject) => { reject(new TypeError(\"x\")); }",
            "(_, no) => { setTimeout(() => no(new TypeError(\"x\")), a); }",
            "function (resolve, reject) { if (a) { return reject(new TypeError(\"x\")); } resolve(a); }",
        ] {
            for language in ["javascript", "typescript"] {
                let source = format!("/**\n * Do.\n * @param {{number}} a one\n */\nfunction f(a) {{ return new Promise({executor}); }}\n");
                check_only("rejects-not-documented", language, &source, &["rejects-not-documented [TypeError] at \"Do.\""]);
            }
        }
        for body in ["reject(new TypeError(a))", "later((resolve, reject) => reject(new TypeError(a)))", "g(() => new Promise((yes, no) => no(new TypeError(a))))"] {
            let source = format!("/**\n * Do.\n * @param {{number}} a one\n */\nfunction f(a) {{ return {body}; }}\n");
            check_only("rejects-not-documented", "javascript", &source, &[]);
        }
    }

    #[test]
    fn a_rejection_that_does_not_leave_the_function_is_no_news() {
        for (body, leaves) in [
            ("return new Promise((_, no) => no(new TypeError(a))).catch(() => a);", false),
            ("return Promise.reject(new TypeError(a)).then(g).catch(g);", false),
            ("return Promise.reject(new TypeError(a)).then(g);", true),
            ("return g().catch(() => Promise.reject(new TypeError(a)));", false),
            ("try { await new Promise((_, no) => no(new TypeError(a))); } catch (e) { g(e); }", false),
            ("try { await Promise.reject(new TypeError(a)); } catch { g(); }", false),
            ("try { return Promise.reject(new TypeError(a)); } catch { g(); }", true),
            ("try { g(); } catch { await Promise.reject(new TypeError(a)); }", true),
            ("return new Promise((yes, no) => { g((no) => no(new TypeError(a))); });", false),
            ("return new Promise((yes, no) => { g((other) => no(new TypeError(a))); });", true),
            ("return new Promise((yes, no) => { function no(e) { g(e); } no(new TypeError(a)); });", false),
            ("return new Promise((yes, no) => { const other = 1; { const no = g; no(new TypeError(a)); } });", false),
        ] {
            for language in ["javascript", "typescript"] {
                let source = format!("/**\n * Do.\n * @param {{number}} a one\n */\nasync function f(a) {{ {body} }}\n");
                let expected = ["rejects-not-documented [TypeError] at \"Do.\""];
                check_only("rejects-not-documented", language, &source, if leaves { &expected } else { &[] });
            }
        }
    }

    #[test]
    fn a_rejection_is_found_beside_documented_parameters() {
        check_only("rejects-not-documented", "javascript", "/**\n * Do.\n * @param {number} a one\n */\nfunction f(a) { return Promise.reject(new RangeError(\"no\")); }\n", &["rejects-not-documented [RangeError] at \"Do.\""]);
    }
}

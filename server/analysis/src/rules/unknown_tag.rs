//! A tag is not one that the style knows.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use syntax::docstring::DocProblemKind;
use syntax::text::Span;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "unknown-tag",
    summary: "A tag is not one that the style knows.",
    group: Group::Documentation,
    default_severity: Severity::Info,
    fixable: true,
    aliases: &["jsdoc/check-tag-names", "unknown-tag", "tsdoc/syntax"],
    page: include_str!("../../rules/unknown-tag.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    for problem in &doc.doc.problems {
        let DocProblemKind::UnknownTag { tag, nearest } = &problem.kind else { continue };
        let is_known = doc.file.repo.tags.contains(tag.as_str()) || doc.file.settings.tags.iter().any(|known| known == tag);
        // A tag that is near to no known one is more likely a project's own than a slip.
        if is_known || (nearest.is_none() && !doc.file.is_thorough()) {
            continue;
        }
        let Some(nearest) = nearest else {
            report.add(doc.finding(problem.span, format!("`{tag}` is no tag that is known here.")).name(tag));
            continue;
        };
        let finding = doc.finding(problem.span, format!("`{tag}` is no tag that is known here; `{nearest}` is near."));
        let start = problem.span.start + doc.text(problem.span).find(tag.as_str()).unwrap_or(0);
        report.add(finding.name(tag).repair(Repair::Replace { span: Span::new(start, start + tag.len()), to: nearest.clone() }));
    }
}

#[cfg(test)]
mod tests {
    use crate::RepoFacts;
    use crate::settings::Settings;
    use crate::testing::{findings_in, lines};

    #[test]
    fn a_slip_is_found_and_the_repositorys_own_tags_are_learned() {
        let source = "/**\n * Do.\n * @retruns {number} sum\n * @zzapi public\n */\nfunction f() { return 1; }\n";
        let only = Settings::only("unknown-tag");
        let mut repo = RepoFacts::default();
        assert_eq!(findings_in("javascript", source, &only, &repo).len(), 2);
        repo.tags.insert("zzapi".to_owned());
        let found = findings_in("javascript", source, &only, &repo);
        assert_eq!(found.len(), 1);
        assert!(lines(source, &found)[0].starts_with("unknown-tag [retruns]"), "{found:?}");
        assert_eq!(found[0].repairs.len(), 1);
    }
}

//! A documented parameter does not exist.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{FindingTag, Repair, Severity};
use crate::prose;
use crate::signature::Signature;
use syntax::model::ParamKind;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "param-not-in-signature",
    summary: "A documented parameter does not exist.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["DOC102", "DOC103", "PR02", "DAR102", "jsdoc/check-param-names", "unknown-param"],
    page: include_str!("../../rules/param-not-in-signature.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let Some(matching) = doc.params().filter(|matching| !matching.extra.is_empty()) else { return };
    let Some(signature) = doc.signature() else { return };
    let owner = doc.file.symbol(signature.owner).unwrap_or(doc.symbol);
    // A name that the signature does not list may be a key of what its rest parameter takes.
    let takes_more = signature.is_open || signature.params.iter().any(|param| matches!(param.kind, ParamKind::Rest | ParamKind::KeywordRest));
    for at in &matching.extra {
        let Some(name) = doc.doc.entries.get(at.entry).and_then(|entry| entry.names.get(at.name)) else { continue };
        let of = if doc.symbol.name.is_empty() { "the function".to_owned() } else { format!("`{}`", doc.symbol.name) };
        let finding = doc.finding(name.span, format!("`{}` is documented, but {of} has no such parameter.", name.name));
        let finding = finding.name(&name.name).tagged(FindingTag::Unnecessary).related(owner.name_span, "The signature.");
        // What people wrote is not thrown away while it may be meant of a parameter that nothing documents.
        let is_settled = !takes_more && !may_be_of_method(doc, signature, &name.name) && !matching.undecided.iter().any(|(undecided, _)| undecided == at);
        report.add(finding.repair(Repair::RemoveName { entry: at.entry, name: at.name }).chosen_unless(is_settled));
    }
}

/// Whether a type's text may speak of what its instances or methods take, and not of its constructor's parameters.
fn may_be_of_method(doc: &DocContext<'_>, signature: &Signature<'_>, name: &str) -> bool {
    let is_in_code = || prose::occurs(&doc.file.model.text, doc.symbol.span, doc.file.doc_spans(), name);
    doc.symbol.kind.is_type() && (signature.params.is_empty() || is_in_code())
}

#[cfg(test)]
mod tests {
    use crate::settings::{Profile, Settings};
    use crate::testing::{check, check_only, check_quiet, findings};

    #[test]
    fn a_parameter_that_is_gone_is_found_in_every_python_style() {
        for doc in ["Args:\n        a: One.\n        gone: Two.", "Parameters\n    ----------\n    a : int\n        One.\n    gone : int\n        Two.", ":param a: One.\n    :param gone: Two."] {
            let source = format!("def f(a):\n    \"\"\"Do.\n\n    {doc}\n    \"\"\"\n");
            check("python", &source, &Settings::default(), &["param-not-in-signature [gone] at \"gone\""]);
        }
    }

    #[test]
    fn keyword_names_are_fine_where_the_signature_is_open() {
        check_only("param-not-in-signature", "python", "def f(a, **kwargs):\n    \"\"\"Do.\n\n    Args:\n        a: One.\n        colour: Passed on.\n    \"\"\"\n", &[]);
    }

    #[test]
    fn what_may_be_a_key_of_the_rest_is_not_removed_unasked_and_no_news_to_the_quiet_profile() {
        let source = "def f(b, **kwargs):\n    \"\"\"Do.\n\n    Args:\n        gone: One.\n        b: Two.\n        **kwargs: Rest.\n    \"\"\"\n";
        check_quiet("python", source);
        check_only("param-not-in-signature", "python", source, &["param-not-in-signature [gone] at \"gone\""]);
        assert!(!findings("python", source, &Settings::only("param-not-in-signature"))[0].is_mended_unasked());
    }

    #[test]
    fn placeholders_and_receivers_are_no_parameters() {
        check_quiet("python", "class C:\n    def f(self):\n        \"\"\"Do.\n\n        Parameters\n        ----------\n        None\n\n        Returns\n        -------\n        None\n        \"\"\"\n        g()\n");
    }

    #[test]
    fn overloads_share_their_parameters() {
        check_quiet("typescript", "/**\n * Do.\n * @param a - one\n * @param b - two\n */\nfunction f(a: string): void;\nfunction f(a: string, b: number): void;\nfunction f(a: any, b?: any): void {}\n");
    }

    #[test]
    fn a_destructured_parameter_takes_the_root_that_has_its_fields() {
        let source = "/**\n * Do.\n * @param {number} first - one\n * @param {object} opts - all\n * @param {number} opts.x - two\n */\nfunction add(a, {x}) { use(a, x); }\n";
        for settings in [Settings::default(), Settings { profile: Profile::Strict, ..Settings::default() }] {
            check("javascript", source, &settings, &["param-renamed [first, a] at \"first\""]);
        }
        check_quiet("javascript", &source.replace(" first ", " a "));
    }

    #[test]
    fn a_text_that_may_be_meant_of_a_new_parameter_is_not_thrown_away() {
        let source = "def f(items, length, *, ctx=None):\n    \"\"\"Do.\n\n    Args:\n        items: One.\n        wanted: How many of them.\n    \"\"\"\n    use(items)\n";
        for settings in [Settings::default(), Settings { profile: Profile::Strict, ..Settings::default() }] {
            let found = findings("python", source, &settings);
            assert!(found.len() >= 2 && found.iter().all(|finding| !finding.is_mended_unasked()), "{found:?}");
        }
        let gone = source.replace(", length, *, ctx=None", "");
        assert!(findings("python", &gone, &Settings::default()).iter().all(|finding| finding.is_mended_unasked()));
    }

    #[test]
    fn what_a_class_says_of_its_methods_is_not_removed_unasked() {
        let class = "class Visitor:\n    \"\"\"Visits.\n\n    :param a: One.\n    :param node: The node of now.\n    \"\"\"\n\n    def __init__(self, a):\n        self.a = a\n";
        let unasked = |source: &str| findings("python", source, &Settings::only("param-not-in-signature")).iter().map(|finding| finding.is_mended_unasked()).collect::<Vec<_>>();
        assert_eq!(unasked(class), [true]);
        assert_eq!(unasked(&format!("{class}\n    def __call__(self, node):\n        use(node)\n")), [false]);
    }

    #[test]
    fn half_a_likeness_in_the_same_place_is_a_rename() {
        let source = "/**\n * Do.\n *\n * @param items - Some.\n * @param fn - Human function text.\n */\nexport function map<T, U>(items: T[], f: (u: U) => V, ctx?: object): void {}\n";
        check("typescript", source, &Settings::default(), &["param-renamed [fn, f] at \"fn\"", "param-not-documented [ctx] at \"ctx\""]);
        assert!(findings("typescript", source, &Settings::default()).iter().all(|finding| finding.is_mended_unasked()));
    }

    #[test]
    fn a_field_that_a_pattern_does_not_bind_is_found() {
        check("javascript", "/**\n * Do.\n * @param {object} o - all\n * @param {number} o.a - one\n * @param {number} o.gone - two\n */\nfunction f({ a }) { use(a); }\n", &Settings::default(), &["param-not-in-signature [o.gone] at \"o.gone\""]);
    }
}

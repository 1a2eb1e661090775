//! A documented parameter has another name in the signature.

use super::{Check, Group, RuleInfo};
use crate::context::{DocContext, Reporter};
use crate::diagnostic::{Repair, Severity};
use crate::likelihood::{are_alike, is_of_unseen_kind};
use crate::matching::NameRef;
use crate::names::similarity;
use crate::prose::has_word;
use syntax::model::Param;

/// The rule.
pub static RULE: RuleInfo = RuleInfo {
    name: "param-renamed",
    summary: "A documented parameter has another name in the signature.",
    group: Group::Documentation,
    default_severity: Severity::Warning,
    fixable: true,
    aliases: &["DOC103", "PR02", "jsdoc/check-param-names", "renamed-param"],
    page: include_str!("../../rules/param-renamed.md"),
    needs_bodies: false,
    check: Check::Doc(check),
};

fn check(doc: &DocContext<'_>, report: &mut Reporter<'_>) {
    let Some(matching) = doc.params().filter(|matching| !matching.renamed.is_empty()) else { return };
    let Some(signature) = doc.signature() else { return };
    for rename in &matching.renamed {
        let at = rename.documented;
        let Some(name) = doc.doc.entries.get(at.entry).and_then(|entry| entry.names.get(at.name)) else { continue };
        let Some(param) = signature.params.get(rename.param) else { continue };
        let message = format!("`{}` is documented, but the parameter is called `{}`.", name.name, param.name);
        let finding = doc.finding(name.span, message).name(&name.name).name(&param.name).related(param.span, "The parameter.");
        // What only stands in the same place may speak of something else: people decide.
        let repair = Repair::RenameName { entry: at.entry, name: at.name, to: param.name.clone() };
        let is_sure = is_like(&name.name, &param.name) || !is_doubtful(doc, at, param);
        report.add(if rename.is_believable { finding.repair(repair).chosen_unless(is_sure) } else { finding });
    }
}

fn is_like(old: &str, new: &str) -> bool {
    are_alike(old, new) || similarity(old, new) >= 0.5
}

/// Whether a name that only shares the place of a parameter may well mean something else: it is spelt like a constant,
/// the rest of the text goes on using it, or it is said to be of a kind that nothing shows the parameter to be of.
fn is_doubtful(doc: &DocContext<'_>, at: NameRef, param: &Param) -> bool {
    let Some(entry) = doc.doc.entries.get(at.entry) else { return true };
    let Some(name) = entry.names.get(at.name).map(|name| name.name.as_str()) else { return true };
    let lines = doc.doc.block.lines.iter().enumerate().filter(|(number, _)| !entry.lines.contains(number));
    let is_used_elsewhere = || lines.map(|(_, line)| doc.text(line.span)).any(|text| has_word(text, name));
    !name.chars().any(char::is_lowercase) || is_of_unseen_kind(entry, param) || is_used_elsewhere()
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::testing::{check, check_only, findings};

    #[test]
    fn a_rename_is_one_finding_with_both_names() {
        let source = "def f(name, type_value='dll'):\n    \"\"\"Do.\n\n    Parameters\n    ----------\n    name : str\n        One.\n    type : str\n        Two.\n    \"\"\"\n";
        check("python", source, &Settings::default(), &["param-renamed [type, type_value] at \"type\""]);
        let found = findings("python", source, &Settings::default());
        assert_eq!(found[0].message, "`type` is documented, but the parameter is called `type_value`.");
        assert_eq!(found[0].related[0].span.of(source), "type_value");
    }

    #[test]
    fn an_unlike_name_in_the_same_place_is_a_rename() {
        check("python", "def compress_rows(a):\n    \"\"\"Do.\n\n    Args:\n        x: One.\n    \"\"\"\n", &Settings::default(), &["param-renamed [x, a] at \"x\""]);
    }

    #[test]
    fn words_on_something_else_are_not_given_a_parameters_name() {
        for (documented, signature) in [
            ("colour: The paint to use on walls.", "a, verbose=False"),
            ("gone_param (int, optional): How many.", "a, seed=None"),
            ("gone_param (int, optional): How many.", "a, seed"),
            ("fast (bool): How it goes.", "a, seed=None"),
            ("path: The path to write to.", "a, timeout"),
            ("path (str): Where to.", "a, timeout: float"),
        ] {
            let source = format!("def f({signature}):\n    \"\"\"Do.\n\n    Args:\n        a: One.\n        {documented}\n    \"\"\"\n");
            let (old, new) = (documented.split([':', ' ']).next().unwrap(), signature[3..].split(['=', ':']).next().unwrap());
            let both = [format!("param-not-documented [{new}] at \"{new}\""), format!("param-not-in-signature [{old}] at \"{old}\"")];
            check("python", &source, &Settings::default(), &[both[0].as_str(), both[1].as_str()]);
            let settings = Settings::only("param-renamed");
            check("python", &source, &settings, &[format!("param-renamed [{old}, {new}] at \"{old}\"").as_str()]);
            assert_eq!(findings("python", &source, &settings)[0].repairs, [], "{documented}");
        }
    }

    #[test]
    fn one_name_gone_and_one_new_in_its_place_is_mended_where_all_fits() {
        let source = "def f(a, seed=0):\n    \"\"\"Do.\n\n    Args:\n        a: One.\n        start (int): Where to begin.\n    \"\"\"\n";
        check("python", source, &Settings::default(), &["param-renamed [start, seed] at \"start\""]);
        assert_eq!(findings("python", source, &Settings::default())[0].repairs.len(), 1);
        let two = source.replace("seed=0", "seed, width").replace("begin.", "begin.\n        height: Of it.");
        assert!(findings("python", &two, &Settings::only("param-renamed")).iter().all(|finding| finding.repairs.is_empty()));
    }

    #[test]
    fn a_text_that_says_the_old_name_is_renamed_too_unless_the_new_one_is_of_another_kind() {
        let source = "def f(a, record):\n    \"\"\"Do.\n\n    Args:\n        a: One.\n        name (str): The name to write.\n    \"\"\"\n";
        check("python", source, &Settings::default(), &["param-renamed [name, record] at \"name\""]);
        assert!(findings("python", source, &Settings::default())[0].is_mended_unasked());
        let other = source.replace("record", "timeout").replace(" (str)", "");
        assert!(findings("python", &other, &Settings::default()).iter().all(|finding| finding.rule != "param-renamed"));
    }

    #[test]
    fn a_pair_without_likeness_is_left_to_people_where_it_may_mean_something_else() {
        let unasked = |language: &str, source: &str| {
            let found = findings(language, source, &Settings::only("param-renamed"));
            found.iter().map(|finding| finding.is_mended_unasked()).collect::<Vec<_>>()
        };
        let source = "def compress_rows(a):\n    \"\"\"Do.\n\n    Args:\n        part: One.\n    \"\"\"\n";
        assert_eq!(unasked("python", source), [true]);
        assert_eq!(unasked("python", &source.replace("Do.", "Do with part of it.")), [false]);
        assert_eq!(unasked("python", &source.replace("part", "PART")), [false]);
        assert_eq!(unasked("python", &source.replace("One.", "The object that is made.")), [false]);
        assert_eq!(unasked("python", &source.replace("(a)", "(part_value)").replace("Do.", "Do with part of it.")), [true], "alike");
        let script = "/**\n * Makes it.\n * @param {Object} state What `parse` returned.\n */\nfunction makeRe(input) { use(input); }\n";
        assert_eq!(unasked("javascript", script), [false]);
        assert_eq!(unasked("javascript", &script.replace("Object", "string")), [true]);
    }

    #[test]
    fn a_rename_is_seen_through_grouping_stars_and_an_open_signature() {
        check_only("param-renamed", "python", "def f(ar1_value, ar2, **kw):\n    \"\"\"Do.\n\n    Parameters\n    ----------\n    ar1, ar2 : array\n        Both.\n    \"\"\"\n", &["param-renamed [ar1, ar1_value] at \"ar1\""]);
        check_only("param-renamed", "python", "def f(a, *items):\n    \"\"\"Do.\n\n    Args:\n        a: One.\n        *values: Two.\n    \"\"\"\n", &["param-renamed [values, items] at \"values\""]);
    }

    #[test]
    fn a_parameter_documented_twice_stands_for_the_missing_one() {
        check("python", "def f(low, high):\n    \"\"\"Do.\n\n    :param low: One.\n    :param low: Two.\n    \"\"\"\n", &Settings::default(), &["param-renamed [low, high] at \"low\""]);
    }

    #[test]
    fn jsdoc_names_are_paired_too() {
        check("javascript", "/**\n * Do.\n * @param {Chunk} chunk the chunk\n * @param {string} items items\n */\nfunction f(chunkValue, items) {}\n", &Settings::default(), &["param-renamed [chunk, chunkValue] at \"chunk\""]);
    }
}

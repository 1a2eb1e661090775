//! Which documented name became which parameter, where a user asks for an update: sentences that people wrote stay wherever a pair can be made.
//!
//! Rules pair only what is likely and leave the rest as gone and new; who asks for an update by hand has the docstring before their eyes.

use analysis::diagnostic::{Finding, Repair};
use analysis::types::{Comparison, compare};
use syntax::docstring::{Docstring, EntryKind};
use syntax::model::{FileModel, Param, ParamKind};

/// A documented name that is to go.
struct Gone {
    finding: usize,
    entry: usize,
    name: usize,
}

/// The findings with names renamed that would be removed while a parameter of the same place would be added.
pub fn renamed(model: &FileModel, findings: &[Finding]) -> Vec<Finding> {
    let mut list = findings.to_vec();
    let mut symbols: Vec<usize> = findings.iter().map(|finding| finding.symbol).collect();
    symbols.sort_unstable();
    symbols.dedup();
    let mut superfluous: Vec<usize> = Vec::new();
    for index in symbols {
        let Some(symbol) = model.symbols.get(index) else { continue };
        let Some(doc) = symbol.doc.as_ref().filter(|_| symbol.kind.is_callable()) else { continue };
        // A pair that a rule takes for possible, but leaves to people: they have decided.
        for finding in list.iter_mut().filter(|finding| finding.symbol == index && is_open_rename(finding)) {
            let [old, new] = finding.names.as_slice() else { continue };
            let place = doc.entries_of(EntryKind::Param).find_map(|(entry, found)| {
                let name =
                    found.names.iter().position(|name| name.name == *old && finding.span.touches(name.span.start))?;
                Some((entry, name))
            });
            if let Some((entry, name)) = place {
                finding.repairs = vec![Repair::RenameName { entry, name, to: new.clone() }];
            }
        }
        let mut gone: Vec<Gone> = Vec::new();
        let mut added: Vec<(usize, usize)> = Vec::new();
        for (number, finding) in findings.iter().enumerate().filter(|(_, finding)| finding.symbol == index) {
            match finding.repairs.as_slice() {
                [Repair::RemoveName { entry, name }] => gone.push(Gone { finding: number, entry: *entry, name: *name }),
                [Repair::RemoveEntry { entry }] => gone.push(Gone { finding: number, entry: *entry, name: 0 }),
                [Repair::AddParam { param }] => added.push((number, *param)),
                _ => {}
            }
        }
        gone.retain(|gone| name_of(doc, gone).is_some_and(|name| !name.contains(['.', '['])));
        gone.sort_by_key(|gone| (gone.entry, gone.name));
        added.sort_by_key(|(_, param)| *param);
        for (old, (addition, param)) in pairs(doc, &symbol.params, &gone, &added) {
            let Some(to) = symbol.params.get(param).map(|param| param.name.clone()) else { continue };
            if let Some(finding) = list.get_mut(old.finding) {
                finding.repairs = vec![Repair::RenameName { entry: old.entry, name: old.name, to }];
                superfluous.push(addition);
            }
        }
    }
    let mut number = 0;
    list.retain(|_| {
        number += 1;
        !superfluous.contains(&(number - 1))
    });
    list
}

/// Whether a finding names both sides of a rename and leaves it to people.
pub fn is_open_rename(finding: &Finding) -> bool {
    finding.rule == "param-renamed" && finding.repairs.is_empty() && finding.names.len() == 2
}

fn name_of<'a>(doc: &'a Docstring, gone: &Gone) -> Option<&'a str> {
    let entry = doc.entries.get(gone.entry).filter(|entry| entry.kind == EntryKind::Param)?;
    entry.names.get(gone.name).map(|name| name.name.as_str())
}

/// In their order where there are as many of the one as of the other; else those between the same neighbours.
fn pairs<'g>(
    doc: &Docstring,
    params: &[Param],
    gone: &'g [Gone],
    added: &[(usize, usize)],
) -> Vec<(&'g Gone, (usize, usize))> {
    let is_only = gone.len() == 1 && added.len() == 1;
    let fits =
        |gone: &Gone, param: usize| params.get(param).is_some_and(|param| is_possible(doc, gone, param, is_only));
    if gone.len() == added.len() {
        return gone.iter().zip(added.iter().copied()).filter(|(gone, (_, param))| fits(gone, *param)).collect();
    }
    let documented: Vec<(usize, usize, &str)> = doc
        .entries_of(EntryKind::Param)
        .flat_map(|(entry, found)| {
            found.names.iter().enumerate().map(move |(name, found)| (entry, name, found.name.as_str()))
        })
        .collect();
    let stays = |name: &str| params.iter().position(|param| param.name == name);
    let gap_of_name = |gone: &Gone| {
        let at = documented.iter().position(|(entry, name, _)| (*entry, *name) == (gone.entry, gone.name))?;
        let before = documented.get(..at)?.iter().rev().find_map(|(.., name)| stays(name));
        let after = documented.get(at + 1..)?.iter().find_map(|(.., name)| stays(name));
        Some((before, after))
    };
    let is_new = |param: usize| added.iter().any(|(_, new)| *new == param);
    let gap_of_param = |param: usize| {
        let before = (0..param).rev().find(|&other| !is_new(other));
        let after = (param + 1..params.len()).find(|&other| !is_new(other));
        (before, after)
    };
    let mut found = Vec::new();
    for old in gone {
        let Some(gap) = gap_of_name(old) else { continue };
        let rivals: Vec<&Gone> = gone.iter().filter(|other| gap_of_name(other) == Some(gap)).collect();
        let targets: Vec<&(usize, usize)> = added.iter().filter(|(_, param)| gap_of_param(*param) == gap).collect();
        let own = rivals.iter().position(|other| std::ptr::eq(*other, old));
        if let Some(&&target) = own.and_then(|own| targets.get(own)).filter(|_| rivals.len() == targets.len())
            && fits(old, target.1)
        {
            found.push((old, target));
        }
    }
    found
}

/// Whether stars, and types where there are several to choose from, allow that the one became the other.
fn is_possible(doc: &Docstring, gone: &Gone, param: &Param, is_only: bool) -> bool {
    let Some(entry) = doc.entries.get(gone.entry) else {
        return false;
    };
    let stars = entry.names.get(gone.name).map_or(0, |name| name.stars.len());
    let expected = match param.kind {
        ParamKind::Rest => 1,
        ParamKind::KeywordRest => 2,
        ParamKind::Pattern => return false,
        _ => 0,
    };
    let differ = entry
        .type_text
        .as_ref()
        .zip(param.type_text.as_ref())
        .is_some_and(|(said, declared)| compare(&said.text, &declared.text) == Comparison::Different);
    stars == expected && (is_only || !differ)
}

#[cfg(test)]
mod tests {
    use crate::testing::{after, model};
    use crate::update_docs::update;
    use crate::writer::WriterOptions;
    use analysis::RepoFacts;
    use analysis::settings::{Profile, Settings};

    fn updated_with(text: &str, settings: &Settings) -> String {
        let before = model("python", text);
        let findings = analysis::diagnostics(&before, settings, &RepoFacts::default());
        after(&before, &update(&before, &findings, &WriterOptions::default()).unwrap())
    }

    fn updated(text: &str) -> String {
        let told = updated_with(text, &Settings::default());
        let strict = Settings { profile: Profile::Strict, ..Settings::default() };
        assert_eq!(updated_with(&told, &Settings::default()), told, "a second run changes nothing");
        assert_eq!(updated_with(text, &strict), told);
        told
    }

    #[test]
    fn a_sentence_goes_over_to_the_parameter_in_its_place() {
        let text = "def f(a, new):\n    \"\"\"Do it.\n\n    Args:\n        a: One.\n        old: Old one, see `old`.\n            Continued here.\n    \"\"\"\n    print(a, new)\n";
        let told = updated(text);
        assert!(told.contains("        new: Old one, see `new`.\n            Continued here.\n"), "{told}");
    }

    #[test]
    fn a_name_between_the_same_neighbours_is_paired_and_others_go() {
        let text = "def f(a, width, b):\n    \"\"\"Do it.\n\n    Args:\n        a: One.\n        colour: Two things.\n        b: Three.\n        gone: Four.\n    \"\"\"\n    print(a, width, b)\n";
        let told = updated(text);
        assert!(told.contains("        width: Two things.\n") && !told.contains("Four"), "{told}");
    }

    #[test]
    fn the_only_name_that_is_gone_is_renamed_whatever_its_type_was() {
        let text = "def f(new: int):\n    \"\"\"Do it.\n\n    Args:\n        old (int): How many to read.\n    \"\"\"\n    print(new)\n";
        assert!(updated(text).contains("new (int): How many to read."), "{}", updated(text));
    }
}

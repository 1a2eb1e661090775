//! Decides which documented name is the earlier name of which parameter, and which names stand out of order.

use crate::likelihood;
use crate::matching::NameRef;
use crate::names::similarity;
use crate::types;
use crate::values;
use syntax::docstring::Entry;
use syntax::model::{Param, ParamKind};

/// Where a documented name stands among those that fit.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gap {
    /// The parameter documented before it.
    pub before: Option<usize>,
    /// The parameter documented after it.
    pub after: Option<usize>,
    /// The signature lets the name stand as it is.
    pub is_allowed: bool,
}

/// A documented name without a parameter.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its place among all documented names.
    pub place: usize,
    /// The name.
    pub name: &'a str,
    /// Its entry.
    pub entry: &'a Entry,
    /// A dotted name: never taken for an earlier name of a parameter.
    pub is_nested: bool,
    /// Its surroundings.
    pub gap: Gap,
}

/// A documented name and the parameter in its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pair {
    /// The name's place among all documented names.
    pub place: usize,
    /// The parameter.
    pub param: usize,
    /// More than the place speaks for it, so that a machine may write the new name over the old one.
    pub is_believable: bool,
}

/// Pairs documented names (by place) with missing parameters.
pub fn pair(candidates: &[Candidate<'_>], params: &[Param], missing: &[usize]) -> Vec<Pair> {
    let mut scored = Vec::new();
    for candidate in candidates.iter().filter(|candidate| !candidate.is_nested) {
        for &index in missing {
            let Some(param) = params.get(index) else { continue };
            if let Some(score) = score(candidate, index, param, params, missing) {
                scored.push((score, candidate.place, index));
            }
        }
    }
    // Best first; where two are as good, the one further up in both lists.
    scored.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)).then(left.2.cmp(&right.2)));
    let mut pairs: Vec<(usize, usize)> = Vec::new();
    for (_, place, index) in scored {
        if !pairs.iter().any(|(taken_place, taken_index)| *taken_place == place || *taken_index == index) {
            pairs.push((place, index));
        }
    }
    pair_by_place(candidates, params, missing, &mut pairs);
    pairs.sort_unstable();
    let is_alike = |(place, index): &(usize, usize)| {
        let old = candidates.iter().find(|candidate| candidate.place == *place);
        old.zip(params.get(*index)).is_some_and(|(old, new)| likelihood::are_alike(old.name, &new.name))
    };
    // One name is gone and one parameter is new, those apart that found each other by likeness.
    let alike = pairs.iter().filter(|pair| is_alike(pair)).count();
    let gone = candidates.iter().filter(|candidate| !candidate.is_nested && !candidate.gap.is_allowed).count();
    let is_only = gone == alike + 1 && missing.len() == alike + 1;
    let judge = |pair: (usize, usize)| {
        let old = candidates.iter().find(|candidate| candidate.place == pair.0);
        let fits =
            || old.zip(params.get(pair.1)).is_some_and(|(old, new)| !likelihood::contradicts(old.name, old.entry, new));
        // Half a likeness is enough where the place is the same too.
        let is_scored = old.zip(params.get(pair.1)).is_some_and(|(old, new)| {
            similarity(old.name, &new.name) >= 0.5 && neighbours(old, pair.1, params, missing) >= 1.0
        });
        let is_believable = is_alike(&pair) || ((is_only || is_scored) && fits());
        Pair { place: pair.0, param: pair.1, is_believable }
    };
    pairs.into_iter().map(judge).collect()
}

/// The missing parameters that a name without one may have become: none where it has no words of its own that would be lost,
/// and none that what is said of it contradicts.
pub fn may_become<'a>(
    candidate: &'a Candidate<'_>,
    params: &'a [Param],
    missing: &'a [usize],
) -> impl Iterator<Item = usize> + use<'a> {
    let has_words = !candidate.is_nested && !candidate.entry.description.trim().is_empty();
    missing.iter().copied().filter(move |&index| {
        has_words
            && params.get(index).is_some_and(|param| {
                let is_near = neighbours(candidate, index, params, missing) >= 1.0
                    || similarity(candidate.name, &param.name) >= 0.5;
                is_near && !likelihood::contradicts(candidate.name, candidate.entry, param)
            })
    })
}

fn score(candidate: &Candidate<'_>, index: usize, param: &Param, params: &[Param], missing: &[usize]) -> Option<f32> {
    let is_rest = matches!(param.kind, ParamKind::Rest | ParamKind::KeywordRest);
    if is_rest && stars_of(candidate).is_empty() && similarity(candidate.name, &param.name) < 0.6 {
        return None;
    }
    let alike = similarity(candidate.name, &param.name);
    let place = neighbours(candidate, index, params, missing);
    let same_type = match (&candidate.entry.type_text, &param.type_text) {
        (Some(documented), Some(declared)) => {
            types::compare(&documented.text, &declared.text) == types::Comparison::Same
        }
        _ => false,
    };
    let same_default = match (&candidate.entry.default, &param.default) {
        (Some(documented), Some(declared)) => {
            values::agree(&documented.value, &declared.text) == values::Agreement::Same
        }
        _ => false,
    };
    let bonus = if same_type { 0.15 } else { 0.0 } + if same_default { 0.1 } else { 0.0 };
    let total = 0.6 * alike + 0.4 * place + bonus;
    let is_good = alike >= 0.6 || (!candidate.gap.is_allowed && alike >= 0.3 && total >= 0.58);
    is_good.then_some(total)
}

fn stars_of<'a>(candidate: &Candidate<'a>) -> &'a str {
    candidate.entry.names.iter().find(|name| name.name == candidate.name).map_or("", |name| name.stars.as_str())
}

/// 1 where the documented neighbours are the parameter's neighbours in the signature, half for one side.
fn neighbours(candidate: &Candidate<'_>, index: usize, params: &[Param], missing: &[usize]) -> f32 {
    let is_matched = |other: &usize| !missing.contains(other);
    let before = (0..index).rev().find(is_matched);
    let after = (index + 1..params.len()).find(is_matched);
    let half = |same: bool| if same { 0.5 } else { 0.0 };
    half(before == candidate.gap.before) + half(after == candidate.gap.after)
}

/// What is left is paired by place alone where a gap holds as many names as parameters.
fn pair_by_place(candidates: &[Candidate<'_>], params: &[Param], missing: &[usize], pairs: &mut Vec<(usize, usize)>) {
    let free: Vec<usize> =
        missing.iter().copied().filter(|index| !pairs.iter().any(|(_, taken)| taken == index)).collect();
    let is_free = |candidate: &&Candidate<'_>| {
        !candidate.is_nested && !candidate.gap.is_allowed && !pairs.iter().any(|(place, _)| *place == candidate.place)
    };
    let left: Vec<&Candidate<'_>> = candidates.iter().filter(is_free).collect();
    let fits = |candidate: &Candidate<'_>, index: usize| {
        let is_rest =
            params.get(index).is_some_and(|param| matches!(param.kind, ParamKind::Rest | ParamKind::KeywordRest));
        is_rest != stars_of(candidate).is_empty() && neighbours(candidate, index, params, missing) >= 1.0
    };
    let mut found = Vec::new();
    for candidate in &left {
        let mut targets = free.iter().copied().filter(|index| fits(candidate, *index));
        let rivals: Vec<usize> =
            left.iter().filter(|rival| same_gap(rival, candidate)).map(|rival| rival.place).collect();
        let in_gap = free.iter().filter(|index| fits(candidate, **index)).count();
        let own = rivals.iter().position(|place| *place == candidate.place);
        if let (true, Some(own)) = (rivals.len() == in_gap, own)
            && let Some(index) = targets.nth(own)
        {
            found.push((candidate.place, index));
        }
    }
    pairs.extend(found);
}

fn same_gap(left: &Candidate<'_>, right: &Candidate<'_>) -> bool {
    left.gap.before == right.gap.before && left.gap.after == right.gap.after
}

/// The fewest names that must move so that the parameters they stand for ascend.
pub fn displaced(sequence: &[(NameRef, usize)]) -> Vec<NameRef> {
    if sequence.windows(2).all(|pair| matches!(pair, [left, right] if left.1 <= right.1)) {
        return Vec::new();
    }
    // Longest ascending run by the plain quadratic way: parameter lists are short.
    let mut best: Vec<(usize, Option<usize>)> = Vec::with_capacity(sequence.len());
    for (place, (_, param)) in sequence.iter().enumerate() {
        let reach = |earlier: &usize| sequence.get(*earlier).is_some_and(|(_, other)| other <= param);
        let before = (0..place).filter(reach).max_by_key(|earlier| best.get(*earlier).map(|(length, _)| *length));
        let length = before.and_then(|earlier| best.get(earlier)).map_or(0, |(length, _)| *length) + 1;
        best.push((length, before));
    }
    let mut kept = vec![false; sequence.len()];
    let mut place = (0..best.len()).rev().max_by_key(|place| best.get(*place).map(|(length, _)| *length));
    while let Some(here) = place {
        if let Some(kept) = kept.get_mut(here) {
            *kept = true;
        }
        place = best.get(here).and_then(|(_, before)| *before);
    }
    sequence.iter().zip(kept).filter(|(_, kept)| !kept).map(|((at, _), _)| *at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use syntax::docstring::EntryKind;
    use syntax::text::Span;

    fn at(entry: usize) -> NameRef {
        NameRef { entry, name: 0 }
    }

    #[test]
    fn the_fewest_names_are_called_displaced() {
        assert_eq!(displaced(&[(at(0), 0), (at(1), 1), (at(2), 2)]), []);
        assert_eq!(displaced(&[(at(0), 2), (at(1), 0), (at(2), 1)]), [at(0)]);
        assert_eq!(displaced(&[(at(0), 1), (at(1), 0)]).len(), 1);
    }

    fn entry(name: &str) -> Entry {
        Entry {
            kind: EntryKind::Param,
            section: None,
            tag: None,
            tag_span: None,
            names: vec![syntax::docstring::EntryName {
                name: name.to_owned(),
                span: Span::default(),
                stars: String::new(),
            }],
            type_text: None,
            optional: false,
            default: None,
            description: String::new(),
            description_span: Span::default(),
            lines: 0..1,
        }
    }

    fn paired(documented: &[&str], signature: &[&str]) -> Vec<(usize, usize)> {
        let params: Vec<Param> =
            signature.iter().map(|name| Param { name: (*name).to_owned(), ..Param::default() }).collect();
        let place = |name: &str| signature.iter().position(|other| *other == name);
        let entries: Vec<Entry> = documented.iter().map(|name| entry(name)).collect();
        let missing: Vec<usize> =
            (0..signature.len()).filter(|index| !documented.contains(&signature[*index])).collect();
        let candidates: Vec<Candidate<'_>> = documented
            .iter()
            .enumerate()
            .filter(|(_, name)| place(name).is_none())
            .map(|(index, name)| Candidate {
                place: index,
                name,
                entry: &entries[index],
                is_nested: false,
                gap: Gap {
                    before: documented[..index].iter().rev().find_map(|name| place(name)),
                    after: documented[index + 1..].iter().find_map(|name| place(name)),
                    is_allowed: false,
                },
            })
            .collect();
        pair(&candidates, &params, &missing).into_iter().map(|pair| (pair.place, pair.param)).collect()
    }

    #[test]
    fn names_are_paired_by_likeness_before_place() {
        assert_eq!(paired(&["type", "name"], &["name", "type_value"]), [(0, 1)]);
        assert_eq!(paired(&["colour", "size"], &["width", "color"]), [(0, 1), (1, 0)]);
    }

    #[test]
    fn unlike_names_are_paired_by_place_when_the_gap_is_clear() {
        assert_eq!(paired(&["x"], &["a"]), [(0, 0)]);
        assert_eq!(paired(&["x", "mid", "y"], &["a", "mid", "b"]), [(0, 0), (2, 1 + 1)]);
        assert_eq!(paired(&["x", "y"], &["a"]), [], "two names for one parameter are no rename");
    }
}

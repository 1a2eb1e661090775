//! Fits documented parameters to those of the signature, once for a docstring: all rules on parameters read the result.
//!
//! It gives no verdict and no words; it must stay quiet where the documentation legitimately says less or more than the signature.

use crate::context::DocContext;
use crate::names::is_identifier;
use crate::pairing::{self, Gap};
use crate::prose;
use crate::signature::{Signature, root_of};
use syntax::docstring::{DocStyle, Entry, EntryKind, EntryName};
use syntax::model::{Param, ParamKind};

/// One name of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NameRef {
    /// Index of the entry.
    pub entry: usize,
    /// Index of the name in the entry.
    pub name: usize,
}

/// A documented name whose parameter is called otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rename {
    /// What is documented.
    pub documented: NameRef,
    /// The parameter in the signature.
    pub param: usize,
    /// Whether more than the place speaks for it; only then may a machine write the new name.
    pub is_believable: bool,
}

/// How entries and parameters fit.
#[derive(Clone, Debug, Default)]
pub struct ParamMatching {
    /// Names at top level in the order of the documentation, with the parameter each stands for.
    pub documented: Vec<(NameRef, Option<usize>)>,
    /// Parameters that nothing documents.
    pub missing: Vec<usize>,
    /// Fields of destructured parameters that nothing documents while others are: parameter and field.
    pub missing_fields: Vec<(usize, usize)>,
    /// Names that look like a parameter's earlier name.
    pub renamed: Vec<Rename>,
    /// Names that no parameter has.
    pub extra: Vec<NameRef>,
    /// Those of [`Self::extra`] whose text may be meant of a parameter that nothing documents, and those parameters.
    pub undecided: Vec<(NameRef, usize)>,
    /// Names that stand twice: the later one and the first.
    pub duplicated: Vec<(NameRef, NameRef)>,
    /// Names that stand at another place than their parameter.
    pub out_of_order: Vec<NameRef>,
}

struct DocName<'a> {
    at: NameRef,
    text: &'a str,
    entry: &'a Entry,
    param: Option<usize>,
}

impl DocName<'_> {
    fn is_nested(&self) -> bool {
        root_of(self.text).len() < self.text.trim_end_matches("[]").len()
    }
}

/// Fits the entries of a docstring to its signature.
pub fn match_params(doc: &DocContext<'_>) -> Option<ParamMatching> {
    if doc.doc.inherits || doc.declares_elsewhere() {
        return None;
    }
    let speaks = doc.doc.speaks_of(EntryKind::Param);
    // In Rust and Go parameters are told in prose; a list of them is the author's choice.
    let is_listed = !matches!(doc.doc.style, DocStyle::Rustdoc | DocStyle::Godoc);
    let is_asked = speaks || (doc.file.is_thorough() && is_listed && doc.has_contract());
    if !is_asked {
        return None;
    }
    let signature = doc.signature()?;
    let params: &[Param] = &signature.params;
    let mut names = collect_names(doc);
    let mut matching = ParamMatching::default();
    let mut taken = vec![false; params.len()];
    match_exactly(doc.file.is_thorough(), params, &mut names, &mut taken, &mut matching);
    match_patterns(params, &mut names, &mut taken, &mut matching);
    let has_extra = names.iter().any(|name| name.param.is_none());
    let may_be_missing = |index: usize, param: &Param| {
        let is_required = match param.kind {
            ParamKind::Rest => doc.file.is_thorough(),
            ParamKind::KeywordRest => doc.file.is_thorough() && !has_extra,
            _ => true,
        };
        is_required
            && taken.get(index) == Some(&false)
            && !signature.documented_elsewhere.contains(&param.name.as_str())
            && !in_unreadable_entry(doc, &param.name)
    };
    matching.missing = params
        .iter()
        .enumerate()
        .filter(|(index, param)| may_be_missing(*index, param))
        .map(|(index, _)| index)
        .collect();
    settle_extras(doc, signature, &mut names, &mut matching);
    // A name that begins with an underscore may be an earlier one's successor, but need not be documented.
    matching.missing.retain(|index| params.get(*index).is_none_or(|param| !param.name.starts_with('_')));
    if !matching.missing.is_empty() && is_templated(doc) {
        matching.missing.clear();
    }
    if !doc.file.is_thorough() {
        matching.missing.retain(|index| params.get(*index).is_none_or(|param| is_expected(doc, param)));
    }
    matching.out_of_order = out_of_order(doc, params, &names, &matching);
    matching.documented = names.iter().filter(|name| !name.is_nested()).map(|name| (name.at, name.param)).collect();
    Some(matching)
}

fn collect_names<'a>(doc: &DocContext<'a>) -> Vec<DocName<'a>> {
    let mut names = Vec::new();
    let receiver = doc.symbol.receiver.as_deref().unwrap_or("");
    let is_receiver = |name: &str| {
        name == receiver || (name == "this" && doc.file.is_script()) || (name == "self" && doc.symbol.kind.is_type())
    };
    for (index, entry) in doc.entries(EntryKind::Param) {
        for (position, EntryName { name, .. }) in entry.names.iter().enumerate() {
            let root = root_of(name);
            let has_param =
                || doc.signature().is_some_and(|signature| signature.params.iter().any(|param| param.name == root));
            if !is_identifier(root) || root == "None" || (is_receiver(root) && !has_param()) {
                continue;
            }
            names.push(DocName { at: NameRef { entry: index, name: position }, text: name, entry, param: None });
        }
    }
    names
}

fn match_exactly(
    is_thorough: bool,
    params: &[Param],
    names: &mut [DocName<'_>],
    taken: &mut [bool],
    matching: &mut ParamMatching,
) {
    let mut first: Vec<Option<NameRef>> = vec![None; params.len()];
    // Underscores in front mark what is private or unused; behind, what would be a keyword.
    let loosest: fn(&str) -> &str =
        if is_thorough { |name| name.trim_start_matches('_') } else { |name| name.trim_matches('_') };
    let spellings: [fn(&str) -> &str; 2] = [|name| name, loosest];
    for spelling in spellings {
        for name in names.iter_mut().filter(|name| name.param.is_none()) {
            let root = root_of(name.text);
            let fits = |param: &Param| {
                !param.name.is_empty() && spelling(&param.name) == spelling(root) && !spelling(root).is_empty()
            };
            let Some(index) = params.iter().position(fits) else { continue };
            if let (Some(Some(earlier)), false) = (first.get(index), name.is_nested()) {
                matching.duplicated.push((name.at, *earlier));
            }
            name.param = Some(index);
            if let (Some(taken), Some(first)) = (taken.get_mut(index), first.get_mut(index)) {
                *taken = true;
                if !name.is_nested() {
                    first.get_or_insert(name.at);
                }
            }
        }
    }
    // A name that no parameter has can stand twice too.
    let mut unmatched: Vec<&DocName<'_>> = Vec::new();
    for name in names.iter().filter(|name| name.param.is_none()) {
        match unmatched.iter().find(|earlier| earlier.text == name.text) {
            Some(earlier) => matching.duplicated.push((name.at, earlier.at)),
            None => unmatched.push(name),
        }
    }
}

fn match_patterns(params: &[Param], names: &mut [DocName<'_>], taken: &mut [bool], matching: &mut ParamMatching) {
    for (index, param) in params.iter().enumerate().filter(|(_, param)| param.kind == ParamKind::Pattern) {
        // The root of a destructured parameter is the first free name behind the parameters before it.
        let before = names
            .iter()
            .rposition(|name| name.param.is_some_and(|matched| matched < index))
            .map_or(0, |place| place + 1);
        let is_field = |text: &str| {
            param.fields.iter().any(|field| field.name == text || field.name.starts_with(&format!("{text}.")))
        };
        let mut free: Vec<&str> =
            names.iter().skip(before).filter(|name| name.param.is_none()).map(|name| root_of(name.text)).collect();
        free.dedup();
        // A name with documented fields of the pattern is its root; else names in front of it are left to the parameters in front of it.
        let holds_field = |root: &&&str| {
            let is_child = |name: &&DocName<'_>| root_of(name.text) == **root && name.is_nested();
            let child = |name: &DocName<'_>| {
                name.text.get(root.len()..).map(|rest| rest.trim_start_matches(['[', ']', '.']).to_owned())
            };
            names.iter().filter(is_child).filter_map(child).any(|child| is_field(&child))
        };
        let open_before = params.iter().zip(taken.iter()).take(index).filter(|(_, is_taken)| !**is_taken).count();
        let by_place = || free.get(open_before).or_else(|| free.first());
        let Some(root) = free.iter().find(holds_field).or_else(by_place).map(|root| (*root).to_owned()) else {
            continue;
        };
        if is_field(&root) && !names.iter().any(|name| name.is_nested() && root_of(name.text) == root) {
            // Fields documented as if they were parameters.
            for name in names.iter_mut().filter(|name| name.param.is_none() && is_field(root_of(name.text))) {
                name.param = Some(index);
            }
        } else {
            let mut seen = Vec::new();
            for name in names.iter_mut().filter(|name| name.param.is_none() && root_of(name.text) == root) {
                let child = name.text.get(root.len()..).unwrap_or("").trim_start_matches("[]").trim_start_matches('.');
                if child.is_empty()
                    || is_field(child)
                    || param.fields.iter().any(|field| child.starts_with(&format!("{}.", field.name)))
                {
                    name.param = Some(index);
                } else {
                    continue;
                }
                if !child.is_empty() {
                    seen.push(child.to_owned());
                }
            }
            let is_seen = |field: &str| {
                seen.iter().any(|child| {
                    child == field || field.starts_with(&format!("{child}.")) || child.starts_with(&format!("{field}."))
                })
            };
            if !seen.is_empty() {
                let fields = param
                    .fields
                    .iter()
                    .enumerate()
                    .filter(|(_, field)| !is_seen(&field.name) && !field.name.starts_with("..."));
                matching.missing_fields.extend(fields.map(|(field, _)| (index, field)));
            }
        }
        if let Some(taken) = taken.get_mut(index) {
            *taken = true;
        }
    }
}

/// Whether an entry that could not be read speaks of the name: it is documented, only not in a form that tools understand.
fn in_unreadable_entry(doc: &DocContext<'_>, name: &str) -> bool {
    let is_unreadable = |entry: &Entry| entry.names.is_empty() && entry.description.starts_with('{');
    doc.entries(EntryKind::Param).any(|(_, entry)| is_unreadable(entry) && prose::has_word(&entry.description, name))
}

fn settle_extras(
    doc: &DocContext<'_>,
    signature: &Signature<'_>,
    names: &mut [DocName<'_>],
    matching: &mut ParamMatching,
) {
    let params: &[Param] = &signature.params;
    let is_known = |name: &DocName<'_>| signature.known.contains(&root_of(name.text));
    let mut extras: Vec<usize> = Vec::new();
    for (place, name) in names.iter().enumerate() {
        let is_second = matching.duplicated.iter().any(|(later, _)| *later == name.at);
        let is_orphan = name.param.is_none() && !is_known(name) && !is_second;
        if is_orphan || (is_second && !name.is_nested() && !matching.missing.is_empty() && name.param.is_some()) {
            extras.push(place);
        }
    }
    if extras.is_empty() {
        return;
    }
    let open = Openness::of(doc, signature, names);
    let gaps = |place: usize, name: &DocName<'_>| Gap {
        before: names.iter().take(place).rev().find_map(|name| name.param),
        after: names.iter().skip(place + 1).find_map(|name| name.param),
        is_allowed: open.allows(doc, place, name),
    };
    let mut candidates: Vec<pairing::Candidate<'_>> = Vec::new();
    for &place in &extras {
        let Some(name) = names.get(place) else { continue };
        candidates.push(pairing::Candidate {
            place,
            name: name.text,
            entry: name.entry,
            is_nested: name.is_nested(),
            gap: gaps(place, name),
        });
    }
    let mut pairs = pairing::pair(&candidates, params, &matching.missing);
    // The quiet profile tells of a pair that only shares a place as of one name too many and one too few.
    pairs.retain(|pair| pair.is_believable || doc.file.is_thorough());
    for pair in &pairs {
        if let Some(name) = names.get_mut(pair.place) {
            name.param = Some(pair.param);
            matching.duplicated.retain(|(later, _)| *later != name.at);
            let rename = Rename { documented: name.at, param: pair.param, is_believable: pair.is_believable };
            matching.renamed.push(rename);
        }
    }
    matching.missing.retain(|param| !pairs.iter().any(|pair| pair.param == *param));
    let absorbs = params.iter().enumerate().any(|(index, param)| {
        param.kind == ParamKind::Rest
            && (matching.missing.contains(&index) || !names.iter().any(|name| name.param == Some(index)))
    });
    let mut absorbed = 0;
    for candidate in &candidates {
        let is_paired = pairs.iter().any(|pair| pair.place == candidate.place);
        let Some(name) = names.get(candidate.place).filter(|name| name.param.is_none() && !is_paired) else { continue };
        if candidate.gap.is_allowed {
            continue;
        }
        let is_group = candidate.entry.names.len() > 1 && !doc.file.is_thorough();
        if absorbs && (candidate.gap.after.is_none() || is_group) {
            absorbed += 1;
            continue;
        }
        matching.extra.push(name.at);
        let successors = pairing::may_become(candidate, params, &matching.missing);
        matching.undecided.extend(successors.map(|param| (name.at, param)));
    }
    if absorbed > 0 {
        matching.missing.retain(|index| params.get(*index).is_none_or(|param| param.kind != ParamKind::Rest));
    }
    // Children of a name that was given up or renamed follow it and need no finding of their own.
    let roots: Vec<&str> = names
        .iter()
        .filter(|name| !name.is_nested() && (matching.extra.contains(&name.at) || is_renamed(matching, name.at)))
        .map(|name| name.text)
        .collect();
    matching.extra.retain(|at| {
        !names.iter().any(|name| name.at == *at && name.is_nested() && roots.contains(&root_of(name.text)))
    });
}

fn is_renamed(matching: &ParamMatching, at: NameRef) -> bool {
    matching.renamed.iter().any(|rename| rename.documented == at)
}

/// What an open signature (`**kwargs`, `arguments`) lets the documentation name besides its parameters.
struct Openness {
    is_open: bool,
    rest_entry: Option<usize>,
    is_thorough: bool,
    is_bare: bool,
}

impl Openness {
    fn of(doc: &DocContext<'_>, signature: &Signature<'_>, names: &[DocName<'_>]) -> Self {
        let params = &signature.params;
        let kind_of = |name: &DocName<'_>| name.param.and_then(|index| params.get(index)).map(|param| param.kind);
        // Functions that read `arguments` take more than they declare; most of them declare nothing.
        let uses_arguments = || {
            let body = doc.symbol.body.unwrap_or_default();
            let is_candidate = doc.file.is_script() && (params.is_empty() || !doc.file.is_thorough());
            is_candidate && prose::is_used_name(&doc.file.model.text, body, doc.file.doc_spans(), false, "arguments")
        };
        Self {
            is_open: signature.is_open || uses_arguments(),
            rest_entry: names.iter().position(|name| kind_of(name) == Some(ParamKind::KeywordRest)),
            is_thorough: doc.file.is_thorough(),
            is_bare: params.is_empty(),
        }
    }

    fn allows(&self, doc: &DocContext<'_>, place: usize, name: &DocName<'_>) -> bool {
        // `draw(/* scene, camera */) {}`: what a base class leaves to others.
        let is_left_out = || {
            let (text, signature, word) = (&doc.file.model.text, doc.symbol.signature, root_of(name.text));
            let is_there = doc.text(signature).contains("/*") && prose::occurs(text, signature, &[], word);
            is_there && !prose::is_used_name(text, signature, &[], false, word)
        };
        if doc.file.is_script() && (is_left_out() || (self.is_bare && !self.is_thorough && doc.is_hollow())) {
            return true;
        }
        if !self.is_open {
            return false;
        }
        let section = name.entry.section.and_then(|section| doc.doc.sections.get(section));
        let title = section.map_or("", |section| section.title.as_str());
        let tag = name.entry.tag.as_deref().unwrap_or("");
        let speaks_of_keywords = ["eyword", "ther", "kwargs", "ptions"].iter().any(|word| title.contains(word))
            || tag.starts_with("key")
            || tag.starts_with("kw");
        // In the quiet profile a name may be a key of the rest wherever it stands.
        if !self.is_thorough || self.rest_entry.is_none_or(|rest| place > rest) {
            return true;
        }
        let body = doc.symbol.body.unwrap_or_default();
        let is_looked_up = || prose::is_looked_up(&doc.file.model.text, body, doc.file.doc_spans(), name.text);
        speaks_of_keywords || is_looked_up()
    }
}

fn out_of_order(
    doc: &DocContext<'_>,
    params: &[Param],
    names: &[DocName<'_>],
    matching: &ParamMatching,
) -> Vec<NameRef> {
    let mut displaced = Vec::new();
    let mut sections: Vec<Option<usize>> = names.iter().map(|name| name.entry.section).collect();
    sections.dedup();
    for section in sections {
        let is_counted = |name: &&DocName<'_>| {
            let kind = name.param.and_then(|index| params.get(index)).map(|param| param.kind);
            let is_ordered = kind.is_some_and(|kind| {
                doc.file.is_thorough() || !matches!(kind, ParamKind::KeywordOnly | ParamKind::KeywordRest)
            });
            let is_second = matching.duplicated.iter().any(|(later, _)| *later == name.at);
            name.entry.section == section && is_ordered && !name.is_nested() && !is_second
        };
        let sequence: Vec<(NameRef, usize)> =
            names.iter().filter(is_counted).filter_map(|name| Some((name.at, name.param?))).collect();
        displaced.extend(pairing::displaced(&sequence));
    }
    displaced
}

/// Whether the quiet profile misses a parameter: there is a list of parameters, of the kind that would hold it,
/// and no line of it begins with the name in a form that the style does not know.
fn is_expected(doc: &DocContext<'_>, param: &Param) -> bool {
    let sections = || doc.doc.sections.iter().filter(|section| section.kind == EntryKind::Param);
    if sections().next().is_none() {
        return true;
    }
    let is_partial = |title: &str| ["eyword", "ther", "ption"].iter().any(|word| title.contains(word));
    let has_entries = doc.entries(EntryKind::Param).next().is_some();
    if !has_entries || (param.kind != ParamKind::KeywordOnly && sections().all(|section| is_partial(&section.title))) {
        return false;
    }
    let begins_line = |line: &str| {
        let head = [":", " -", "(", ". "]
            .iter()
            .filter_map(|end| line.find(end))
            .min()
            .and_then(|end| line.get(..end))
            .unwrap_or(line);
        prose::has_word(head, &param.name)
    };
    let lines = sections().flat_map(|section| doc.doc.block.lines.get(section.lines.clone()).unwrap_or(&[]));
    !lines.skip(1).any(|line| begins_line(doc.text(line.span)))
}

/// Whether parts of the text are filled in at run time (`%(param)s`, `{params}`), so that nothing can be said to be missing.
pub fn is_templated(doc: &DocContext<'_>) -> bool {
    let is_placeholder = |line: &str| {
        let framed = |open: &str, close: &str| {
            line.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).is_some_and(is_identifier)
        };
        framed("{", "}")
            || framed("%(", ")s")
            || framed("<<", ">>")
            || framed("${", "}")
            || framed("$", "")
            || framed("|", "|")
    };
    doc.doc.block.lines.iter().any(|line| is_placeholder(doc.text(line.span).trim()))
}

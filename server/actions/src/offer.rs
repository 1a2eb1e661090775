//! What can be done at a place. Offering is free: nothing is written until an offer is run.

use crate::convert::{can_convert, convert, convert_file};
use crate::document::{Scope, document_proved, document_scope, should_document};
use crate::edit::{Proved, Refusal, changing, proved};
use crate::fix_all::fix_all;
use crate::layout::{family, style_for};
use crate::update_docs::rename::is_open_rename;
use crate::update_docs::{mend, update};
use crate::writer::WriterOptions;
use analysis::diagnostic::{Finding, Repair};
use syntax::docstring::DocStyle;
use syntax::model::FileModel;
use syntax::text::Span;

/// What an offer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OfferKind {
    /// Mends one finding.
    Fix,
    /// Documents one symbol.
    Document(usize),
    /// Documents all that begins in the span.
    DocumentSelection,
    /// Documents all of the file that should be documented.
    DocumentFile,
    /// Mends all findings of one symbol's documentation.
    Update(usize),
    /// Mends all findings of the file.
    FixAll,
    /// Writes one symbol's documentation in another style.
    Convert(usize, DocStyle),
    /// Writes all documentation of the file in another style.
    ConvertFile(DocStyle),
}

/// The family that a client may ask for alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OfferGroup {
    /// Mends findings: quick fixes.
    QuickFix,
    /// Writes or rewrites documentation: refactorings.
    Rewrite,
    /// Whole-file actions run on save or on demand.
    Source,
    /// The one action that mends all.
    FixAll,
}

impl OfferKind {
    /// The family of the offer.
    pub fn group(self) -> OfferGroup {
        match self {
            Self::Fix => OfferGroup::QuickFix,
            Self::Document(_) | Self::DocumentSelection | Self::Update(_) | Self::Convert(..) => OfferGroup::Rewrite,
            Self::DocumentFile | Self::ConvertFile(_) => OfferGroup::Source,
            Self::FixAll => OfferGroup::FixAll,
        }
    }
}

/// Something that can be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Stable within one version of the file: `fix:3`, `document:7`, `fix-all`.
    pub id: String,
    /// What the user reads in the menu.
    pub title: String,
    /// What it does.
    pub kind: OfferKind,
    /// The place for which it was offered.
    pub span: Span,
    /// Findings (by index in the list given) that it mends.
    pub findings: Vec<usize>,
    /// The most likely wish among the offers for the same finding.
    pub preferred: bool,
}

/// What can be done at `span`; `only` names the families wanted, empty means all.
pub fn offers(model: &FileModel, findings: &[Finding], span: Span, only: &[OfferGroup]) -> Vec<Offer> {
    let mut list = Vec::new();
    fixes(model, findings, span, &mut list);
    documents(model, span, &mut list);
    updates(model, findings, span, &mut list);
    conversions(model, span, &mut list);
    let fixable: Vec<usize> = (0..findings.len()).filter(|&index| findings.get(index).is_some_and(mendable)).collect();
    if !fixable.is_empty() {
        list.push(offer(
            "fix-all",
            "Fix all documentation problems in this file",
            OfferKind::FixAll,
            span,
            fixable,
            false,
        ));
    }
    list.retain(|offer| only.is_empty() || only.contains(&offer.kind.group()));
    list
}

/// Does what the offer says, and proves it.
pub fn run(model: &FileModel, findings: &[Finding], offer: &Offer, options: &WriterOptions) -> Result<Proved, Refusal> {
    let chosen = || -> Result<Vec<Finding>, Refusal> {
        offer.findings.iter().map(|&index| findings.get(index).cloned().ok_or(Refusal::Stale)).collect()
    };
    let edits = match offer.kind {
        OfferKind::Fix => mend(model, &chosen()?, options)?,
        OfferKind::Update(_) => update(model, &chosen()?, options)?,
        // The others prove all that they hand out, and a proof reads the file several times.
        OfferKind::Document(symbol) => {
            return proved(model, document_scope(model, Scope::Symbol(symbol), options)?).map(Proved::from);
        }
        OfferKind::DocumentSelection => document_scope(model, Scope::Selection(offer.span), options)?,
        OfferKind::DocumentFile => {
            let Proved { edits, proof } = document_proved(model, Scope::File, options)?;
            return changing(model, edits).map(|edits| Proved { edits, proof });
        }
        OfferKind::FixAll => fix_all(model, findings, options)?.edits,
        OfferKind::Convert(symbol, style) => convert(model, symbol, style, options)?,
        OfferKind::ConvertFile(style) => convert_file(model, style, options)?,
    };
    changing(model, edits).map(Proved::from)
}

fn offer(id: &str, title: &str, kind: OfferKind, span: Span, findings: Vec<usize>, preferred: bool) -> Offer {
    Offer { id: id.to_owned(), title: title.to_owned(), kind, span, findings, preferred }
}

fn mendable(finding: &Finding) -> bool {
    finding.is_mended_unasked()
}

/// One quick fix for each finding at the place that can be mended.
fn fixes(model: &FileModel, findings: &[Finding], span: Span, list: &mut Vec<Offer>) {
    for (index, finding) in findings.iter().enumerate() {
        if !finding.repairs.is_empty() && finding.span.overlaps(span) {
            let title = fix_title(model, finding);
            list.push(offer(
                &format!("fix:{index}"),
                &title,
                OfferKind::Fix,
                finding.span,
                vec![index],
                !finding.needs_choice,
            ));
        }
    }
}

/// What the fix of a finding is called.
fn fix_title(model: &FileModel, finding: &Finding) -> String {
    let symbol = model.symbols.get(finding.symbol);
    let entry_names = |entry: usize| -> String {
        let doc = symbol.and_then(|symbol| symbol.doc.as_ref());
        let names: Vec<String> = doc
            .and_then(|doc| doc.entries.get(entry))
            .map(|entry| entry.names.iter().map(|name| format!("`{}`", name.name)).collect())
            .unwrap_or_default();
        if names.is_empty() { "the entry".to_owned() } else { names.join(", ") }
    };
    let param = |index: usize| {
        symbol.and_then(|symbol| symbol.params.get(index)).map_or(String::new(), |param| param.name.clone())
    };
    let Some(first) = finding.repairs.first() else {
        return "Update the documentation".to_owned();
    };
    match first {
        Repair::Draft => {
            format!("Document `{}`", if finding.symbol_path.is_empty() { "this file" } else { &finding.symbol_path })
        }
        Repair::AddParam { param: index } => format!("Document parameter `{}`", param(*index)),
        Repair::AddParamField { param: index, field } => {
            let name = symbol.and_then(|symbol| symbol.params.get(*index)).and_then(|param| param.fields.get(*field));
            format!("Document property `{}`", name.map_or("", |field| field.name.as_str()))
        }
        Repair::AddTypeParam { type_param } => {
            let name = symbol.and_then(|symbol| symbol.type_params.get(*type_param));
            format!("Document type parameter `{}`", name.map_or("", |param| param.name.as_str()))
        }
        Repair::RenameName { to, .. } => format!("Rename to `{to}` in the documentation"),
        Repair::RemoveName { entry, name } => {
            let doc = symbol.and_then(|symbol| symbol.doc.as_ref());
            let name = doc.and_then(|doc| doc.entries.get(*entry)).and_then(|entry| entry.names.get(*name));
            format!("Remove `{}` from the documentation", name.map_or("the entry", |name| name.name.as_str()))
        }
        Repair::RemoveEntry { entry } => format!("Remove {} from the documentation", entry_names(*entry)),
        Repair::OrderParams => "Put the parameters into the order of the signature".to_owned(),
        Repair::SetType { to, .. } => format!("Change the documented type to `{to}`"),
        Repair::SetDefault { to, .. } => format!("Change the documented default to `{to}`"),
        Repair::AddReturn => "Document the returned value".to_owned(),
        Repair::AddYield => "Document the yielded value".to_owned(),
        Repair::Retitle { .. } => "Change the section to fit the code".to_owned(),
        Repair::RemoveKind { .. } => "Remove what the code no longer does from the documentation".to_owned(),
        Repair::AddRaise { throw } => {
            let fact = symbol.and_then(|symbol| symbol.facts.as_ref()).and_then(|facts| facts.throws.get(*throw));
            format!("Document that `{}` is raised", fact.map_or("an exception", |fact| fact.type_name.as_str()))
        }
        Repair::AddReject { .. } => "Document the rejection".to_owned(),
        Repair::AddSection { .. } => "Add the missing section".to_owned(),
        Repair::AddAttribute { name } => format!("Document attribute `{name}`"),
        Repair::Replace { to, .. } if to.len() <= 40 && !to.is_empty() => format!("Change to `{to}`"),
        Repair::Replace { .. } => "Correct the documentation".to_owned(),
    }
}

/// Documenting the symbol at the place, the selection, or the file.
fn documents(model: &FileModel, span: Span, list: &mut Vec<Offer>) {
    let options = WriterOptions::default();
    let here: Vec<usize> = (1..model.symbols.len())
        .filter(|&index| model.symbols.get(index).is_some_and(|symbol| span.touches(symbol.name_span.start)))
        .filter(|&index| should_document(model, index, Scope::Selection(span), &options))
        .collect();
    let under =
        model.symbol_at(span.start).filter(|&index| should_document(model, index, Scope::Selection(span), &options));
    if here.len() > 1 {
        let title = format!("Document the {} undocumented definitions selected", here.len());
        list.push(offer("document-selection", &title, OfferKind::DocumentSelection, span, Vec::new(), false));
    }
    if let Some(index) = here.first().copied().filter(|_| here.len() == 1).or(under)
        && let Some(symbol) = model.symbols.get(index)
    {
        let title = format!("Document `{}`", symbol.name);
        list.push(offer(
            &format!("document:{index}"),
            &title,
            OfferKind::Document(index),
            symbol.name_span,
            Vec::new(),
            false,
        ));
    }
    if (0..model.symbols.len()).any(|index| should_document(model, index, Scope::File, &options)) {
        list.push(offer("document-file", "Document this file", OfferKind::DocumentFile, span, Vec::new(), false));
    }
}

/// Mending all findings of the symbol at the place.
fn updates(model: &FileModel, findings: &[Finding], span: Span, list: &mut Vec<Offer>) {
    let Some(index) = model.symbol_at(span.start) else {
        return;
    };
    let own: Vec<usize> = (0..findings.len())
        .filter(|&finding| {
            findings.get(finding).is_some_and(|finding| {
                let has_repair = !finding.repairs.is_empty() && !finding.repairs.contains(&Repair::Draft);
                finding.symbol == index && (has_repair || is_open_rename(finding))
            })
        })
        .collect();
    // What may be wrong is done only where it is all that was asked for.
    let certain: Vec<usize> = own
        .iter()
        .copied()
        .filter(|&finding| findings.get(finding).is_some_and(|one| mendable(one) || is_open_rename(one)))
        .collect();
    let own = if certain.is_empty() { own } else { certain };
    if let Some(symbol) = model.symbols.get(index).filter(|_| !own.is_empty()) {
        let title = format!("Update the documentation of `{}`", symbol.name);
        list.push(offer(&format!("update:{index}"), &title, OfferKind::Update(index), span, own, false));
    }
}

/// Writing the docstring at the place, or all of the file, in another style.
fn conversions(model: &FileModel, span: Span, list: &mut Vec<Offer>) {
    let Some(index) = model.symbol_at(span.start) else {
        return;
    };
    let Some(doc) = model.symbols.get(index).and_then(|symbol| symbol.doc.as_ref()) else {
        return;
    };
    if !doc.is_structured() || !doc.block.span.overlaps(span) {
        return;
    }
    let home = style_for(model, &WriterOptions::default());
    let options = WriterOptions::default();
    let is_possible = |style: &&DocStyle| **style != doc.style && can_convert(model, index, **style, &options);
    for &style in family(model.language.doc_style).iter().filter(is_possible) {
        let title = format!("Convert this documentation to {} style", style.name());
        let id = format!("convert:{index}:{}", style.name());
        list.push(offer(&id, &title, OfferKind::Convert(index, style), doc.block.span, Vec::new(), false));
        if style != home {
            let title = format!("Convert the documentation of this file to {} style", style.name());
            list.push(offer(
                &format!("convert-file:{}", style.name()),
                &title,
                OfferKind::ConvertFile(style),
                span,
                Vec::new(),
                false,
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{after, findings, model};

    const TEXT: &str = "def f(a):\n    \"\"\"Do it.\n\n    Args:\n        b: One.\n    \"\"\"\n    return a\n\ndef g(x):\n    return h(x)\n";

    fn ids(at: &str, only: &[OfferGroup]) -> Vec<String> {
        let model = model("python", TEXT);
        let start = TEXT.find(at).unwrap();
        offers(&model, &findings(&model), Span::at(start), only).into_iter().map(|offer| offer.id).collect()
    }

    #[test]
    fn a_place_gets_its_own_offers() {
        let on_entry = ids("b: One", &[]);
        assert!(on_entry.iter().any(|id| id.starts_with("fix:")), "{on_entry:?}");
        assert!(on_entry.contains(&"update:1".to_owned()) && on_entry.contains(&"fix-all".to_owned()), "{on_entry:?}");
        assert!(on_entry.contains(&"convert:1:numpy".to_owned()), "{on_entry:?}");
        assert!(!on_entry.contains(&"document:1".to_owned()), "{on_entry:?}");
        assert!(ids("g(x)", &[]).contains(&"document:2".to_owned()));
    }

    #[test]
    fn only_the_families_asked_for_are_offered() {
        assert_eq!(ids("b: One", &[OfferGroup::FixAll]), ["fix-all"]);
        assert!(ids("g(x)", &[OfferGroup::QuickFix]).iter().all(|id| id.starts_with("fix:")));
    }

    #[test]
    fn every_offer_runs_or_says_why_not() {
        let model = model("python", TEXT);
        let findings = findings(&model);
        for offset in (0..TEXT.len()).step_by(3) {
            for offer in offers(&model, &findings, Span::at(offset), &[]) {
                let edits = run(&model, &findings, &offer, &WriterOptions::default());
                let edits = edits.unwrap_or_else(|refusal| panic!("{} at {offset}: {refusal}", offer.id));
                assert_ne!(after(&model, &edits.edits), TEXT, "{}", offer.id);
            }
        }
    }

    #[test]
    fn an_offer_of_another_version_is_refused() {
        let model = model("python", TEXT);
        let offer = Offer {
            id: "fix:9".into(),
            title: String::new(),
            kind: OfferKind::Fix,
            span: Span::at(0),
            findings: vec![99],
            preferred: true,
        };
        let refusal = run(&model, &findings(&model), &offer, &WriterOptions::default()).unwrap_err();
        assert_eq!(refusal, Refusal::Stale);
    }
}

//! Which action a command stands for. It runs nothing.

use crate::act::refused;
use crate::answers::Command;
use crate::diagnose::Analysis;
use crate::error::CoreError;
use actions::edit::Refusal;
use actions::offer as action;
use analysis::diagnostic::{Finding, Repair};
use syntax::docstring::DocStyle;
use syntax::text::Span;

/// The action that a command stands for.
pub(crate) fn offer_of(command: &Command, analysis: &Analysis) -> Result<action::Offer, CoreError> {
    let (model, findings) = (&analysis.diagnosis.model, &analysis.diagnosis.findings);
    let whole = Span::new(0, model.text.len());
    let symbol_at = |offset: usize| model.symbol_at(offset).ok_or(Refusal::NoSymbol).map_err(refused);
    Ok(match command {
        Command::DocumentSymbol { offset, .. } => {
            action_offer(action::OfferKind::Document(symbol_at(*offset)?), Span::at(*offset), Vec::new())
        }
        Command::DocumentSelection { start, end, .. } => {
            action_offer(action::OfferKind::DocumentSelection, Span::new(*start, *end), Vec::new())
        }
        Command::UpdateDocs { offset: Some(offset), .. } => {
            let symbol = symbol_at(*offset)?;
            let mends = drifts(findings, |finding| finding.symbol == symbol);
            if mends.is_empty() {
                return Err(refused(Refusal::NothingToDo));
            }
            action_offer(action::OfferKind::Update(symbol), Span::at(*offset), mends)
        }
        Command::UpdateDocs { offset: None, .. } => {
            let mends = drifts(findings, |_| true);
            if mends.is_empty() {
                return Err(refused(Refusal::NothingToDo));
            }
            action_offer(action::OfferKind::Fix, whole, mends)
        }
        Command::FixAll { .. } => action_offer(action::OfferKind::FixAll, whole, (0..findings.len()).collect()),
        Command::ConvertStyle { offset, style, .. } => {
            let to = DocStyle::from_name(style).ok_or_else(|| {
                CoreError::refused(format!("There is no style `{style}`; use one of {}.", style_names()))
            })?;
            match offset {
                Some(offset) => {
                    action_offer(action::OfferKind::Convert(symbol_at(*offset)?, to), Span::at(*offset), Vec::new())
                }
                None => action_offer(action::OfferKind::ConvertFile(to), whole, Vec::new()),
            }
        }
        Command::DocumentFile { .. } | Command::DocumentWorkspace | Command::Apply { .. } => {
            action_offer(action::OfferKind::DocumentFile, whole, Vec::new())
        }
    })
}

fn style_names() -> String {
    let writable = DocStyle::ALL.into_iter().filter(|style| !matches!(style, DocStyle::Plain | DocStyle::Epydoc));
    writable.map(|style| format!("`{}`", style.name())).collect::<Vec<_>>().join(", ")
}

/// Findings about documentation that is there and can be made true.
fn drifts(findings: &[Finding], wanted: impl Fn(&Finding) -> bool) -> Vec<usize> {
    let is_drift = |finding: &Finding| !finding.repairs.is_empty() && !finding.repairs.contains(&Repair::Draft);
    findings
        .iter()
        .enumerate()
        .filter(|(_, finding)| is_drift(finding) && wanted(finding))
        .map(|(index, _)| index)
        .collect()
}

/// An offer that no client was shown.
pub(crate) fn action_offer(kind: action::OfferKind, span: Span, findings: Vec<usize>) -> action::Offer {
    let title = match kind {
        action::OfferKind::Document(_) => "Document the symbol",
        action::OfferKind::DocumentSelection => "Document the selection",
        action::OfferKind::DocumentFile => "Document the file",
        action::OfferKind::Fix | action::OfferKind::Update(_) => "Update the documentation",
        action::OfferKind::FixAll => "Fix all documentation problems",
        action::OfferKind::Convert(..) | action::OfferKind::ConvertFile(_) => "Convert the documentation",
    };
    action::Offer { id: String::new(), title: title.to_string(), kind, span, findings, preferred: false }
}

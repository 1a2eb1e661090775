//! How offers for a text are named and shown: those that are done here, and those that ask a model.

use crate::answers::OfferKind;
use crate::model_offers::{AskGroup, AskOffer};
use actions::offer as action;
use syntax::text::Span;

/// Something that can be done at a place of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextOffer {
    /// Finds it again, in the same text at the same place.
    pub id: String,
    /// What the user reads.
    pub title: String,
    /// The kind, as editors name kinds of actions.
    pub kind: &'static str,
    /// Where.
    pub span: Span,
    /// The most likely wish among those for the same finding.
    pub preferred: bool,
    /// Whether a model is asked when it is run.
    pub asks_model: bool,
}

pub(super) fn own_offer(offer: &action::Offer) -> TextOffer {
    TextOffer {
        id: offer.id.clone(),
        title: offer.title.clone(),
        kind: OfferKind::of(offer.kind.group()).name(),
        span: offer.span,
        preferred: offer.preferred,
        asks_model: false,
    }
}

/// What the names of offers with a model begin with.
const ASK: &str = "ask:";

/// Whether an offer of this name asks a model.
pub fn is_of_model(id: &str) -> bool {
    id.starts_with(ASK)
}

pub(super) fn model_offer(offer: &AskOffer) -> TextOffer {
    let kind = serde_json::to_value(offer.ask.kind).ok();
    let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default();
    let words = if offer.ask.words.is_empty() { String::new() } else { format!(":{}", offer.ask.words) };
    TextOffer {
        id: format!("{ASK}{kind}{words}"),
        title: offer.title.clone(),
        kind: match offer.group {
            AskGroup::QuickFix => "quickfix",
            AskGroup::Rewrite => "refactor.rewrite",
            AskGroup::Extract => "refactor.extract",
            AskGroup::Source => "source.code-agent",
            AskGroup::Read => "code-agent.explain",
        },
        span: Span::new(offer.ask.start, offer.ask.end),
        preferred: false,
        asks_model: true,
    }
}

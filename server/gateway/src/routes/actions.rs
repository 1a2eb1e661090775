//! What can be done at a place of a text, and doing it.
//!
//! Nothing is kept between the two: an offer is known by its text and place again, and another text knows nothing of it. Edits are proved as they are
//! in an editor; what a model says is judged first.

use crate::auth::{self, Principal};
use crate::error::{Kind, Problem, ProblemBody};
use crate::extract::Valid;
use crate::openapi::Operation;
use crate::routes::documents::{FileName, Range, name_of};
use crate::state::Gateway;
use axum::extract::State;
use axum::{Extension, Json};
use engine::syntax::text::{LineIndex, Span};
use engine::texts::{TextDone, TextOffer, is_of_model};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use utoipa::ToSchema;

/// The scope without which no token has a model asked by an action or a job; the door for OpenAI's format has one of its own.
const MODELS: &str = "models";

/// What is asked of the policies, and of the scopes of a token, before a model is.
fn asking() -> Operation {
    Operation {
        id: "openai.chat".to_owned(),
        tag: MODELS.to_owned(),
        group: "models.ask".to_owned(),
        is_public: false,
        is_for_neighbours: false,
        needs_step_up: false,
    }
}

/// A place of a text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "path": "src/orders.py", "text": "def total(prices):\n    return sum(prices)\n",
    "range": { "start": { "line": 0, "character": 4 }, "end": { "line": 0, "character": 4 } }
}))]
pub(crate) struct OffersRequest {
    /// The name of the file.
    path: FileName,
    /// What is in it.
    #[schema(max_length = 2_000_000, example = "def total(prices):\n    return sum(prices)\n")]
    text: String,
    /// Where; the whole text if it is left out.
    range: Option<Range>,
}

/// Something that can be done.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Offer)]
pub(crate) struct OfferView {
    /// What to run it by, with the same text and range.
    #[schema(example = "document:1@57b97a8ff9b8")]
    id: String,
    /// In words; where a model is asked, which one and what it may cost.
    #[schema(example = "Document `total`")]
    title: String,
    /// The kind, as editors name kinds of actions.
    #[schema(example = "refactor.rewrite")]
    kind: &'static str,
    /// Where.
    range: Range,
    /// The most likely wish among those for the same finding.
    preferred: bool,
    /// Whether running it asks a model.
    asks_model: bool,
}

/// What can be done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Offers {
    /// In the order in which an editor shows them.
    offers: Vec<OfferView>,
}

/// What can be done at a place of a text. It costs nothing: no model is asked.
#[utoipa::path(post, path = "/actions/offers", tag = "actions", operation_id = "actions.offers",
    extensions(("x-group" = json!("actions.use"))), request_body = OffersRequest, responses(
    (status = 200, description = "The offers; those that ask a model only for who may have one asked", body = Offers),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 413, description = "Too large", body = ProblemBody), (status = 415, description = "No JSON", body = ProblemBody),
    (status = 422, description = "A language that is not supported", body = ProblemBody)))]
pub(crate) async fn offers(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Valid(body): Valid<OffersRequest>,
) -> Result<Json<Offers>, Problem> {
    let asked = Asked::of(&gateway, &body.path, body.text, body.range)?;
    let with_models = auth::is_allowed(&gateway, &principal, &asking());
    let core = gateway.core(&principal.account.id);
    let found = core.text_offers(asked.name.clone(), asked.text.clone(), asked.span, with_models).await?;
    let (mark, lines) = (asked.mark(), LineIndex::new(&asked.text));
    let view = |offer: TextOffer| OfferView {
        id: format!("{}@{mark}", offer.id),
        title: offer.title,
        kind: offer.kind,
        range: Range::of(&lines, &asked.text, offer.span),
        preferred: offer.preferred,
        asks_model: offer.asks_model,
    };
    Ok(Json(Offers { offers: found.into_iter().map(view).collect() }))
}

/// An offer, with the text and the place that it was made for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "path": "src/orders.py", "text": "def total(prices):\n    return sum(prices)\n",
    "range": { "start": { "line": 0, "character": 4 }, "end": { "line": 0, "character": 4 } },
    "id": "document:1@57b97a8ff9b8"
}))]
pub(crate) struct RunRequest {
    /// The name of the file, as it was asked with.
    path: FileName,
    /// What is in it, as it was asked with.
    #[schema(max_length = 2_000_000, example = "def total(prices):\n    return sum(prices)\n")]
    text: String,
    /// Where, as it was asked with.
    range: Option<Range>,
    /// The offer.
    #[schema(min_length = 1, max_length = 512, example = "document:1@57b97a8ff9b8")]
    id: String,
}

/// A part of a text that becomes another.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Edit {
    /// Where.
    range: Range,
    /// What stands there from now on.
    text: String,
}

/// Another file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OtherFile {
    /// Its name.
    #[schema(example = "tests/test_orders.py")]
    path: String,
    /// What is written into it, or added at its end where it is there.
    text: String,
}

/// What was done.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Done {
    /// The text from now on; as it was where nothing of it was changed.
    text: String,
    /// The same as edits of the text that was sent, in order.
    edits: Vec<Edit>,
    /// Another file that is to be written, such as one with tests.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<OtherFile>,
    /// What is to be read, as Markdown, such as an explanation.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<String>,
    /// One sentence on what was done, and with what.
    note: String,
    /// What was verified, each in a few words.
    checks: Vec<String>,
    /// What else is to be known.
    remarks: Vec<String>,
    /// Whether an answer of a model is in it.
    by_model: bool,
}

impl Done {
    fn of(before: &str, done: TextDone) -> Self {
        let lines = LineIndex::new(before);
        let edit = |edit: &engine::syntax::text::TextEdit| Edit {
            range: Range::of(&lines, before, edit.span),
            text: edit.text.to_string(),
        };
        Self {
            edits: done.edits.iter().map(edit).collect(),
            text: done.after.to_string(),
            file: done.file.map(|(path, text)| OtherFile { path, text }),
            page: done.page,
            note: done.note,
            checks: done.checks,
            remarks: done.remarks,
            by_model: done.is_by_model,
        }
    }
}

/// Does what an offer says.
///
/// Where it asks a model, that counts for the account as everywhere; where no model answers or its quota is used up, what needs none is done if
/// there is such a thing, and a remark says so.
#[utoipa::path(post, path = "/actions/run", tag = "actions", operation_id = "actions.run",
    extensions(("x-group" = json!("actions.use"))), request_body = RunRequest, responses(
    (status = 200, description = "What was done", body = Done),
    (status = 400, description = "Not as it has to be, or longer than the model can read", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 404, description = "There is no such offer for this text and range", body = ProblemBody),
    (status = 413, description = "Too large", body = ProblemBody), (status = 415, description = "No JSON", body = ProblemBody),
    (status = 422, description = "It cannot be done", body = ProblemBody),
    (status = 429, description = "Too much was asked, or a quota is used up", body = ProblemBody),
    (status = 502, description = "The models failed", body = ProblemBody),
    (status = 503, description = "No model has room", body = ProblemBody),
    (status = 504, description = "It took too long", body = ProblemBody)))]
pub(crate) async fn run(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Valid(body): Valid<RunRequest>,
) -> Result<Json<Done>, Problem> {
    let asked = Asked::of(&gateway, &body.path, body.text, body.range)?;
    let unknown = || {
        let said = "There is no such offer for this text and range; ask `/api/v2/actions/offers` with them.";
        Problem::new(Kind::NotFound, said).at("/id")
    };
    // Another text has other offers under the same names.
    let id = body.id.strip_suffix(&asked.mark()).and_then(|id| id.strip_suffix('@')).ok_or_else(unknown)?;
    let account = &principal.account.id;
    if is_of_model(id) {
        permit_model(&gateway, &principal, "actions", "An offer of a model").await?;
    }
    let core = gateway.core(account);
    let is_there = core.text_offers(asked.name.clone(), asked.text.clone(), asked.span, is_of_model(id)).await?;
    if !is_there.iter().any(|offer| offer.id == id) {
        return Err(unknown());
    }
    let done = core.run_text_offer(asked.name, asked.text.clone(), asked.span, id.to_owned()).await?;
    Ok(Json(Done::of(&asked.text, done)))
}

/// Refuses somebody who may not have a model asked, whichever way he has it asked; `what` is that way, in words.
pub(super) async fn permit_model(
    gateway: &Gateway,
    principal: &Principal,
    resource: &str,
    what: &str,
) -> Result<(), Problem> {
    let allowed = auth::permit(gateway, principal, &asking(), resource, false).await;
    allowed.map_err(|problem| if problem.is_denial() { not_by_a_model(gateway, principal, what) } else { problem })
}

/// Why somebody may not have a model asked.
fn not_by_a_model(gateway: &Gateway, principal: &Principal, what: &str) -> Problem {
    if principal.is_in_scope(MODELS) {
        let said = format!("The role `{}` may not have a model asked.", principal.account.role.name());
        return Problem::new(Kind::Forbidden, said);
    }
    let said = format!("{what} needs a token with the scope `{MODELS}` too.");
    Problem::new(Kind::Forbidden, said).for_want_of(&auth::scope_of(gateway, principal, MODELS))
}

/// A text and a place in it that were looked at.
struct Asked {
    name: PathBuf,
    text: Arc<str>,
    span: Span,
}

impl Asked {
    fn of(gateway: &Gateway, path: &FileName, text: String, range: Option<Range>) -> Result<Self, Problem> {
        let name = name_of(gateway, path, &text, "")?;
        let span = range.map_or(Span::new(0, text.len()), |range| range.span(&text));
        Ok(Self { name, text: text.into(), span })
    }

    /// What stands for the text and the place in the names of offers.
    fn mark(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.name.as_os_str().as_encoded_bytes());
        hasher.update(&[0]);
        hasher.update(&self.span.start.to_le_bytes());
        hasher.update(&self.span.end.to_le_bytes());
        hasher.update(self.text.as_bytes());
        hasher.finalize().to_hex().get(..12).unwrap_or_default().to_owned()
    }
}

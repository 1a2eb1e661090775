//! Tokens for programs: shown once, kept as hashes, good for what they are meant for and as long as they are meant to be.

use crate::auth::outcome::{self, note};
use crate::auth::{Principal, Via, check, scope_of, secrets};
use crate::deed::carried_through;
use crate::error::{Kind, Problem, ProblemBody};
use crate::extract::{Asked, Id, Valid};
use crate::routes::{List, Part, time};
use crate::state::Gateway;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use engine::store::accounts::Role;
use engine::store::now_ms;
use engine::store::tokens::ApiToken;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const DAY_MS: i64 = 86_400_000;

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct TokenView {
    /// Its id.
    id: String,
    /// Whose it is.
    account: String,
    /// What it is called.
    #[schema(example = "ci")]
    name: String,
    /// The parts of the service that it opens.
    scopes: Vec<String>,
    /// When it was made.
    #[schema(format = "date-time")]
    created_at: String,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    expires_at: Option<String>,
    /// When it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    revoked_at: Option<String>,
    /// When it was last used, to the minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    last_used_at: Option<String>,
}

impl From<ApiToken> for TokenView {
    fn from(token: ApiToken) -> Self {
        Self {
            id: token.id,
            account: token.account,
            name: token.name,
            scopes: token.scopes,
            created_at: time(token.created_at),
            expires_at: token.expires_at.map(time),
            revoked_at: token.revoked_at.map(time),
            last_used_at: token.last_used_at.map(time),
        }
    }
}

/// A part of the service that a token opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scope {
    /// How the service is set.
    Service,
    /// Accounts.
    Accounts,
    /// Texts.
    Documents,
    /// What can be done at a place of a text.
    Actions,
    /// Searches of texts.
    Search,
    /// Jobs.
    Jobs,
    /// Figures for Prometheus.
    Metrics,
    /// Models and their cost; asking them by an action or a review.
    Models,
    /// What models are asked in OpenAI's format.
    Openai,
    /// The WebSocket. What is said there wants the scope of its part too: `documents` for the language server, `jobs` and `models` for their events.
    Socket,
    /// The audit log.
    Audit,
}

impl Scope {
    fn tag(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Accounts => "accounts",
            Self::Documents => "documents",
            Self::Actions => "actions",
            Self::Search => "search",
            Self::Jobs => "jobs",
            Self::Metrics => "metrics",
            Self::Models => "models",
            Self::Openai => "openai",
            Self::Socket => "socket",
            Self::Audit => "audit",
        }
    }
}

/// What a new token is made of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "ci", "scopes": ["documents", "jobs"], "days": 30 }))]
pub(crate) struct NewToken {
    /// What it is called.
    #[schema(min_length = 1, max_length = 64, example = "ci")]
    name: String,
    /// The parts of the service that it opens; what its account may not do, it may not either.
    #[schema(min_items = 1, max_items = 11)]
    scopes: Vec<Scope>,
    /// Days that it is good for.
    #[schema(minimum = 1, maximum = 366, example = 30)]
    days: u32,
}

/// A new token, with its secret.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeToken {
    /// To be sent as `Authorization: Bearer …`. It is shown only now.
    pub secret: String,
    /// The token.
    token: TokenView,
}

/// My tokens; an admin sees those of all.
#[utoipa::path(get, path = "/tokens", tag = "tokens", operation_id = "tokens.list",
    extensions(("x-group" = json!("tokens.read"))), params(Part), responses(
    (status = 200, description = "A part of them", body = List<TokenView>),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody)))]
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Asked(part): Asked<Part>,
) -> Result<Json<List<TokenView>>, Problem> {
    let account = (principal.account.role != Role::Admin).then_some(principal.account.id.as_str());
    let page = gateway.store().tokens(account, part.after(), part.limit()).await?;
    Ok(Json(List { items: page.items.into_iter().map(Into::into).collect(), next: page.next }))
}

/// Makes a token that can do no more than what it is made with. Who signed in can; an API token makes no tokens.
#[utoipa::path(post, path = "/tokens", tag = "tokens", operation_id = "tokens.create",
    extensions(("x-group" = json!("tokens.write")), ("x-step-up" = json!(true))), request_body = NewToken, responses(
    (status = 201, description = "The token with its secret", body = MadeToken),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody)))]
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Valid(body): Valid<NewToken>,
) -> Result<(StatusCode, Json<MadeToken>), Problem> {
    carried_through(&gateway.clone(), async move {
        refuse_more_than_its_maker(&gateway, &principal, &body.scopes).await?;
        let fresh = secrets::api_token()?;
        let scopes: Vec<String> = body.scopes.iter().map(|scope| scope.tag().to_owned()).collect();
        let ends = now_ms() + i64::from(body.days) * DAY_MS;
        let account = &principal.account.id;
        let token = gateway.store().create_token(account, &body.name, &fresh.hash, &scopes, Some(ends)).await?;
        let made = outcome::token_made(&scopes, body.days);
        note(&gateway, outcome::POLICY, account, "tokens.create", &token.id, true, &made).await?;
        Ok((StatusCode::CREATED, Json(MadeToken { secret: fresh.secret, token: token.into() })))
    })
    .await
}

/// Refuses a token that could do more than what makes it: more than its scopes name, or by a role that the provider gives no longer.
async fn refuse_more_than_its_maker(gateway: &Gateway, principal: &Principal, scopes: &[Scope]) -> Result<(), Problem> {
    if let Some(scope) = scopes.iter().find(|scope| !principal.is_in_scope(scope.tag())) {
        let said =
            format!("The token that you came with has not the scope `{}`, so it makes none that has.", scope.tag());
        let needed = std::iter::once("tokens").chain(scopes.iter().map(|scope| scope.tag()));
        let needed: Vec<String> = needed.map(|tag| scope_of(gateway, principal, tag)).collect();
        return Err(Problem::new(Kind::Forbidden, said).at("/scopes").for_want_of(&needed.join(" ")));
    }
    if matches!(principal.via, Via::Provider { .. }) {
        let kept = gateway.store().account(&principal.account.id).await?;
        if kept.is_none_or(|kept| kept.role != principal.account.role) {
            let said = "The provider gives you another role than the one that is kept here; sign in on the page once.";
            return Err(Problem::new(Kind::Forbidden, said));
        }
    }
    Ok(())
}

/// Revokes a token. It is good nowhere from then on.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "tokens", operation_id = "tokens.revoke",
    extensions(("x-group" = json!("tokens.write"))),
    params(("id" = String, Path, description = "The token", format = "uuid", example = "0192f0c1-7d5e-7000-8000-000000000000")), responses(
    (status = 204, description = "Revoked"),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 404, description = "Not there", body = ProblemBody)))]
pub(crate) async fn revoke(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    // Who may not see it learns nothing of it.
    let account = (principal.account.role != Role::Admin).then_some(principal.account.id.as_str());
    check(&gateway, &principal, "tokens.revoke", &id, account.unwrap_or("another")).await?;
    let (here, account) = (gateway.clone(), account.map(str::to_owned));
    carried_through(&gateway, async move {
        match here.store().revoke_token(&id, account.as_deref()).await? {
            true => Ok(StatusCode::NO_CONTENT),
            false => Err(Problem::missing("token", &id)),
        }
    })
    .await
}

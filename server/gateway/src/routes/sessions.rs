//! Signing in and out. An access token is good for ten minutes; a refresh token is good once, and one that is used twice ends its session.

use crate::auth::keys::GOOD_FOR_SECONDS;
use crate::auth::outcome::note;
use crate::auth::secrets::Fresh;
use crate::auth::{Principal, Via, factors, lack_of_session, secrets};
use crate::deed::{carried_on, carried_through};
use crate::error::{Kind, Problem, ProblemBody, correlation};
use crate::extract::{ClientAddress, Id, Valid};
use crate::routes::time;
use crate::state::Gateway;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use engine::store::now_ms;
use engine::store::tokens::{Rotated, Session};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long a session is good from its beginning, however much it is used.
pub(super) const SESSION_MS: i64 = 14 * 86_400_000;

/// Who signs in.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SignIn)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "ann", "password": "correct horse battery" }))]
pub(crate) struct Credentials {
    /// The name of the account.
    #[schema(min_length = 1, max_length = 64, example = "ann")]
    pub name: String,
    /// Its password.
    #[schema(min_length = 1, max_length = 256)]
    pub password: String,
    /// The code of its second factor, or a recovery code, where it has one.
    #[schema(min_length = 1, max_length = 64, example = "123456")]
    pub code: Option<String>,
}

/// What shows again who signed in: all that the account has.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "password": "correct horse battery" }))]
pub(crate) struct StepUp {
    /// The password, where the account has one.
    #[schema(min_length = 1, max_length = 256)]
    password: Option<String>,
    /// The code of the second factor, or a recovery code, where it has one.
    #[schema(min_length = 1, max_length = 64, example = "123456")]
    code: Option<String>,
}

/// How somebody signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionView {
    /// By what he last showed who he is: `pwd`, `otp` (RFC 8176), `recovery`; or `oidc`, and what the provider of sign-ins says besides.
    #[schema(example = json!(["pwd", "otp"]))]
    amr: Vec<String>,
    /// When he last did; the beginning of 1970 where nobody did, as with a program that was let in by a code, or where the provider of sign-ins confirmed
    /// less than was demanded then for what is dangerous.
    #[schema(format = "date-time")]
    auth_time: String,
    /// Whether that is enough for what is dangerous, by what is demanded now.
    is_fresh: bool,
}

impl SessionView {
    /// The session of who asks, if he has one.
    pub fn of(principal: &Principal) -> Option<Self> {
        let Via::Session { amr, auth_time, .. } = &principal.via else { return None };
        Some(Self { amr: amr.clone(), auth_time: time(*auth_time), is_fresh: principal.is_fresh() })
    }
}

/// A refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "refresh_token": "the one of the answer before" }))]
pub(crate) struct Refresh {
    /// The one that was given out last.
    #[schema(min_length = 1, max_length = 128)]
    refresh_token: String,
}

/// What to show from now on.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignedIn {
    /// To be sent as `Authorization: Bearer …`.
    access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds that the access token is good for.
    #[schema(example = 600)]
    expires_in: i64,
    /// Gives the next access token, once.
    refresh_token: String,
}

/// Signs in with name and password, and with a code where the account has a second factor: without it the problem `second-factor-needed` is the answer.
#[utoipa::path(post, path = "/sessions", tag = "sessions", operation_id = "sessions.create", security(()),
    request_body = Credentials, responses(
    (status = 201, description = "Signed in", body = SignedIn),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Name, password or code is wrong, or a code is needed (`second-factor-needed`)", body = ProblemBody),
    (status = 409, description = "The account was changed meanwhile", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody),
    (status = 429, description = "Too many tries", body = ProblemBody),
    (status = 503, description = "Not just now", body = ProblemBody)))]
pub(crate) async fn sign_in(
    State(gateway): State<Gateway>,
    from: ClientAddress,
    Valid(body): Valid<Credentials>,
) -> Result<(StatusCode, Json<SignedIn>), Problem> {
    let shown = factors::sign_in(&gateway, &from.0, &body.name, body.password, body.code.as_deref()).await?;
    let (account, proof) = shown;
    let refresh = secrets::refresh_token()?;
    let session = factors::begin(&gateway, &account, &proof, &refresh.hash, SESSION_MS).await?;
    Ok((StatusCode::CREATED, Json(signed_in(&gateway, &session, refresh.secret)?)))
}

pub(super) fn signed_in(gateway: &Gateway, session: &Session, refresh_token: String) -> Result<SignedIn, Problem> {
    let access_token = gateway
        .keys()
        .sign(&session.account, &session.id, now_ms())
        .map_err(|error| Problem::new(Kind::Internal, format!("A token could not be signed: {error}.")))?;
    Ok(SignedIn { access_token, token_type: "Bearer", expires_in: GOOD_FOR_SECONDS, refresh_token })
}

/// Gives the next access token for a refresh token.
#[utoipa::path(post, path = "/sessions/refresh", tag = "sessions", operation_id = "sessions.refresh", security(()),
    request_body = Refresh, responses(
    (status = 200, description = "Signed in still", body = SignedIn),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "The token is not good, or was used already: then the session was ended; or the provider of sign-ins confirmed less than is demanded by now (`step-up-needed`)", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody)))]
pub(crate) async fn refresh(
    State(gateway): State<Gateway>,
    Valid(body): Valid<Refresh>,
) -> Result<Json<SignedIn>, Problem> {
    refreshed(&gateway, &body.refresh_token).await.map(Json)
}

/// The next tokens for a refresh token; one that was used before ends its session.
///
/// # Errors
/// If it is not good.
pub(super) async fn refreshed(gateway: &Gateway, token: &str) -> Result<SignedIn, Problem> {
    let (hash, next) = (secrets::hash(token), secrets::refresh_token()?);
    // Looked at before the token is used up: whoever shows it once more must not be taken for a thief.
    if gateway.provider().is_some()
        && let Some(session) = gateway.store().session_by_secret(&hash).await?
    {
        // What it lacks for what is dangerous matters only where that is asked for.
        let _ = lack_of_session(gateway, &session)?;
    }
    let is_used = gateway.store().is_refresh_used(&hash).await?;
    let rotating = rotated(gateway.clone(), hash, next);
    // Whoever shows a used token and goes away at once leaves the line that tells of it. One that is not used stays so where its owner goes away before
    // it is exchanged: nobody would have the next one, and coming again with this one he would be taken for a thief.
    if is_used { carried_on(gateway, rotating).await } else { rotating.await }
}

/// Exchanges a refresh token.
async fn rotated(gateway: Gateway, hash: String, next: Fresh) -> Result<SignedIn, Problem> {
    let unknown = |said| Err(Problem::new(Kind::Unauthenticated, said));
    match gateway.store().rotate_session(&hash, &next.hash).await? {
        // Nothing is asked of the store any more: the token is used up, and whoever showed it again after a failure would be taken for a thief. That
        // the account is open was looked at with it.
        Rotated::Ok(session) => signed_in(&gateway, &session, next.secret),
        Rotated::Reused(session) => {
            // Its access token is good no more, not even for a moment.
            gateway.recent().forget();
            gateway.measures().signed_in(crate::metrics::SignIn::Replayed);
            let (account, id) = (&session.account, &session.id);
            gateway.store().audit(account, "sessions.refresh", id, false, "refresh-reuse", &correlation(), "").await?;
            unknown("The refresh token was used before, so the session was ended; sign in again.")
        }
        Rotated::Unknown => unknown("The refresh token is not known, or is over; sign in again."),
    }
}

/// Ends the session of the access token; one of the provider of sign-ins is given back, and is itself refused from then on.
#[utoipa::path(delete, path = "/sessions/current", tag = "sessions", operation_id = "sessions.delete",
    extensions(("x-group" = json!("me.write"))), responses(
    (status = 204, description = "Signed out"),
    (status = 401, description = "Not signed in", body = ProblemBody),
    (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 422, description = "An API token has no session", body = ProblemBody)))]
pub(crate) async fn sign_out(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
) -> Result<StatusCode, Problem> {
    match &principal.via {
        Via::Session { id, .. } => _ = gateway.store().revoke_session(id).await?,
        // The session is at the provider; what is shown of it here is good here no more.
        Via::Provider { mark, .. } => gateway.store().revoke_foreign_token(mark).await?,
        Via::Token { .. } => {
            return Err(Problem::new(Kind::Refused, "An API token has no session; revoke the token instead."));
        }
    }
    Ok(StatusCode::NO_CONTENT)
}

/// What came of ending sessions.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EndedSessions)]
pub(crate) struct Ended {
    /// How many went on until now.
    #[schema(minimum = 0, example = 2)]
    pub ended: u64,
}

/// Ends all sessions of the account but the one that asks: those of browsers, and those of programs that were let in.
#[utoipa::path(delete, path = "/sessions", tag = "sessions", operation_id = "sessions.end_others",
    extensions(("x-group" = json!("me.write"))), responses(
    (status = 200, description = "How many were ended", body = Ended),
    (status = 401, description = "Not signed in", body = ProblemBody),
    (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 422, description = "An API token has no session", body = ProblemBody)))]
pub(crate) async fn end_others(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<Ended>, Problem> {
    carried_through(&gateway.clone(), async move {
        let Via::Session { id, .. } = &principal.via else {
            return Err(Problem::new(Kind::Refused, "A token has no session that could be spared; sign in for that."));
        };
        let account = &principal.account.id;
        let ended = gateway.store().revoke_other_sessions(account, id).await?;
        // The session that asks is none of the provider, and goes on.
        if gateway.store().is_of_provider(account).await? {
            gateway.store().revoke_foreign_tokens_of(account).await?;
        }
        gateway.recent().forget();
        note(&gateway, factors::POLICY, account, "sessions.end_others", id, true, &format!("{ended} sessions ended"))
            .await?;
        Ok(Json(Ended { ended }))
    })
    .await
}

/// Ends all sessions of an account: those of browsers, those of programs that were let in, and all tokens that a provider gave it until now. Its link for a
/// new password ends too; its API tokens stay.
#[utoipa::path(delete, path = "/accounts/{id}/sessions", tag = "accounts", operation_id = "accounts.end_sessions",
    extensions(("x-group" = json!("accounts.write")), ("x-step-up" = json!(true))),
    params(("id" = String, Path, description = "The account", format = "uuid", example = "0192f0c1-7d5e-7000-8000-000000000000")), responses(
    (status = 200, description = "How many were ended", body = Ended),
    (status = 401, description = "Not signed in, or not lately (`step-up-needed`)", body = ProblemBody),
    (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 404, description = "There is no such account", body = ProblemBody)))]
pub(crate) async fn end_of_another(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Id(id): Id,
) -> Result<Json<Ended>, Problem> {
    carried_through(&gateway.clone(), async move {
        gateway.store().account(&id).await?.ok_or_else(|| Problem::missing("account", &id))?;
        let ended = gateway.store().revoke_sessions_of(&id).await?;
        gateway.store().revoke_foreign_tokens_of(&id).await?;
        let (actor, outcome) = (&principal.account.id, format!("{ended} sessions ended"));
        note(&gateway, factors::POLICY, actor, "accounts.end_sessions", &id, true, &outcome).await?;
        Ok(Json(Ended { ended }))
    })
    .await
}

/// Shows again who signed in, with all that the account has, for what is dangerous: operations with `x-step-up` want it within five minutes.
#[utoipa::path(post, path = "/sessions/current/step-up", tag = "sessions", operation_id = "sessions.step_up",
    extensions(("x-group" = json!("me.write"))), request_body = StepUp, responses(
    (status = 200, description = "How it is known now who asks", body = SessionView),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in, or a code is needed too (`second-factor-needed`)", body = ProblemBody),
    (status = 403, description = "The password or the code is wrong", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody),
    (status = 422, description = "An API token has no session, or the account has nothing that could be shown here", body = ProblemBody),
    (status = 429, description = "Too many tries", body = ProblemBody),
    (status = 503, description = "Not just now", body = ProblemBody)))]
pub(crate) async fn step_up(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Valid(body): Valid<StepUp>,
) -> Result<Json<SessionView>, Problem> {
    carried_through(&gateway.clone(), async move {
        let Via::Session { id, .. } = &principal.via else {
            return Err(Problem::new(Kind::Refused, "An API token has no session; sign in for what wants a step-up."));
        };
        let account = &principal.account;
        let amr = factors::again(&gateway, account, body.password, body.code.as_deref()).await?;
        if !gateway.store().renew_session(id, &amr, None, now_ms()).await? {
            return Err(Problem::new(Kind::Unauthenticated, "The session was ended; sign in again."));
        }
        note(&gateway, factors::POLICY, &account.id, "sessions.step_up", id, true, &amr.join(" ")).await?;
        let (auth_time, is_fresh) = (now_ms(), factors::is_fresh(account, &amr, now_ms()));
        Ok(Json(SessionView { amr, auth_time: time(auth_time), is_fresh }))
    })
    .await
}

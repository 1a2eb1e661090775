//! Signing in and out. An access token is good for ten minutes; a refresh token is good once, and one that is used twice ends its session.

use crate::auth::keys::GOOD_FOR_SECONDS;
use crate::auth::{Principal, Via, passwords, secrets};
use crate::error::{Kind, Problem, ProblemBody, correlation};
use crate::extract::Valid;
use crate::metrics::SignIn;
use crate::routes::service::too_many;
use crate::state::Gateway;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use engine::store::now_ms;
use engine::store::tokens::{Rotated, Session};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long a session is good without being used.
const SESSION_MS: i64 = 14 * 86_400_000;

/// Who signs in.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = SignIn)]
#[serde(deny_unknown_fields)]
pub(crate) struct Credentials {
    /// The name of the account.
    #[schema(min_length = 1, max_length = 64, example = "ann")]
    name: String,
    /// Its password.
    #[schema(min_length = 1, max_length = 256)]
    password: String,
}

/// A refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
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

/// Signs in with name and password.
#[utoipa::path(post, path = "/sessions", tag = "sessions", operation_id = "sessions.create", security(()),
    request_body = Credentials, responses(
    (status = 201, description = "Signed in", body = SignedIn),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Name or password is wrong", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody),
    (status = 429, description = "Too many tries", body = ProblemBody)))]
pub(crate) async fn sign_in(
    State(gateway): State<Gateway>,
    Valid(body): Valid<Credentials>,
) -> Result<(StatusCode, Json<SignedIn>), Problem> {
    gateway.tries().take(&body.name).map_err(|seconds| {
        gateway.measures().signed_in(SignIn::Throttled);
        too_many(seconds)
    })?;
    let account = gateway.store().account_by_name(&body.name).await?.filter(|account| !account.disabled);
    let hash = match &account {
        Some(account) => gateway.store().password_hash(&account.id).await?,
        None => None,
    };
    let is_right = passwords::is_right(&gateway.core("service"), body.password, hash).await?;
    let Some(account) = account.filter(|_| is_right) else {
        gateway.measures().signed_in(SignIn::Refused);
        gateway.store().audit("", "sessions.create", &body.name, false, "password", &correlation(), "").await?;
        return Err(Problem::new(Kind::Unauthenticated, "The name or the password is wrong."));
    };
    gateway.tries().forgive(&body.name);
    let refresh = secrets::refresh_token()?;
    let session = gateway.store().start_session(&account.id, &refresh.hash, now_ms() + SESSION_MS).await?;
    gateway.store().audit(&account.id, "sessions.create", &session.id, true, "password", &correlation(), "").await?;
    gateway.measures().signed_in(SignIn::Succeeded);
    Ok((StatusCode::CREATED, Json(signed_in(&gateway, &session, refresh.secret)?)))
}

fn signed_in(gateway: &Gateway, session: &Session, refresh_token: String) -> Result<SignedIn, Problem> {
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
    (status = 401, description = "The token is not good, or was used already: then the session was ended", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody)))]
pub(crate) async fn refresh(
    State(gateway): State<Gateway>,
    Valid(body): Valid<Refresh>,
) -> Result<Json<SignedIn>, Problem> {
    let next = secrets::refresh_token()?;
    let unknown = |said| Err(Problem::new(Kind::Unauthenticated, said));
    match gateway.store().rotate_session(&secrets::hash(&body.refresh_token), &next.hash).await? {
        Rotated::Ok(session) => {
            let account = gateway.store().account(&session.account).await?;
            if account.is_none_or(|account| account.disabled) {
                return unknown("The account is closed.");
            }
            Ok(Json(signed_in(&gateway, &session, next.secret)?))
        }
        Rotated::Reused(session) => {
            gateway.measures().signed_in(SignIn::Replayed);
            gateway
                .store()
                .audit(&session.account, "sessions.refresh", &session.id, false, "refresh-reuse", &correlation(), "")
                .await?;
            unknown("The refresh token was used before, so the session was ended; sign in again.")
        }
        Rotated::Unknown => unknown("The refresh token is not known, or is over; sign in again."),
    }
}

/// Ends the session of the access token.
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
    let Via::Session { id } = &principal.via else {
        return Err(Problem::new(Kind::Refused, "An API token has no session; revoke the token instead."));
    };
    gateway.store().revoke_session(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! The token endpoint of OAuth 2.0, for programs that were let in by their owner, and what tells them where it is (RFC 8414).
//!
//! The tokens are those of `/api/v2/sessions`: an access token for ten minutes, and a refresh token that is good once. Errors have the form that OAuth
//! gives them (RFC 6749, 5.2).

use super::devices::POLICY;
use super::sessions::{SESSION_MS, SignedIn, refreshed, signed_in};
use crate::auth::outcome::session_begun;
use crate::auth::secrets;
use crate::error::{Kind, Problem, correlation};
use crate::extract::{Filled, PublicUrl};
use crate::metrics::SignIn;
use crate::state::Gateway;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use engine::store::StoreError;
use engine::store::now_ms;
use engine::store::tokens::{Polled, Proof, Session};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The one client that there is: all programs are public ones, and are known by who let them in.
pub(super) const CLIENT: &str = "code-agent";
const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
const REFRESH_GRANT: &str = "refresh_token";

/// What a program has to show for tokens.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = TokenRequest, example = json!({ "grant_type": "refresh_token", "client_id": "code-agent", "refresh_token": "cagr_the_one_that_was_given_out_last" }))]
pub(crate) struct Grant {
    /// `urn:ietf:params:oauth:grant-type:device_code` or `refresh_token`.
    #[schema(min_length = 1, max_length = 128, example = "refresh_token")]
    grant_type: String,
    /// Which program it is; `code-agent` for all of them.
    #[schema(min_length = 1, max_length = 64, example = "code-agent")]
    client_id: Option<String>,
    /// The code of the device.
    #[schema(min_length = 1, max_length = 128)]
    device_code: Option<String>,
    /// The refresh token that was given out last.
    #[schema(min_length = 1, max_length = 128)]
    refresh_token: Option<String>,
}

/// What went wrong, as OAuth has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OAuthError)]
pub(crate) struct ComplaintBody {
    /// The kind of it.
    #[schema(example = "authorization_pending")]
    error: &'static str,
    /// What happened here, in a sentence.
    error_description: String,
}

/// Why a program gets no tokens.
#[derive(Debug)]
pub(crate) struct Complaint {
    error: &'static str,
    said: String,
    status: StatusCode,
    retry_after: Option<HeaderValue>,
}

impl Complaint {
    fn new(error: &'static str, said: impl Into<String>) -> Self {
        Self { error, said: said.into(), status: StatusCode::BAD_REQUEST, retry_after: None }
    }
}

impl From<Problem> for Complaint {
    fn from(problem: Problem) -> Self {
        let told = problem.told();
        let (error, status) = match told.kind {
            // A program begins anew then, and its owner signs in as is demanded.
            Kind::Unauthenticated | Kind::StepUpNeeded => ("invalid_grant", StatusCode::BAD_REQUEST),
            Kind::Forbidden => ("access_denied", StatusCode::BAD_REQUEST),
            Kind::Unavailable => ("temporarily_unavailable", StatusCode::SERVICE_UNAVAILABLE),
            Kind::Internal => ("server_error", StatusCode::INTERNAL_SERVER_ERROR),
            kind => ("invalid_request", kind.facts().0),
        };
        let retry_after = problem.into_response().headers_mut().remove(header::RETRY_AFTER);
        Self { error, said: told.detail, status, retry_after }
    }
}

impl From<StoreError> for Complaint {
    fn from(error: StoreError) -> Self {
        Problem::from(error).into()
    }
}

impl IntoResponse for Complaint {
    fn into_response(self) -> Response {
        let body = ComplaintBody { error: self.error, error_description: self.said };
        let mut answer = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        answer
    }
}

/// Whether it is the one client.
pub(super) fn client_is_known(client: Option<&str>) -> Result<(), Complaint> {
    match client {
        Some(CLIENT) => Ok(()),
        _ => Err(Complaint::new("invalid_client", format!("The `client_id` of all programs is `{CLIENT}`."))),
    }
}

/// Gives tokens for the code of a device that was let in, or for a refresh token.
#[utoipa::path(post, path = "/oauth/token", tag = "sessions", operation_id = "sessions.token", security(()),
    request_body(content = Grant, content_type = "application/x-www-form-urlencoded"), responses(
    (status = 200, description = "Tokens", body = SignedIn),
    (status = 400, description = "Not yet (`authorization_pending`, `slow_down`), or not at all", body = ComplaintBody),
    (status = 413, description = "Too large", body = ComplaintBody),
    (status = 415, description = "No form", body = ComplaintBody),
    (status = 503, description = "Not just now", body = ComplaintBody)))]
pub(crate) async fn token(
    State(gateway): State<Gateway>,
    grant: Result<Filled<Grant>, Problem>,
) -> Result<Json<SignedIn>, Complaint> {
    let Filled(grant) = grant?;
    let missing = |name: &str| Complaint::new("invalid_request", format!("`{name}` is missing."));
    match grant.grant_type.as_str() {
        DEVICE_GRANT => {
            client_is_known(grant.client_id.as_deref())?;
            let code = grant.device_code.ok_or_else(|| missing("device_code"))?;
            let by = let_in(gateway.store().poll_device(&secrets::hash(&code)).await?)?;
            Ok(Json(begun(&gateway, by).await?))
        }
        REFRESH_GRANT => {
            if grant.client_id.is_some() {
                client_is_known(grant.client_id.as_deref())?;
            }
            let token = grant.refresh_token.ok_or_else(|| missing("refresh_token"))?;
            Ok(Json(refreshed(&gateway, &token).await?))
        }
        _ => Err(Complaint::new(
            "unsupported_grant_type",
            format!("A `grant_type` is `{DEVICE_GRANT}` or `{REFRESH_GRANT}`."),
        )),
    }
}

/// The session that let a device in.
fn let_in(polled: Polled) -> Result<Session, Complaint> {
    let (error, said) = match polled {
        Polled::LetIn(session) => return Ok(session),
        Polled::Pending => ("authorization_pending", "Nobody has let the device in yet.".to_owned()),
        Polled::TooFast(wait) => {
            ("slow_down", format!("The device asks too often; {} seconds have to lie between.", wait / 1000))
        }
        Polled::Refused => ("access_denied", "The device was refused.".to_owned()),
        Polled::Expired => ("expired_token", "The code of the device is over; begin again.".to_owned()),
        Polled::Unknown => ("invalid_grant", "The code of the device is not known, or was used.".to_owned()),
    };
    Err(Complaint::new(error, said))
}

/// Begins a session for a device. It is shown by the same as the one that let it in, but never lately: a code that somebody was talked into typing is not
/// enough for what is dangerous, and the device has to show that by a step-up of its own.
async fn begun(gateway: &Gateway, by: Session) -> Result<SignedIn, Complaint> {
    let refresh = secrets::refresh_token()?;
    let proof = Proof {
        amr: by.amr,
        acr: by.acr,
        auth_time: Some(0),
        session: Some(by.id),
        with_factor: true,
        password_hash: None,
    };
    let ends = now_ms() + SESSION_MS;
    let session = match gateway.store().start_session(&by.account, &refresh.hash, ends, &proof).await {
        Ok(session) => session,
        Err(StoreError::Outdated) => {
            return Err(Complaint::new("access_denied", "Whoever let the device in is signed out by now."));
        }
        Err(error) => return Err(error.into()),
    };
    let began = session_begun(&session);
    let store = gateway.store();
    store.audit(&session.account, "sessions.create", &session.id, true, POLICY, &correlation(), &began).await?;
    gateway.measures().signed_in(SignIn::Succeeded);
    Ok(signed_in(gateway, &session, refresh.secret)?)
}

/// What programs find here, as RFC 8414 has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuthorizationServer)]
pub(crate) struct Metadata {
    /// How the service calls itself: its address.
    #[schema(example = "https://team.example")]
    issuer: String,
    /// Where tokens are given.
    token_endpoint: String,
    /// Where a device begins.
    device_authorization_endpoint: String,
    /// What tokens are given for.
    grant_types_supported: Vec<&'static str>,
    /// None: no browser is sent here to sign in for somebody else.
    response_types_supported: Vec<&'static str>,
    /// Programs have no secrets.
    token_endpoint_auth_methods_supported: Vec<&'static str>,
}

/// Where programs that sign in find what they need (RFC 8414).
#[utoipa::path(get, path = "/.well-known/oauth-authorization-server", tag = "sessions", operation_id = "sessions.metadata",
    security(()), responses(
    (status = 200, description = "What there is", body = Metadata),
    (status = 400, description = "The host is missing", body = ComplaintBody)))]
pub(crate) async fn metadata(base: Result<PublicUrl, Problem>) -> Result<Json<Metadata>, Complaint> {
    let issuer = base?.0;
    Ok(Json(Metadata {
        token_endpoint: format!("{issuer}/oauth/token"),
        device_authorization_endpoint: format!("{issuer}/oauth/device_authorization"),
        grant_types_supported: vec![DEVICE_GRANT, REFRESH_GRANT],
        response_types_supported: Vec::new(),
        token_endpoint_auth_methods_supported: vec!["none"],
        issuer,
    }))
}

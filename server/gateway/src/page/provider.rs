//! Signing in by the provider (OpenID Connect, authorization code with PKCE), and showing there anew who one is.
//!
//! What belongs to a sign-in that is under way stays with the browser, in a sealed cookie: so any replica can end it, and nobody else's answer is taken.
//! The cookie of the session is strict and a browser does not send it along from the provider's site; so nothing here is found by it, and the answer is
//! a page of ours that goes on by itself, not a redirect, behind which it would be missing still.

use super::entry::open_form;
use super::render::page;
use super::session::{GOOD_FOR_MS, away, cookie_of, cookie_of_away, hash, is_drawn_in_elsewhere, no_cookie_of_away};
use super::{Visitor, place};
use crate::auth::oidc::admission::{POLICY, account_of, ways};
use crate::auth::oidc::{Asked, Provider, word};
use crate::auth::outcome::{note, session_begun};
use crate::auth::{Via, secrets};
use crate::deed::carried_through;
use crate::error::{Kind, Problem};
use crate::extract::{ClientAddress, PublicUrl};
use crate::metrics::SignIn;
use crate::routes::too_many;
use crate::state::Gateway;
use axum::Extension;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::store::now_ms;
use engine::store::tokens::Proof;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

/// How long somebody may be at the provider, in seconds.
const AWAY_SECONDS: i64 = 600;
/// For whom it is sealed.
const OWNER: &str = "page";
/// Where the provider sends people back to.
const CALLBACK: &str = "/auth/oidc/callback";

/// What is known of a sign-in that is under way.
#[derive(Debug, Serialize, Deserialize)]
struct Away {
    state: String,
    nonce: String,
    verifier: String,
    /// Where to go on to.
    back: String,
    /// The session whose owner shows anew who he is.
    session: Option<String>,
    /// When he left, in Unix milliseconds.
    at: i64,
}

/// Where to go on to, and why one goes.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Leaving {
    back: Option<String>,
    again: Option<String>,
}

/// What the provider sends along.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Came {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

fn provider(gateway: &Gateway) -> Result<&Provider, Problem> {
    gateway.provider().ok_or_else(|| Problem::new(Kind::NotFound, "This service has no provider of sign-ins."))
}

/// Refuses what a page of another site had a browser ask for: else such pages could use up the tries of a whole address, and be counted as guesses.
fn refuse_drawn_in(headers: &HeaderMap) -> Result<(), Problem> {
    match is_drawn_in_elsewhere(headers) {
        true => Err(Problem::new(Kind::Forbidden, "Sign in here; pages of others do not do it for you.")),
        false => Ok(()),
    }
}

/// Sends a browser to the provider.
pub(super) async fn leave(
    State(gateway): State<Gateway>,
    visitor: Option<Extension<Visitor>>,
    from: ClientAddress,
    base: PublicUrl,
    headers: HeaderMap,
    leaving: Result<Query<Leaving>, QueryRejection>,
) -> Result<Response, Problem> {
    refuse_drawn_in(&headers)?;
    let provider = provider(&gateway)?;
    let Query(leaving) = leaving.map_err(|_| Problem::new(Kind::Invalid, "The address has something twice."))?;
    let back = place(leaving.back.as_deref());
    let again = leaving.again.is_some();
    // Who is not signed in may want to be asked anew as well: what he showed there may have been too little.
    let session = match visitor.as_ref().map(|visitor| &visitor.principal.via) {
        Some(Via::Session { id, .. }) if again => Some(id.clone()),
        Some(_) => return Ok(Redirect::to(back).into_response()),
        None => None,
    };
    gateway.tries().take_provider(&from.0).map_err(too_many)?;
    let away = Away {
        state: secrets::page_secret()?,
        nonce: secrets::page_secret()?,
        verifier: secrets::page_secret()?,
        back: back.to_owned(),
        session,
        at: now_ms(),
    };
    let redirect = format!("{}{CALLBACK}", base.0);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(away.verifier.as_bytes()));
    let level = match &away.session {
        Some(_) => provider.settings().level_of_step_up(),
        None => provider.settings().sign_in.clone(),
    };
    let asked = Asked {
        redirect: &redirect,
        state: &away.state,
        nonce: &away.nonce,
        challenge: &challenge,
        again,
        acr_values: &level.acr_values,
    };
    let place = provider.place_to_sign_in(&asked).await.map_err(|error| provider.failed(error))?;
    let plain = serde_json::to_vec(&away).unwrap_or_default();
    let sealed = gateway.keys().sign_ins().seal(&plain, OWNER);
    let sealed = sealed.map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
    let mut answer = Redirect::to(&place).into_response();
    if let Some(cookie) = cookie_of_away(&URL_SAFE_NO_PAD.encode(sealed), AWAY_SECONDS) {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// What this browser kept while its owner was away.
fn kept(gateway: &Gateway, headers: &HeaderMap) -> Option<Away> {
    let sealed = URL_SAFE_NO_PAD.decode(away(headers)?).ok()?;
    let plain = gateway.keys().sign_ins().open(&sealed, OWNER).ok()?;
    let away: Away = serde_json::from_slice(&plain).ok()?;
    (now_ms() - away.at <= AWAY_SECONDS * 1000).then_some(away)
}

/// Takes a browser that comes back from the provider.
pub(super) async fn come_back(
    State(gateway): State<Gateway>,
    from: ClientAddress,
    base: PublicUrl,
    headers: HeaderMap,
    came: Result<Query<Came>, QueryRejection>,
) -> Result<Response, Problem> {
    refuse_drawn_in(&headers)?;
    let kept = kept(&gateway, &headers);
    let was_sent = kept.is_some();
    let back = place(kept.as_ref().map(|away| away.back.as_str())).to_owned();
    let came =
        came.map(|Query(came)| came).map_err(|_| Problem::new(Kind::Invalid, "The address has something twice."));
    let result = async {
        provider(&gateway)?;
        // Looked at first: whoever was never sent away takes no try from his whole address, and fills no audit log.
        let Some(kept) = kept else {
            let said = "This sign-in was not begun in this browser, or too long ago; begin it here.";
            return Err(Problem::new(Kind::Forbidden, said));
        };
        gateway.tries().take_provider(&from.0).map_err(too_many)?;
        taken(&gateway, &base.0, kept, came?).await
    };
    let mut answer = match result.await {
        Ok(secret) => {
            gateway.measures().signed_in(SignIn::Succeeded);
            let mut answer = page(&gateway, None, "signed_in.html", "", json!({ "back": back }));
            if let Some(cookie) = secret.as_deref().and_then(cookie_of) {
                answer.headers_mut().append(header::SET_COOKIE, cookie);
            }
            answer
        }
        Err(problem) => {
            // Whoever was not sent away from here tried nothing; else every link to this page could be counted as a guess.
            if was_sent {
                let is_throttled = problem.is_throttled();
                gateway.measures().signed_in(if is_throttled { SignIn::Throttled } else { SignIn::Refused });
            }
            let context = json!({ "back": back, "name": "", "is_out": false, "is_changed": false, "is_set": false });
            open_form(&gateway, &headers, "sign_in.html", context, Some(&problem))
        }
    };
    // It is good once.
    answer.headers_mut().append(header::SET_COOKIE, no_cookie_of_away());
    Ok(answer)
}

/// Believes what the provider says, or not. The secret of the session that begins; `None` where one goes on.
async fn taken(gateway: &Gateway, base: &str, away: Away, came: Came) -> Result<Option<String>, Problem> {
    let provider = provider(gateway)?;
    // Hashes are compared, so that the time it takes tells nothing.
    let is_ours = came.state.as_deref().is_some_and(|state| secrets::hash(state) == secrets::hash(&away.state));
    if !is_ours {
        let said = "The answer belongs to another sign-in than the one of this browser; begin again.";
        return Err(refused(gateway, "the state is another", said).await?);
    }
    if !provider.is_answer_of(came.iss.as_deref()).await.map_err(|error| provider.failed(error))? {
        return Err(refused(gateway, "the issuer is another", "The answer is that of another provider.").await?);
    }
    let Some(code) = came.code.filter(|code| came.error.is_none() && !code.is_empty() && code.len() <= 4096) else {
        let why = word(came.error.as_deref().unwrap_or_default()).to_owned();
        let said = match why.as_str() {
            // OpenID Connect Core Unmet Authentication Requirements 1.0.
            "unmet_authentication_requirements" => {
                "The provider cannot sign you in as this service demands; set up a second factor there, or tell the admins of this service.".to_owned()
            }
            _ => format!("The provider did not sign you in: {why}."),
        };
        return Err(refused(gateway, &why, &said).await?);
    };
    let token = match provider.redeem(&code, &away.verifier, &format!("{base}{CALLBACK}")).await {
        Ok(token) => token,
        Err(error) => {
            note(gateway, POLICY, "", "sessions.create", "", false, &error.to_string()).await?;
            return Err(provider.failed(error));
        }
    };
    let since = away.session.is_some().then_some(away.at / 1000);
    let person = match provider.person(&token, &away.nonce, since).await {
        Ok(person) => person,
        Err(error) => {
            note(gateway, POLICY, "", "sessions.create", "", false, &error.to_string()).await?;
            return Err(provider.failed(error));
        }
    };
    let account = account_of(gateway, &person, true).await?;
    // Who does not say when it was, did not say that it was lately; and who showed less than what is dangerous wants, showed nothing for that.
    let is_enough = person.level.step_up.is_ok();
    let auth_time = person.auth_time.filter(|_| is_enough).map_or(0, |at| at.saturating_mul(1000));
    let amr = ways(&person);
    let Some(session) = away.session else {
        let secret = secrets::page_secret()?;
        let auth_time = Some(auth_time);
        let proof = Proof { amr, acr: person.acr, auth_time, with_factor: true, ..Proof::default() };
        let ends = now_ms() + GOOD_FOR_MS;
        let session = gateway.store().start_session(&account.id, &hash(&secret), ends, &proof).await?;
        note(gateway, POLICY, &account.id, "sessions.create", &session.id, true, &session_begun(&session)).await?;
        return Ok(Some(secret));
    };
    let is_own = gateway.store().session(&session).await?.is_some_and(|known| known.account == account.id);
    if !is_own {
        note(gateway, POLICY, &account.id, "sessions.step_up", &session, false, "the provider says that it is another")
            .await?;
        return Err(Problem::new(
            Kind::Forbidden,
            "The provider says that you are somebody else than who is signed in.",
        ));
    }
    let (here, acr, auth_time) = (gateway.clone(), person.acr, auth_time.min(now_ms()));
    carried_through(gateway, async move {
        if !here.store().renew_session(&session, &amr, acr.as_deref(), auth_time).await? {
            return Err(Problem::new(Kind::Forbidden, "The session was ended; sign in again."));
        }
        note(&here, POLICY, &account.id, "sessions.step_up", &session, true, &amr.join(" ")).await
    })
    .await?;
    Ok(None)
}

/// Writes down why nobody comes in, and says it.
async fn refused(gateway: &Gateway, why: &str, said: &str) -> Result<Problem, Problem> {
    note(gateway, POLICY, "", "sessions.create", "", false, why).await?;
    Ok(Problem::new(Kind::Forbidden, said))
}

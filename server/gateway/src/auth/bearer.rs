//! Whose a bearer token is: an API token, an access token of a session, or one of the provider of sign-ins.
//!
//! The store is asked for each of them, so that what was taken back is good nowhere; only for a moment is it believed who came a moment ago.

use super::jwt::{LEEWAY, Refusal};
use super::oidc::admission::account_of;
use super::oidc::claims::Access;
use super::oidc::{OidcError, Provider};
use super::seen::{note_seen, note_used};
use super::{Principal, Via, factors, recent, secrets};
use crate::error::{Kind, Problem, correlation};
use crate::state::Gateway;
use axum::http::HeaderValue;
use engine::store::now_ms;
use engine::store::tokens::Session;
use std::time::Instant;

/// Finds out who asks.
pub(super) async fn authenticate(gateway: &Gateway, header: Option<&HeaderValue>) -> Result<Principal, Problem> {
    let unknown = |said: &str| Problem::new(Kind::Unauthenticated, said);
    let header = header.ok_or_else(|| unknown("Nobody is signed in; send a token as `Authorization: Bearer …`."))?;
    let token = token_of(header).ok_or_else(|| unknown("The `Authorization` header is no bearer token."))?;
    if let Some(principal) = gateway.recent().of(token, Instant::now()) {
        return Ok(principal);
    }
    let changes = gateway.recent().changes();
    // In a box, since what it waits for is large: it would be a part of every request, also of those by a token that was good a moment ago.
    let principal = Box::pin(of_token(gateway, token)).await?;
    gateway.recent().remember(token, &principal, changes, recent::GOOD_FOR, Instant::now());
    Ok(principal)
}

/// The token in a header.
pub(super) fn token_of(header: &HeaderValue) -> Option<&str> {
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// Whose token it is.
async fn of_token(gateway: &Gateway, token: &str) -> Result<Principal, Problem> {
    let unknown = |said: &str| Problem::new(Kind::Unauthenticated, said);
    if let Some(hash) = secrets::hash_of_api_token(token) {
        let found = gateway.store().token_by_hash(&hash).await?;
        let (token, account) = found.ok_or_else(|| unknown("The token is not known, or was revoked."))?;
        let is_over = token.expires_at.is_some_and(|at| at <= now_ms());
        if token.revoked_at.is_some() || is_over || account.disabled {
            return Err(unknown("The token was revoked, is over, or belongs to a closed account."));
        }
        note_used(gateway, &token.id).await;
        return Ok(Principal { account, via: Via::Token { id: token.id, scopes: token.scopes } });
    }
    let not_valid = || unknown("The access token is not valid, or is over; sign in again.");
    let claims = match (gateway.keys().verify(token), gateway.provider()) {
        (Ok(claims), _) => claims,
        // Only a token that no key of ours signed can be one of the provider. One of ours that is over is refused without asking it, also while it is away.
        (Err(Refusal::Key), Some(provider)) => return of_provider(gateway, provider, token).await,
        (Err(refusal), _) => {
            tracing::debug!(correlation = correlation(), %refusal, "An access token is refused.");
            return Err(not_valid());
        }
    };
    // The store is asked each time, so that what was ended is ended everywhere at once.
    let session = gateway.store().session(&claims.sid).await?;
    let is_good = |session: &Session| {
        session.revoked_at.is_none() && session.expires_at > now_ms() && session.account == claims.sub
    };
    let session = session.filter(is_good).ok_or_else(|| unknown("The session was ended; sign in again."))?;
    let account = gateway.store().account(&claims.sub).await?.filter(|account| !account.disabled);
    let account = account.ok_or_else(|| unknown("The account is closed."))?;
    let principal = Principal::of_session(gateway, account, session)?;
    if principal.came_by(factors::PROVIDER) {
        note_seen(gateway, &principal.account.id).await;
    }
    Ok(principal)
}

/// Whose token of the provider it is.
async fn of_provider(gateway: &Gateway, provider: &Provider, token: &str) -> Result<Principal, Problem> {
    let access = provider.access(token).await.map_err(|error| match error {
        OidcError::Token(Refusal::Program) => {
            let said = "The access token is one of a program, and no person stands behind it; programs come with an API token.";
            Problem::new(Kind::Unauthenticated, said)
        }
        OidcError::Level(lack) => {
            provider.warn("An access token of the provider is of too weak a sign-in.", lack.reason(), &lack);
            provider.wants_more(&lack)
        }
        OidcError::Token(refusal) => {
            tracing::debug!(correlation = correlation(), %refusal, "An access token is refused.");
            Problem::new(Kind::Unauthenticated, "The access token is not valid, or is over; sign in again.")
        }
        error => provider.failed(error),
    })?;
    // The store is asked each time: a token that was given back and an account that was closed are so everywhere at once.
    if gateway.store().is_foreign_token_revoked(&access.mark).await? {
        return Err(Problem::new(Kind::Unauthenticated, "You signed out with this access token; sign in again."));
    }
    let account = account_of(gateway, &access.person, false).await?;
    // The clock of the provider may be ahead.
    let made = access.made.saturating_sub(LEEWAY).saturating_mul(1000);
    if gateway.store().are_foreign_tokens_revoked(&account.id, made).await? {
        return Err(Problem::new(Kind::Unauthenticated, "All that you were signed in with was ended; sign in again."));
    }
    note_seen(gateway, &account.id).await;
    let ends = access.ends.saturating_mul(1000);
    let Access { id, mark, scopes, shown, .. } = access;
    let via = Via::Provider { id, mark, made, ends, scopes, shown };
    Ok(Principal { account, via })
}

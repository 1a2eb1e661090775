//! Who reads the figures: found out as for anything else, but a token that read them a few minutes ago still does while the store is away. Otherwise what
//! watches the service would be refused just when the figures tell that the store is away.
//!
//! Good for the figures and for nothing else, and never against what the store says.

use super::bearer::{self, token_of};
use super::recent::Remembered;
use super::{Principal, Via, good_until, is_allowed};
use crate::error::Problem;
use crate::openapi::Operation;
use crate::state::Gateway;
use axum::http::HeaderValue;
use engine::store::now_ms;
use std::time::{Duration, Instant};

/// How long a token is good while nobody can say whether it still is: many times what the alerts wait for.
const GOOD_FOR: Duration = Duration::from_secs(600);
/// How long the store may take to know a token that read the figures lately. Prometheus gives up after ten seconds, and the figures ask the store once more.
const PATIENCE: Duration = Duration::from_secs(2);

/// Those who read the figures lately; there is room for more than watch one service.
pub(crate) type Scrapers = Remembered<64>;

/// Finds out who wants the figures.
///
/// # Errors
/// If nobody is known by the token, or the store does not answer and the token did not read the figures lately.
pub(super) async fn authenticate(
    gateway: &Gateway,
    header: Option<&HeaderValue>,
    operation: &Operation,
) -> Result<Principal, Problem> {
    let looked = bearer::authenticate(gateway, header);
    let Some(token) = header.and_then(token_of) else { return looked.await };
    let scrapers = gateway.scrapers();
    let changes = scrapers.changes();
    let found = match scrapers.of(token, Instant::now()) {
        Some(known) => match tokio::time::timeout(PATIENCE, looked).await {
            Err(_) => return Ok(known),
            Ok(Err(problem)) if problem.is_unavailable() => return Ok(known),
            Ok(found) => found,
        },
        None => looked.await,
    };
    match &found {
        Ok(principal) if is_allowed(gateway, principal, operation) => {
            // Tokens of sign-ins are over soon by themselves, and not remembered.
            if matches!(principal.via, Via::Token { .. }) {
                match good_until(gateway, principal).await {
                    Ok(Some(until)) => {
                        // Its own end holds also while the store is away.
                        let left = Duration::from_millis(u64::try_from(until - now_ms()).unwrap_or_default());
                        scrapers.remember(token, principal, changes, left.min(GOOD_FOR), Instant::now());
                    }
                    Ok(None) => scrapers.refuse(token),
                    Err(_) => {}
                }
            }
        }
        _ => scrapers.refuse(token),
    }
    found
}

//! How many requests an account may make in a minute, and what it is told of that with every answer.
//!
//! The headers are those of draft-ietf-httpapi-ratelimit-headers-10 (and -11, which says the same in other words): `RateLimit-Policy` with `q` and `w`,
//! `RateLimit` with `r` and `t`, both lists of strings of structured fields. Programs that speak OpenAI's format get those that OpenAI sends too.
//! What models cost is counted where they are asked, jobs under way where they are taken, and those that wait where they are kept; all of them are set
//! in `service.quotas` too.

use crate::error::{Kind, Problem};
use crate::state::{Gateway, StartError};
use axum::http::{HeaderMap, HeaderValue};
use engine::ServerCore;
use engine::quotas::{RequestRates, Standing};
use std::time::Duration;

/// The window that is told, in seconds.
const WINDOW: u64 = 60;

/// What counts requests.
pub(crate) struct Quotas {
    rates: RequestRates,
    /// Why replicas do not count together although they are to.
    problem: Option<String>,
}

impl Quotas {
    /// Counts as the settings say.
    ///
    /// # Errors
    /// If the core has no room to read them.
    pub async fn of(core: &ServerCore) -> Result<Self, StartError> {
        core.hold_quotas();
        let (rates, problem) = core.request_rates().await.map_err(|error| StartError::Quotas(error.to_string()))?;
        if let Some(problem) = &problem {
            tracing::error!("Each replica counts requests for itself: `cache.redis` cannot be used. {problem}");
        }
        Ok(Self { rates, problem })
    }

    /// Why replicas do not count together just now, where they are to.
    pub async fn degraded(&self) -> Option<&'static str> {
        if self.problem.is_some() {
            return Some("`cache.redis` cannot be used, so each replica counts requests for itself.");
        }
        let is_together = self.rates.is_together().await;
        (!is_together)
            .then_some("The Redis of `cache.redis` does not answer, so each replica counts requests for itself.")
    }
}

/// Counts a request of an account; `None` where there is no bound.
pub(crate) async fn take(gateway: &Gateway, account: &str) -> Option<Standing> {
    let limit = gateway.core("service").config().settings().service.quotas.requests_per_minute;
    gateway.quotas().rates.take(account, limit).await
}

/// How many jobs of one account may wait; `None` where there is no bound.
pub(crate) fn waiting_jobs(gateway: &Gateway) -> Option<u32> {
    gateway.core("service").config().settings().service.quotas.waiting_jobs()
}

/// What is said where the quota is used up; nothing where it is not.
pub(crate) fn exceeded(standing: &Standing) -> Option<Problem> {
    let wait = whole_seconds(standing.refused_for?).max(1);
    let said = format!(
        "The quota of {} requests a minute is used up; try again in {wait} {}.",
        standing.limit,
        if wait == 1 { "second" } else { "seconds" }
    );
    Some(Problem::new(Kind::QuotaExceeded, said).retry_after(wait).called("rate_limit_exceeded"))
}

/// When one more request can be made than could be now: `t` is that, and not when all of them can be. `Retry-After` never comes before it.
fn one_more_in(standing: &Standing) -> Duration {
    let Standing { limit, left, whole_in, .. } = *standing;
    let window = Duration::from_secs(WINDOW);
    let each = window / limit.max(1);
    // What is owed then leaves room for one more.
    (whole_in + each * left.saturating_add(1)).saturating_sub(window).min(whole_in)
}

/// Tells how an account stands.
pub(crate) fn tell(headers: &mut HeaderMap, standing: &Standing, is_openai: bool) {
    let Standing { limit, left, whole_in, .. } = *standing;
    let mut set = |name: &'static str, value: String| {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    };
    set("ratelimit-policy", format!("\"requests\";q={limit};w={WINDOW}"));
    set("ratelimit", format!("\"requests\";r={left};t={}", whole_seconds(one_more_in(standing))));
    if is_openai {
        set("x-ratelimit-limit-requests", limit.to_string());
        set("x-ratelimit-remaining-requests", left.to_string());
        set("x-ratelimit-reset-requests", format!("{}s", whole_seconds(whole_in)));
    }
}

fn whole_seconds(time: Duration) -> u64 {
    time.as_secs_f64().ceil() as u64
}

#[cfg(test)]
mod tests;

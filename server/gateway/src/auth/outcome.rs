//! Writes down what came of it when somebody showed who he is or changed by what he shows it, and what was changed of accounts and tokens: the gate knows that
//! somebody may change an account, and not what of it.
//!
//! Never writes down what would open anything.

use crate::error::{Problem, correlation};
use crate::state::Gateway;
use engine::store::accounts::Role;
use engine::store::tokens::Session;

/// What the audit log names where the policies had decided before, and this is what was done then.
pub(crate) const POLICY: &str = "outcome";

/// Writes it into the audit log. `policy` is what decided, as the log names it.
///
/// # Errors
/// If it cannot be written down. What it tells of was done by then and stays done; the gate wrote down before that it was allowed.
pub(crate) async fn note(
    gateway: &Gateway,
    policy: &str,
    actor: &str,
    action: &str,
    resource: &str,
    is_allowed: bool,
    outcome: &str,
) -> Result<(), Problem> {
    gateway.store().audit(actor, action, resource, is_allowed, policy, &correlation(), outcome).await?;
    Ok(())
}

/// Goes on where an outcome could not be written down and what was made cannot be shown a second time: whoever asked still gets it, and the log of the
/// service tells what is missing in the audit log.
pub(crate) fn tell_if_missing(noted: Result<(), Problem>, action: &'static str) {
    if let Err(problem) = noted {
        let error = problem.told().detail;
        tracing::error!(correlation = correlation(), action, %error, "What was done is missing in the audit log.");
    }
}

/// By what a session began, and how many others it ended.
pub(crate) fn session_begun(session: &Session) -> String {
    let ways = session.amr.join(" ");
    match session.crowded_out {
        0 => ways,
        number => format!("{ways}; {number} of the oldest sessions ended"),
    }
}

/// The role of a new account.
pub(crate) fn role_given(role: Role) -> String {
    format!("role {}", role.name())
}

/// From which role to which.
pub(crate) fn role_changed(before: Role, after: Role) -> String {
    match before == after {
        true => format!("role {} as before", after.name()),
        false => format!("role from {} to {}", before.name(), after.name()),
    }
}

/// Whether an account was switched off, or on again.
pub(crate) fn state_changed(was_disabled: bool, is_disabled: bool) -> String {
    let name = |is_disabled: bool| if is_disabled { "off" } else { "on" };
    match was_disabled == is_disabled {
        true => format!("state {} as before", name(is_disabled)),
        false => format!("state from {} to {}", name(was_disabled), name(is_disabled)),
    }
}

/// What a new token opens, and for how long.
pub(crate) fn token_made(scopes: &[String], days: u32) -> String {
    let unit = if days == 1 { "day" } else { "days" };
    format!("scopes {} for {days} {unit}", scopes.join(" "))
}

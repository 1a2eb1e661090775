//! Writes down what came of it when somebody showed who he is, or changed by what he shows it.

use crate::error::{Problem, correlation};
use crate::state::Gateway;

/// Writes it into the audit log. `policy` is what decided, as the log names it.
///
/// # Errors
/// If it cannot be written down; what cannot be is not done.
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

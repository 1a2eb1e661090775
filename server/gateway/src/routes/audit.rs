//! What was allowed and what was not, by whom, and by which policy.

use crate::error::{Problem, ProblemBody};
use crate::extract::Asked;
use crate::routes::{List, time};
use crate::state::Gateway;
use axum::Json;
use axum::extract::State;
use engine::store::audit::AuditEntry;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A decision.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Decision {
    /// Its number in the log.
    number: i64,
    /// When.
    #[schema(format = "date-time")]
    at: String,
    /// The account; empty where nobody was known.
    actor: String,
    /// The operation.
    #[schema(example = "accounts.create")]
    action: String,
    /// What it was about.
    resource: String,
    /// Whether it was allowed.
    allowed: bool,
    /// The policies that decided.
    #[schema(example = "admins-see-to-accounts")]
    policy: String,
    /// The number of the request.
    correlation: String,
    /// By what it was done, or what came of it; of a change, what was changed from what to what.
    #[schema(example = "role from viewer to developer")]
    detail: String,
    /// The link of the chain: it holds that of the entry before.
    hash: String,
}

impl From<AuditEntry> for Decision {
    fn from(entry: AuditEntry) -> Self {
        Self {
            number: entry.seq,
            at: time(entry.at),
            actor: entry.actor,
            action: entry.action,
            resource: entry.resource,
            allowed: entry.allowed,
            policy: entry.policy,
            correlation: entry.correlation,
            detail: entry.detail,
            hash: entry.hash,
        }
    }
}

/// Which part of the log is wanted.
#[derive(Debug, Deserialize, ToSchema, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LogPart {
    /// The `next` of the part before: a number of the log, behind which older entries are.
    #[schema(minimum = 1)]
    #[param(minimum = 1, example = 1000)]
    after: Option<i64>,
    /// How many are wanted.
    #[schema(minimum = 1, maximum = 200)]
    #[param(minimum = 1, maximum = 200, example = 20)]
    limit: Option<u32>,
}

/// The decisions, the newest first.
#[utoipa::path(get, path = "/audit", tag = "audit", operation_id = "audit.list",
    extensions(("x-group" = json!("audit.read"))), params(LogPart), responses(
    (status = 200, description = "A part of them", body = List<Decision>),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody)))]
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Asked(part): Asked<LogPart>,
) -> Result<Json<List<Decision>>, Problem> {
    let limit = part.limit.unwrap_or(50);
    let entries = gateway.store().audit_entries(part.after, limit).await?;
    let is_full = entries.len() == limit as usize;
    let next = entries.last().filter(|last| is_full && last.seq > 1).map(|last| last.seq.to_string());
    Ok(Json(List { items: entries.into_iter().map(Into::into).collect(), next }))
}

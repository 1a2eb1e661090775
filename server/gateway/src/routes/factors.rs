//! Second factors: a secret for an authenticator app, good once a code of it was shown, and recovery codes for whoever loses it.
//!
//! The secret leaves once, when it is made; what is kept of it is sealed.

use crate::auth::factors::{POLICY, step_of};
use crate::auth::outcome::{note, tell_if_missing};
use crate::auth::{Principal, recovery, totp};
use crate::deed::carried_through;
use crate::error::{Kind, Problem, ProblemBody};
use crate::extract::{Id, Valid};
use crate::routes::too_many;
use crate::state::Gateway;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A new second factor, which its owner has to confirm.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NewFactor {
    /// What both sides know, in base32. It is shown only now.
    pub secret: String,
    /// The same as authenticator apps read it, for a QR code.
    #[schema(example = "otpauth://totp/code-agent:ann?secret=…&issuer=code-agent&algorithm=SHA1&digits=6&period=30")]
    pub uri: String,
}

/// A code of a second factor.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "code": "123456" }))]
pub(crate) struct FactorCode {
    /// Six digits.
    #[schema(pattern = "^[0-9]{6}$", example = "123456")]
    code: String,
}

/// Recovery codes.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RecoveryCodes {
    /// Each is good once, in the place of a code. They are shown only now.
    pub recovery_codes: Vec<String>,
}

fn taken() -> Problem {
    Problem::new(Kind::Conflict, "The account has a second factor; remove that one first.")
}

/// Begins a second factor. It counts once it is confirmed.
#[utoipa::path(post, path = "/me/totp", tag = "accounts", operation_id = "me.begin_totp",
    extensions(("x-group" = json!("me.write")), ("x-step-up" = json!(true))), responses(
    (status = 201, description = "Its secret", body = NewFactor),
    (status = 401, description = "Not signed in, or not lately (`step-up-needed`)", body = ProblemBody),
    (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 409, description = "There is one", body = ProblemBody),
    (status = 422, description = "It is at the provider of sign-ins", body = ProblemBody)))]
pub(crate) async fn begin(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
) -> Result<(StatusCode, Json<NewFactor>), Problem> {
    let account = &principal.account;
    if gateway.store().is_of_provider(&account.id).await? {
        let said = "You sign in by the provider, so your second factor is there.";
        return Err(Problem::new(Kind::Refused, said));
    }
    let secret = totp::secret()?;
    let sealed = gateway.keys().cipher().seal(&secret, &account.id);
    let sealed = sealed.map_err(|error| Problem::new(Kind::Internal, error.to_string()))?;
    if !gateway.store().set_totp(&account.id, &sealed).await? {
        return Err(taken());
    }
    let made = NewFactor { secret: totp::base32(&secret), uri: totp::uri(&account.name, &secret) };
    Ok((StatusCode::CREATED, Json(made)))
}

/// Confirms the second factor with a code of it. From then on signing in wants one.
#[utoipa::path(post, path = "/me/totp/confirm", tag = "accounts", operation_id = "me.confirm_totp",
    extensions(("x-group" = json!("me.write")), ("x-step-up" = json!(true))), request_body = FactorCode, responses(
    (status = 200, description = "Recovery codes", body = RecoveryCodes),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in, or not lately (`step-up-needed`)", body = ProblemBody),
    (status = 403, description = "The code is wrong", body = ProblemBody),
    (status = 409, description = "There is none to confirm", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody),
    (status = 429, description = "Too many tries", body = ProblemBody),
    (status = 503, description = "Not just now", body = ProblemBody)))]
pub(crate) async fn confirm(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Valid(body): Valid<FactorCode>,
) -> Result<Json<RecoveryCodes>, Problem> {
    carried_through(&gateway.clone(), async move {
        let account = &principal.account;
        let pending = gateway.store().totp(&account.id).await?;
        let none = || Problem::new(Kind::Conflict, "There is no second factor to confirm; begin one first.");
        let pending = pending.filter(|totp| !totp.confirmed).ok_or_else(none)?;
        gateway.tries().take_code(&account.id).map_err(too_many)?;
        let wrong = || Problem::new(Kind::Forbidden, "The code is wrong, or was used already.").at("/code");
        let Some(step) = step_of(&gateway, account, &pending, &body.code)? else {
            note(&gateway, POLICY, &account.id, "me.confirm_totp", &account.id, false, "the code is wrong").await?;
            return Err(wrong());
        };
        let (recovery_codes, hashes) = recovery::fresh(&account.id)?;
        if !gateway.store().confirm_totp(&account.id, &pending.secret, step, &hashes).await? {
            return Err(wrong());
        }
        gateway.tries().forgive_code(&account.id);
        // The factor is on by now, and its codes are shown only here.
        let noted = note(&gateway, POLICY, &account.id, "me.confirm_totp", &account.id, true, "confirmed").await;
        tell_if_missing(noted, "me.confirm_totp");
        Ok(Json(RecoveryCodes { recovery_codes }))
    })
    .await
}

/// Removes the second factor and its recovery codes.
#[utoipa::path(delete, path = "/me/totp", tag = "accounts", operation_id = "me.remove_totp",
    extensions(("x-group" = json!("me.write")), ("x-step-up" = json!(true))), responses(
    (status = 204, description = "Removed"),
    (status = 401, description = "Not signed in, or not lately (`step-up-needed`)", body = ProblemBody),
    (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 404, description = "There is none", body = ProblemBody)))]
pub(crate) async fn remove(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
) -> Result<StatusCode, Problem> {
    carried_through(&gateway.clone(), async move {
        let id = &principal.account.id;
        if !gateway.store().clear_totp(id).await? {
            return Err(Problem::new(Kind::NotFound, "The account has no second factor."));
        }
        note(&gateway, POLICY, id, "me.remove_totp", id, true, "removed").await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Gives new recovery codes; the ones before are worth nothing.
#[utoipa::path(post, path = "/me/recovery-codes", tag = "accounts", operation_id = "me.new_recovery_codes",
    extensions(("x-group" = json!("me.write")), ("x-step-up" = json!(true))), responses(
    (status = 201, description = "Recovery codes", body = RecoveryCodes),
    (status = 401, description = "Not signed in, or not lately (`step-up-needed`)", body = ProblemBody),
    (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 409, description = "There is no second factor", body = ProblemBody)))]
pub(crate) async fn new_recovery_codes(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
) -> Result<(StatusCode, Json<RecoveryCodes>), Problem> {
    carried_through(&gateway.clone(), async move {
        let account = &principal.account;
        if !account.has_totp {
            return Err(Problem::new(Kind::Conflict, "Recovery codes belong to a second factor, and there is none."));
        }
        let (recovery_codes, hashes) = recovery::fresh(&account.id)?;
        gateway.store().set_recovery_codes(&account.id, &hashes).await?;
        // Those before are worth nothing by now.
        let noted = note(&gateway, POLICY, &account.id, "me.new_recovery_codes", &account.id, true, "replaced").await;
        tell_if_missing(noted, "me.new_recovery_codes");
        Ok((StatusCode::CREATED, Json(RecoveryCodes { recovery_codes })))
    })
    .await
}

/// Removes the second factor of somebody who lost it and his recovery codes, and ends his sessions and his link for a new password. Where there is none, nothing happens.
#[utoipa::path(delete, path = "/accounts/{id}/totp", tag = "accounts", operation_id = "accounts.remove_totp",
    extensions(("x-group" = json!("accounts.write")), ("x-step-up" = json!(true))),
    params(("id" = String, Path, description = "The account", format = "uuid", example = "0192f0c1-7d5e-7000-8000-000000000000")), responses(
    (status = 204, description = "There is none any more"),
    (status = 401, description = "Not signed in, or not lately (`step-up-needed`)", body = ProblemBody),
    (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 404, description = "There is no such account", body = ProblemBody)))]
pub(crate) async fn remove_of_another(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    carried_through(&gateway.clone(), async move {
        gateway.store().account(&id).await?.ok_or_else(|| Problem::missing("account", &id))?;
        let was_there = gateway.store().clear_lost_totp(&id).await?;
        let outcome = if was_there { "removed" } else { "there was none" };
        note(&gateway, POLICY, &principal.account.id, "accounts.remove_totp", &id, true, outcome).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

//! Links by which the owner of an account gives himself a password: the first one, or a new one where the old is forgotten. So nobody who sees to accounts
//! has to think of a password for somebody else, or knows it.
//!
//! The code of a link is told once, to whoever makes it, and stands in no log. Nobody is told whether a code that is not good ever was one.

use crate::auth::outcome::note;
use crate::auth::{Principal, factors, secrets};
use crate::deed::carried_through;
use crate::error::{Kind, Problem, ProblemBody};
use crate::extract::{ClientAddress, Id, Valid};
use crate::routes::{time, too_many};
use crate::state::Gateway;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use engine::store::accounts::{Accepted, Invited, Role};
use engine::store::now_ms;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The policy that the audit log names where somebody came with a link.
const POLICY: &str = "invitation";
/// How long a link is good where nothing is said.
const HOURS: u32 = 24;
const HOUR_MS: i64 = 3_600_000;
/// Seconds after which it is worth coming again with a link that is being used.
const LATER: u64 = 1;

/// What a new link is made of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "hours": 24, "clear_factor": false }))]
pub(crate) struct NewInvitation {
    /// Hours that it is good for; 24 where it is left out.
    #[schema(minimum = 1, maximum = 168, example = 24)]
    hours: Option<u32>,
    /// Whether using it removes the second factor and the recovery codes too, for somebody who lost what gives the codes; not where it is left out.
    clear_factor: Option<bool>,
}

/// A new link.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct MadeInvitation {
    /// What the link is good by, once. It is shown only now.
    code: String,
    /// The page where its owner chooses a password, after the address of this service, with the code in it.
    #[schema(example = "/invitation?code=…")]
    pub link: String,
    /// From when on it is worth nothing.
    #[schema(format = "date-time")]
    expires_at: String,
}

/// A new password, by the code of a link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "code": "the code of the link", "password": "battery staple horse" }))]
pub(crate) struct NewPassword {
    /// The code of the link.
    #[schema(min_length = 1, max_length = 128)]
    code: String,
    /// Twelve characters or more.
    #[schema(min_length = 12, max_length = 256)]
    password: String,
}

/// Makes a link by which the owner of an account chooses a new password, in the place of the one that was open. It is good once, and ends too when the
/// account is closed, its password is changed or all its sessions are ended, and when whoever made it is no admin any more. Until it is used nothing
/// changes; then all sessions of the account end, and its API tokens stay.
#[utoipa::path(post, path = "/accounts/{id}/invitations", tag = "accounts", operation_id = "accounts.invite",
    extensions(("x-group" = json!("accounts.write")), ("x-step-up" = json!(true))),
    params(("id" = String, Path, description = "The account", format = "uuid", example = "0192f0c1-7d5e-7000-8000-000000000000")), request_body = NewInvitation, responses(
    (status = 201, description = "The link", body = MadeInvitation),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in, or not lately (`step-up-needed`)", body = ProblemBody),
    (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 404, description = "There is no such account", body = ProblemBody),
    (status = 409, description = "The account is closed, or one's own, or whoever asks is an admin by his token alone", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody),
    (status = 422, description = "Its password is at the provider of sign-ins", body = ProblemBody)))]
pub(crate) async fn invite(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Id(id): Id,
    Valid(body): Valid<NewInvitation>,
) -> Result<(StatusCode, Json<MadeInvitation>), Problem> {
    carried_through(&gateway.clone(), async move {
        let made = make(&gateway, &principal.account.id, &id, &body).await?;
        Ok((StatusCode::CREATED, Json(made)))
    })
    .await
}

/// Makes a link for an account, and writes that down.
async fn make(gateway: &Gateway, actor: &str, id: &str, wish: &NewInvitation) -> Result<MadeInvitation, Problem> {
    let store = gateway.store();
    store.account(id).await?.ok_or_else(|| Problem::missing("account", id))?;
    if store.is_of_provider(id).await? {
        let said =
            "The account is one of a person of the provider, where its password is; nobody changes that one here.";
        return Err(Problem::new(Kind::Refused, said));
    }
    if id == actor {
        // Else whoever finds somebody's browser open would need no old password.
        let said =
            "Your own password is changed with the old one (`PUT /api/v2/me/password`), or by a link of another admin.";
        return Err(Problem::new(Kind::Conflict, said));
    }
    // A token of the provider can make somebody an admin who is none by his account, and links are good only while that is one.
    if store.account(actor).await?.is_none_or(|own| own.role != Role::Admin) {
        let said = "Your account is not that of an admin here, though your token is one's; sign in here by the \
            provider, and make the link then.";
        return Err(Problem::new(Kind::Conflict, said));
    }
    let fresh = secrets::invitation_code()?;
    let expires_at = now_ms() + i64::from(wish.hours.unwrap_or(HOURS)) * HOUR_MS;
    let clears = wish.clear_factor.unwrap_or_default();
    if !store.invite(id, &fresh.hash, expires_at, actor, clears).await? {
        return Err(Problem::new(Kind::Conflict, "The account is closed; open it before you make a link for it."));
    }
    let factor = if clears { "; the second factor goes with it" } else { "" };
    let outcome = format!("good until {}{factor}", time(expires_at));
    note(gateway, factors::POLICY, actor, "accounts.invite", id, true, &outcome).await?;
    let link = format!("/invitation?code={}", fresh.secret);
    Ok(MadeInvitation { code: fresh.secret, link, expires_at: time(expires_at) })
}

/// Takes the link of an account back. Where there is none, nothing happens.
#[utoipa::path(delete, path = "/accounts/{id}/invitations", tag = "accounts", operation_id = "accounts.end_invitation",
    extensions(("x-group" = json!("accounts.write")), ("x-step-up" = json!(true))),
    params(("id" = String, Path, description = "The account", format = "uuid", example = "0192f0c1-7d5e-7000-8000-000000000000")), responses(
    (status = 204, description = "There is none any more"),
    (status = 401, description = "Not signed in, or not lately (`step-up-needed`)", body = ProblemBody),
    (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 404, description = "There is no such account", body = ProblemBody)))]
pub(crate) async fn end(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Id(id): Id,
) -> Result<StatusCode, Problem> {
    carried_through(&gateway.clone(), async move {
        gateway.store().account(&id).await?.ok_or_else(|| Problem::missing("account", &id))?;
        let outcome = if gateway.store().end_invitation(&id).await? { "taken back" } else { "there was none" };
        let actor = &principal.account.id;
        note(&gateway, factors::POLICY, actor, "accounts.end_invitation", &id, true, outcome).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// What a code is good for, for its owner to see before he chooses a password. One that is not good counts as a try; one that is good is taken however many
/// wrong ones came.
///
/// # Errors
/// If it is not good, or too many were tried.
pub(crate) async fn invited(gateway: &Gateway, from: &str, code: &str) -> Result<Invited, Problem> {
    if let Some(invited) = gateway.store().invited(&secrets::hash(code)).await? {
        return Ok(invited);
    }
    gateway.tries().take_link(from).map_err(too_many)?;
    Err(not_good(gateway).await?)
}

/// Writes down that somebody came with a link that is not good, and says it.
async fn not_good(gateway: &Gateway) -> Result<Problem, Problem> {
    note(gateway, POLICY, "", "invitations.accept", "", false, "the link is not good").await?;
    let said = "The link is not good: it was used or taken back, is over, or never was one; ask for another.";
    Ok(Problem::new(Kind::Forbidden, said))
}

/// Gives an account a new password by the code of a link, once. That ends all sessions of the account.
#[utoipa::path(post, path = "/invitations", tag = "accounts", operation_id = "invitations.accept", security(()),
    request_body = NewPassword, responses(
    (status = 204, description = "The account has the password"),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 403, description = "The link is not good", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody),
    (status = 429, description = "Too many tries, or the link is being used just now", body = ProblemBody),
    (status = 503, description = "Not just now", body = ProblemBody)))]
pub(crate) async fn accept(
    State(gateway): State<Gateway>,
    from: ClientAddress,
    Valid(body): Valid<NewPassword>,
) -> Result<StatusCode, Problem> {
    invited(&gateway, &from.0, &body.code).await?;
    let link = secrets::hash(&body.code);
    // One password is computed for a link at a time: whoever has one must not fill the turns of those who sign in.
    let begun = gateway.links_in_use().begin(&link).ok_or_else(|| {
        let said = "This link is being used just now; try again in a moment.";
        Problem::new(Kind::TooManyRequests, said).retry_after(LATER)
    })?;
    // A client that goes away leaves no password that the audit log does not know.
    let (from, password) = (from.0, body.password);
    carried_through(&gateway.clone(), async move {
        let _begun = begun;
        used(&gateway, &from, &link, password).await
    })
    .await
}

/// Uses up a link, and writes that down.
async fn used(gateway: &Gateway, from: &str, link: &str, password: String) -> Result<StatusCode, Problem> {
    let hash = gateway.passwords().hash(&gateway.core("service"), password).await?;
    let Some(Accepted { account, made_by, ended, factor_cleared }) =
        gateway.store().accept_invitation(link, &hash).await?
    else {
        // Somebody else was first, or it ended meanwhile.
        return Err(not_good(gateway).await?);
    };
    // What was ended is good no more, not even for a moment.
    gateway.recent().forget();
    // Who forgot his password has tried some before.
    gateway.tries().forgive(&account.name, from);
    gateway.tries().forgive_password(&account.id);
    let factor = if factor_cleared { "; the second factor was removed" } else { "" };
    let outcome = format!("a new password by the link of {made_by}; {ended} sessions ended{factor}");
    note(gateway, POLICY, &account.id, "invitations.accept", &account.id, true, &outcome).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! Who may use the service.

use crate::auth::outcome::{self, note};
use crate::auth::{Principal, factors};
use crate::deed::carried_through;
use crate::error::{Kind, Problem, ProblemBody};
use crate::extract::{Asked, Id, Valid};
use crate::routes::sessions::SessionView;
use crate::routes::{List, Part, time};
use crate::state::Gateway;
use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use engine::store::StoreError;
use engine::store::accounts::{Account, Role, SeenAccount};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What an account may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RoleName {
    /// Looks, and has texts checked.
    Viewer,
    /// Runs jobs too.
    Developer,
    /// Sees to everybody's jobs too, and to what they cost.
    Maintainer,
    /// Sees to accounts too.
    Admin,
    /// Sees what was allowed and what was not, and changes nothing.
    Auditor,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => Self::Viewer,
            Role::Developer => Self::Developer,
            Role::Maintainer => Self::Maintainer,
            Role::Admin => Self::Admin,
            Role::Auditor => Self::Auditor,
        }
    }
}

impl From<RoleName> for Role {
    fn from(role: RoleName) -> Self {
        match role {
            RoleName::Viewer => Self::Viewer,
            RoleName::Developer => Self::Developer,
            RoleName::Maintainer => Self::Maintainer,
            RoleName::Admin => Self::Admin,
            RoleName::Auditor => Self::Auditor,
        }
    }
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Account)]
pub(crate) struct AccountView {
    /// Its id.
    #[schema(example = "0192f0c1-7d5e-7000-8000-000000000000")]
    pub id: String,
    /// The name to sign in with.
    #[schema(example = "ann")]
    name: String,
    /// What it may do.
    role: RoleName,
    /// It is closed.
    disabled: bool,
    /// Its owner signs in with a second factor too.
    second_factor: bool,
    /// When it was made.
    #[schema(format = "date-time")]
    created_at: String,
}

impl From<Account> for AccountView {
    fn from(account: Account) -> Self {
        Self {
            id: account.id,
            name: account.name,
            role: account.role.into(),
            disabled: account.disabled,
            second_factor: account.has_totp,
            created_at: time(account.created_at),
        }
    }
}

/// An account, as those see it who see to accounts.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SeenAccount)]
pub(crate) struct SeenAccountView {
    /// The account.
    #[serde(flatten)]
    pub account: AccountView,
    /// Its owner signs in by a provider, where his password and his second factor are.
    of_provider: bool,
    /// It has a password here. Where it has none and is not of the provider, its owner gets one by a link (`POST /api/v2/accounts/{id}/invitations`).
    has_password: bool,
    /// When its owner last signed in here, or showed again that it is he; missing where that is more than 30 days ago, or never was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    last_sign_in_at: Option<String>,
    /// Until when the link for a new password is good; missing where none is open.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    invited_until: Option<String>,
    /// When its owner was last here by the provider, with a session or with one of its access tokens, to the minute; missing where he never was, and for
    /// accounts of this service.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    last_seen_at: Option<String>,
}

impl From<SeenAccount> for SeenAccountView {
    fn from(seen: SeenAccount) -> Self {
        Self {
            account: seen.account.into(),
            of_provider: seen.of_provider,
            has_password: seen.has_password,
            last_sign_in_at: seen.last_sign_in.map(time),
            invited_until: seen.invited_until.map(time),
            last_seen_at: seen.last_seen.map(time),
        }
    }
}

/// Who asks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Me {
    /// The account.
    #[serde(flatten)]
    account: AccountView,
    /// Recovery codes that were not used yet.
    #[schema(minimum = 0)]
    recovery_codes_left: u64,
    /// What would be better, in a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    /// How he signed in; missing with an API token.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionView>,
}

/// What a new account is made of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "bob", "role": "developer", "password": "correct horse battery" }))]
pub(crate) struct NewAccount {
    /// The name to sign in with.
    #[schema(min_length = 1, max_length = 64, pattern = "^[a-z0-9._@-]+$", example = "bob")]
    name: String,
    /// What it may do.
    role: RoleName,
    /// Twelve characters or more; for an account of this service. Left out, its owner chooses one by a link (`POST /api/v2/accounts/{id}/invitations`).
    #[schema(min_length = 12, max_length = 256)]
    password: Option<String>,
    /// How the provider of sign-ins names the person (`sub`); for an account of a person who signs in there.
    #[schema(min_length = 1, max_length = 255)]
    subject: Option<String>,
}

/// What of an account is to be another.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "role": "maintainer" }))]
pub(crate) struct AccountChange {
    /// What it may do from now on.
    role: Option<RoleName>,
    /// Whether it is closed. That holds everywhere within a second.
    disabled: Option<bool>,
}

/// The old password and the new one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "old": "correct horse battery", "password": "battery staple horse" }))]
pub(crate) struct PasswordChange {
    /// The one that is in force.
    #[schema(min_length = 1, max_length = 256)]
    old: String,
    /// Twelve characters or more.
    #[schema(min_length = 12, max_length = 256)]
    password: String,
}

/// Who I am.
#[utoipa::path(get, path = "/me", tag = "accounts", operation_id = "me.show",
    extensions(("x-group" = json!("me.read"))), responses(
    (status = 200, description = "The account", body = Me),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody)))]
pub(crate) async fn me(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<Me>, Problem> {
    let session = SessionView::of(&principal);
    let account = principal.account;
    let recovery_codes_left = gateway.store().recovery_codes_left(&account.id).await?;
    let does_much = matches!(account.role, Role::Admin | Role::Maintainer);
    let role = account.role.name();
    // Who signs in by a provider shows a second factor there, and none of ours would be asked for.
    let lacks_factor = does_much && !account.has_totp && !gateway.store().is_of_provider(&account.id).await?;
    let advice = lacks_factor
        .then(|| format!("Who has the role `{role}` should have a second factor; `POST /api/v2/me/totp` begins one."));
    Ok(Json(Me { account: account.into(), recovery_codes_left, advice, session }))
}

/// Changes my password, and ends all my sessions.
#[utoipa::path(put, path = "/me/password", tag = "accounts", operation_id = "me.change_password",
    extensions(("x-group" = json!("me.write"))), request_body = PasswordChange, responses(
    (status = 204, description = "Changed"),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody),
    (status = 403, description = "The old password is wrong", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody),
    (status = 422, description = "The password is too short", body = ProblemBody),
    (status = 409, description = "It was changed meanwhile", body = ProblemBody),
    (status = 429, description = "Too many tries", body = ProblemBody),
    (status = 503, description = "Not just now", body = ProblemBody)))]
pub(crate) async fn change_password(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Valid(body): Valid<PasswordChange>,
) -> Result<StatusCode, Problem> {
    carried_through(&gateway.clone(), async move {
        let id = &principal.account.id;
        gateway.tries().take_password(id).map_err(super::too_many)?;
        let core = gateway.core(id);
        let old = gateway.store().password_hash(id).await?;
        let is_right = gateway.passwords().is_right(&core, body.old, old.clone()).await?;
        let Some(old) = old.filter(|_| is_right) else {
            note(&gateway, factors::POLICY, id, "me.change_password", id, false, "the old password is wrong").await?;
            return Err(Problem::new(Kind::Forbidden, "The old password is wrong.").at("/old"));
        };
        let hash = gateway.passwords().hash(&core, body.password).await?;
        let ended = gateway.store().change_password(id, &old, &hash).await?;
        gateway.tries().forgive_password(id);
        note(
            &gateway,
            factors::POLICY,
            id,
            "me.change_password",
            id,
            true,
            &format!("changed; {ended} sessions ended"),
        )
        .await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// All accounts.
#[utoipa::path(get, path = "/accounts", tag = "accounts", operation_id = "accounts.list",
    extensions(("x-group" = json!("accounts.read"))), params(Part), responses(
    (status = 200, description = "A part of them", body = List<SeenAccountView>),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody)))]
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Asked(part): Asked<Part>,
) -> Result<Json<List<SeenAccountView>>, Problem> {
    let page = gateway.store().accounts(part.after(), part.limit()).await?;
    Ok(Json(List { items: page.items.into_iter().map(Into::into).collect(), next: page.next }))
}

/// Makes an account. One without a password and without a subject is open to nobody until a link is made for it.
#[utoipa::path(post, path = "/accounts", tag = "accounts", operation_id = "accounts.create",
    extensions(("x-group" = json!("accounts.write")), ("x-step-up" = json!(true))), request_body = NewAccount, responses(
    (status = 201, description = "The account", body = SeenAccountView),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 409, description = "The name is taken, the person has an account, there is no provider, or there are both a password and a subject", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody),
    (status = 422, description = "The password is too short", body = ProblemBody),
    (status = 503, description = "Not just now", body = ProblemBody)))]
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Valid(body): Valid<NewAccount>,
) -> Result<(StatusCode, Json<SeenAccountView>), Problem> {
    carried_through(&gateway.clone(), async move {
        let refused = |said: &str| Problem::new(Kind::Conflict, said);
        let failed = |error: StoreError| match error {
            StoreError::Taken => refused("This name is taken.").at("/name"),
            error => error.into(),
        };
        let (store, role) = (gateway.store(), body.role.into());
        let (of_provider, has_password) = (body.subject.is_some(), body.password.is_some());
        let account = match (body.password, body.subject) {
            (Some(password), None) => {
                let hash = gateway.passwords().hash(&gateway.core(&principal.account.id), password).await?;
                store.create_account(&body.name, role, Some(&hash)).await.map_err(failed)?
            }
            (None, Some(subject)) => {
                let provider =
                    gateway.provider().ok_or_else(|| refused("This service has no provider of sign-ins."))?;
                let issuer = &provider.settings().issuer;
                match store.create_account_of_person(issuer, &subject, &body.name, role).await.map_err(failed)? {
                    (account, true) => account,
                    (_, false) => return Err(refused("This person has an account.").at("/subject")),
                }
            }
            (None, None) => store.create_account(&body.name, role, None).await.map_err(failed)?,
            (Some(_), Some(_)) => {
                let said = "An account has either a password or the subject of a person of the provider, and not both.";
                return Err(refused(said));
            }
        };
        let (actor, made) = (&principal.account.id, outcome::role_given(account.role));
        note(&gateway, outcome::POLICY, actor, "accounts.create", &account.id, true, &made).await?;
        let seen = SeenAccount {
            account,
            of_provider,
            has_password,
            last_sign_in: None,
            last_seen: None,
            invited_until: None,
        };
        Ok((StatusCode::CREATED, Json(seen.into())))
    })
    .await
}

/// One account.
#[utoipa::path(get, path = "/accounts/{id}", tag = "accounts", operation_id = "accounts.show",
    extensions(("x-group" = json!("accounts.read"))),
    params(("id" = String, Path, description = "The account", format = "uuid", example = "0192f0c1-7d5e-7000-8000-000000000000")), responses(
    (status = 200, description = "The account", body = SeenAccountView),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 404, description = "Not there", body = ProblemBody)))]
pub(crate) async fn show(State(gateway): State<Gateway>, Id(id): Id) -> Result<Json<SeenAccountView>, Problem> {
    let seen = gateway.store().seen_account(&id).await?.ok_or_else(|| Problem::missing("account", &id))?;
    Ok(Json(seen.into()))
}

/// Changes the role of an account, or closes it. The last admin stays.
#[utoipa::path(patch, path = "/accounts/{id}", tag = "accounts", operation_id = "accounts.change",
    extensions(("x-group" = json!("accounts.write")), ("x-step-up" = json!(true))),
    params(("id" = String, Path, description = "The account", format = "uuid", example = "0192f0c1-7d5e-7000-8000-000000000000")), request_body = AccountChange, responses(
    (status = 200, description = "The account", body = SeenAccountView),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 404, description = "Not there", body = ProblemBody),
    (status = 409, description = "It is the last admin", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody)))]
pub(crate) async fn change(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Id(id): Id,
    Valid(body): Valid<AccountChange>,
) -> Result<Json<SeenAccountView>, Problem> {
    carried_through(&gateway.clone(), async move {
        let missing = || Problem::missing("account", &id);
        gateway.store().account(&id).await?.ok_or_else(missing)?;
        let actor = &principal.account.id;
        // What keeps somebody out comes first, and what lets him in last: a step that fails in between leaves him with less, not with more.
        if body.disabled == Some(true) {
            switch(&gateway, actor, &id, true).await?;
        }
        if let Some(role) = body.role {
            let before = gateway.store().set_role(&id, role.into()).await?;
            let changed = outcome::role_changed(before, role.into());
            note(&gateway, outcome::POLICY, actor, "accounts.change", &id, true, &changed).await?;
        }
        if body.disabled == Some(false) {
            switch(&gateway, actor, &id, false).await?;
        }
        let seen = gateway.store().seen_account(&id).await?.ok_or_else(missing)?;
        Ok(Json(seen.into()))
    })
    .await
}

/// Switches an account off or on. Whichever part of it fails, the others are done.
async fn switch(gateway: &Gateway, actor: &str, id: &str, disabled: bool) -> Result<(), Problem> {
    let before = gateway.store().set_disabled(id, disabled).await?;
    let changed = outcome::state_changed(before, disabled);
    let noted = note(gateway, outcome::POLICY, actor, "accounts.change", id, true, &changed).await;
    if disabled {
        // Where it was switched off before, what that left is ended still; and nobody is there to want what comes of its jobs.
        // What the provider gave until now does not come back with the account either.
        let ended = gateway.store().revoke_sessions_of(id).await;
        let taken_back = gateway.store().revoke_foreign_tokens_of(id).await;
        gateway.store().cancel_jobs_of(id).await?;
        ended?;
        taken_back?;
    }
    noted
}

//! Which account a person of the provider has here, and whether he may come in.
//!
//! A person is known by issuer and subject. Neither a name nor an e-mail address ever leads to an account. A role that the provider took away never
//! goes on in what somebody has here from before.

use super::claims::{Person, of_setting};
use crate::auth::factors;
use crate::auth::outcome::{note, role_changed, role_given};
use crate::deed::carried_through;
use crate::error::{Kind, Problem};
use crate::state::Gateway;
use engine::config::sections::UnknownPeople;
use engine::store::StoreError;
use engine::store::accounts::{Account, Role};

/// The policy that the audit log names.
pub(crate) const POLICY: &str = "oidc";

/// The account of a person, with the role that his claims give him. Where he signs in (`kept`), that role is kept.
///
/// # Errors
/// If he is not let in, or his account is closed.
pub(crate) async fn account_of(gateway: &Gateway, person: &Person, kept: bool) -> Result<Account, Problem> {
    let store = gateway.store();
    let Some(provider) = gateway.provider() else {
        return Err(Problem::new(Kind::NotFound, "This service has no provider of sign-ins."));
    };
    let settings = provider.settings();
    let known = store.account_of_person(&settings.issuer, &person.subject).await?;
    // Where the provider gives no roles, whom an admin made needs none of it.
    let gives_roles = provider.gives_roles();
    let may_come = match settings.unknown_people {
        UnknownPeople::Refuse => known.is_some(),
        UnknownPeople::WithRole => person.role.is_some() || (known.is_some() && !gives_roles),
        UnknownPeople::Welcome => true,
    };
    if !may_come {
        if kept {
            if let Some(known) = &known {
                lower(gateway, known, of_setting(settings.default_role)).await?;
            }
            note(gateway, POLICY, "", "sessions.create", &person.subject, false, "nobody of this service").await?;
        }
        return Err(Problem::new(
            Kind::Forbidden,
            "The provider knows you, and this service does not; ask its admins.",
        ));
    }
    let wanted = person.role.unwrap_or_else(|| of_setting(settings.default_role));
    let mut account = match known {
        Some(account) => account,
        None => {
            // Whoever is the first account could not be made an admin by the code of the first start any more.
            if wanted != Role::Admin && store.count_accounts().await? == 0 {
                let said = "This service has no admin yet; the first one is made with the code of its first start.";
                return Err(Problem::new(Kind::Forbidden, said));
            }
            made_for(gateway, &settings.issuer, person, wanted).await?
        }
    };
    if account.disabled {
        if kept {
            note(gateway, POLICY, &account.id, "sessions.create", &account.id, false, "the account is closed").await?;
        }
        return Err(Problem::new(Kind::Forbidden, "The account is closed."));
    }
    if gives_roles && account.role != wanted {
        if kept && !becomes(gateway, &account, wanted).await? {
            return Ok(account);
        }
        account.role = wanted;
    }
    Ok(account)
}

/// Makes the account of a person, unless another request made it meanwhile, and writes that down: both, also where he goes away in between.
async fn made_for(gateway: &Gateway, issuer: &str, person: &Person, role: Role) -> Result<Account, Problem> {
    let here = gateway.clone();
    let (issuer, subject, name) = (issuer.to_owned(), person.subject.clone(), person.name.clone());
    carried_through(gateway, async move {
        let (account, is_new) = here.store().create_account_of_person(&issuer, &subject, &name, role).await?;
        if is_new {
            let given = role_given(account.role);
            note(&here, POLICY, &account.id, "accounts.create", &account.id, true, &given).await?;
        }
        Ok(account)
    })
    .await
}

/// Somebody has no role any more, and is refused: what he has here goes down to the role of those without one, and his sessions and access tokens are
/// ended. Otherwise they, and his API tokens, would go on with what the provider took from him. Only a sign-in leads here; an access token may be older
/// than his role.
async fn lower(gateway: &Gateway, account: &Account, role: Role) -> Result<(), Problem> {
    if account.role != role && !is_raised(account.role, role) {
        return becomes(gateway, account, role).await.map(|_| ());
    }
    let (here, account) = (gateway.clone(), account.clone());
    carried_through(gateway, async move { end_sessions(&here, &account).await }).await
}

/// Gives a role, and ends what was begun with one that could more: both, also where whoever signs in goes away in between, since nobody would come back to
/// the second. False for the last admin, who stays one.
async fn becomes(gateway: &Gateway, account: &Account, role: Role) -> Result<bool, Problem> {
    let (here, account) = (gateway.clone(), account.clone());
    carried_through(gateway, async move {
        let is_so = set_role(&here, &account, role).await?;
        if is_so && !is_raised(account.role, role) {
            end_sessions(&here, &account).await?;
        }
        Ok(is_so)
    })
    .await
}

/// Keeps a role; false for the last admin, who stays one.
async fn set_role(gateway: &Gateway, account: &Account, role: Role) -> Result<bool, Problem> {
    match gateway.store().set_role(&account.id, role).await {
        Ok(before) => {
            let changed = role_changed(before, role);
            note(gateway, POLICY, &account.id, "accounts.change", &account.id, true, &changed).await?;
            Ok(true)
        }
        Err(StoreError::LastAdmin) => {
            tracing::warn!(account = account.id, "The last admin stays one, whatever the provider says.");
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

async fn end_sessions(gateway: &Gateway, account: &Account) -> Result<(), Problem> {
    let ended = gateway.store().revoke_sessions_of(&account.id).await?;
    // His access tokens still say the role of before.
    gateway.store().revoke_foreign_tokens_of(&account.id).await?;
    // Not even for a moment does it count that they were good.
    gateway.recent().forget();
    if ended > 0 {
        note(gateway, POLICY, &account.id, "sessions.delete", &account.id, true, &format!("{ended} sessions ended"))
            .await?;
    }
    Ok(())
}

/// Whether the second role has all that the first has, and more. The auditor stands beside the others.
fn is_raised(before: Role, after: Role) -> bool {
    let rank = |role: Role| match role {
        Role::Viewer => Some(1),
        Role::Developer => Some(2),
        Role::Maintainer => Some(3),
        Role::Admin => Some(4),
        Role::Auditor => None,
    };
    matches!((rank(before), rank(after)), (Some(before), Some(after)) if before < after)
}

/// What a session of a person is shown by.
pub(crate) fn ways(person: &Person) -> Vec<String> {
    std::iter::once(factors::PROVIDER.to_owned()).chain(person.amr.iter().cloned()).collect()
}

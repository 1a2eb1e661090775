//! What somebody shows to be who he is: a password, and a code where the account has a second factor. A right code is used up when it is looked at.
//!
//! Never says which of the codes it would have been.

use crate::auth::outcome::{note, session_begun};
use crate::auth::{recovery, totp};
use crate::error::{Kind, Problem};
use crate::metrics::SignIn;
use crate::routes::too_many;
use crate::state::Gateway;
use engine::store::accounts::{Account, Totp};
use engine::store::now_ms;
use engine::store::tokens::{Proof, Session};

/// The policy that the audit log names.
pub(crate) const POLICY: &str = "factors";

/// A password was shown (RFC 8176).
pub(crate) const PASSWORD: &str = "pwd";
/// A code of the second factor was shown (RFC 8176).
pub(crate) const CODE: &str = "otp";
/// A recovery code was shown. The standard has no name for it.
pub(crate) const RECOVERY: &str = "recovery";

/// The provider said who it is. The standard has no name for it.
pub(crate) const PROVIDER: &str = "oidc";

/// How old an authentication may be for what is dangerous, in seconds.
pub(crate) const FRESH_SECONDS: i64 = 300;

/// Whether all that the account has was shown, and not long ago.
pub(crate) fn is_fresh(account: &Account, amr: &[String], auth_time: i64) -> bool {
    let has_code = amr.iter().any(|way| way == CODE || way == RECOVERY);
    is_recent(auth_time) && (has_code || !account.has_totp)
}

/// Whether a moment in Unix milliseconds is not long ago.
pub(crate) fn is_recent(moment: i64) -> bool {
    now_ms() - moment <= FRESH_SECONDS * 1000
}

/// Who signs in, and by what he shows it. Counted by where it comes from, before anything is computed.
///
/// # Errors
/// If name, password or code are wrong, a code is missing, or it was tried too often.
pub(crate) async fn sign_in(
    gateway: &Gateway,
    from: &str,
    name: &str,
    password: String,
    code: Option<&str>,
) -> Result<(Account, Proof), Problem> {
    let result = looked_at(gateway, from, name, password, code).await;
    gateway.measures().signed_in(match &result {
        Ok(_) => SignIn::Succeeded,
        Err(problem) if problem.is_throttled() => SignIn::Throttled,
        Err(_) => SignIn::Refused,
    });
    result
}

async fn looked_at(
    gateway: &Gateway,
    from: &str,
    name: &str,
    password: String,
    code: Option<&str>,
) -> Result<(Account, Proof), Problem> {
    gateway.tries().take(name, from).map_err(too_many)?;
    let account = gateway.store().account_by_name(name).await?.filter(|account| !account.disabled);
    let hash = match &account {
        Some(account) => gateway.store().password_hash(&account.id).await?,
        None => None,
    };
    let is_right = gateway.passwords().is_right(&gateway.core("service"), password, hash.clone()).await?;
    let Some(account) = account.filter(|_| is_right) else {
        note(gateway, POLICY, "", "sessions.create", name, false, "name or password is wrong").await?;
        return Err(Problem::new(Kind::Unauthenticated, "The name or the password is wrong."));
    };
    let mut amr = vec![PASSWORD.to_owned()];
    if account.has_totp {
        amr.push(needed(gateway, &account, "sessions.create", code, Kind::Unauthenticated).await?.to_owned());
    }
    gateway.tries().forgive(name, from);
    // As it was looked at: the store begins no session where the account got a second factor meanwhile.
    let with_factor = account.has_totp;
    Ok((account, Proof { amr, password_hash: hash, with_factor, ..Proof::default() }))
}

/// Who signed in shows again that it is he, with all that the account has.
///
/// # Errors
/// If the password or the code are wrong or missing, it was tried too often, or the account has nothing that could be shown here.
pub(crate) async fn again(
    gateway: &Gateway,
    account: &Account,
    password: Option<String>,
    code: Option<&str>,
) -> Result<Vec<String>, Problem> {
    let mut amr = Vec::new();
    let hash = gateway.store().password_hash(&account.id).await?;
    if hash.is_none() && !account.has_totp {
        return Err(Problem::new(
            Kind::Refused,
            "The account has no password here; sign in again where you signed in.",
        ));
    }
    // What somebody can show here does not stand for what the provider has to confirm.
    let demands = gateway.provider().is_some_and(|provider| !provider.settings().level_of_step_up().is_empty());
    if demands && gateway.store().is_of_provider(&account.id).await? {
        let said = "This service demands that the provider confirms how you sign in; show it there, in a browser.";
        return Err(Problem::new(Kind::Refused, said));
    }
    if hash.is_some() {
        gateway.tries().take_password(&account.id).map_err(too_many)?;
        let is_right = match password {
            Some(password) => gateway.passwords().is_right(&gateway.core(&account.id), password, hash).await?,
            None => false,
        };
        if !is_right {
            note(gateway, POLICY, &account.id, "sessions.step_up", &account.id, false, "the password is wrong").await?;
            return Err(Problem::new(Kind::Forbidden, "The password is wrong.").at("/password"));
        }
        amr.push(PASSWORD.to_owned());
    }
    if account.has_totp {
        amr.push(needed(gateway, account, "sessions.step_up", code, Kind::Forbidden).await?.to_owned());
    }
    gateway.tries().forgive_password(&account.id);
    Ok(amr)
}

/// A code that has to be there and to be right.
async fn needed(
    gateway: &Gateway,
    account: &Account,
    action: &str,
    code: Option<&str>,
    kind: Kind,
) -> Result<&'static str, Problem> {
    let Some(code) = code.filter(|code| !code.trim().is_empty()) else {
        note(gateway, POLICY, &account.id, action, &account.id, false, "a second factor is needed").await?;
        let said = "The account has a second factor; send its code, or a recovery code, as `code` too.";
        return Err(Problem::new(Kind::SecondFactorNeeded, said).at("/code"));
    };
    let (why, said) = match looked_up(gateway, account, code).await? {
        Code::Good(way) => return Ok(way),
        Code::Wrong => ("the code is wrong", "The code is wrong, or was used already."),
        Code::Barred => (
            "too many wrong codes in a row",
            "So many codes were wrong in a row that only a recovery code is taken now; without one, an admin can remove the second factor.",
        ),
    };
    note(gateway, POLICY, &account.id, action, &account.id, false, why).await?;
    Err(Problem::new(kind, said).at("/code"))
}

/// What came of a code.
enum Code {
    /// It is good, and used up: a code of this kind.
    Good(&'static str),
    /// It is none that is good.
    Wrong,
    /// It was not looked at, since too many before it were wrong.
    Barred,
}

/// Which kind of code this is, and uses it up.
async fn looked_up(gateway: &Gateway, account: &Account, code: &str) -> Result<Code, Problem> {
    gateway.tries().take_code(&account.id).map_err(too_many)?;
    let digits: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    let (is_good, way) = if totp::looks_like_one(&digits) {
        let known = gateway.store().totp(&account.id).await?.filter(|totp| totp.confirmed);
        if known.as_ref().is_some_and(|known| known.barred) {
            return Ok(Code::Barred);
        }
        let step = known.map(|known| step_of(gateway, account, &known, &digits)).transpose()?.flatten();
        let is_good = match step {
            Some(step) => gateway.store().use_totp_step(&account.id, step).await?,
            None => false,
        };
        if !is_good {
            gateway.store().count_wrong_code(&account.id).await?;
        }
        (is_good, CODE)
    } else {
        let is_good = match recovery::hash(&account.id, code) {
            Some(hash) => gateway.store().use_recovery_code(&account.id, &hash).await?,
            None => false,
        };
        (is_good, RECOVERY)
    };
    if !is_good {
        return Ok(Code::Wrong);
    }
    gateway.tries().forgive_code(&account.id);
    Ok(Code::Good(way))
}

/// The step for which this is the code.
///
/// # Errors
/// If the secret cannot be opened.
pub(crate) fn step_of(gateway: &Gateway, account: &Account, totp: &Totp, code: &str) -> Result<Option<i64>, Problem> {
    let secret = gateway.keys().cipher().open(&totp.secret, &account.id).map_err(|_| {
        let said = "The second factor cannot be read with this signing key; a recovery code is good still.";
        Problem::new(Kind::Unavailable, said)
    })?;
    Ok(totp::step_of(&secret, code, now_ms() / 1000))
}

/// Begins a session. Its secret is known to its owner by the hash that is kept of it.
///
/// # Errors
/// If the account was changed since the proof was looked at.
pub(crate) async fn begin(
    gateway: &Gateway,
    account: &Account,
    proof: &Proof,
    hash: &str,
    good_for_ms: i64,
) -> Result<Session, Problem> {
    let session = gateway.store().start_session(&account.id, hash, now_ms() + good_for_ms, proof).await?;
    note(gateway, POLICY, &account.id, "sessions.create", &session.id, true, &session_begun(&session)).await?;
    Ok(session)
}

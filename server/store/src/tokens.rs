//! What stands for an account: API tokens, sessions with their refresh tokens, and the log of what was revoked.
//! Only hashes of secrets come in here; a token that is no longer good is never given out.

mod devices;
mod revocations;
mod sessions;

pub use devices::{Device, Polled};
pub(crate) use revocations::log_revocation;
pub(crate) use sessions::end_sessions;

use crate::accounts::{Account, account_in};
use crate::page::Ask;
use crate::sql::{Row, values};
use crate::{Page, Store, StoreError, new_id, now_ms};
use serde::{Deserialize, Serialize};

/// A token that a program shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Names it without giving it away.
    pub id: String,
    /// For whom it stands.
    pub account: String,
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: i64,
    /// From when on it is worth nothing.
    pub expires_at: Option<i64>,
    /// When it was taken back.
    pub revoked_at: Option<i64>,
    /// When it was last seen, to a minute.
    pub last_used_at: Option<i64>,
}

/// A sign-in, and all refresh tokens that follow from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Names it in access tokens.
    pub id: String,
    /// Who signed in.
    pub account: String,
    /// When.
    pub created_at: i64,
    /// From when on it is worth nothing, however often it is refreshed.
    pub expires_at: i64,
    /// When it was ended.
    pub revoked_at: Option<i64>,
    /// By what its owner last showed who he is: `pwd`, `otp` and the like of RFC 8176.
    pub amr: Vec<String>,
    /// Of which class that was, where a provider of sign-ins said it: `acr` of OpenID Connect.
    pub acr: Option<String>,
    /// When he last did. What costs much asks for it again after a while.
    pub auth_time: i64,
    /// How many of the oldest sessions of the account it ended as it began. Nothing is kept of that.
    pub crowded_out: u64,
}

/// By what somebody shows who he is when a session begins, and what was in force when that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proof {
    /// The ways, for [`Session::amr`].
    pub amr: Vec<String>,
    /// The class, for [`Session::acr`].
    pub acr: Option<String>,
    /// The hash of the password that was checked: where the account has another one by now, no session begins.
    pub password_hash: Option<String>,
    /// Whether a second factor was shown, or is not wanted: where it was not and the account has one by now, no session begins.
    pub with_factor: bool,
    /// When it was shown, where that was not just now but elsewhere and earlier.
    pub auth_time: Option<i64>,
    /// The session by which its owner lets another one begin: where that one is at an end by now, none begins.
    pub session: Option<String>,
}

/// What came of showing a refresh token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rotated {
    /// It was good, and the new one is in its place.
    Ok(Session),
    /// It had been used before: one of two who have it is a thief, so the whole session was ended.
    Reused(Session),
    /// It never was one, or its session or account is at an end.
    Unknown,
}

/// A line of the log that tells replicas what to forget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// `token`, `session`, `foreign-token` or `account`; the last means that its role changed or that it was disabled or enabled.
    pub kind: String,
    /// Which of them.
    pub id: String,
}

/// How exactly the last use of a token, and of the service by a person, is kept.
pub(crate) const TOUCH_EVERY: i64 = 60_000;

impl Store {
    /// Makes a token of which only the hash is kept.
    pub async fn create_token(
        &self,
        account: &str,
        name: &str,
        hash: &str,
        scopes: &[String],
        expires_at: Option<i64>,
    ) -> Result<ApiToken, StoreError> {
        let mut writing = self.pool.begin().await?;
        let owner = writing.row("SELECT id FROM accounts WHERE id = $1", values![account]).await?;
        owner.ok_or(StoreError::Missing("account"))?;
        let token = ApiToken {
            id: new_id(),
            account: account.to_owned(),
            name: name.to_owned(),
            scopes: scopes.to_vec(),
            created_at: now_ms(),
            expires_at,
            revoked_at: None,
            last_used_at: None,
        };
        let scopes = serde_json::to_string(scopes).map_err(|_| StoreError::Invalid("Scopes must be texts."))?;
        let sql = "INSERT INTO tokens (id, account, name, hash, scopes, created_at, expires_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        writing.run(sql, values![&token.id, account, name, hash, &scopes, token.created_at, expires_at]).await?;
        writing.commit().await?;
        Ok(token)
    }

    /// The token with this hash and its account, if both are good now: not revoked, not expired, not disabled.
    pub async fn token_by_hash(&self, hash: &str) -> Result<Option<(ApiToken, Account)>, StoreError> {
        let sql = "SELECT tokens.*, accounts.id AS owner_id, accounts.name AS owner_name, accounts.role AS owner_role,
            accounts.disabled AS owner_disabled, accounts.totp_confirmed AS owner_totp_confirmed,
            accounts.created_at AS owner_created_at
            FROM tokens JOIN accounts ON accounts.id = tokens.account
            WHERE tokens.hash = $1 AND tokens.revoked_at IS NULL AND accounts.disabled = 0
            AND (tokens.expires_at IS NULL OR tokens.expires_at > $2)";
        let row = self.pool.row(sql, values![hash, now_ms()]).await?;
        row.map(|row| Ok((token_in(&row)?, account_in(&row, "owner_")?))).transpose()
    }

    /// The token with this id, good or not.
    pub async fn token(&self, id: &str) -> Result<Option<ApiToken>, StoreError> {
        let row = self.pool.row("SELECT * FROM tokens WHERE id = $1", values![id]).await?;
        row.map(|row| token_in(&row)).transpose()
    }

    /// A page of tokens of one account or of all, oldest first, with those that are revoked or expired.
    pub async fn tokens(
        &self,
        account: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Page<ApiToken>, StoreError> {
        let ask = Ask::new(after, limit)?;
        let sql = "SELECT * FROM tokens WHERE ($1 IS NULL OR account = $1) AND ($2 IS NULL OR id > $2)
            ORDER BY id LIMIT $3";
        let rows = self.pool.rows(sql, values![account, ask.after, ask.rows()]).await?;
        let tokens = rows.iter().map(token_in).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::new(tokens, &ask, |token| &token.id))
    }

    /// Takes a token back, of this account if one is named; whether there was one to take back.
    pub async fn revoke_token(&self, id: &str, account: Option<&str>) -> Result<bool, StoreError> {
        let mut writing = self.pool.begin().await?;
        let sql = "UPDATE tokens SET revoked_at = $3
            WHERE id = $1 AND ($2 IS NULL OR account = $2) AND revoked_at IS NULL";
        if writing.run(sql, values![id, account, now_ms()]).await? == 0 {
            return Ok(false);
        }
        log_revocation(&mut writing, "token", id).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Notes that a token was used, at most once a minute.
    pub async fn touch_token(&self, id: &str) -> Result<(), StoreError> {
        let now = now_ms();
        // Reading first keeps the many calls within a minute away from the writers.
        let row = self.pool.row("SELECT last_used_at FROM tokens WHERE id = $1", values![id]).await?;
        let Some(row) = row else { return Ok(()) };
        if row.number_if_any("last_used_at")?.is_some_and(|last| last > now - TOUCH_EVERY) {
            return Ok(());
        }
        let sql = "UPDATE tokens SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)";
        self.pool.run(sql, values![id, now, now - TOUCH_EVERY]).await?;
        Ok(())
    }
}

fn token_in(row: &Row) -> Result<ApiToken, StoreError> {
    Ok(ApiToken {
        id: row.text("id")?,
        account: row.text("account")?,
        name: row.text("name")?,
        scopes: serde_json::from_str(&row.text("scopes")?).map_err(|_| StoreError::Stored("list of scopes"))?,
        created_at: row.number("created_at")?,
        expires_at: row.number_if_any("expires_at")?,
        revoked_at: row.number_if_any("revoked_at")?,
        last_used_at: row.number_if_any("last_used_at")?,
    })
}

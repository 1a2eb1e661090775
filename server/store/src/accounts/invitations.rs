//! Links by which the owner of an account gives himself a password: the first one, or a new one where the old is forgotten. Only hashes of their codes
//! come in here; a link is good once and only while whoever made it is an enabled admin, an account has one at most, and one that is over is never told
//! from one that never was.

use super::factors::clear_factor;
use super::{Account, NO_ACCOUNT, account_in};
use crate::sql::{Writing, values};
use crate::{Store, StoreError, now_ms};

/// What a link that is good is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invited {
    /// The account that gets a password.
    pub account: Account,
    /// Whether it loses its second factor and its recovery codes with that.
    pub clear_factor: bool,
}

/// What came of using a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The account that has another password now.
    pub account: Account,
    /// Which account made the link.
    pub made_by: String,
    /// How many sessions were ended.
    pub ended: u64,
    /// Whether a second factor was taken away.
    pub factor_cleared: bool,
}

impl Store {
    /// Makes a link in the place of the one that the account has; false where the account is disabled, which has none.
    pub async fn invite(
        &self,
        account: &str,
        hash: &str,
        expires_at: i64,
        made_by: &str,
        clear_factor: bool,
    ) -> Result<bool, StoreError> {
        let mut writing = self.pool.begin().await?;
        // The account is held, so that whoever disables it either comes before and is seen here, or after and ends this link.
        let owner = writing.row("SELECT disabled FROM accounts WHERE id = $1 FOR UPDATE", values![account]).await?;
        if owner.ok_or(NO_ACCOUNT)?.truth("disabled")? {
            return Ok(false);
        }
        let sql = "INSERT INTO invitations (account, hash, created_at, expires_at, made_by, clear_factor)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (account) DO UPDATE
            SET hash = excluded.hash, created_at = excluded.created_at, expires_at = excluded.expires_at,
            made_by = excluded.made_by, clear_factor = excluded.clear_factor";
        writing.run(sql, values![account, hash, now_ms(), expires_at, made_by, clear_factor]).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// What the link with this code is for, if it is good now.
    pub async fn invited(&self, hash: &str) -> Result<Option<Invited>, StoreError> {
        let sql = "SELECT accounts.*, invitations.clear_factor AS clear_factor
            FROM invitations JOIN accounts ON accounts.id = invitations.account
            WHERE invitations.hash = $1 AND invitations.expires_at > $2 AND accounts.disabled = 0
            AND invitations.made_by IN (SELECT makers.id FROM accounts AS makers WHERE makers.role = 'admin' AND makers.disabled = 0)";
        let row = self.pool.row(sql, values![hash, now_ms()]).await?;
        row.map(|row| Ok(Invited { account: account_in(&row, "")?, clear_factor: row.truth("clear_factor")? }))
            .transpose()
    }

    /// Uses up a link: gives its account the password with this hash, ends all its sessions and, where that was asked for, takes its second factor away.
    /// All of it is done or none, by one alone of those who have the link; nothing is given where it is not good.
    pub async fn accept_invitation(&self, hash: &str, password_hash: &str) -> Result<Option<Accepted>, StoreError> {
        // Whoever guesses keeps no writer waiting.
        let row = self.pool.row("SELECT account FROM invitations WHERE hash = $1", values![hash]).await?;
        let Some(row) = row else { return Ok(None) };
        let id = row.text("account")?;
        let mut writing = self.pool.begin().await?;
        // The account is held, so that of two who have the link one comes second and finds it used.
        let row = writing.row("SELECT * FROM accounts WHERE id = $1 FOR UPDATE", values![&id]).await?;
        let account = account_in(&row.ok_or(NO_ACCOUNT)?, "")?;
        // Who made it is looked at and not held: his dismissal deletes this row, so it comes either before and leaves none, or after this.
        let sql = "DELETE FROM invitations WHERE account = $1 AND hash = $2 AND expires_at > $3
            AND made_by IN (SELECT id FROM accounts WHERE role = 'admin' AND disabled = 0)
            RETURNING made_by, clear_factor";
        let Some(link) = writing.row(sql, values![&id, hash, now_ms()]).await? else { return Ok(None) };
        if account.disabled {
            return Ok(None);
        }
        writing.run("UPDATE accounts SET password_hash = $2 WHERE id = $1", values![&id, password_hash]).await?;
        let was_cleared = link.truth("clear_factor")? && clear_factor(&mut writing, &id).await?;
        // One that was never confirmed was none: nobody was asked for it.
        let factor_cleared = was_cleared && account.has_totp;
        let ended = crate::tokens::end_sessions(&mut writing, &id, None).await?;
        writing.commit().await?;
        let account = Account { has_totp: account.has_totp && !factor_cleared, ..account };
        Ok(Some(Accepted { account, made_by: link.text("made_by")?, ended, factor_cleared }))
    }

    /// Takes the link of an account back; whether there was one.
    pub async fn end_invitation(&self, account: &str) -> Result<bool, StoreError> {
        let mut writing = self.pool.begin().await?;
        let was_there = end(&mut writing, account).await?;
        writing.commit().await?;
        Ok(was_there)
    }
}

/// Takes back the links that an account made, in the transaction in which it becomes an admin or ceases to be one.
pub(super) async fn end_those_of_maker(writing: &mut Writing, maker: &str) -> Result<(), StoreError> {
    writing.run("DELETE FROM invitations WHERE made_by = $1", values![maker]).await?;
    Ok(())
}

/// Takes the link of an account back, in a transaction that changes what it was made for; whether there was one.
pub(crate) async fn end(writing: &mut Writing, account: &str) -> Result<bool, StoreError> {
    Ok(writing.run("DELETE FROM invitations WHERE account = $1", values![account]).await? == 1)
}

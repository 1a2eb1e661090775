//! Accounts as those see them who see to them, with what other tables know of them. It never gives out a hash or the subject of a person.

use super::{Account, account_in};
use crate::page::Ask;
use crate::sql::{Row, values};
use crate::{Page, Store, StoreError, now_ms};

/// An account, and what is known of it besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenAccount {
    /// The account.
    pub account: Account,
    /// Whether it is one of a person of a provider.
    pub of_provider: bool,
    /// Whether it has a password here.
    pub has_password: bool,
    /// When its owner last came in by a browser, as far as sessions are kept.
    pub last_sign_in: Option<i64>,
    /// Until when a link for a new password is good, where there is one.
    pub invited_until: Option<i64>,
    /// When its owner was last here, to a minute, where he is a person of a provider.
    pub last_seen: Option<i64>,
}

/// What is read of each. A session in which nobody showed enough for what is dangerous has the moment 0. Where the provider let him in he was there when
/// it began; where the code of a device did, he was not.
const SEEN: &str = "SELECT accounts.*,
    (SELECT count(*) FROM identities WHERE identities.account = accounts.id) AS of_provider,
    (SELECT expires_at FROM invitations WHERE invitations.account = accounts.id AND invitations.made_by IN
    (SELECT makers.id FROM accounts AS makers WHERE makers.role = 'admin' AND makers.disabled = 0)) AS invited_until,
    (SELECT max(identities.last_seen_at) FROM identities WHERE identities.account = accounts.id) AS last_seen,
    (SELECT max(CASE WHEN sessions.amr LIKE 'oidc%' THEN sessions.created_at ELSE sessions.auth_time END) FROM sessions
    WHERE sessions.account = accounts.id AND (sessions.auth_time > 0 OR sessions.amr LIKE 'oidc%')) AS last_sign_in FROM accounts";

impl Store {
    /// A page of accounts, oldest first.
    pub async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Page<SeenAccount>, StoreError> {
        let ask = Ask::new(after, limit)?;
        let sql = format!("{SEEN} WHERE ($1 IS NULL OR accounts.id > $1) ORDER BY accounts.id LIMIT $2");
        let rows = self.pool.rows_built(sql, values![ask.after, ask.rows()]).await?;
        let accounts = rows.iter().map(seen_in).collect::<Result<Vec<_>, _>>()?;
        Ok(Page::new(accounts, &ask, |seen| &seen.account.id))
    }

    /// One of them.
    pub async fn seen_account(&self, id: &str) -> Result<Option<SeenAccount>, StoreError> {
        let row = self.pool.row_built(format!("{SEEN} WHERE accounts.id = $1"), values![id]).await?;
        row.map(|row| seen_in(&row)).transpose()
    }
}

fn seen_in(row: &Row) -> Result<SeenAccount, StoreError> {
    Ok(SeenAccount {
        account: account_in(row, "")?,
        of_provider: row.truth("of_provider")?,
        has_password: row.text_if_any("password_hash")?.is_some(),
        last_sign_in: row.number_if_any("last_sign_in")?,
        invited_until: row.number_if_any("invited_until")?.filter(|until| *until > now_ms()),
        last_seen: row.number_if_any("last_seen")?,
    })
}

//! Who may use the service. It never sees a password, only its hash, and never lets the last admin go.

mod factors;
mod identities;
mod invitations;
mod seen;

pub(crate) use invitations::end as end_invitation_of;
pub use invitations::{Accepted, Invited};
pub use seen::SeenAccount;

use crate::sql::{Row, Writing, values};
use crate::{Store, StoreError, new_id, now_ms};
use serde::{Deserialize, Serialize};
use std::fmt;

/// What an account may do; the policy lies with whoever asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Works.
    Developer,
    /// Looks after projects.
    Maintainer,
    /// Looks after the service.
    Admin,
    /// Reads what others did.
    Auditor,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 5] = [Self::Viewer, Self::Developer, Self::Maintainer, Self::Admin, Self::Auditor];

    /// Its name in settings, answers and tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Developer => "developer",
            Self::Maintainer => "maintainer",
            Self::Admin => "admin",
            Self::Auditor => "auditor",
        }
    }

    /// The role with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}

/// A person or a program that uses the service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Never changes and is never given twice.
    pub id: String,
    /// In lower case.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may do nothing for now.
    pub disabled: bool,
    /// Whether a second factor is confirmed.
    pub has_totp: bool,
    /// When it was made.
    pub created_at: i64,
}

/// A second factor that counts time.
#[derive(Clone, PartialEq, Eq)]
pub struct Totp {
    /// What both sides know, sealed by whoever gave it.
    pub secret: Vec<u8>,
    /// Whether its owner has shown that it works.
    pub confirmed: bool,
    /// The newest step that was used; older ones are worth nothing.
    pub last_step: i64,
    /// Whether so many codes were wrong in a row that none is taken any more, until a recovery code is.
    pub barred: bool,
}

impl fmt::Debug for Totp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Totp {{ confirmed: {}, last_step: {}, .. }}", self.confirmed, self.last_step)
    }
}

const NO_ACCOUNT: StoreError = StoreError::Missing("account");

impl Store {
    /// Makes an account. Its name is folded to lower case.
    pub async fn create_account(
        &self,
        name: &str,
        role: Role,
        password_hash: Option<&str>,
    ) -> Result<Account, StoreError> {
        let name = folded(name)?;
        let mut writing = self.pool.begin().await?;
        let account = insert(&mut writing, name, role, password_hash).await?;
        writing.commit().await?;
        Ok(account)
    }

    /// Makes the first admin, if there is no account at all.
    pub async fn create_first_admin(&self, name: &str, password_hash: &str) -> Result<Account, StoreError> {
        let name = folded(name)?;
        let mut writing = self.pool.begin().await?;
        writing.hold("admins").await?;
        if writing.row("SELECT id FROM accounts LIMIT 1", &[]).await?.is_some() {
            return Err(StoreError::Taken);
        }
        let account = insert(&mut writing, name, Role::Admin, Some(password_hash)).await?;
        writing.commit().await?;
        Ok(account)
    }

    /// How many accounts there are.
    pub async fn count_accounts(&self) -> Result<u64, StoreError> {
        let row = self.pool.row("SELECT count(*) AS number FROM accounts", &[]).await?;
        let number = row.map_or(Ok(0), |row| row.number("number"))?;
        u64::try_from(number).map_err(|_| StoreError::Stored("count"))
    }

    /// The account with this id.
    pub async fn account(&self, id: &str) -> Result<Option<Account>, StoreError> {
        let row = self.pool.row("SELECT * FROM accounts WHERE id = $1", values![id]).await?;
        row.map(|row| account_in(&row, "")).transpose()
    }

    /// The account with this name, in whatever case.
    pub async fn account_by_name(&self, name: &str) -> Result<Option<Account>, StoreError> {
        let Ok(name) = folded(name) else { return Ok(None) };
        let row = self.pool.row("SELECT * FROM accounts WHERE name = $1", values![&name]).await?;
        row.map(|row| account_in(&row, "")).transpose()
    }

    /// The hash of its password, if it has one.
    pub async fn password_hash(&self, id: &str) -> Result<Option<String>, StoreError> {
        let row = self.pool.row("SELECT password_hash FROM accounts WHERE id = $1", values![id]).await?;
        row.map_or(Ok(None), |row| row.text_if_any("password_hash"))
    }

    /// Gives it another password in the place of the one whose hash was looked at, and ends all its sessions and its link; how many sessions there were.
    /// Whoever signs in with the old one at the same time has his session ended too, or gets none.
    pub async fn change_password(&self, id: &str, old_hash: &str, hash: &str) -> Result<u64, StoreError> {
        let mut writing = self.pool.begin().await?;
        let sql = "UPDATE accounts SET password_hash = $3 WHERE id = $1 AND password_hash = $2";
        if writing.run(sql, values![id, old_hash, hash]).await? == 0 {
            return Err(StoreError::Outdated);
        }
        invitations::end(&mut writing, id).await?;
        let ended = crate::tokens::end_sessions(&mut writing, id, None).await?;
        writing.commit().await?;
        Ok(ended)
    }

    /// Gives it another role, which the log of revocations tells to all replicas; the role that it had. The links that one made who is no admin any more end.
    pub async fn set_role(&self, id: &str, role: Role) -> Result<Role, StoreError> {
        Ok(self.change(id, |account| account.role = role).await?.role)
    }

    /// Disables or enables it, which the log of revocations tells to all replicas; whether it was disabled.
    /// With one that is disabled its sessions end. The link of one that is disabled does not come back with it, nor do those that it made as an admin.
    pub async fn set_disabled(&self, id: &str, disabled: bool) -> Result<bool, StoreError> {
        Ok(self.change(id, |account| account.disabled = disabled).await?.disabled)
    }

    /// Changes it; what it was before, as the change found it.
    async fn change(&self, id: &str, change: impl FnOnce(&mut Account) + Send) -> Result<Account, StoreError> {
        let mut writing = self.pool.begin().await?;
        // Two who take the role from one another would each see the other as the admin who stays.
        writing.hold("admins").await?;
        let row = writing.row("SELECT * FROM accounts WHERE id = $1 FOR UPDATE", values![id]).await?;
        let before = account_in(&row.ok_or(NO_ACCOUNT)?, "")?;
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(before);
        }
        let counts = |account: &Account| account.role == Role::Admin && !account.disabled;
        if counts(&before) && !counts(&after) {
            // One whose owner has no way in yet cannot look after anything.
            let sql = "SELECT id FROM accounts WHERE role = 'admin' AND disabled = 0 AND id <> $1
                AND (password_hash IS NOT NULL OR id IN (SELECT account FROM identities)) LIMIT 1";
            writing.row(sql, values![id]).await?.ok_or(StoreError::LastAdmin)?;
        }
        let sql = "UPDATE accounts SET role = $2, disabled = $3 WHERE id = $1";
        writing.run(sql, values![id, after.role.name(), after.disabled]).await?;
        if counts(&before) != counts(&after) {
            // Also where he becomes one again: what he made while he was on his way out is not good again with him.
            invitations::end_those_of_maker(&mut writing, id).await?;
        }
        if after.disabled {
            invitations::end(&mut writing, id).await?;
            crate::tokens::end_sessions(&mut writing, id, None).await?;
        }
        crate::tokens::log_revocation(&mut writing, "account", id).await?;
        writing.commit().await?;
        Ok(before)
    }
}

/// Reads an account out of a row whose columns have a prefix.
pub(crate) fn account_in(row: &Row, prefix: &str) -> Result<Account, StoreError> {
    let column = |name: &str| format!("{prefix}{name}");
    Ok(Account {
        id: row.text(&column("id"))?,
        name: row.text(&column("name"))?,
        role: Role::by_name(&row.text(&column("role"))?).ok_or(StoreError::Stored("role"))?,
        disabled: row.truth(&column("disabled"))?,
        has_totp: row.truth(&column("totp_confirmed"))?,
        created_at: row.number(&column("created_at"))?,
    })
}

async fn insert(
    writing: &mut Writing,
    name: String,
    role: Role,
    password_hash: Option<&str>,
) -> Result<Account, StoreError> {
    let account = Account { id: new_id(), name, role, disabled: false, has_totp: false, created_at: now_ms() };
    let sql = "INSERT INTO accounts (id, name, role, password_hash, created_at) VALUES ($1, $2, $3, $4, $5)";
    let values = values![&account.id, &account.name, role.name(), password_hash, account.created_at];
    writing.run(sql, values).await?;
    Ok(account)
}

/// Names are compared without case, and cannot look like one another.
fn folded(name: &str) -> Result<String, StoreError> {
    let name = name.to_ascii_lowercase();
    let is_fit = |letter: char| {
        letter.is_ascii_lowercase() || letter.is_ascii_digit() || matches!(letter, '.' | '_' | '@' | '-')
    };
    if !(1..=64).contains(&name.len()) || !name.chars().all(is_fit) {
        return Err(StoreError::Invalid(
            "A name has 1 to 64 characters: letters of English, digits, dots, dashes, underscores and @.",
        ));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_or_refused() {
        assert_eq!(folded("Ada.L@Example-1_x").expect("fits"), "ada.l@example-1_x");
        for name in ["", "a b", "ä", "a\0", "a/b", &"a".repeat(65)] {
            assert!(folded(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_role_has_the_same_name_everywhere() {
        for role in Role::ALL {
            assert_eq!(Role::by_name(role.name()), Some(role));
            assert_eq!(serde_json::to_value(role).expect("plain"), role.name());
        }
        assert_eq!(Role::by_name("root"), None);
    }

    #[test]
    fn the_secret_of_a_second_factor_is_not_printed() {
        let totp = Totp { secret: vec![250, 251], confirmed: true, last_step: 7, barred: false };
        assert_eq!(format!("{totp:?}"), "Totp { confirmed: true, last_step: 7, .. }");
    }
}

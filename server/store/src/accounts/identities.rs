//! People of a provider of sign-ins. A person is known by issuer and subject; an account that somebody made here is never taken for one of a person.

use super::{Account, Role, account_in, folded, insert};
use crate::sql::{Writing, values};
use crate::tokens::TOUCH_EVERY;
use crate::{Store, StoreError, now_ms};

/// Names that are tried for a person before it is given up.
const NAMES: usize = 50;

/// The longest subject that OpenID Connect knows.
const LONGEST_SUBJECT: usize = 255;

impl Store {
    /// The account of a person.
    pub async fn account_of_person(&self, issuer: &str, subject: &str) -> Result<Option<Account>, StoreError> {
        let sql = "SELECT accounts.* FROM identities JOIN accounts ON accounts.id = identities.account
            WHERE identities.issuer = $1 AND identities.subject = $2";
        let row = self.pool.row(sql, values![issuer, subject]).await?;
        row.map(|row| account_in(&row, "")).transpose()
    }

    /// Whether the account is one of a person of a provider.
    pub async fn is_of_provider(&self, account: &str) -> Result<bool, StoreError> {
        let sql = "SELECT issuer FROM identities WHERE account = $1";
        Ok(self.pool.row(sql, values![account]).await?.is_some())
    }

    /// Notes that the person of an account is here, at most once a minute; nothing for an account of nobody whom a provider knows.
    pub async fn touch_person(&self, account: &str) -> Result<(), StoreError> {
        let now = now_ms();
        // Reading first keeps those whom another replica saw just now away from the writers.
        let row = self.pool.row("SELECT last_seen_at FROM identities WHERE account = $1", values![account]).await?;
        let Some(row) = row else { return Ok(()) };
        if row.number_if_any("last_seen_at")?.is_some_and(|last| last > now - TOUCH_EVERY) {
            return Ok(());
        }
        let sql = "UPDATE identities SET last_seen_at = $2
            WHERE account = $1 AND (last_seen_at IS NULL OR last_seen_at <= $3)";
        self.pool.run(sql, values![account, now, now - TOUCH_EVERY]).await?;
        Ok(())
    }

    /// Makes an account for a person, or gives the one that another replica made meanwhile; whether it is new. Its name is the wanted one, without what
    /// names cannot have, and with a number where somebody has it.
    pub async fn create_account_of_person(
        &self,
        issuer: &str,
        subject: &str,
        name: &str,
        role: Role,
    ) -> Result<(Account, bool), StoreError> {
        // What is stored has to be what was said: two people must not become one because a database knows fewer letters.
        if subject.is_empty() || subject.len() > LONGEST_SUBJECT || subject.contains('\0') {
            return Err(StoreError::Invalid("The provider names the person by something that is no subject."));
        }
        let mut writing = self.pool.begin().await?;
        // Nobody else makes an account of a person meanwhile.
        writing.hold("admins").await?;
        let sql = "SELECT account FROM identities WHERE issuer = $1 AND subject = $2";
        if let Some(row) = writing.row(sql, values![issuer, subject]).await? {
            let id = row.text("account")?;
            let row = writing.row("SELECT * FROM accounts WHERE id = $1", values![&id]).await?;
            return Ok((account_in(&row.ok_or(StoreError::Stored("identity without account"))?, "")?, false));
        }
        let name = free_name(&mut writing, name).await?;
        let account = insert(&mut writing, name, role, None).await?;
        let sql = "INSERT INTO identities (issuer, subject, account, created_at) VALUES ($1, $2, $3, $4)";
        writing.run(sql, values![issuer, subject, &account.id, now_ms()]).await?;
        writing.commit().await?;
        Ok((account, true))
    }
}

/// The wanted name, or one like it that nobody has.
async fn free_name(writing: &mut Writing, wanted: &str) -> Result<String, StoreError> {
    let fit: String = wanted
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '_' | '@') { letter } else { '-' })
        .take(56)
        .collect();
    let fit = match fit.trim_matches('-') {
        "" => "person",
        fit => fit,
    };
    for number in 1..=NAMES {
        let name = folded(&if number == 1 { fit.to_owned() } else { format!("{fit}-{number}") })?;
        if writing.row("SELECT id FROM accounts WHERE name = $1", values![&name]).await?.is_none() {
            return Ok(name);
        }
    }
    Err(StoreError::Taken)
}

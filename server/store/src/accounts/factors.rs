//! Second factors: time steps and recovery codes, each of which works once. It never says why one did not.

use super::{NO_ACCOUNT, Totp, one_account};
use crate::sql::values;
use crate::{Store, StoreError, now_ms};
use std::fmt::Write;

impl Store {
    /// Its second factor, confirmed or not.
    pub async fn totp(&self, id: &str) -> Result<Option<Totp>, StoreError> {
        let sql = "SELECT totp_secret, totp_confirmed, totp_step FROM accounts WHERE id = $1";
        let Some(row) = self.pool.row(sql, values![id]).await? else { return Ok(None) };
        let Some(secret) = row.text_if_any("totp_secret")? else { return Ok(None) };
        let secret = bytes_in(&secret).ok_or(StoreError::Stored("second factor"))?;
        Ok(Some(Totp { secret, confirmed: row.truth("totp_confirmed")?, last_step: row.number("totp_step")? }))
    }

    /// Gives it a new second factor, which is not confirmed yet. Steps that were used stay used.
    pub async fn set_totp(&self, id: &str, secret: &[u8]) -> Result<(), StoreError> {
        let sql = "UPDATE accounts SET totp_secret = $2, totp_confirmed = 0 WHERE id = $1";
        one_account(self.pool.run(sql, values![id, &text_of(secret)]).await?)
    }

    /// From now on a sign-in needs it.
    pub async fn confirm_totp(&self, id: &str) -> Result<(), StoreError> {
        let sql = "UPDATE accounts SET totp_confirmed = 1 WHERE id = $1 AND totp_secret IS NOT NULL";
        let changed = self.pool.run(sql, values![id]).await?;
        if changed == 0 { Err(StoreError::Missing("second factor of an account")) } else { Ok(()) }
    }

    /// Takes its second factor and its recovery codes away.
    pub async fn clear_totp(&self, id: &str) -> Result<(), StoreError> {
        let mut writing = self.pool.begin().await?;
        let sql = "UPDATE accounts SET totp_secret = NULL, totp_confirmed = 0 WHERE id = $1";
        one_account(writing.run(sql, values![id]).await?)?;
        writing.run("DELETE FROM recovery_codes WHERE account = $1", values![id]).await?;
        writing.commit().await
    }

    /// Uses up a time step: true once for each, and only if no newer one was used.
    pub async fn use_totp_step(&self, id: &str, step: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE accounts SET totp_step = $2 WHERE id = $1 AND totp_step < $2 AND totp_secret IS NOT NULL";
        Ok(self.pool.run(sql, values![id, step]).await? == 1)
    }

    /// Replaces all recovery codes by new ones.
    pub async fn set_recovery_codes(&self, id: &str, hashes: &[String]) -> Result<(), StoreError> {
        let mut writing = self.pool.begin().await?;
        writing.row("SELECT id FROM accounts WHERE id = $1 FOR UPDATE", values![id]).await?.ok_or(NO_ACCOUNT)?;
        writing.run("DELETE FROM recovery_codes WHERE account = $1", values![id]).await?;
        for hash in hashes {
            let sql = "INSERT INTO recovery_codes (account, hash) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            writing.run(sql, values![id, hash]).await?;
        }
        writing.commit().await
    }

    /// Uses up a recovery code: true once for each.
    pub async fn use_recovery_code(&self, id: &str, hash: &str) -> Result<bool, StoreError> {
        let sql = "UPDATE recovery_codes SET used_at = $3 WHERE account = $1 AND hash = $2 AND used_at IS NULL";
        Ok(self.pool.run(sql, values![id, hash, now_ms()]).await? == 1)
    }
}

fn text_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes_in(text: &str) -> Option<Vec<u8>> {
    let digit = |letter: u8| char::from(letter).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|&[high, low]| Some(digit(high)? * 16 + digit(low)?));
    if rest.is_empty() { bytes.collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were() {
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes_in(&text_of(&bytes)), Some(bytes));
        assert_eq!((bytes_in("0"), bytes_in("zz"), bytes_in("")), (None, None, Some(Vec::new())));
    }
}

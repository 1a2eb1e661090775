//! Second factors: time steps and recovery codes, each of which works once. It never says why one did not.

use super::{NO_ACCOUNT, Totp};
use crate::sql::{Writing, values};
use crate::{Store, StoreError, now_ms};
use std::fmt::Write;

/// Wrong codes in a row after which none is taken any more. Of a million codes three are right: whoever guesses so often is right in three of ten thousand
/// cases, and nobody mistypes so often.
const MOST_WRONG: i64 = 100;

impl Store {
    /// Its second factor, confirmed or not.
    pub async fn totp(&self, id: &str) -> Result<Option<Totp>, StoreError> {
        let sql = "SELECT totp_secret, totp_confirmed, totp_step, wrong_codes FROM accounts WHERE id = $1";
        let Some(row) = self.pool.row(sql, values![id]).await? else { return Ok(None) };
        let Some(secret) = row.text_if_any("totp_secret")? else { return Ok(None) };
        let secret = bytes_in(&secret).ok_or(StoreError::Stored("second factor"))?;
        let barred = row.number("wrong_codes")? >= MOST_WRONG;
        Ok(Some(Totp { secret, confirmed: row.truth("totp_confirmed")?, last_step: row.number("totp_step")?, barred }))
    }

    /// Gives it a new second factor, which is not confirmed yet, unless it has one that is; whether it did. Steps that were used stay used.
    pub async fn set_totp(&self, id: &str, secret: &[u8]) -> Result<bool, StoreError> {
        let mut writing = self.pool.begin().await?;
        let sql = "SELECT totp_confirmed FROM accounts WHERE id = $1 FOR UPDATE";
        if writing.row(sql, values![id]).await?.ok_or(NO_ACCOUNT)?.truth("totp_confirmed")? {
            return Ok(false);
        }
        writing.run("UPDATE accounts SET totp_secret = $2 WHERE id = $1", values![id, &text_of(secret)]).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// From now on a sign-in needs the second factor with this secret. It uses up the step by which its owner showed that it works, and gives
    /// recovery codes; whether it did: not where another secret was given meanwhile, the step was used, or it is confirmed.
    pub async fn confirm_totp(
        &self,
        id: &str,
        secret: &[u8],
        step: i64,
        recovery_hashes: &[String],
    ) -> Result<bool, StoreError> {
        let mut writing = self.pool.begin().await?;
        let sql = "UPDATE accounts SET totp_confirmed = 1, totp_step = $3
            WHERE id = $1 AND totp_secret = $2 AND totp_confirmed = 0 AND totp_step < $3";
        if writing.run(sql, values![id, &text_of(secret), step]).await? == 0 {
            return Ok(false);
        }
        replace_codes(&mut writing, id, recovery_hashes).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Takes its second factor and its recovery codes away; whether there was one, confirmed or not.
    pub async fn clear_totp(&self, id: &str) -> Result<bool, StoreError> {
        let mut writing = self.pool.begin().await?;
        let was_there = clear_factor(&mut writing, id).await?;
        writing.commit().await?;
        Ok(was_there)
    }

    /// The same for one that its owner lost, with all that was begun by it: the sessions of the account, and its link for a new password. Where there was
    /// none, nothing happens.
    pub async fn clear_lost_totp(&self, id: &str) -> Result<bool, StoreError> {
        let mut writing = self.pool.begin().await?;
        let was_there = clear_factor(&mut writing, id).await?;
        if was_there {
            super::end_invitation_of(&mut writing, id).await?;
            crate::tokens::end_sessions(&mut writing, id, None).await?;
        }
        writing.commit().await?;
        Ok(was_there)
    }

    /// Uses up a time step: true once for each, and only if no newer one was used and not too many codes were wrong in a row, which are forgotten with it.
    pub async fn use_totp_step(&self, id: &str, step: i64) -> Result<bool, StoreError> {
        let sql = "UPDATE accounts SET totp_step = $2, wrong_codes = 0
            WHERE id = $1 AND totp_step < $2 AND totp_confirmed = 1 AND wrong_codes < $3";
        Ok(self.pool.run(sql, values![id, step, MOST_WRONG]).await? == 1)
    }

    /// Counts a code that was wrong. After a hundred in a row none is taken any more, until a recovery code is.
    pub async fn count_wrong_code(&self, id: &str) -> Result<(), StoreError> {
        let sql = "UPDATE accounts SET wrong_codes = wrong_codes + 1
            WHERE id = $1 AND totp_confirmed = 1 AND wrong_codes < $2";
        self.pool.run(sql, values![id, MOST_WRONG]).await?;
        Ok(())
    }

    /// Replaces all recovery codes by new ones.
    pub async fn set_recovery_codes(&self, id: &str, hashes: &[String]) -> Result<(), StoreError> {
        let mut writing = self.pool.begin().await?;
        writing.row("SELECT id FROM accounts WHERE id = $1 FOR UPDATE", values![id]).await?.ok_or(NO_ACCOUNT)?;
        replace_codes(&mut writing, id, hashes).await?;
        writing.commit().await
    }

    /// How many recovery codes it has left.
    pub async fn recovery_codes_left(&self, id: &str) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) AS number FROM recovery_codes WHERE account = $1 AND used_at IS NULL";
        let number = self.pool.row(sql, values![id]).await?.map_or(Ok(0), |row| row.number("number"))?;
        u64::try_from(number).map_err(|_| StoreError::Stored("count"))
    }

    /// Uses up a recovery code: true once for each. Codes that were wrong before are forgotten with it.
    pub async fn use_recovery_code(&self, id: &str, hash: &str) -> Result<bool, StoreError> {
        let mut writing = self.pool.begin().await?;
        // The account is held first, as where its codes are replaced.
        writing.row("SELECT id FROM accounts WHERE id = $1 FOR UPDATE", values![id]).await?;
        let sql = "UPDATE recovery_codes SET used_at = $3 WHERE account = $1 AND hash = $2 AND used_at IS NULL";
        if writing.run(sql, values![id, hash, now_ms()]).await? == 0 {
            return Ok(false);
        }
        writing.run("UPDATE accounts SET wrong_codes = 0 WHERE id = $1", values![id]).await?;
        writing.commit().await?;
        Ok(true)
    }
}

/// Takes a second factor and recovery codes away; whether there was one, confirmed or not.
pub(super) async fn clear_factor(writing: &mut Writing, id: &str) -> Result<bool, StoreError> {
    let sql = "UPDATE accounts SET totp_secret = NULL, totp_confirmed = 0, wrong_codes = 0
        WHERE id = $1 AND totp_secret IS NOT NULL";
    if writing.run(sql, values![id]).await? == 0 {
        return Ok(false);
    }
    writing.run("DELETE FROM recovery_codes WHERE account = $1", values![id]).await?;
    Ok(true)
}

/// Replaces recovery codes, while their account is held.
async fn replace_codes(writing: &mut Writing, id: &str, hashes: &[String]) -> Result<(), StoreError> {
    writing.run("DELETE FROM recovery_codes WHERE account = $1", values![id]).await?;
    for hash in hashes {
        let sql = "INSERT INTO recovery_codes (account, hash) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        writing.run(sql, values![id, hash]).await?;
    }
    Ok(())
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

//! Sessions whose refresh token changes with each use, as RFC 9700 (4.14.2) wants it.
//! A refresh token must never work twice, and whoever shows a used one ends the session for all who have it.

use super::{Proof, Rotated, Session, log_revocation};
use crate::accounts::end_invitation_of;
use crate::sql::{Row, Writing, values};
use crate::{Store, StoreError, new_id, now_ms};

/// Sessions of an account that go on at one time: a program that signs in for each of its calls fills no table. Pages, programs and devices are counted
/// alike, and the oldest of them make room.
const MOST: i64 = 100;

/// So many of them are ended with one that begins, while others wait; where more are too many, the next ones go on.
const AT_ONCE: usize = 200;

impl Store {
    /// Begins a session with its first refresh token, if the account still is as it was when the proof was looked at. Where 100 of the account go on
    /// already, its oldest ones end.
    pub async fn start_session(
        &self,
        account: &str,
        refresh_hash: &str,
        expires_at: i64,
        proof: &Proof,
    ) -> Result<Session, StoreError> {
        // Counted while others can write. Those who begin at the same time may pass the bound by a few, until the next one begins.
        let sql = "SELECT id FROM sessions WHERE account = $1 AND revoked_at IS NULL AND expires_at > $2
            ORDER BY id DESC LIMIT 1 OFFSET $3";
        let crowded = self.pool.row(sql, values![account, now_ms(), MOST - 1]).await?;
        let newest_to_end = crowded.map(|row| row.text("id")).transpose()?;
        let mut writing = self.pool.begin().await?;
        // The account is held, so that whoever changes its password either comes before and is seen here, or after and ends this session.
        let sql = "SELECT password_hash, totp_confirmed, disabled FROM accounts WHERE id = $1 FOR UPDATE";
        let owner = writing.row(sql, values![account]).await?.ok_or(StoreError::Missing("account"))?;
        let is_the_password = match &proof.password_hash {
            Some(hash) => owner.text_if_any("password_hash")?.as_ref() == Some(hash),
            None => true,
        };
        let lacks_factor = owner.truth("totp_confirmed")? && !proof.with_factor;
        if !is_the_password || lacks_factor || owner.truth("disabled")? {
            return Err(StoreError::Outdated);
        }
        let now = now_ms();
        if let Some(by) = &proof.session {
            let sql =
                "SELECT id FROM sessions WHERE id = $1 AND account = $2 AND revoked_at IS NULL AND expires_at > $3";
            writing.row(sql, values![by, account, now]).await?.ok_or(StoreError::Outdated)?;
        }
        let mut session = Session {
            id: new_id(),
            account: account.to_owned(),
            created_at: now,
            expires_at,
            revoked_at: None,
            amr: proof.amr.clone(),
            acr: proof.acr.clone(),
            auth_time: proof.auth_time.unwrap_or(now).min(now),
            crowded_out: 0,
        };
        let sql = "INSERT INTO sessions (id, account, created_at, expires_at, amr, acr, auth_time)
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let ways = session.amr.join(" ");
        let (id, acr) = (&session.id, session.acr.as_deref());
        writing.run(sql, values![id, account, now, expires_at, &ways, acr, session.auth_time]).await?;
        let sql = "INSERT INTO refreshes (hash, session) VALUES ($1, $2)";
        writing.run(sql, values![refresh_hash, &session.id]).await?;
        if let Some(newest) = &newest_to_end {
            // Not the one that lets this one begin.
            let spared = proof.session.as_deref();
            session.crowded_out = end_until(&mut writing, account, spared, Some(newest), AT_ONCE).await?;
        }
        writing.commit().await?;
        Ok(session)
    }

    /// The session with this id, at an end or not.
    pub async fn session(&self, id: &str) -> Result<Option<Session>, StoreError> {
        let row = self.pool.row("SELECT * FROM sessions WHERE id = $1", values![id]).await?;
        row.map(|row| session_in(&row)).transpose()
    }

    /// Whether there is such a refresh token and it was exchanged already.
    pub async fn is_refresh_used(&self, hash: &str) -> Result<bool, StoreError> {
        let sql = "SELECT hash FROM refreshes WHERE hash = $1 AND used_at IS NOT NULL";
        Ok(self.pool.row(sql, values![hash]).await?.is_some())
    }

    /// Takes a refresh token and puts a new one in its place.
    pub async fn rotate_session(&self, old_hash: &str, new_hash: &str) -> Result<Rotated, StoreError> {
        let now = now_ms();
        // Whoever guesses keeps no writer waiting.
        let row = self.pool.row("SELECT session FROM refreshes WHERE hash = $1", values![old_hash]).await?;
        let Some(row) = row else { return Ok(Rotated::Unknown) };
        let id = row.text("session")?;
        let mut writing = self.pool.begin().await?;
        // The session is held, so of two who show the same token one comes second and sees it used.
        let row = writing.row("SELECT * FROM sessions WHERE id = $1 FOR UPDATE", values![&id]).await?;
        // One that is long over may have been swept meanwhile.
        let Some(row) = row else { return Ok(Rotated::Unknown) };
        let mut session = session_in(&row)?;
        let sql = "UPDATE refreshes SET used_at = $2 WHERE hash = $1 AND used_at IS NULL";
        if writing.run(sql, values![old_hash, now]).await? == 0 {
            if session.revoked_at.is_none() {
                let sql = "UPDATE sessions SET revoked_at = $2 WHERE id = $1";
                writing.run(sql, values![&id, now]).await?;
                log_revocation(&mut writing, "session", &id).await?;
                session.revoked_at = Some(now);
                writing.commit().await?;
            }
            return Ok(Rotated::Reused(session));
        }
        let sql = "SELECT id FROM accounts WHERE id = $1 AND disabled = 0";
        let is_welcome = writing.row(sql, values![&session.account]).await?.is_some();
        if session.revoked_at.is_some() || session.expires_at <= now || !is_welcome {
            return Ok(Rotated::Unknown);
        }
        writing.run("INSERT INTO refreshes (hash, session) VALUES ($1, $2)", values![new_hash, &id]).await?;
        writing.commit().await?;
        Ok(Rotated::Ok(session))
    }

    /// The session that goes on with a secret which is never replaced, if both are good now.
    pub async fn session_by_secret(&self, hash: &str) -> Result<Option<Session>, StoreError> {
        let sql = "SELECT sessions.* FROM refreshes JOIN sessions ON sessions.id = refreshes.session
            WHERE refreshes.hash = $1 AND refreshes.used_at IS NULL
            AND sessions.revoked_at IS NULL AND sessions.expires_at > $2";
        let row = self.pool.row(sql, values![hash, now_ms()]).await?;
        row.map(|row| session_in(&row)).transpose()
    }

    /// Its owner showed again who he is, in these ways and of this class, at this moment; whether the session was not at an end.
    pub async fn renew_session(
        &self,
        id: &str,
        amr: &[String],
        acr: Option<&str>,
        auth_time: i64,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE sessions SET amr = $2, acr = $3, auth_time = $4 WHERE id = $1 AND revoked_at IS NULL";
        Ok(self.pool.run(sql, values![id, &amr.join(" "), acr, auth_time]).await? == 1)
    }

    /// Ends a session; whether it was not at an end yet.
    pub async fn revoke_session(&self, id: &str) -> Result<bool, StoreError> {
        let mut writing = self.pool.begin().await?;
        let sql = "UPDATE sessions SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
        if writing.run(sql, values![id, now_ms()]).await? == 0 {
            return Ok(false);
        }
        log_revocation(&mut writing, "session", id).await?;
        writing.commit().await?;
        Ok(true)
    }

    /// Ends all sessions of an account, and its link for a new password, by which somebody could come in again; how many sessions were not at an end yet.
    pub async fn revoke_sessions_of(&self, account: &str) -> Result<u64, StoreError> {
        let mut writing = self.pool.begin().await?;
        end_invitation_of(&mut writing, account).await?;
        let ended = end_sessions(&mut writing, account, None).await?;
        writing.commit().await?;
        Ok(ended)
    }

    /// Ends all sessions of an account but this one; how many were not at an end yet.
    pub async fn revoke_other_sessions(&self, account: &str, spared: &str) -> Result<u64, StoreError> {
        let mut writing = self.pool.begin().await?;
        let ended = end_sessions(&mut writing, account, Some(spared)).await?;
        writing.commit().await?;
        Ok(ended)
    }

    /// Sessions of an account that are neither revoked nor expired, newest first.
    pub async fn sessions(&self, account: &str) -> Result<Vec<Session>, StoreError> {
        let sql = "SELECT * FROM sessions WHERE account = $1 AND revoked_at IS NULL AND expires_at > $2
            ORDER BY id DESC LIMIT 1000";
        self.pool.rows(sql, values![account, now_ms()]).await?.iter().map(session_in).collect()
    }
}

/// Ends all sessions of an account, but for one where that is spared, at the end of a transaction; how many were not at an end yet.
pub(crate) async fn end_sessions(
    writing: &mut Writing,
    account: &str,
    spared: Option<&str>,
) -> Result<u64, StoreError> {
    end_until(writing, account, spared, None, usize::MAX).await
}

/// The same for those up to one of them, where that is named, and for so many at most.
async fn end_until(
    writing: &mut Writing,
    account: &str,
    spared: Option<&str>,
    newest: Option<&str>,
    most: usize,
) -> Result<u64, StoreError> {
    // No session has an empty name.
    let (now, spared) = (now_ms(), spared.unwrap_or_default());
    let mut ended: Vec<String> = Vec::new();
    while ended.len() < most {
        // One after the other is held, in the order of their names, so that two who end them do not wait for each other; and none is come by twice.
        let last = ended.last().map_or("", String::as_str);
        let sql = "SELECT id FROM sessions WHERE account = $1 AND revoked_at IS NULL AND expires_at > $2 AND id > $3
            AND id <> $4 AND ($5 IS NULL OR id <= $5) ORDER BY id LIMIT 1 FOR UPDATE";
        let Some(row) = writing.row(sql, values![account, now, last, spared, newest]).await? else { break };
        let id = row.text("id")?;
        writing.run("UPDATE sessions SET revoked_at = $2 WHERE id = $1", values![&id, now]).await?;
        ended.push(id);
    }
    // Only now, because nobody may wait for a session while he holds the log.
    for id in &ended {
        log_revocation(writing, "session", id).await?;
    }
    Ok(ended.len() as u64)
}

pub(super) fn session_in(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.text("id")?,
        account: row.text("account")?,
        created_at: row.number("created_at")?,
        expires_at: row.number("expires_at")?,
        revoked_at: row.number_if_any("revoked_at")?,
        amr: row.text("amr")?.split_whitespace().map(str::to_owned).collect(),
        acr: row.text_if_any("acr")?,
        auth_time: row.number("auth_time")?,
        crowded_out: 0,
    })
}

//! Devices that somebody lets in from a browser (RFC 8628). Of both codes only hashes are kept, each is good once, and nobody is let in by a session
//! that was ended.

use super::Session;
use super::sessions::session_in;
use crate::sql::{Row, values};
use crate::{Store, StoreError, now_ms};

/// What slowing down adds to the wait between two questions, as RFC 8628 has it.
const SLOWER_MS: i64 = 5_000;
/// Devices that may wait at one time, over all replicas: who floods the door fills no disk.
const MOST: i64 = 10_000;
/// Clocks and networks are not so exact.
const GRACE_MS: i64 = 500;

/// A device that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// What it calls itself.
    pub name: String,
    /// Where it asked from.
    pub address: String,
    /// From when on its codes are worth nothing.
    pub expires_at: i64,
}

/// What came of asking for a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Polled {
    /// Nobody has said anything yet.
    Pending,
    /// The same, and it asks too often: so many milliseconds have to lie between two questions from now on.
    TooFast(i64),
    /// Somebody let it in by this session; its code is used up.
    LetIn(Session),
    /// Somebody refused, or what let it in was ended.
    Refused,
    /// The code is over.
    Expired,
    /// There is no such code, or it was used.
    Unknown,
}

impl Store {
    /// A device begins to wait; false where too many do.
    pub async fn add_device(
        &self,
        device: &Device,
        hash: &str,
        user_hash: &str,
        wait_ms: i64,
    ) -> Result<bool, StoreError> {
        let now = now_ms();
        let waiting =
            self.pool.row("SELECT count(*) AS number FROM devices WHERE expires_at > $1", values![now]).await?;
        if waiting.map_or(Ok(0), |row| row.number("number"))? >= MOST {
            return Ok(false);
        }
        let sql = "INSERT INTO devices (hash, user_hash, name, address, created_at, expires_at, wait, polled_at, state)
            VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 'pending')";
        let values = values![hash, user_hash, &device.name, &device.address, now, device.expires_at, wait_ms];
        self.pool.run(sql, values).await?;
        Ok(true)
    }

    /// The device that waits for somebody who has this code.
    pub async fn device(&self, user_hash: &str) -> Result<Option<Device>, StoreError> {
        let sql = "SELECT * FROM devices WHERE user_hash = $1 AND state = 'pending' AND expires_at > $2";
        let row = self.pool.row(sql, values![user_hash, now_ms()]).await?;
        row.map(|row| device_in(&row)).transpose()
    }

    /// Lets a device in by a session, or refuses it; the device, if it was still waiting.
    pub async fn decide_device(
        &self,
        user_hash: &str,
        session: &str,
        is_let_in: bool,
    ) -> Result<Option<Device>, StoreError> {
        let state = if is_let_in { "let-in" } else { "refused" };
        let mut writing = self.pool.begin().await?;
        let sql = "UPDATE devices SET state = $2, session = $3
            WHERE user_hash = $1 AND state = 'pending' AND expires_at > $4 RETURNING name, address, expires_at";
        let row = writing.row(sql, values![user_hash, state, session, now_ms()]).await?;
        let device = row.map(|row| device_in(&row)).transpose()?;
        writing.commit().await?;
        Ok(device)
    }

    /// A device asks whether it is let in.
    pub async fn poll_device(&self, hash: &str) -> Result<Polled, StoreError> {
        let now = now_ms();
        // Whoever guesses keeps no writer waiting.
        if self.pool.row("SELECT hash FROM devices WHERE hash = $1", values![hash]).await?.is_none() {
            return Ok(Polled::Unknown);
        }
        let mut writing = self.pool.begin().await?;
        // The row is held, so that of two who show the same code one comes second and finds it used.
        let row = writing.row("SELECT * FROM devices WHERE hash = $1 FOR UPDATE", values![hash]).await?;
        let Some(row) = row else { return Ok(Polled::Unknown) };
        if row.number("expires_at")? <= now {
            return Ok(Polled::Expired);
        }
        let (wait, polled_at) = (row.number("wait")?, row.number("polled_at")?);
        let polled = match (row.text("state")?.as_str(), row.text_if_any("session")?) {
            ("pending", _) if polled_at > now - wait + GRACE_MS => {
                let sql = "UPDATE devices SET polled_at = $2, wait = $3 WHERE hash = $1";
                writing.run(sql, values![hash, now, wait + SLOWER_MS]).await?;
                Polled::TooFast(wait + SLOWER_MS)
            }
            ("pending", _) => {
                writing.run("UPDATE devices SET polled_at = $2 WHERE hash = $1", values![hash, now]).await?;
                Polled::Pending
            }
            ("let-in", Some(session)) => {
                writing.run("DELETE FROM devices WHERE hash = $1", values![hash]).await?;
                let sql = "SELECT * FROM sessions WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2";
                match writing.row(sql, values![&session, now]).await? {
                    Some(row) => Polled::LetIn(session_in(&row)?),
                    None => Polled::Refused,
                }
            }
            _ => {
                writing.run("DELETE FROM devices WHERE hash = $1", values![hash]).await?;
                Polled::Refused
            }
        };
        writing.commit().await?;
        Ok(polled)
    }
}

fn device_in(row: &Row) -> Result<Device, StoreError> {
    Ok(Device { name: row.text("name")?, address: row.text("address")?, expires_at: row.number("expires_at")? })
}

//! Says what went wrong with the durable state, one sentence each. No error may show a password of the database or a stored value.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use thiserror::Error;

/// Why the store did not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The address of the database is not one.
    #[error("The address of the database must be `sqlite:/path/file.db` or `postgres://user@host/name`{0}.")]
    Address(String),
    /// The file or its folder cannot be made, read or written.
    #[error("The database file {path} cannot be opened: {reason}.")]
    File {
        /// Where it is.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// What lies there is no database, or a damaged one.
    #[error("The database is damaged or is no database ({0}); restore it from a backup or name another file.")]
    Broken(String),
    /// A newer program has changed the tables.
    #[error(
        "The database was written by another version of code-agent (its migration {0} is not known here); use that version."
    )]
    Newer(i64),
    /// Tables could not be brought up to date.
    #[error("The tables of the database could not be brought up to date: {0}.")]
    Migration(String),
    /// The server is away; the same call may succeed later.
    #[error("The database cannot be reached: {0}.")]
    Unavailable(String),
    /// What is to be kept finds no room; the same call may succeed when there is some.
    #[error("The disk of the database is full, or cannot be written to: {0}.")]
    Full(String),
    /// Others hold what is needed for too long; the same call may succeed at once.
    #[error("The database is busy with other writers; try again.")]
    Busy,
    /// The name, or the place of the first admin, is taken.
    #[error("This name is taken, or there are accounts already.")]
    Taken,
    /// Somebody must be able to administer the service.
    #[error("The last admin who is enabled and has a way in must stay one.")]
    LastAdmin,
    /// What was shown to sign in was good when it was looked at, and is no longer.
    #[error("The account was changed meanwhile.")]
    Outdated,
    /// There is nothing with this id.
    #[error("There is no {0} with this id.")]
    Missing(&'static str),
    /// As many jobs of the account wait as may.
    #[error(
        "As many jobs of this account wait as may ({0}, `service.quotas.waiting-jobs`); one more is taken when one of them was begun."
    )]
    Crowded(u32),
    /// A value that must not be stored.
    #[error("{0}")]
    Invalid(&'static str),
    /// A stored value that this program cannot have written.
    #[error("The database holds a {0} that is not understood.")]
    Stored(&'static str),
    /// Anything else that the database says.
    #[error("The database refused a statement: {0}.")]
    Statement(String),
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing something.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Full(_) | Self::Busy)
    }
}

/// How the failures of databases are called, in the order in which they are counted.
const KINDS: [&str; 4] = ["busy", "unavailable", "broken", "statement"];

/// Failures of databases in this process.
static FAILURES: [AtomicU64; KINDS.len()] = [const { AtomicU64::new(0) }; KINDS.len()];

/// How often a database failed since this process began, by what was wrong. What somebody asked for wrongly does not count.
pub fn failures() -> [(&'static str, u64); KINDS.len()] {
    std::array::from_fn(|place| (KINDS[place], FAILURES[place].load(Ordering::Relaxed)))
}

impl StoreError {
    /// Counts it, where the database is what failed.
    pub(crate) fn counted(self) -> Self {
        let place = match self {
            Self::Busy => 0,
            Self::Unavailable(_) | Self::Full(_) => 1,
            Self::Broken(_) => 2,
            Self::Statement(_) => 3,
            _ => return self,
        };
        FAILURES[place].fetch_add(1, Ordering::Relaxed);
        self
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::of(error).counted()
    }
}

impl StoreError {
    fn of(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(error) => of_database(error.code(), error.message(), error.is_unique_violation()),
            sqlx::Error::PoolTimedOut => Self::Unavailable("no connection became free in time".to_owned()),
            sqlx::Error::PoolClosed => Self::Unavailable("it was closed".to_owned()),
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed | sqlx::Error::BeginFailed => {
                Self::Unavailable(sentence(&error.to_string()))
            }
            sqlx::Error::Protocol(reason) => Self::Unavailable(sentence(&reason)),
            sqlx::Error::Configuration(_) => Self::Address(String::new()),
            other => Self::Statement(sentence(&other.to_string())),
        }
    }
}

/// The extended number of SQLite for a write that the system refuses.
const IOERR_WRITE: u32 = 10 | (3 << 8);

fn of_database(code: Option<Cow<'_, str>>, message: &str, is_taken: bool) -> StoreError {
    if is_taken {
        return StoreError::Taken;
    }
    let code = code.unwrap_or_default();
    // SQLite has extended numbers, whose lowest byte is the plain one; codes of PostgreSQL have five characters.
    if let (true, Ok(number)) = (code.len() < 5, code.parse::<u32>()) {
        return match number & 0xff {
            5 | 6 => StoreError::Busy,
            11 | 26 => StoreError::Broken(sentence(message)),
            // No room; or, of the failures of reading and writing, those of writing, as where a quota is used up.
            13 => StoreError::Full(sentence(message)),
            _ if number == IOERR_WRITE => StoreError::Full(sentence(message)),
            10 | 14 => StoreError::Unavailable(sentence(message)),
            _ => StoreError::Statement(sentence(message)),
        };
    }
    match code.as_ref() {
        // Somebody else's transaction got in the way.
        "40001" | "40P01" | "55P03" => StoreError::Busy,
        "53100" => StoreError::Full(sentence(message)),
        // It shuts down, starts, crashed, or has too many connections; or the connection broke, or was silent for too long.
        code if code == "25P03" || code.starts_with("57P") || code.starts_with("08") || code.starts_with("53") => {
            StoreError::Unavailable(sentence(message))
        }
        // Who we are, or which database we want, is not accepted.
        code if code.starts_with("28") || code == "3D000" => StoreError::Unavailable(sentence(message)),
        _ => StoreError::Statement(sentence(message)),
    }
}

/// A text of somebody else that stands inside of a sentence.
fn sentence(text: &str) -> String {
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_the_database_are_counted_and_those_of_its_users_are_not() {
        let before = failures();
        let _ = StoreError::from(sqlx::Error::PoolTimedOut);
        let _ = StoreError::from(sqlx::Error::PoolClosed);
        let _ = StoreError::Taken.counted();
        let more: Vec<u64> = failures().iter().zip(before).map(|(now, before)| now.1 - before.1).collect();
        assert_eq!((failures()[1].0, more), ("unavailable", vec![0, 2, 0, 0]));
    }

    #[test]
    fn numbers_of_both_databases_are_told_apart() {
        let of = |code: &'static str| of_database(Some(code.into()), "x", false);
        assert!(matches!(of("5"), StoreError::Busy) && matches!(of("261"), StoreError::Busy));
        assert!(matches!(of("26"), StoreError::Broken(_)));
        assert!(["13", "778", "53100"].into_iter().all(|code| matches!(of(code), StoreError::Full(_))));
        assert!(matches!(of("266"), StoreError::Unavailable(_)) && of("13").is_transient());
        assert!(matches!(of("57P01"), StoreError::Unavailable(_)) && of("57P01").is_transient());
        assert!(matches!(of("40P01"), StoreError::Busy) && matches!(of("42601"), StoreError::Statement(_)));
        assert_eq!(of("42601").to_string(), "The database refused a statement: x.");
    }
}

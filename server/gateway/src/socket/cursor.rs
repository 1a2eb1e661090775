//! The id of an event, which says how far somebody has heard: the number of the last line of the log of jobs, which all replicas share, and
//! the number of the last event of the one process that he was connected to.

use std::fmt;
use std::str::FromStr;

/// How far somebody has heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The line of the log of jobs.
    pub job: i64,
    /// The process.
    pub process: String,
    /// Its event.
    pub event: u64,
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.job, self.process, self.event)
    }
}

/// It is no id of an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoCursor;

impl FromStr for Cursor {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let mut parts = text.split('.');
        let (Some(job), Some(process), Some(event), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NoCursor);
        };
        let is_name = process.len() == 16 && process.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let (job, event) = (job.parse().map_err(|_| NoCursor)?, event.parse().map_err(|_| NoCursor)?);
        if is_name && job >= 0 { Ok(Self { job, process: process.to_owned(), event }) } else { Err(NoCursor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written_and_nothing_else_is_one() {
        let cursor = Cursor { job: 4711, process: "0123456789abcdef".to_owned(), event: 7 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in [
            "",
            "1",
            "1.2.3",
            "1.0123456789abcdef",
            "-1.0123456789abcdef.2",
            "1.0123456789abcdef.-2",
            "1.0123456789abcdef.2.3",
            "99999999999999999999.0123456789abcdef.2",
        ] {
            assert_eq!(wrong.parse::<Cursor>(), Err(NoCursor), "{wrong}");
        }
    }
}

//! What was asked today and what it cost, in a file: so that budgets hold over the processes of one machine and over restarts, and so that
//! people can look back. A line for each call; never a word of a prompt or an answer.
//!
//! Lines are only ever added, each in one piece, so that many processes can write into the same file. A file that cannot be written takes
//! nothing from anybody but the looking back: what is spent is then counted in memory.

mod history;
mod ledger;

pub use history::{History, TargetHistory};
pub use ledger::JournalLedger;

use crate::events::Event;
use crate::incidents::Place;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Lines are written after so long at the latest, if anything else happens.
const PATIENCE: Duration = Duration::from_secs(1);
/// And when so many bytes of them are there.
const MOST_BYTES: usize = 8 << 10;
/// Files of so many days are kept: those of a whole month, for what may be spent in one.
const KEPT_DAYS: u64 = 31;
/// Bytes that are read at a time.
const PIECE: u64 = 8 << 20;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Entry {
    /// A call ended.
    Call(Call),
    /// Money and tokens were spent.
    Spent {
        /// Who wrote it.
        writer: u64,
        /// Whose call it was.
        client: String,
        /// The name under which the model is set.
        model: String,
        /// In millionths of a cent.
        money: i64,
        /// Tokens.
        tokens: u64,
    },
    /// So many of each happened since the last such line.
    Counts(Tally),
}

/// How a call ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Call {
    /// Milliseconds since 1970.
    pub at: u64,
    /// The target.
    pub target: String,
    /// Where it was made.
    pub place: Place,
    /// Milliseconds to the first word and to the end, of an answer.
    pub first_ms: Option<f64>,
    /// As above.
    pub ms: Option<f64>,
    /// Tokens of the prompt and of the answer.
    pub input: u64,
    /// As above.
    pub output: u64,
    /// In millionths of a cent.
    pub money: i64,
    /// Why it failed.
    pub cause: Option<String>,
}

/// What is only counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub struct Tally {
    /// Answers from memory or from the shared cache.
    pub cache_hits: u64,
    /// Questions joined to others.
    pub coalesced: u64,
    /// Calls made because another was late.
    pub hedged: u64,
    /// Answers that needed no model.
    pub offline: u64,
}

#[derive(Debug, Default)]
struct State {
    day: u64,
    file: Option<File>,
    buffer: Vec<u8>,
    tally: Tally,
    written: Option<Instant>,
    is_told: bool,
}

/// The file of today.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    state: Mutex<State>,
}

impl Journal {
    /// A journal in a folder, which is there. Files that are too old are removed.
    pub fn new(folder: &Path) -> Self {
        let journal = Self { folder: folder.to_path_buf(), state: Mutex::default() };
        journal.remove_old(today());
        journal
    }

    /// Notes an event.
    pub fn note(&self, event: &Event) {
        let mut state = self.lock();
        match event {
            Event::CacheHit { .. } => state.tally.cache_hits += 1,
            Event::Coalesced => state.tally.coalesced += 1,
            Event::Hedged { .. } => state.tally.hedged += 1,
            Event::Offline { .. } => state.tally.offline += 1,
            Event::Asked { .. } | Event::FirstWord { .. } => return,
            Event::Failed { error, watched } => {
                let place = Place::of(watched);
                // What was said may repeat something of the prompt, and stays in memory.
                let (cause, target) = (Some(error.cause.name().to_owned()), error.target.clone());
                state.push(&Entry::Call(Call { at: now(), target, place, cause, ..Call::default() }));
            }
            Event::Answered { target, watched, first_word, took, usage, cost } => {
                let milliseconds = |time: &Duration| Some(time.as_secs_f64() * 1000.0);
                state.push(&Entry::Call(Call {
                    at: now(),
                    target: target.clone(),
                    place: Place::of(watched),
                    first_ms: milliseconds(first_word),
                    ms: milliseconds(took),
                    input: usage.input,
                    output: usage.output,
                    money: *cost,
                    ..Call::default()
                }));
            }
        }
        self.write_if_due(&mut state);
    }

    /// Writes what is not written yet.
    pub fn flush(&self) {
        self.write(&mut self.lock());
    }

    /// Adds a line, that others have to know of at once unless it may wait.
    fn add(&self, entry: &Entry, may_wait: bool) {
        let mut state = self.lock();
        state.push(entry);
        match may_wait {
            true => self.write_if_due(&mut state),
            false => self.write(&mut state),
        }
    }

    fn write_if_due(&self, state: &mut State) {
        let is_due = state.written.is_none_or(|written| written.elapsed() >= PATIENCE);
        if is_due || state.buffer.len() >= MOST_BYTES {
            self.write(state);
        }
    }

    fn write(&self, state: &mut State) {
        if state.tally != Tally::default() {
            let tally = std::mem::take(&mut state.tally);
            state.push(&Entry::Counts(tally));
        }
        state.written = Some(Instant::now());
        if state.buffer.is_empty() {
            return;
        }
        let day = today();
        if state.day != day {
            (state.day, state.file) = (day, None);
        }
        let buffer = std::mem::take(&mut state.buffer);
        let written = match &mut state.file {
            Some(file) => file.write_all(&buffer),
            None => open(&path(&self.folder, day)).and_then(|mut file| {
                let written = file.write_all(&buffer);
                state.file = Some(file);
                written
            }),
        };
        if let Err(error) = written
            && !std::mem::replace(&mut state.is_told, true)
        {
            tracing::warn!("Calls cannot be written down in {}: {error}.", self.folder.display());
        }
    }

    fn remove_old(&self, today: u64) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let day =
                name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX)?.parse::<u64>().ok());
            if day.is_some_and(|day| day + KEPT_DAYS < today) {
                // One that stays is no harm.
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.flush();
    }
}

impl State {
    fn push(&mut self, entry: &Entry) {
        // Plain data always serialises.
        if serde_json::to_writer(&mut self.buffer, entry).is_ok() {
            self.buffer.push(b'\n');
        }
    }
}

const PREFIX: &str = "calls-";
const SUFFIX: &str = ".jsonl";

fn path(folder: &Path, day: u64) -> PathBuf {
    folder.join(format!("{PREFIX}{day}{SUFFIX}"))
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Hands on the whole lines of a file from a place on, some at a time, and gives the place after the last of them.
fn read_lines(path: &Path, mut at: u64, mut take: impl FnMut(&[u8])) -> u64 {
    // A file that is not there has nothing in it.
    while let Ok((bytes, end)) = read_from(path, at) {
        if end == at {
            break;
        }
        take(&bytes);
        at = end;
    }
    at
}

/// The first whole lines of a file from a place on, and the place after the last of them.
fn read_from(path: &Path, at: u64) -> io::Result<(Vec<u8>, u64)> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if length <= at {
        return Ok((Vec::new(), at));
    }
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::new();
    let is_piece = length - at > PIECE;
    file.take(PIECE.min(length - at)).read_to_end(&mut bytes)?;
    // A piece without any end of a line is no line of ours, and is passed over.
    let whole = if is_piece { bytes.len() } else { 0 };
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(whole, |end| end + 1);
    bytes.truncate(end);
    Ok((bytes, at + end as u64))
}

/// The entries among lines; what is no entry is passed over, since another version may have written it.
fn entries(bytes: &[u8]) -> impl Iterator<Item = Entry> + '_ {
    bytes.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok())
}

fn today() -> u64 {
    crate::budget::day_of_clock()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

#[cfg(test)]
mod tests;

//! What is known of bulk work while it is under way, kept in files, so that it goes on where it was when the program ends.
//!
//! Two files for each list of questions, in a folder of their owner's own: one with the numbers of batches, written whole or not at all,
//! and one with the answers that came, a line each. Neither holds a question or a secret: answers stand there with the placeholders that
//! models see. Both are for the owner's eyes only, because an answer may tell of private code, and both go when all is answered.

use super::BulkError;
use crate::request::{Answer, Finish, Usage};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// The form of the files; another one is not read.
const FORM: u32 = 1;

/// What is known besides the answers.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct State {
    pub form: u32,
    /// Stands for the questions.
    pub digest: String,
    /// The target's name, its provider and its model.
    pub target: String,
    pub provider: String,
    pub model: String,
    /// Whether the target has no batches, so that questions are asked one by one.
    pub ordinary: bool,
    /// Tells this work from the same work at another time.
    pub begun: String,
    pub parts: Vec<Part>,
}

/// Questions that are asked in one batch.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Part {
    /// Their places in the list.
    pub questions: Vec<usize>,
    /// With what the batch and its questions are marked.
    pub mark: String,
    /// The file that was uploaded.
    pub file: Option<String>,
    /// The newest batch before this one was made; empty where there was none.
    pub before: Option<String>,
    /// The batch.
    pub batch: Option<String>,
    /// Whether the batch was only found, and may be somebody else's.
    pub found: bool,
    /// Batches that were found and were somebody else's.
    pub others: Vec<String>,
    /// Whether nothing more will come of it.
    pub done: bool,
}

/// An answer as it is kept.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Kept {
    at: usize,
    text: String,
    finish: String,
    usage: Option<(u64, u64, u64)>,
    target: String,
}

/// The files of one list of questions, held by this process alone.
pub(super) struct Store {
    pub state: State,
    place: PathBuf,
    answers: File,
    answers_place: PathBuf,
}

impl Store {
    /// Opens the files in a folder, or makes them, and gives the answers that are known.
    pub(super) fn open(folder: &Path, state: State) -> Result<(Self, Vec<(usize, Answer)>), BulkError> {
        let failed = |place: &Path| {
            let path = place.display().to_string();
            move |reason: io::Error| BulkError::Folder { path, reason: reason.to_string() }
        };
        make_folder(folder).map_err(failed(folder))?;
        let place = folder.join(format!("{}.json", state.digest));
        let answers_place = folder.join(format!("{}.answers", state.digest));
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        let mut answers = for_owner(&mut options).open(&answers_place).map_err(failed(&answers_place))?;
        match answers.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(BulkError::Busy),
            // A file system without locks is one that nobody shares, as a rule.
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(failed(&answers_place)(error)),
        }
        let known = read_answers(&mut answers).map_err(failed(&answers_place))?;
        let state = match std::fs::read(&place) {
            Ok(bytes) => match serde_json::from_slice::<State>(&bytes) {
                Ok(state) if state.form == FORM => state,
                // Beginning anew might pay twice, so that is for a person to decide.
                _ => return Err(BulkError::Unreadable { path: place.display().to_string() }),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => State { form: FORM, ..state },
            Err(error) => return Err(failed(&place)(error)),
        };
        Ok((Self { state, place, answers, answers_place }, known))
    }

    /// Writes the state down, whole or not at all.
    pub(super) fn save(&self) -> Result<(), BulkError> {
        let write = || -> io::Result<()> {
            let new = self.place.with_extension("json.new");
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            let mut file = for_owner(&mut options).open(&new)?;
            file.write_all(&serde_json::to_vec(&self.state)?)?;
            file.sync_all()?;
            std::fs::rename(&new, &self.place)
        };
        write()
            .map_err(|reason| BulkError::Folder { path: self.place.display().to_string(), reason: reason.to_string() })
    }

    /// Keeps an answer, with its placeholders.
    pub(super) fn keep(&mut self, at: usize, answer: &Answer) -> Result<(), BulkError> {
        let kept = Kept {
            at,
            text: answer.text.clone(),
            finish: match answer.finish {
                Finish::Stop => "stop",
                Finish::Length => "length",
                Finish::ContentFilter => "content-filter",
                Finish::ToolCalls => "tool-calls",
            }
            .to_owned(),
            usage: answer.usage.map(|usage| (usage.input, usage.cached, usage.output)),
            target: answer.target.clone(),
        };
        let write = || -> io::Result<()> {
            let mut line = serde_json::to_vec(&kept)?;
            line.push(b'\n');
            (&self.answers).write_all(&line)
        };
        write().map_err(|reason| BulkError::Folder {
            path: self.answers_place.display().to_string(),
            reason: reason.to_string(),
        })
    }

    /// Forgets it all; what cannot be removed is removed another time.
    pub(super) fn remove(self) {
        // The state first: answers without a state are only told once more, but a state without its answers would be paid for anew.
        let _ = std::fs::remove_file(&self.place);
        let _ = std::fs::remove_file(&self.answers_place);
    }
}

/// The answers in the file. A line that was not written to its end is cut off, so that the next one begins a line.
fn read_answers(file: &mut File) -> io::Result<Vec<(usize, Answer)>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    if whole < bytes.len() {
        file.set_len(whole as u64)?;
    }
    let lines = bytes.get(..whole).unwrap_or_default().split(|byte| *byte == b'\n');
    let kept = lines.filter_map(|line| serde_json::from_slice::<Kept>(line).ok());
    Ok(kept.map(|kept| (kept.at, answer_of(kept))).collect())
}

fn answer_of(kept: Kept) -> Answer {
    Answer {
        text: kept.text,
        finish: match kept.finish.as_str() {
            "length" => Finish::Length,
            "content-filter" => Finish::ContentFilter,
            "tool-calls" => Finish::ToolCalls,
            _ => Finish::Stop,
        },
        usage: kept.usage.map(|(input, cached, output)| Usage { input, cached, output }),
        target: kept.target,
        from_cache: false,
    }
}

/// A file that only its owner reads.
fn for_owner(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options
}

/// A folder that only its owner looks into.
fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> State {
        State { digest: "d".into(), ..State::default() }
    }

    fn answer(text: &str) -> Answer {
        let usage = Some(Usage { input: 3, cached: 1, output: 2 });
        Answer { text: text.into(), finish: Finish::Length, usage, target: "t".into(), from_cache: false }
    }

    #[test]
    fn what_was_kept_is_there_again_and_half_a_line_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("bulk");
        let (mut store, known) = Store::open(&folder, state()).unwrap();
        assert!(known.is_empty() && store.state.parts.is_empty());
        store.state.parts.push(Part { batch: Some("b".into()), ..Part::default() });
        store.save().unwrap();
        store.keep(7, &answer("seven\n")).unwrap();
        (&store.answers).write_all(br#"{"at":8,"text":"ei"#).unwrap();
        assert!(matches!(Store::open(&folder, state()), Err(BulkError::Busy)), "one process at a time");
        drop(store);
        let (mut store, known) = Store::open(&folder, state()).unwrap();
        assert_eq!(known, [(7, answer("seven\n"))]);
        assert_eq!(store.state.parts[0].batch.as_deref(), Some("b"));
        store.keep(8, &answer("eight")).unwrap();
        drop(store);
        let (store, known) = Store::open(&folder, state()).unwrap();
        assert_eq!(known.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [7, 8]);
        #[cfg(unix)]
        for file in std::fs::read_dir(&folder).unwrap() {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(file.unwrap().metadata().unwrap().permissions().mode() & 0o777, 0o600);
        }
        store.remove();
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[test]
    fn a_state_that_cannot_be_read_is_not_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("d.json"), "{").unwrap();
        let error = Store::open(folder.path(), state()).err().unwrap().to_string();
        assert!(error.contains("d.json"), "{error}");
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(Store::open(&file, state()), Err(BulkError::Folder { .. })));
    }
}

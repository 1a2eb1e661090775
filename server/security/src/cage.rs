//! The one place that starts a process: a program with its arguments and no shell, for a bounded time and a bounded answer.
//!
//! It gets no input. Nothing of its arguments or of what it printed stands in an error, since either may hold a secret; of what it
//! complained about one short sentence does, with everything that looks like a secret taken out.

use crate::scan::scan;
use std::io::{self, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Bounds on a program.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long it may run.
    pub time: Duration,
    /// Bytes that it may print.
    pub output: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { time: Duration::from_secs(10), output: 64 << 10 }
    }
}

/// Why a program gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CageError {
    /// No program is named.
    #[error("No program is named.")]
    Nameless,
    /// It cannot be started.
    #[error("The program {program} cannot be started: {reason}.")]
    Unstarted {
        /// Its name.
        program: String,
        /// What the system says.
        reason: String,
    },
    /// It ran too long and was ended.
    #[error("The program {program} was ended because it did not finish in {seconds} seconds.")]
    TooSlow {
        /// Its name.
        program: String,
        /// How long it had.
        seconds: u64,
    },
    /// It printed too much and was ended.
    #[error("The program {program} was ended because it printed more than {limit} bytes.")]
    TooLong {
        /// Its name.
        program: String,
        /// How much it could.
        limit: usize,
    },
    /// It failed.
    #[error("The program {program} failed with {status}: {said}.")]
    Failed {
        /// Its name.
        program: String,
        /// How it ended.
        status: String,
        /// What it complained about.
        said: String,
    },
}

/// Bytes of complaints that are kept.
const COMPLAINTS: usize = 4 << 10;
/// The longest sentence of a complaint, in characters.
const SENTENCE: usize = 200;
/// How long the rest of an answer is waited for after the program ended: something that it left running may hold its output open.
const REST: Duration = Duration::from_millis(500);
/// The longest pause between two looks at a program.
const LOOK: Duration = Duration::from_millis(20);

/// Runs a program and gives what it printed. Its standard input is empty, its environment is that of this process.
///
/// # Errors
/// If it cannot be started, fails, or goes beyond its bounds.
pub fn run(program: &str, arguments: &[String], bounds: Bounds) -> Result<Vec<u8>, CageError> {
    if program.trim().is_empty() {
        return Err(CageError::Nameless);
    }
    let deadline = Instant::now() + bounds.time;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A group of its own, so that what it starts ends with it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let unstarted = |error: io::Error| CageError::Unstarted {
        program: program.to_owned(),
        reason: match error.kind() {
            io::ErrorKind::NotFound => "there is no such program".to_owned(),
            _ => error.to_string(),
        },
    };
    let mut child = command.spawn().map_err(unstarted)?;
    let readers = (
        Printed::read(child.stdout.take(), bounds.output, true),
        Printed::read(child.stderr.take(), COMPLAINTS, false),
    );
    let (Ok(printed), Ok(complained)) = readers else {
        end(&mut child);
        return Err(unstarted(io::Error::other("its output cannot be read")));
    };
    let status = match watch(&mut child, [&printed, &complained], deadline) {
        Ok(status) => status,
        Err(over) => {
            end(&mut child);
            return Err(match over {
                Over::Time => CageError::TooSlow { program: program.to_owned(), seconds: bounds.time.as_secs() },
                Over::Output => CageError::TooLong { program: program.to_owned(), limit: bounds.output },
                Over::Lost(error) => unstarted(error),
            });
        }
    };
    if !status.success() {
        let said = sentence(&String::from_utf8_lossy(&complained.lock().bytes));
        return Err(CageError::Failed { program: program.to_owned(), status: describe(status), said });
    }
    Ok(std::mem::take(&mut printed.lock().bytes))
}

/// Why a program is ended.
enum Over {
    Time,
    Output,
    /// The system does not say how it stands.
    Lost(io::Error),
}

/// Waits until the program ended and its output was read.
fn watch(child: &mut Child, outputs: [&Printed; 2], deadline: Instant) -> Result<ExitStatus, Over> {
    let mut pause = Duration::from_millis(1);
    let mut ended = None;
    loop {
        if outputs.iter().any(|output| output.lock().is_over) {
            return Err(Over::Output);
        }
        let is_read = outputs.iter().all(|output| output.lock().is_done);
        let now = Instant::now();
        match ended {
            Some((status, at)) if is_read || now.duration_since(at) >= REST => return Ok(status),
            Some(_) => {}
            None => match child.try_wait() {
                // Looked at once more, since it may have printed between the two looks.
                Ok(Some(status)) => {
                    ended = Some((status, now));
                    continue;
                }
                Ok(None) => {}
                Err(error) => return Err(Over::Lost(error)),
            },
        }
        if ended.is_none() && now >= deadline {
            return Err(Over::Time);
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LOOK);
    }
}

/// Ends a program and what it started.
fn end(child: &mut Child) {
    // Once it was waited for, its number may be that of another.
    if matches!(child.try_wait(), Ok(Some(_))) {
        return;
    }
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // It may have ended by itself in this moment.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// What was printed so far.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    is_over: bool,
    is_done: bool,
}

/// What a thread reads. It may outlive the program, but not its output.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Output>>);

impl Printed {
    /// Reads up to `limit` bytes; what goes beyond is told if it `counts`, and passed over if not.
    fn read(source: Option<impl Read + Send + 'static>, limit: usize, counts: bool) -> io::Result<Self> {
        let printed = Self::default();
        let into = printed.clone();
        // Two outputs are read at once, or the program could wait for one while the other is read.
        std::thread::Builder::new().name("cage".to_owned()).spawn(move || {
            if let Some(source) = source {
                into.fill(source, limit, counts);
            }
            into.lock().is_done = true;
        })?;
        Ok(printed)
    }

    fn fill(&self, mut source: impl Read, limit: usize, counts: bool) {
        let mut buffer = [0; 4096];
        loop {
            let read = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => buffer.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => break,
            };
            let mut output = self.lock();
            let room = limit.saturating_sub(output.bytes.len());
            output.bytes.extend_from_slice(read.get(..room.min(read.len())).unwrap_or_default());
            if read.len() > room && counts {
                output.is_over = true;
                break;
            }
        }
        buffer.fill(0);
        std::hint::black_box(&buffer);
    }

    fn lock(&self) -> MutexGuard<'_, Output> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a program ended, in words.
fn describe(status: ExitStatus) -> String {
    status.code().map_or_else(|| "a signal".to_owned(), |code| format!("code {code}"))
}

/// The first line that says something, short, without what looks like a secret and without marks for terminals.
fn sentence(text: &str) -> String {
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("it did not say why");
    let mut clean = String::with_capacity(line.len());
    let mut at = 0;
    for secret in scan(line) {
        clean.push_str(line.get(at..secret.range.start).unwrap_or(""));
        clean.push('…');
        at = secret.range.end;
    }
    clean.push_str(line.get(at..).unwrap_or(""));
    clean.retain(|character| !character.is_control());
    let clean = clean.trim_end_matches('.');
    match clean.char_indices().nth(SENTENCE) {
        Some((cut, _)) => format!("{}…", clean.get(..cut).unwrap_or("")),
        None => clean.to_owned(),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str, bounds: Bounds) -> Result<String, CageError> {
        let arguments = ["-c".to_owned(), script.to_owned()];
        run("sh", &arguments, bounds).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    fn quick() -> Bounds {
        Bounds { time: Duration::from_millis(300), ..Bounds::default() }
    }

    #[test]
    fn what_a_program_prints_is_given_and_its_input_is_empty() {
        assert_eq!(shell("cat; echo a; echo b >&2; printf c", Bounds::default()), Ok("a\nc".into()));
        let spaces = run("printf", &["%s".to_owned(), "a b; $HOME".to_owned()], Bounds::default()).unwrap();
        assert_eq!(spaces, b"a b; $HOME", "no shell reads the arguments");
    }

    #[test]
    fn each_way_to_fail_is_one_sentence_that_tells_no_argument() {
        assert_eq!(run(" ", &[], Bounds::default()), Err(CageError::Nameless));
        let missing = run("/nowhere/at-all", &["word".to_owned()], Bounds::default()).unwrap_err().to_string();
        assert_eq!(missing, "The program /nowhere/at-all cannot be started: there is no such program.");
        let key = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
        let failed =
            shell(&format!("echo; echo '\u{1b}[1mno {key} here.' >&2; echo more >&2; exit 3"), Bounds::default());
        assert_eq!(failed.unwrap_err().to_string(), "The program sh failed with code 3: [1mno … here.");
        let silent = shell("exit 1", Bounds::default()).unwrap_err().to_string();
        assert_eq!(silent, "The program sh failed with code 1: it did not say why.");
        assert!(shell("kill -9 $$", Bounds::default()).unwrap_err().to_string().contains("a signal"));
    }

    #[test]
    fn a_program_that_prints_without_end_is_ended() {
        let bounds = Bounds { output: 1000, ..Bounds::default() };
        assert_eq!(shell("printf '%01000d' 0", bounds).map(|text| text.len()), Ok(1000));
        let error = shell("while :; do echo aaaaaaaaaaaaaaaaaaaa; done", bounds).unwrap_err();
        assert_eq!(error, CageError::TooLong { program: "sh".into(), limit: 1000 });
        let noise = "i=0; while [ $i -lt 20000 ]; do echo noisenoise >&2; i=$((i+1)); done; echo done";
        assert_eq!(shell(noise, bounds), Ok("done\n".into()), "complaints beyond the bound are passed over");
    }

    #[test]
    fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
        let folder = std::env::temp_dir().join(format!("cage-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mark = folder.join("mark");
        let script = format!("(sleep 2; echo late > '{}') & wait", mark.display());
        assert_eq!(shell(&script, quick()), Err(CageError::TooSlow { program: "sh".into(), seconds: 0 }));
        std::thread::sleep(Duration::from_millis(2500));
        assert!(!mark.exists(), "what it started was ended too");
        // The same without the bound does leave its mark, so that its absence says something.
        shell(&script.replace("sleep 2", "sleep 0"), Bounds::default()).unwrap();
        assert!(mark.exists());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_a_program_leaves_running_is_not_waited_for() {
        let began = Instant::now();
        assert_eq!(
            shell("sleep 30 & echo key", Bounds { time: Duration::from_secs(25), ..Bounds::default() }),
            Ok("key\n".into())
        );
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}

//! Colours and progress, both only where somebody looks at a terminal.

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// Lines that go away.
pub const REMOVED: Style = AnsiColor::Red.on_default();
/// Lines that come.
pub const ADDED: Style = AnsiColor::Green.on_default();
/// Paths, line numbers, frames.
pub const FRAME: Style = AnsiColor::Blue.on_default();
/// An error.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// A warning.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// A remark.
pub const NOTE: Style = AnsiColor::Cyan.on_default().bold();
/// What matters in a sentence.
pub const STRONG: Style = Style::new().bold();

/// Work that takes longer than this shows a bar.
const PATIENCE: Duration = Duration::from_millis(400);

/// Whether standard output takes colours: a terminal that can, and no `NO_COLOR`.
pub fn colours() -> bool {
    AutoStream::choice(&std::io::stdout()) != ColorChoice::Never
}

/// Says one sentence of trouble on standard error.
pub fn complain(message: &str) {
    say("error", ERROR, message);
}

/// Says one sentence on standard error about something that is as it may be.
pub fn remark(message: &str) {
    say("note", NOTE, message);
}

fn say(kind: &str, style: Style, message: &str) {
    use std::io::Write;
    let stderr = std::io::stderr();
    let colours = AutoStream::choice(&stderr) != ColorChoice::Never;
    let (on, off) =
        if colours { (style.render().to_string(), style.render_reset().to_string()) } else { Default::default() };
    // Where standard error itself is gone there is nobody left to tell.
    let _ = writeln!(stderr.lock(), "{on}{kind}:{off} {message}");
}

/// A line that counts the files done; it is drawn only on a terminal, and only if the work takes a while.
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
    on_terminal: bool,
}

impl Progress {
    /// A line that is not shown yet.
    pub fn new(what: &'static str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()).with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {pos} files, {elapsed}") {
            bar.set_style(style);
        }
        Self { bar, started: Instant::now(), on_terminal: std::io::stderr().is_terminal() }
    }

    /// One file more is done.
    pub fn step(&self) {
        if self.on_terminal && self.bar.is_hidden() && self.started.elapsed() > PATIENCE {
            self.bar.set_draw_target(ProgressDrawTarget::stderr_with_hz(10));
        }
        self.bar.inc(1);
    }

    /// Writes something with the line out of the way.
    pub fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Takes the line away, so that the report stands alone.
    pub fn done(self) {
        self.bar.finish_and_clear();
    }
}

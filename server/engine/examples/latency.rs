//! Measures a keystroke: one character typed into a document, until its findings are there.
//!
//! `cargo run --release -p engine --example latency -- FILE [LINES] [EDITS]` repeats FILE until it has so many lines.

use engine::config::ConfigurationManager;
use engine::mode::{EditorMode, Offline};
use engine::syntax::document::Change;
use engine::syntax::text::Position;
use engine::workspace::files::DiskFiles;
use engine::workspace::uri;
use engine::{Parts, ServerCore};
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("a file is needed")?;
    let lines: usize = arguments.next().map_or(Ok(2_000), |number| number.parse())?;
    let edits: i32 = arguments.next().map_or(Ok(200), |number| number.parse())?;
    let source = std::fs::read_to_string(&path)?;
    let text: String = source.split_inclusive('\n').cycle().take(lines).collect();
    let core = ServerCore::new(Parts {
        journal: || None,
        file_system: Arc::new(DiskFiles),
        config: Arc::new(ConfigurationManager::default()),
        metrics: Arc::default(),
        mode: Arc::new(EditorMode),
        strategy: Arc::new(Offline),
    });
    let uri = uri::from_path(&Path::new("/measured").join(Path::new(&path).file_name().ok_or("a file is needed")?));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let (mut changes, mut totals) = (Vec::new(), Vec::new());
    runtime.block_on(async {
        core.open(&uri, "", 0, &text);
        core.diagnostics(&uri).await?;
        for version in 1..=edits {
            let line = (lines as u32 / 2 + version as u32 * 37 % 400).min(lines as u32);
            // A blank typed at the end of a line: the position is clamped to it.
            let end = Position { line, character: u32::MAX };
            let began = Instant::now();
            core.change(&uri, version, &[Change { range: Some((end, end)), text: " ".into() }]);
            changes.push(began.elapsed());
            core.diagnostics(&uri).await?;
            totals.push(began.elapsed());
        }
        Ok::<(), engine::error::CoreError>(())
    })?;
    let mut out = std::io::stdout().lock();
    report(&mut out, "change", &mut changes)?;
    report(&mut out, "change to findings", &mut totals)?;
    write!(out, "{}", core.metrics().stats().table())?;
    Ok(())
}

fn report(out: &mut impl std::io::Write, name: &str, times: &mut [Duration]) -> std::io::Result<()> {
    times.sort();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    writeln!(out, "{name}: p50 {:?}, p95 {:?}, p99 {:?}", at(50), at(95), at(99))
}

//! Watches the process that started the server, so that a server whose editor crashed does not stay behind.
//!
//! Only looks: it starts no process and sends no signal. Where it cannot look it waits forever.

use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often it is looked for.
const EVERY: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(5) };

/// Ends when the process is gone. One that cannot be seen from the start, as from inside a container, is not watched.
pub(crate) async fn gone(process: i32) {
    match entry(process) {
        Some(entry) if entry.exists() => vanished(&entry).await,
        _ => std::future::pending().await,
    }
}

/// Where a process is seen in the file system.
fn entry(process: i32) -> Option<PathBuf> {
    (cfg!(target_os = "linux") && process > 0).then(|| Path::new("/proc").join(process.to_string()))
}

async fn vanished(entry: &Path) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while entry.exists() {
        ticks.tick().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_process_that_was_never_seen_or_is_alive_is_not_missed() {
        for process in [0, -1, i32::MAX, i32::try_from(std::process::id()).unwrap()] {
            let waited = tokio::time::timeout(EVERY * 3, gone(process)).await;
            assert!(waited.is_err(), "{process}");
        }
    }
}

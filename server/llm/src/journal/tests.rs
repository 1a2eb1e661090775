//! The journal over real files.

use super::*;
use crate::breaker::Watched;
use crate::budget::{Budget, Limits, Price};
use crate::error::{Cause, LlmError};
use crate::request::Usage;
use std::sync::Arc;

const PRICE: Price = Price { input: 10.0, cached: None, output: 10.0 };

fn budget(folder: &Path, dollars: f64) -> Budget {
    let ledger = JournalLedger::new(Arc::new(Journal::new(folder)));
    Budget::with_ledger(Limits { dollars_per_day: Some(dollars), ..Limits::default() }, Arc::new(ledger))
}

fn usage(tokens: u64) -> Usage {
    Usage { input: tokens, cached: 0, output: 0 }
}

#[tokio::test]
async fn what_one_process_spent_the_next_one_cannot_spend_again() {
    let folder = tempfile::tempdir().unwrap();
    // Each time a new process: it knows nothing but what is written.
    for _ in 0..3 {
        let budget = budget(folder.path(), 0.04);
        budget.reserve("c", "m", usage(1000), PRICE).await.unwrap().settle(usage(1000), PRICE);
    }
    let last = budget(folder.path(), 0.04);
    assert_eq!(last.today().0, 3_000_000, "three cents");
    last.reserve("c", "m", usage(1000), PRICE).await.unwrap().settle(usage(1000), PRICE);
    let refused = last.reserve("c", "m", usage(1000), PRICE).await.unwrap_err().to_string();
    assert_eq!(refused, "$0.04 of the $0.04 of `budget.dollars-per-day` are spent or reserved for today");
    // Two at the same time see each other.
    let (one, other) = (budget(folder.path(), 1.0), budget(folder.path(), 1.0));
    one.reserve("c", "m", usage(1000), PRICE).await.unwrap().settle(usage(1000), PRICE);
    assert_eq!((one.today().0, other.today().0), (5_000_000, 5_000_000));
}

#[tokio::test]
async fn calls_that_are_under_way_together_are_written_together_where_no_limit_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let lines = || std::fs::read_to_string(path(folder.path(), today())).unwrap_or_default().lines().count();
    let unlimited = JournalLedger::new(Arc::new(Journal::new(folder.path())));
    let unlimited = Budget::with_ledger(Limits::default(), Arc::new(unlimited));
    let mut open = Vec::new();
    for _ in 0..4 {
        open.push(unlimited.reserve("c", "m", usage(1000), PRICE).await.unwrap());
    }
    open.remove(0).settle(usage(1000), PRICE);
    assert_eq!(lines(), 1, "nothing was written for a while");
    for reserve in open.drain(..2) {
        reserve.settle(usage(1000), PRICE);
        unlimited.flush().await;
    }
    assert_eq!(lines(), 1, "another one is to end");
    open.remove(0).settle(usage(1000), PRICE);
    assert_eq!(lines(), 4, "it writes for all");
    // With a limit each is told at once.
    let limited = budget(folder.path(), 1.0);
    let (one, _other) =
        (limited.reserve("c", "m", usage(1), PRICE).await, limited.reserve("c", "m", usage(1), PRICE).await);
    one.unwrap().settle(usage(1), PRICE);
    assert_eq!(lines(), 5);
}

#[test]
fn a_day_is_summed_up_with_its_incidents_and_without_what_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let watched = Watched::new("http://one", "m", "0123456789abcdef");
    let journal = Journal::new(folder.path());
    journal.note(&Event::CacheHit { took: Duration::ZERO });
    for number in 1..=20 {
        journal.note(&Event::Answered {
            target: "one".into(),
            watched: watched.clone(),
            first_word: Duration::from_millis(number * 10),
            took: Duration::from_secs(1),
            usage: Usage { input: 10, cached: 0, output: 2 },
            cost: 1_000_000,
        });
    }
    for _ in 0..3 {
        let error = LlmError::new("one", Cause::Overload, "no room for request 1234567");
        journal.note(&Event::Failed { error, watched: watched.clone() });
    }
    drop(journal);
    let file = path(folder.path(), today());
    let mut text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("89abcdef"), "nothing stands there from which a key could be guessed: {text}");
    text.push_str("not an entry\n{\"kind\":\"of another version\"}\n{\"kind\":\"call\",\"half");
    std::fs::write(&file, text).unwrap();
    let history = History::of_today(folder.path());
    let one = &history.targets["one"];
    assert_eq!((history.answers, history.failures, history.tally.cache_hits), (20, 3, 1));
    assert_eq!((one.first_word_p50_ms, one.first_word_p95_ms, one.output_tokens), (Some(100.0), Some(190.0), 40));
    assert!(!text_of(&file).contains("no room"), "nothing that was said stands there");
    assert_eq!(history.incidents.len(), 1);
    let incident = &history.incidents[0];
    assert_eq!((incident.cause, incident.failures, incident.message.as_str()), ("overload", 3, "overload"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0, "for its owner alone");
    }
}

#[test]
fn a_folder_that_is_gone_stops_nothing_and_old_files_go() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(path(folder.path(), 3), "").unwrap();
    std::fs::write(path(folder.path(), today() - 1), "").unwrap();
    std::fs::write(folder.path().join("other.txt"), "").unwrap();
    let journal = Journal::new(folder.path());
    assert!(!path(folder.path(), 3).exists() && path(folder.path(), today() - 1).exists());
    assert!(folder.path().join("other.txt").exists());
    drop(folder);
    journal.note(&Event::Coalesced);
    journal.flush();
    assert_eq!(History::of_today(Path::new("/there/is/no/such/folder")).answers, 0);
}

fn text_of(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap()
}

#[test]
fn a_file_of_any_size_is_read_in_pieces() {
    let folder = tempfile::tempdir().unwrap();
    let line =
        serde_json::to_string(&Entry::Spent { writer: 1, client: "c".into(), model: "m".into(), money: 1, tokens: 1 });
    let lines = format!("{}\n", line.unwrap()).repeat(200_000);
    assert!(lines.len() as u64 > PIECE);
    std::fs::write(path(folder.path(), today()), &lines).unwrap();
    let mut count = 0;
    let end = read_lines(&path(folder.path(), today()), 0, |bytes| count += entries(bytes).count());
    assert_eq!((count, end), (200_000, lines.len() as u64));
}

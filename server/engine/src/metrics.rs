//! Measures: how long everything takes and how it ends. Recording costs a push into the thread's own buffer; the sums are made when somebody asks.
//!
//! It never measures what is in a file, only names that stand in this program's own text.

use hdrhistogram::Histogram;
use rustc_hash::FxHashMap;
use serde::Serialize;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Samples that a thread keeps before it adds them up itself.
const BUFFER: usize = 512;
/// Longer times count as this one: an hour, in microseconds.
const LONGEST: u64 = 3_600_000_000;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A call of the façade, from its start to its answer.
    Request,
    /// A change applied to a document.
    Edit,
    /// A task, while it runs.
    Task,
    /// A task, while it waits.
    Wait,
    /// Text to tree.
    Parse,
    /// Tree to model.
    Model,
    /// A rule, run over one file.
    Rule,
    /// What a rule found; counted, not timed.
    Finding,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// As it should.
    Success,
    /// With an error that is the answer.
    Failure,
    /// Nobody wanted it any more.
    Cancelled,
    /// There was no room for it.
    Refused,
    /// With an error of this program.
    Panicked,
}

const OUTCOMES: usize = 5;

#[derive(Clone, Copy)]
struct Sample {
    kind: Kind,
    name: &'static str,
    micros: u64,
    outcome: Outcome,
    times: u64,
}

/// Everything of one kind and name.
struct Series {
    /// `None` where the bounds were refused, which their constants exclude.
    histogram: Option<Histogram<u32>>,
    outcomes: [u64; OUTCOMES],
}

type Sums = FxHashMap<(Kind, &'static str), Series>;
type Buffer = Arc<Mutex<Vec<Sample>>>;

/// Counts and times everything; one for each core.
pub struct MetricsCollector {
    /// Tells the buffers of several collectors on one thread apart.
    id: u64,
    began: Instant,
    correlations: AtomicU64,
    /// One for each thread that recorded. Owned here too, so that a thread that ends takes no sample along.
    buffers: Mutex<Vec<Buffer>>,
    sums: Mutex<Sums>,
}

thread_local! {
    static BUFFERS: RefCell<Vec<(u64, Buffer)>> = const { RefCell::new(Vec::new()) };
}

impl Default for MetricsCollector {
    fn default() -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        Self {
            id: IDS.fetch_add(1, Ordering::Relaxed),
            began: Instant::now(),
            correlations: AtomicU64::new(1),
            buffers: Mutex::default(),
            sums: Mutex::default(),
        }
    }
}

impl std::fmt::Debug for MetricsCollector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MetricsCollector").field("began", &self.began).finish_non_exhaustive()
    }
}

impl MetricsCollector {
    /// A number that ties together all that one request causes.
    pub fn correlation(&self) -> u64 {
        self.correlations.fetch_add(1, Ordering::Relaxed)
    }

    /// Notes that something took so long and ended so.
    pub fn record(&self, kind: Kind, name: &'static str, took: Duration, outcome: Outcome) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(LONGEST);
        self.push(Sample { kind, name, micros, outcome, times: 1 });
    }

    /// Counts events that take no time.
    pub fn count(&self, kind: Kind, name: &'static str, times: u64) {
        if times > 0 {
            self.push(Sample { kind, name, micros: 0, outcome: Outcome::Success, times });
        }
    }

    /// Runs `work` and notes how long it took.
    pub fn time<T>(&self, kind: Kind, name: &'static str, work: impl FnOnce() -> T) -> T {
        let began = Instant::now();
        let result = work();
        self.record(kind, name, began.elapsed(), Outcome::Success);
        result
    }

    /// Begins to measure a request; dropped without an outcome it counts as cancelled.
    pub fn request(self: &Arc<Self>, name: &'static str) -> Measure {
        let correlation = self.correlation();
        Measure { metrics: self.clone(), name, correlation, began: Instant::now(), outcome: Outcome::Cancelled }
    }

    fn push(&self, sample: Sample) {
        BUFFERS.with_borrow_mut(|buffers| {
            let buffer = match buffers.iter().find(|(id, _)| *id == self.id) {
                Some((_, buffer)) => buffer,
                None => {
                    // Buffers of collectors that are gone have no other owner.
                    buffers.retain(|(_, buffer)| Arc::strong_count(buffer) > 1);
                    let buffer = Buffer::default();
                    lock(&self.buffers).push(buffer.clone());
                    buffers.push((self.id, buffer));
                    match buffers.last() {
                        Some((_, buffer)) => buffer,
                        None => return,
                    }
                }
            };
            let mut samples = lock(buffer);
            samples.push(sample);
            if samples.len() >= BUFFER {
                let full = std::mem::take(&mut *samples);
                drop(samples);
                self.add_up(full);
            }
        });
    }

    fn add_up(&self, samples: Vec<Sample>) {
        let mut sums = lock(&self.sums);
        for sample in samples {
            let series = sums.entry((sample.kind, sample.name)).or_insert_with(|| Series {
                histogram: Histogram::new_with_bounds(1, LONGEST, 2).ok(),
                outcomes: [0; OUTCOMES],
            });
            if let Some(histogram) = series.histogram.as_mut().filter(|_| sample.kind != Kind::Finding) {
                histogram.saturating_record_n(
                    sample.micros.clamp(1, LONGEST),
                    u32::try_from(sample.times).unwrap_or(u32::MAX),
                );
            }
            if let Some(count) = series.outcomes.get_mut(sample.outcome as usize) {
                *count += sample.times;
            }
        }
    }

    /// All that was measured so far.
    pub fn stats(&self) -> Stats {
        lock(&self.buffers).retain(|buffer| {
            let samples = std::mem::take(&mut *lock(buffer));
            self.add_up(samples);
            // The buffer of a thread that ended has no other owner.
            Arc::strong_count(buffer) > 1
        });
        let sums = lock(&self.sums);
        let mut rows: Vec<StatsRow> = sums.iter().map(|((kind, name), series)| series.row(*kind, name)).collect();
        rows.sort_by(|left, right| (left.kind, &left.name).cmp(&(right.kind, &right.name)));
        Stats { uptime_seconds: self.began.elapsed().as_secs_f64(), rows }
    }
}

impl Series {
    fn row(&self, kind: Kind, name: &str) -> StatsRow {
        let at = |quantile: f64| self.histogram.as_ref().map_or(0, |histogram| histogram.value_at_quantile(quantile));
        let names = [Outcome::Success, Outcome::Failure, Outcome::Cancelled, Outcome::Refused, Outcome::Panicked];
        StatsRow {
            kind,
            name: name.to_string(),
            count: self.outcomes.iter().sum(),
            outcomes: names.into_iter().zip(self.outcomes).filter(|(_, count)| *count > 0).collect(),
            p50_micros: at(0.5),
            p95_micros: at(0.95),
            p99_micros: at(0.99),
            max_micros: self.histogram.as_ref().map_or(0, Histogram::max),
        }
    }
}

/// A request that is being measured.
pub struct Measure {
    metrics: Arc<MetricsCollector>,
    name: &'static str,
    /// Ties together all that the request causes.
    pub correlation: u64,
    began: Instant,
    outcome: Outcome,
}

impl Measure {
    /// Notes the outcome of a result, and gives it back.
    pub fn end<T>(mut self, result: Result<T, crate::error::CoreError>) -> Result<T, crate::error::CoreError> {
        self.outcome = match &result {
            Ok(_) => Outcome::Success,
            Err(error) if error.is_cancelled() => Outcome::Cancelled,
            Err(crate::error::CoreError::Task(crate::tasks::TaskError::Busy { .. })) => Outcome::Refused,
            Err(crate::error::CoreError::Task(crate::tasks::TaskError::Panicked { .. })) => Outcome::Panicked,
            Err(_) => Outcome::Failure,
        };
        result
    }
}

impl Drop for Measure {
    fn drop(&mut self) {
        let took = self.began.elapsed();
        self.metrics.record(Kind::Request, self.name, took, self.outcome);
        tracing::debug!(name = self.name, correlation = self.correlation, ?took, outcome = ?self.outcome, "answered");
    }
}

/// All that was measured, as plain data.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// Since the core was built.
    pub uptime_seconds: f64,
    /// Sorted by kind and name.
    pub rows: Vec<StatsRow>,
}

/// What was measured under one name.
#[derive(Clone, Debug, Serialize)]
pub struct StatsRow {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// How often.
    pub count: u64,
    /// How it ended, and how often.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Half were quicker.
    pub p50_micros: u64,
    /// 95 of 100 were quicker.
    pub p95_micros: u64,
    /// 99 of 100 were quicker.
    pub p99_micros: u64,
    /// The slowest.
    pub max_micros: u64,
}

impl Stats {
    /// A table for people.
    pub fn table(&self) -> String {
        let mut table = format!(
            "{:<9} {:<24} {:>9} {:>9} {:>9} {:>9} {:>9}  not successful\n",
            "kind", "name", "count", "p50 ms", "p95 ms", "p99 ms", "max ms"
        );
        for row in &self.rows {
            let others: Vec<String> = row
                .outcomes
                .iter()
                .filter(|(outcome, _)| **outcome != Outcome::Success)
                .map(|(outcome, count)| format!("{count} {}", format!("{outcome:?}").to_lowercase()))
                .collect();
            let kind = format!("{:?}", row.kind).to_lowercase();
            // Writing to a string cannot fail.
            let _infallible = writeln!(
                table,
                "{kind:<9} {:<24} {:>9} {:>9.3} {:>9.3} {:>9.3} {:>9.3}  {}",
                row.name,
                row.count,
                row.p50_micros as f64 / 1000.0,
                row.p95_micros as f64 / 1000.0,
                row.p99_micros as f64 / 1000.0,
                row.max_micros as f64 / 1000.0,
                others.join(", ")
            );
        }
        table
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::CoreError;
    use crate::tasks::TaskError;

    fn row(metrics: &MetricsCollector, kind: Kind, name: &str) -> StatsRow {
        metrics.stats().rows.into_iter().find(|row| row.kind == kind && row.name == name).unwrap()
    }

    #[test]
    fn samples_of_all_threads_are_summed_those_of_ended_ones_too() {
        let metrics = Arc::new(MetricsCollector::default());
        let threads: Vec<_> = (0..4u64)
            .map(|thread| {
                let metrics = metrics.clone();
                std::thread::spawn(move || {
                    for step in 0..1000 {
                        metrics.record(Kind::Parse, "python", Duration::from_micros(step + thread), Outcome::Success);
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        let row = row(&metrics, Kind::Parse, "python");
        assert_eq!(row.count, 4000);
        assert!((480..=520).contains(&row.p50_micros) && (990..=1010).contains(&row.max_micros), "{row:?}");
    }

    #[test]
    fn a_request_counts_by_its_end_and_as_cancelled_without_one() {
        let metrics = Arc::new(MetricsCollector::default());
        metrics.request("hover").end(Ok(())).unwrap();
        metrics.request("hover").end::<()>(Err(CoreError::refused("No."))).unwrap_err();
        metrics.request("hover").end::<()>(Err(TaskError::Replaced.into())).unwrap_err();
        drop(metrics.request("hover"));
        let outcomes = row(&metrics, Kind::Request, "hover").outcomes;
        let expected = [(Outcome::Success, 1), (Outcome::Failure, 1), (Outcome::Cancelled, 2)];
        assert_eq!(outcomes, expected.into_iter().collect());
        assert_ne!(metrics.correlation(), metrics.correlation());
    }

    #[test]
    fn the_table_has_a_line_for_each_name() {
        let metrics = MetricsCollector::default();
        metrics.record(Kind::Task, "diagnose", Duration::from_millis(3), Outcome::Panicked);
        metrics.count(Kind::Finding, "param-renamed", 7);
        let table = metrics.stats().table();
        assert_eq!(table.lines().count(), 3, "{table}");
        assert!(table.contains("1 panicked") && table.contains("param-renamed"), "{table}");
        assert!(serde_json::to_string(&metrics.stats()).unwrap().contains("\"p95_micros\""));
    }

    #[test]
    fn two_collectors_on_one_thread_stay_apart() {
        let (one, other) = (MetricsCollector::default(), MetricsCollector::default());
        one.count(Kind::Finding, "x", 1);
        other.count(Kind::Finding, "x", 2);
        assert_eq!((row(&one, Kind::Finding, "x").count, row(&other, Kind::Finding, "x").count), (1, 2));
    }
}

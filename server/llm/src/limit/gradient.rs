//! From times to first words to a limit. Pure but for the clock it is told.

use super::LimitConfig;
use std::time::Duration;
use tokio::time::Instant;

/// The fewest first words from which anything is concluded.
const FEWEST: usize = 8;
/// And the most: more only make it slow.
const MOST: usize = 64;
/// A rise of waiting that is taken for chance in any case.
const CHANCE: f64 = 1.04;
/// How much waiting may remain where the limit falls.
const AIM: f64 = 1.02;
/// What remains of the limit when the target had no room.
const CUT: f64 = 0.7;
/// After a cut nothing is foreseen for this long.
const CAUTION: Duration = Duration::from_secs(10);
/// How long a limit that is in full use goes without being doubted: first, and at the longest.
const DOUBT: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));
/// Windows for which a limit holds that could not grow.
const LONGEST_HOLD: u32 = 16;
/// How much the newest first word weighs in what is usual.
const WEIGHT: f64 = 0.1;
/// Prompts are told apart by the power of four that their bytes reach.
const CLASSES: usize = 16;

/// What is being tried.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// The limit grows by half as long as nobody notices.
    Start,
    /// The limit follows the waiting.
    Steady,
    /// The limit was halved to see whether waiting falls.
    Doubt {
        from: f64,
        waiting: f64,
        /// Whether it still grew by half before.
        is_start: bool,
    },
}

/// The limit of one target and what it is concluded from.
#[derive(Debug)]
pub(super) struct Gradient {
    config: LimitConfig,
    limit: f64,
    phase: Phase,
    /// Seconds to the first word where little is under way, by the size of the prompt; 0 where it is not known.
    usual: [f64; CLASSES],
    /// First words since the window began, each as a multiple of what is usual.
    window: Vec<f64>,
    window_began: Instant,
    /// Of those, how many went out when the limit was nearly reached.
    full: usize,
    doubt_after: Instant,
    doubt_wait: Duration,
    last_cut: Option<Instant>,
    /// Whether the last window showed that the target bears no more.
    is_strained: bool,
    /// Where the limit was before it grew, until the next step.
    grown_from: Option<f64>,
    /// Windows that pass before the limit may grow again, and how many did the last time.
    hold: u32,
    patience: u32,
}

impl Gradient {
    pub fn new(config: LimitConfig) -> Self {
        let now = Instant::now();
        Self {
            config,
            limit: config.first.clamp(1, config.most.max(1)) as f64,
            phase: Phase::Start,
            usual: [0.0; CLASSES],
            window: Vec::new(),
            window_began: now,
            full: 0,
            doubt_after: now + DOUBT.0,
            doubt_wait: DOUBT.0,
            last_cut: None,
            is_strained: false,
            grown_from: None,
            hold: 0,
            patience: 0,
        }
    }

    pub fn config(&self) -> LimitConfig {
        self.config
    }

    pub fn configure(&mut self, config: LimitConfig) {
        if config != self.config {
            let keeps = config.adapts && config.first == self.config.first;
            self.config = config;
            let limit = if keeps { self.limit } else { config.first as f64 };
            self.limit = limit.clamp(1.0, config.most.max(1) as f64);
        }
    }

    /// Requests at a time.
    pub fn limit(&self) -> usize {
        (self.limit as usize).max(1)
    }

    /// The first word of a request that was sent then, as one of so many under way.
    pub fn sample(&mut self, sent: Instant, took: Duration, under_way: usize, bytes: usize) {
        if !self.config.adapts {
            return;
        }
        let took = took.as_secs_f64().max(1e-6);
        let class = (bytes.max(1).ilog2() / 2) as usize;
        let Some(usual) = self.usual.get_mut(class.min(CLASSES - 1)) else { return };
        if *usual == 0.0 {
            *usual = took;
        } else if under_way as f64 <= self.limit / 2.0 {
            // One that is far out of the usual may be the start of a new usual, but not all at once.
            *usual += WEIGHT * (took.min(*usual * 3.0) - *usual);
        }
        if sent < self.window_began {
            return;
        }
        self.window.push(took / *usual);
        self.full += usize::from(under_way as f64 >= self.limit.floor() * 0.8);
        if self.window.len() >= (self.limit as usize).clamp(FEWEST, MOST) {
            self.conclude(Instant::now());
        }
    }

    /// The target had no room for a request that was sent then. What went out before the last cut says nothing new.
    pub fn cut(&mut self, sent: Instant, in_flight: usize) {
        if !self.config.adapts || self.last_cut.is_some_and(|cut| sent <= cut) {
            return;
        }
        let now = Instant::now();
        self.limit = (self.limit.min(in_flight as f64) * CUT).max(1.0);
        (self.last_cut, self.is_strained) = (Some(now), true);
        self.phase = Phase::Steady;
        self.grown_from = None;
        self.begin_window(now);
    }

    /// Raises the limit for so many, but never far at once, and not where the target showed that it bears no more.
    pub fn make_room(&mut self, needed: usize, now: Instant) {
        let is_cautious = self.last_cut.is_some_and(|cut| now.saturating_duration_since(cut) < CAUTION);
        if !self.config.adapts || self.is_strained || is_cautious || matches!(self.phase, Phase::Doubt { .. }) {
            return;
        }
        let most = (self.limit * 2.0).min(self.config.most.max(1) as f64);
        self.limit = self.limit.max((needed as f64).min(most));
    }

    fn conclude(&mut self, now: Instant) {
        let (waiting, chance) = middle_and_chance(&mut self.window);
        let is_full = self.full * 2 >= self.window.len();
        match self.phase {
            Phase::Doubt { from, waiting: before, is_start } => self.end_doubt(from, before, is_start, waiting, now),
            // With room to spare the limit is not what it was measured at.
            _ if !is_full => {}
            _ if waiting > chance => self.shrink(waiting),
            _ if now >= self.doubt_after && self.limit >= 2.0 => {
                self.phase = Phase::Doubt { from: self.limit, waiting, is_start: self.phase == Phase::Start };
                self.limit /= 2.0;
            }
            _ => self.grow(),
        }
        self.limit = self.limit.clamp(1.0, self.config.most.max(1) as f64);
        self.begin_window(now);
    }

    fn grow(&mut self) {
        self.is_strained = false;
        if self.hold > 0 {
            self.hold -= 1;
            return;
        }
        if self.grown_from.is_some() {
            // The last step did no harm.
            self.patience = 0;
        }
        self.grown_from = Some(self.limit);
        let share = if self.phase == Phase::Start { 0.5 } else { 1.0 / 16.0 };
        self.limit += (self.limit * share).max(1.0);
    }

    /// Back by one step where that step was one too many, and in proportion where it was not that.
    fn shrink(&mut self, waiting: f64) {
        self.is_strained = true;
        match self.grown_from.take() {
            Some(before) if self.phase == Phase::Steady => {
                self.limit = before;
                // A step that was one too many is so for a while.
                self.patience = (self.patience * 2).clamp(1, LONGEST_HOLD);
                self.hold = self.patience;
            }
            _ => self.limit *= (AIM / waiting).max(0.5),
        }
        self.phase = Phase::Steady;
    }

    /// Half the limit was tried. Where waiting fell with it, the rest had only waited at the provider.
    fn end_doubt(&mut self, from: f64, before: f64, is_start: bool, waiting: f64, now: Instant) {
        // What is usual is what it is now, with half as much under way.
        let is_first = self.doubt_wait == DOUBT.0;
        for usual in &mut self.usual {
            *usual *= if is_first { waiting } else { waiting.clamp(0.5, 2.0) };
        }
        let has_fallen = waiting < before * 0.8;
        if has_fallen && self.limit >= 2.0 {
            self.phase = Phase::Doubt { from: self.limit, waiting: 1.0, is_start: false };
            self.limit /= 2.0;
            return;
        }
        if !has_fallen {
            self.limit = from;
        }
        self.phase = if is_start && !has_fallen { Phase::Start } else { Phase::Steady };
        self.doubt_wait = (self.doubt_wait * 4).min(DOUBT.1);
        self.doubt_after = now + self.doubt_wait;
    }

    fn begin_window(&mut self, now: Instant) {
        self.window.clear();
        self.full = 0;
        self.window_began = now;
    }
}

/// The middle of the values, and how far it may be above 1 by chance alone: two standard errors of a median, from the median of the
/// distances to it.
fn middle_and_chance(values: &mut [f64]) -> (f64, f64) {
    let median = |values: &mut [f64]| {
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(1.0)
    };
    let middle = median(values);
    let mut distances: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    let spread = median(&mut distances) * 1.4826;
    let error = 1.2533 * spread / (values.len().max(1) as f64).sqrt();
    (middle, CHANCE + 2.0 * error)
}

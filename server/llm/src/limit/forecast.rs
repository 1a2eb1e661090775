//! What is about to come: arrivals a second as a level with a trend (Holt's double exponential smoothing), and by Little's law the requests
//! that will be under way at one time, which are the arrivals a second times the seconds that each takes.

use std::time::Duration;
use tokio::time::Instant;

/// Arrivals are counted in steps of this length.
const STEP: Duration = Duration::from_millis(250);
/// How much the newest step weighs in the level, and the newest change in the trend.
const LEVEL: f64 = 0.5;
const TREND: f64 = 0.4;
/// How much the newest answer weighs in the mean of their times.
const SERVICE: f64 = 0.1;
/// Steps without any arrival after which nothing is left of what was known.
const FORGOTTEN: u32 = 64;
/// Standard deviations of a Poisson process for which room is made.
const MARGIN: f64 = 2.0;

/// Arrivals and how long each is under way.
#[derive(Clone, Debug)]
pub struct Forecast {
    step_began: Instant,
    arrivals: u32,
    /// Arrivals a step, and how much that grows from one step to the next.
    level: f64,
    trend: f64,
    /// Seconds that a request is under way; 0 before the first.
    service: f64,
    is_new_step: bool,
}

impl Forecast {
    /// Nothing is known.
    pub fn new(now: Instant) -> Self {
        Self { step_began: now, arrivals: 0, level: 0.0, trend: 0.0, service: 0.0, is_new_step: false }
    }

    /// A request came.
    pub fn arrival(&mut self, now: Instant) {
        self.advance(now);
        self.arrivals += 1;
    }

    /// A request ended after so long.
    pub fn departure(&mut self, took: Duration) {
        let took = took.as_secs_f64();
        self.service = if self.service == 0.0 { took } else { self.service + SERVICE * (took - self.service) };
    }

    /// Whether a step ended since this was asked last.
    pub fn is_due(&mut self, now: Instant) -> bool {
        self.advance(now);
        std::mem::take(&mut self.is_new_step)
    }

    /// The requests that will be under way when those that come now are answered.
    pub fn in_flight(&mut self, now: Instant) -> usize {
        self.advance(now);
        let steps = (self.service / STEP.as_secs_f64()).clamp(1.0, 20.0);
        let rate = (self.level + self.trend * steps).max(0.0) / STEP.as_secs_f64();
        let mean = rate * self.service;
        (mean + MARGIN * mean.sqrt()).ceil() as usize
    }

    fn advance(&mut self, now: Instant) {
        let mut steps = 0;
        while now.saturating_duration_since(self.step_began) >= STEP {
            if steps == FORGOTTEN {
                (self.level, self.trend, self.arrivals, self.step_began) = (0.0, 0.0, 0, now);
                break;
            }
            let before = self.level;
            let came = f64::from(std::mem::take(&mut self.arrivals));
            self.level = LEVEL * came + (1.0 - LEVEL) * (self.level + self.trend);
            self.trend = TREND * (self.level - before) + (1.0 - TREND) * self.trend;
            self.level = self.level.max(0.0);
            self.step_began += STEP;
            self.is_new_step = true;
            steps += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ramp_is_seen_before_it_is_there() {
        let begin = Instant::now();
        let mut forecast = Forecast::new(begin);
        (0..50).for_each(|_| forecast.departure(Duration::from_secs(1)));
        // Ten more arrivals in each step than in the one before.
        for step in 0..20u32 {
            for _ in 0..step * 10 {
                forecast.arrival(begin + STEP * step);
            }
        }
        let seen = forecast.in_flight(begin + STEP * 20);
        let now = 190 * 4;
        assert!(seen > now && seen < now * 3 / 2, "{seen} foreseen, {now} a second now");
    }

    #[test]
    fn an_even_flow_is_what_it_is_and_silence_is_forgotten() {
        let begin = Instant::now();
        let mut forecast = Forecast::new(begin);
        (0..50).for_each(|_| forecast.departure(Duration::from_millis(500)));
        for step in 0..100u32 {
            (0..10).for_each(|_| forecast.arrival(begin + STEP * step));
        }
        // 40 a second for half a second each are 20, and room for chance.
        let seen = forecast.in_flight(begin + STEP * 100);
        assert!((20..=30).contains(&seen), "{seen}");
        assert_eq!(forecast.in_flight(begin + STEP * 500), 0);
    }
}

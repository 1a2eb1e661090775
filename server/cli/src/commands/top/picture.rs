//! What figures look like to people: a few lines, from the difference between two moments.

use super::exposition::{Figures, Wanted, quantile};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const REQUESTS: &str = "http_server_request_duration_seconds";
const CALLS: &str = "gen_ai_client_operation_duration_seconds";
const TOKENS: &str = "gen_ai_client_token_usage_sum";

/// A picture of a service.
pub struct Picture<'a> {
    url: &'a str,
    now: &'a Figures,
    /// What was before; nothing where all since the beginning counts.
    before: Option<&'a Figures>,
    seconds: f64,
}

impl<'a> Picture<'a> {
    /// All since the service began.
    pub fn since_the_beginning(url: &'a str, now: &'a Figures) -> Self {
        Self { url, now, before: None, seconds: uptime(now).max(1.0) }
    }

    /// What happened between two moments.
    pub fn between(url: &'a str, before: &'a Figures, now: &'a Figures, between: Duration) -> Self {
        let began = |figures: &Figures| figures.sum("process_start_time_seconds", &[]);
        // A service that began anew counts from 0.
        if began(before) != began(now) {
            return Self::since_the_beginning(url, now);
        }
        Self { url, now, before: Some(before), seconds: between.as_secs_f64().max(0.001) }
    }

    /// By how much counters have risen.
    fn rise(&self, name: &str, wanted: Wanted<'_>) -> f64 {
        (self.now.sum(name, wanted) - self.before.map_or(0.0, |before| before.sum(name, wanted))).max(0.0)
    }

    /// The same for requests of users, of which some are liked by their status.
    fn requests(&self, is_liked: impl Fn(&str) -> bool) -> f64 {
        let name = format!("{REQUESTS}_count");
        let sum = |figures: &Figures| {
            figures.sum_where(&name, &[], |label| {
                is_of_users(&label("http_route")) && is_liked(&label("http_response_status_code"))
            })
        };
        (sum(self.now) - self.before.map_or(0.0, sum)).max(0.0)
    }

    fn quantile(&self, part: f64, name: &str, wanted: Wanted<'_>) -> String {
        let mut buckets = self.now.buckets(name, wanted, is_of_users);
        for (bound, count) in self.before.map_or_else(Vec::new, |before| before.buckets(name, wanted, is_of_users)) {
            if let Some((_, now)) = buckets.iter_mut().find(|(known, _)| *known == bound) {
                *now -= count;
            }
        }
        quantile(part, &buckets).map_or_else(|| "-".to_owned(), time)
    }

    fn models(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let targets = self.now.values("code_agent_llm_in_flight", "target");
        if targets.is_empty() {
            return writeln!(out, "models     none is set up");
        }
        writeln!(
            out,
            "{:<20} {:>8} {:>7} {:>9} {:>9} {:>10} {:>10} {:>9} {:>9}  {:<9} busy",
            "model", "answers", "failed", "p50", "p99", "tokens in", "out", "cost", "today", "breaker"
        )?;
        for target in targets {
            let own: Wanted<'_> = &[("target", &target)];
            let state = ["closed", "half-open", "open"]
                .into_iter()
                .find(|state| self.now.sum("code_agent_llm_breaker", &[("target", &target), ("state", state)]) > 0.0);
            let tokens = |kind| self.rise(TOKENS, &[("target", &target), ("gen_ai_token_type", kind)]);
            writeln!(
                out,
                "{:<20} {:>8} {:>7} {:>9} {:>9} {:>10} {:>10} {:>9} {:>9}  {:<9} {}",
                target.chars().take(20).collect::<String>(),
                self.rise(&format!("{CALLS}_count"), own),
                self.rise("code_agent_llm_failures_total", own),
                self.quantile(0.5, CALLS, own),
                self.quantile(0.99, CALLS, own),
                tokens("input"),
                tokens("output"),
                dollars(self.rise("code_agent_llm_cost_dollars_total", own)),
                dollars(self.now.sum("code_agent_llm_spent_today_dollars", own)),
                state.unwrap_or("-"),
                self.now.sum("code_agent_llm_in_flight", own),
            )?;
        }
        let (hits, answers) =
            (self.rise("code_agent_llm_cache_hits_total", &[]), self.rise("code_agent_llm_answers_total", &[]));
        let budget = self.now.sum("code_agent_llm_budget_dollars", &[]);
        let budget = if budget > 0.0 { format!(" of {}", dollars(budget)) } else { String::new() };
        writeln!(
            out,
            "cache hits {}   fallbacks {}   hedged {}   open incidents {}   today {}{budget}",
            percent(hits, hits + answers),
            self.rise("code_agent_llm_fallbacks_total", &[]),
            self.rise("code_agent_llm_hedged_total", &[]),
            self.now.sum("code_agent_llm_open_incidents", &[]),
            dollars(self.now.sum("code_agent_llm_spent_today_dollars", &[])),
        )
    }
}

impl fmt::Display for Picture<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let now = self.now;
        let version = now.values("code_agent_build_info", "version").join(" ");
        let ready =
            if now.sum("code_agent_ready", &[]) > 0.0 { "ready" } else { "NOT READY: its store does not answer" };
        let span = match self.before {
            Some(_) => format!("last {:.0} s", self.seconds),
            None => "since it began".to_owned(),
        };
        writeln!(out, "code-agent {version} at {}   up {}   {ready}   ({span})", self.url, span_of(uptime(now)))?;
        let all = self.requests(|_| true);
        writeln!(
            out,
            "requests   {:.1}/s   errors {}   p50 {}   p99 {}   active {}",
            all / self.seconds,
            percent(self.requests(|status| status.starts_with('5')), all),
            self.quantile(0.5, REQUESTS, &[]),
            self.quantile(0.99, REQUESTS, &[]),
            // This one is under way while it is counted.
            (now.sum("http_server_active_requests", &[]) - 1.0).max(0.0),
        )?;
        let jobs = |state| now.sum("code_agent_jobs", &[("state", state)]);
        writeln!(
            out,
            "jobs       queued {}   running {}   succeeded {}   failed {}   dead {}   oldest waits {}",
            jobs("queued"),
            jobs("running"),
            jobs("succeeded"),
            jobs("failed"),
            jobs("dead"),
            time(now.sum("code_agent_oldest_waiting_job_seconds", &[])),
        )?;
        let sign_ins = |outcome| self.rise("code_agent_sign_ins_total", &[("outcome", outcome)]);
        writeln!(
            out,
            "sign-ins   {} in   {} refused   {} throttled   denials {}   database errors {}",
            sign_ins("succeeded"),
            sign_ins("refused"),
            sign_ins("throttled"),
            self.rise("code_agent_policy_denials_total", &[]),
            self.rise("code_agent_store_errors_total", &[]),
        )?;
        writeln!(
            out,
            "process    {:.0} MB   processor {}   files {}   threads {}",
            now.sum("process_resident_memory_bytes", &[]) / 1e6,
            percent(self.rise("process_cpu_seconds_total", &[]), self.seconds),
            now.sum("process_open_fds", &[]),
            now.sum("process_threads", &[]),
        )?;
        self.models(out)
    }
}

/// Whoever looks whether the service is there, or at its figures, is no user.
fn is_of_users(route: &str) -> bool {
    route != "/metrics" && !route.contains("/health/")
}

fn uptime(figures: &Figures) -> f64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    (now - figures.sum("process_start_time_seconds", &[])).max(0.0)
}

fn percent(part: f64, whole: f64) -> String {
    if whole > 0.0 { format!("{:.1} %", 100.0 * part / whole) } else { "-".to_owned() }
}

fn dollars(amount: f64) -> String {
    format!("${amount:.4}")
}

/// A short time.
fn time(seconds: f64) -> String {
    match seconds {
        0.0 => "0 s".to_owned(),
        seconds if seconds < 0.001 => format!("{:.0} µs", seconds * 1e6),
        seconds if seconds < 1.0 => format!("{:.0} ms", seconds * 1e3),
        seconds if seconds < 120.0 => format!("{seconds:.1} s"),
        seconds => span_of(seconds),
    }
}

/// A long time.
fn span_of(seconds: f64) -> String {
    let minutes = (seconds / 60.0) as u64;
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, 0) => format!("{seconds:.0} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = include_str!("before.prom");
    const NOW: &str = include_str!("now.prom");

    #[test]
    fn rates_are_those_between_two_moments_and_states_those_of_now() {
        let (before, now) = (Figures::of(BEFORE), Figures::of(NOW));
        let text = Picture::between("http://h:1", &before, &now, Duration::from_secs(10)).to_string();
        for line in [
            "requests   2.0/s   errors 10.0 %   p50 50 ms   p99 99 ms   active 2",
            "jobs       queued 3   running 1   succeeded 7   failed 0   dead 0   oldest waits 2.5 s",
            "sign-ins   4 in   1 refused   0 throttled   denials 2   database errors 1",
            "process    98 MB   processor 12.0 %   files 18   threads 7",
            "work                        4       1     50 ms     99 ms        100         20   $0.5000   $1.5000  open      2",
            "cache hits 20.0 %   fallbacks 1   hedged 0   open incidents 1   today $1.5000 of $5.0000",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(
            text.starts_with("code-agent 0.1.0 at http://h:1 ") && text.contains("   ready   (last 10 s)\n"),
            "{text}"
        );
    }

    #[test]
    fn a_service_that_began_anew_is_not_compared_with_the_one_before() {
        let before = Figures::of(&BEFORE.replace("process_start_time_seconds 1000", "process_start_time_seconds 900"));
        let text = Picture::between("u", &before, &Figures::of(NOW), Duration::from_secs(10)).to_string();
        assert!(text.contains("(since it began)") && text.contains("sign-ins   5 in"), "{text}");
    }

    #[test]
    fn a_service_without_models_and_without_requests_says_so() {
        let text =
            Picture::since_the_beginning("u", &Figures::of("code_agent_build_info{version=\"1\"} 1\n")).to_string();
        assert!(
            text.contains("NOT READY") && text.contains("errors -   p50 -") && text.contains("none is set up"),
            "{text}"
        );
    }
}

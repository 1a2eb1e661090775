//! Figures for Prometheus: what models do, what requests take, what waits.

use crate::error::Problem;
use crate::state::Gateway;
use engine::metrics::Kind;
use std::fmt::Write;

/// The mark of the end, as OpenMetrics wants it.
const END: &str = "# EOF\n";

/// All figures.
pub(crate) async fn text(gateway: &Gateway) -> Result<String, Problem> {
    let core = gateway.core("service");
    let models = core.model_metrics().await?;
    let mut text = models.trim_end_matches(END).to_owned();
    let health = core.health();
    let stats = core.metrics().stats();
    let mut put = |line: std::fmt::Arguments<'_>| {
        // Writing into a string does not fail.
        let _ = text.write_fmt(line);
    };
    put(format_args!(
        "# HELP code_agent_uptime_seconds Since the service began.\n# TYPE code_agent_uptime_seconds gauge\n# UNIT code_agent_uptime_seconds seconds\ncode_agent_uptime_seconds {}\n",
        health.uptime_seconds
    ));
    put(format_args!(
        "# HELP code_agent_requests Requests to the core, by what was asked and how it ended.\n# TYPE code_agent_requests counter\n"
    ));
    for row in stats.rows.iter().filter(|row| row.kind == Kind::Request) {
        for (outcome, count) in &row.outcomes {
            let outcome =
                serde_json::to_value(outcome).ok().and_then(|name| Some(name.as_str()?.to_owned())).unwrap_or_default();
            put(format_args!("code_agent_requests_total{{request=\"{}\",outcome=\"{outcome}\"}} {count}\n", row.name));
        }
    }
    put(format_args!(
        "# HELP code_agent_request_duration_seconds How long requests to the core took.\n# TYPE code_agent_request_duration_seconds summary\n# UNIT code_agent_request_duration_seconds seconds\n"
    ));
    for row in stats.rows.iter().filter(|row| row.kind == Kind::Request) {
        for (quantile, micros) in [("0.5", row.p50_micros), ("0.95", row.p95_micros), ("0.99", row.p99_micros)] {
            let seconds = micros as f64 / 1e6;
            put(format_args!(
                "code_agent_request_duration_seconds{{request=\"{}\",quantile=\"{quantile}\"}} {seconds}\n",
                row.name
            ));
        }
    }
    put(format_args!(
        "# HELP code_agent_jobs Jobs by what they do and how far they are.\n# TYPE code_agent_jobs gauge\n"
    ));
    for (kind, state, count) in gateway.store().job_counts().await? {
        put(format_args!("code_agent_jobs{{kind=\"{kind}\",state=\"{}\"}} {count}\n", state.name()));
    }
    text.push_str(END);
    Ok(text)
}

//! How the process is, under the names that all clients of Prometheus use. Where the system does not tell, a figure is left out.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// The process that this is.
#[derive(Debug)]
pub(super) struct Process {
    started: f64,
}

impl Process {
    /// Notes when it began, which is now.
    pub fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: now.as_secs_f64() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut gauge = |name: &str, help: &str, value: Option<f64>| match value {
            Some(value) => {
                ConstGauge::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)
            }
            None => Ok(()),
        };
        gauge("process_start_time_seconds", "When the process began, since 1970.", Some(self.started))?;
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let of = |name: &str| kibibytes(&status, name).map(|count| count * 1024.0);
        gauge("process_resident_memory_bytes", "Memory that the process has in use.", of("VmRSS:"))?;
        gauge("process_virtual_memory_bytes", "Memory that the process has addresses of.", of("VmSize:"))?;
        // The folder that is read is open meanwhile.
        let open = std::fs::read_dir("/proc/self/fd").ok().map(|files| files.count().saturating_sub(1) as f64);
        gauge("process_open_fds", "Open files and connections.", open)?;
        let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
        gauge("process_max_fds", "Open files and connections that there may be.", most_files(&limits))?;
        let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")?.trim().parse().ok());
        gauge("process_threads", "Threads of the process.", threads)?;
        if let Some(seconds) = processor_seconds() {
            let help = "Time of processors that was used.";
            let metric = encoder.encode_descriptor("process_cpu_seconds", help, None, MetricType::Counter)?;
            ConstCounter::new(seconds).encode(metric)?;
        }
        Ok(())
    }
}

/// A line like `VmRSS: 12345 kB`, with more room in between.
fn kibibytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// A line like `Max open files            1024                 524288               files`.
fn most_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(unix)]
fn processor_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(not(unix))]
fn processor_seconds() -> Option<f64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_out_of_the_texts_of_the_system() {
        let status = "Name:\tcode-agent\nVmSize:\t  987654 kB\nVmRSS:\t   12345 kB\nThreads:\t7\n";
        assert_eq!((kibibytes(status, "VmRSS:"), kibibytes(status, "VmPin:")), (Some(12345.0), None));
        let limits =
            "Limit   Soft   Hard   Units\nMax open files            1024                 524288               files\n";
        assert_eq!(most_files(limits), Some(1024.0));
        assert_eq!(most_files("Max open files            unlimited            unlimited            files"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_all_of_them() {
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register_collector(Box::new(Process::new()));
        let mut text = String::new();
        prometheus_client::encoding::prometheus_text::encode(&mut text, &registry).unwrap();
        for name in [
            "start_time_seconds",
            "resident_memory_bytes",
            "virtual_memory_bytes",
            "open_fds",
            "threads",
            "cpu_seconds_total",
        ] {
            let prefix = format!("process_{name} ");
            let value: f64 = text.lines().find_map(|line| line.strip_prefix(&prefix)?.parse().ok()).expect(name);
            assert!(value > 0.0, "{text}");
        }
    }
}

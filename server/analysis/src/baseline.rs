//! Findings that are accepted for now, so that a repository can begin with what is new.
//!
//! A finding is known again by what it says, not by where it stands: path, rule, symbol and names, and how often.

use crate::diagnostic::Finding;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// Why a baseline could not be read.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// It is no JSON of the right shape.
    #[error("The baseline cannot be read: {0}.")]
    Unreadable(#[from] serde_json::Error),
    /// It was written by a later version.
    #[error("The baseline has version {0}, which this program does not know.")]
    Version(u32),
}

/// What identifies a finding across edits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fingerprint {
    /// Path of the file, relative to the baseline, with `/`.
    pub path: String,
    /// The rule's name.
    pub rule: String,
    /// The symbol's path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub symbol: String,
    /// The names concerned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<String>,
}

impl Fingerprint {
    /// The fingerprint of a finding in the file at `path`.
    pub fn of(path: &str, finding: &Finding) -> Self {
        let mut names = finding.names.clone();
        names.sort();
        Self {
            path: path.replace('\\', "/"),
            rule: finding.rule.to_owned(),
            symbol: finding.symbol_path.clone(),
            names,
        }
    }
}

/// A set of accepted findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    counts: FxHashMap<Fingerprint, u32>,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    findings: Vec<Accepted>,
}

#[derive(Serialize, Deserialize)]
struct Accepted {
    #[serde(flatten)]
    fingerprint: Fingerprint,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    count: u32,
}

fn one() -> u32 {
    1
}

fn is_one(count: &u32) -> bool {
    *count == 1
}

const VERSION: u32 = 1;

impl Baseline {
    /// Reads a baseline.
    pub fn parse(json: &str) -> Result<Self, BaselineError> {
        let file: File = serde_json::from_str(json)?;
        if file.version > VERSION {
            return Err(BaselineError::Version(file.version));
        }
        let mut baseline = Self::default();
        for accepted in file.findings {
            *baseline.counts.entry(accepted.fingerprint).or_default() += accepted.count;
        }
        Ok(baseline)
    }

    /// Accepts a finding.
    pub fn add(&mut self, path: &str, finding: &Finding) {
        *self.counts.entry(Fingerprint::of(path, finding)).or_default() += 1;
    }

    /// The baseline as JSON, sorted, so that two runs over the same code write the same bytes.
    pub fn write(&self) -> String {
        let mut findings: Vec<Accepted> = self
            .counts
            .iter()
            .map(|(fingerprint, count)| Accepted { fingerprint: fingerprint.clone(), count: *count })
            .collect();
        findings.sort_by(|left, right| left.fingerprint.cmp(&right.fingerprint));
        // Serialising strings and numbers into memory has no way to fail.
        serde_json::to_string_pretty(&File { version: VERSION, findings }).unwrap_or_default() + "\n"
    }

    /// Takes accepted findings of one file out; what occurs more often than accepted stays, the later ones first.
    pub fn filter(&self, path: &str, findings: &mut Vec<Finding>) {
        let mut seen: FxHashMap<Fingerprint, u32> = FxHashMap::default();
        findings.retain(|finding| {
            let fingerprint = Fingerprint::of(path, finding);
            let accepted = self.counts.get(&fingerprint).copied().unwrap_or(0);
            let count = seen.entry(fingerprint).or_default();
            *count += 1;
            *count > accepted
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syntax::text::Span;

    fn finding(names: &[&str], start: usize) -> Finding {
        let mut finding = Finding::new(1, "f", Span::new(start, start + 1), "Text.").names(names.iter().copied());
        finding.rule = "todo";
        finding
    }

    #[test]
    fn accepted_findings_are_known_again_wherever_they_stand() {
        let mut baseline = Baseline::default();
        baseline.add("a/b.py", &finding(&["y", "x"], 3));
        let read = Baseline::parse(&baseline.write()).unwrap();
        assert_eq!(read, baseline);
        let mut findings = vec![finding(&["x", "y"], 90), finding(&["z"], 91)];
        read.filter("a\\b.py", &mut findings);
        assert_eq!(findings, [finding(&["z"], 91)]);
    }

    #[test]
    fn one_more_than_accepted_is_new() {
        let mut baseline = Baseline::default();
        baseline.add("a.py", &finding(&[], 3));
        let mut findings = vec![finding(&[], 3), finding(&[], 9)];
        baseline.filter("a.py", &mut findings);
        assert_eq!(findings, [finding(&[], 9)]);
    }

    #[test]
    fn a_later_or_broken_baseline_is_refused() {
        assert!(matches!(Baseline::parse(r#"{"version": 9, "findings": []}"#), Err(BaselineError::Version(9))));
        assert!(matches!(Baseline::parse("no"), Err(BaselineError::Unreadable(_))));
    }
}

//! Findings as SARIF 2.1.0, which code scanning services read.

use super::{Reporter, shown};
use engine::analysis::baseline::Fingerprint;
use engine::analysis::diagnostic::{Finding, Severity};
use engine::analysis::rules::{RULES, RuleInfo};
use engine::answers::{FileReport, Summary};
use engine::syntax::text::{PositionEncoding, Span};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::{self, Write};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Where the pages of the rules are read.
const PAGES: &str = concat!(env!("CARGO_PKG_REPOSITORY"), "/blob/main/server/analysis/rules/");

/// The name under which places are known again from run to run.
const FINGERPRINT: &str = "codeAgentFinding/v1";

/// Gathers findings and writes them as one document.
#[derive(Default)]
pub struct Sarif {
    results: Vec<Value>,
    seen: HashMap<u64, usize>,
}

impl Reporter for Sarif {
    fn file(&mut self, report: &FileReport, _out: &mut dyn Write) -> io::Result<()> {
        for finding in &report.findings {
            let result = self.result(report, finding);
            self.results.push(result);
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        let document = json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "code-agent",
                    "version": env!("CARGO_PKG_VERSION"),
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "informationUri": env!("CARGO_PKG_REPOSITORY"),
                    "rules": RULES.iter().map(|info| rule(info)).collect::<Vec<_>>(),
                }},
                "invocations": [{ "executionSuccessful": summary.troubles == 0 }],
                "columnKind": "utf16CodeUnits",
                "results": std::mem::take(&mut self.results),
            }],
        });
        serde_json::to_writer_pretty(&mut *out, &document)?;
        writeln!(out)
    }
}

impl Sarif {
    fn result(&mut self, report: &FileReport, finding: &Finding) -> Value {
        let path = shown(&report.path);
        let rule_index = RULES.iter().position(|rule| rule.name == finding.rule);
        let mut result = json!({
            "ruleId": finding.rule,
            "level": level(finding.severity),
            "message": { "text": finding.message },
            "locations": [location(report, &path, finding.span, None)],
            "partialFingerprints": { FINGERPRINT: self.fingerprint(&path, finding) },
        });
        if let Some(index) = rule_index {
            result["ruleIndex"] = json!(index);
        }
        if !finding.symbol_path.is_empty() {
            result["locations"][0]["logicalLocations"] = json!([{ "fullyQualifiedName": finding.symbol_path }]);
        }
        if !finding.related.is_empty() {
            let related = finding.related.iter().enumerate();
            result["relatedLocations"] = related
                .map(|(number, related)| {
                    let mut place = location(report, &path, related.span, Some(&related.message));
                    place["id"] = json!(number);
                    place
                })
                .collect();
        }
        result
    }

    /// The same for the same finding wherever it moves to in its file; the number tells twins apart.
    fn fingerprint(&mut self, path: &str, finding: &Finding) -> String {
        let Fingerprint { path, rule, symbol, names } = Fingerprint::of(path, finding);
        let hash = fnv(&[&path, &rule, &symbol, &names.join(",")]);
        let number = self.seen.entry(hash).or_default();
        *number += 1;
        format!("{hash:016x}:{number}")
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info | Severity::Hint => "note",
    }
}

fn rule(rule: &RuleInfo) -> Value {
    json!({
        "id": rule.name,
        "shortDescription": { "text": rule.summary },
        "helpUri": format!("{PAGES}{}.md", rule.name),
        "help": { "text": rule.page, "markdown": rule.page },
        "defaultConfiguration": { "level": level(rule.default_severity) },
        "properties": { "aliases": rule.aliases },
    })
}

fn location(report: &FileReport, path: &str, span: Span, message: Option<&str>) -> Value {
    let place = |offset| report.lines.position(&report.text, offset, PositionEncoding::Utf16);
    let (start, end) = (place(span.start), place(span.end));
    let mut location = json!({ "physicalLocation": {
        "artifactLocation": { "uri": uri(path) },
        "region": {
            "startLine": start.line + 1,
            "startColumn": start.character + 1,
            "endLine": end.line + 1,
            "endColumn": end.character + 1,
        },
    }});
    if let Some(message) = message {
        location["message"] = json!({ "text": message });
    }
    location
}

/// A path as a relative reference, or as a `file:` URI where it is absolute.
fn uri(path: &str) -> String {
    let mut uri = String::new();
    let bytes = path.as_bytes();
    if bytes.first() == Some(&b'/') {
        uri.push_str("file://");
    } else if bytes.get(1) == Some(&b':') {
        uri.push_str("file:///");
    }
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~') {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

/// FNV-1a, the parts kept apart. It must give the same on every machine and in every version.
fn fnv(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_reference_that_every_reader_understands() {
        assert_eq!(uri("src/a b.py"), "src/a%20b.py");
        assert_eq!(uri("/x/ü.py"), "file:///x/%C3%BC.py");
        assert_eq!(uri("C:/x.py"), "file:///C%3A/x.py");
        assert_eq!(uri("a:b.py"), "file:///a%3Ab.py");
    }

    #[test]
    fn the_hash_is_the_published_one_and_keeps_parts_apart() {
        assert_eq!(fnv(&[]), 0xcbf2_9ce4_8422_2325);
        assert_ne!(fnv(&["ab", "c"]), fnv(&["a", "bc"]));
        assert_eq!(fnv(&["a"]), fnv(&["a"]));
    }
}

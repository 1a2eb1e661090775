//! `code-agent check` as a user runs it: forms of output, exit codes, mending, the baseline, standard input.

use crate::support::program::{Outcome, Project};
use serde_json::Value;

/// A docstring that speaks of `frist` where the parameter is called `first`.
const DRIFTED: &str = r#""""Sums of numbers."""


def add(first, second):
    """Add 🎉 two numbers.

    Args:
        frist: The 🎉 first number.
        second: The second number.

    Returns:
        The sum of both.
    """
    return first + second
"#;

fn drifted() -> Project {
    Project::with(&[("src/sums.py", DRIFTED)])
}

fn mended() -> String {
    DRIFTED.replace("frist", "first")
}

#[test]
fn a_clean_file_ends_with_zero_and_a_drifted_one_with_one() {
    let project = drifted();
    assert_eq!(project.run(&["check", "--format", "json"]).code, Some(1));
    project.write("src/sums.py", mended());
    let clean = project.run(&["check", "--format", "json"]);
    assert_eq!((clean.code, clean.stdout.as_str(), clean.stderr.as_str()), (Some(0), "", ""));
}

#[test]
fn json_is_one_object_a_line_with_exactly_the_agreed_keys() {
    let outcome = drifted().run(&["check", "--format", "json", "src"]);
    let findings = outcome.json_lines();
    assert!(!findings.is_empty());
    for finding in &findings {
        let keys: Vec<&str> = finding.as_object().expect("an object").keys().map(String::as_str).collect();
        let mut wanted = ["path", "code", "symbol", "names", "severity", "message", "range", "fixable"];
        wanted.sort_unstable();
        let mut keys = keys;
        keys.sort_unstable();
        assert_eq!(keys, wanted);
        assert_eq!(finding["path"], "src/sums.py");
        assert!(finding["message"].as_str().expect("text").ends_with('.'));
    }
    let renamed = findings.iter().find(|finding| finding["code"] == "param-renamed").expect("the drift is found");
    assert_eq!(renamed["symbol"], "add");
    assert_eq!(renamed["fixable"], true);
    assert!(renamed["names"].as_array().expect("names").contains(&Value::from("frist")));
    assert_eq!(renamed["range"]["start"], serde_json::json!({ "line": 7, "character": 8 }));
    assert_eq!(renamed["range"]["end"], serde_json::json!({ "line": 7, "character": 13 }));
}

#[test]
fn files_are_reported_in_the_order_of_their_paths() {
    let files: Vec<String> = (0..40).map(|number| format!("src/file_{number:02}.py")).collect();
    let project = Project::new();
    for file in &files {
        project.write(file, DRIFTED);
    }
    let outcome = project.run(&["check", "--format", "json"]);
    let mut paths: Vec<String> =
        outcome.json_lines().iter().map(|finding| finding["path"].as_str().expect("a path").to_owned()).collect();
    paths.dedup();
    assert_eq!(paths, files);
}

#[test]
fn text_shows_the_line_and_marks_the_name() {
    let outcome = drifted().run(&["check"]);
    assert_eq!(outcome.code, Some(1));
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let at = lines.iter().position(|line| line.contains("[param-renamed]")).expect("a headline");
    assert!(lines[at + 1].ends_with("--> src/sums.py:8:9"), "{}", lines[at + 1]);
    let source = lines[at + 3];
    let mark = lines[at + 4];
    assert_eq!(source.find("frist"), mark.find('^'), "{source}\n{mark}");
    assert_eq!(mark.matches('^').count(), "frist".len());
    assert!(lines.last().expect("a last line").starts_with("Found "), "{}", outcome.stdout);
    assert!(!outcome.stdout.contains('\u{1b}'), "colours belong on a terminal only");
}

#[test]
fn sarif_has_the_shape_that_code_scanning_asks_for() {
    let outcome = drifted().run(&["check", "--format", "sarif"]);
    assert_eq!(outcome.code, Some(1));
    let document = outcome.json();
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    for rule in rules {
        assert!(rule["helpUri"].as_str().expect("a link").starts_with("https://"), "{rule}");
        assert!(!rule["shortDescription"]["text"].as_str().expect("text").is_empty());
        assert!(!rule["help"]["text"].as_str().expect("text").is_empty());
        assert!(
            ["error", "warning", "note"].contains(&rule["defaultConfiguration"]["level"].as_str().expect("a level"))
        );
    }
    let results = run["results"].as_array().expect("results");
    assert!(!results.is_empty());
    let mut prints = Vec::new();
    for result in results {
        let index = result["ruleIndex"].as_u64().expect("an index") as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "src/sums.py");
        for key in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(place["region"][key].as_u64().expect("a number") >= 1, "{place}");
        }
        prints.push(result["partialFingerprints"]["codeAgentFinding/v1"].as_str().expect("a print").to_owned());
    }
    let renamed = results.iter().find(|result| result["ruleId"] == "param-renamed").expect("the drift is found");
    assert_eq!(renamed["locations"][0]["physicalLocation"]["region"]["startLine"], 8);
    assert_eq!(renamed["locations"][0]["physicalLocation"]["region"]["startColumn"], 9);
    let unique: std::collections::BTreeSet<&String> = prints.iter().collect();
    assert_eq!(unique.len(), prints.len());
}

#[test]
fn a_fingerprint_stays_when_the_finding_moves() {
    let print = |text: &str| {
        let outcome = Project::with(&[("a.py", text)]).run(&["check", "--format", "sarif"]);
        outcome.json()["runs"][0]["results"][0]["partialFingerprints"].clone()
    };
    let moved = DRIFTED.replace("\n\n\ndef", "\n\nLIMIT = 3\n\n\ndef");
    assert_eq!(print(DRIFTED), print(&moved));
    assert_ne!(print(DRIFTED), print(&DRIFTED.replace("frist", "furst")));
}

#[test]
fn github_gets_one_command_a_finding() {
    let project = Project::with(&[("src/a,b.py", DRIFTED)]);
    let outcome = project.run(&["check", "--format", "github"]);
    let command = outcome.stdout.lines().find(|line| line.contains("param-renamed")).expect("a command");
    assert!(command.starts_with("::"), "{command}");
    assert!(command.contains("file=src/a%2Cb.py,line=8,endLine=8,col=9,endColumn=14,"), "{command}");
    let level = command.trim_start_matches(':').split(' ').next().expect("a level");
    assert!(["error", "warning", "notice"].contains(&level), "{command}");
}

#[test]
fn fix_mends_once_and_touches_nothing_else() {
    let project = drifted();
    project.write("src/clean.py", mended());
    let first = project.run(&["check", "--fix"]);
    assert_eq!(first.code, Some(0), "{}{}", first.stdout, first.stderr);
    assert_eq!(project.read("src/sums.py"), mended());
    let second = project.run(&["check", "--fix", "--format", "json"]);
    assert_eq!((second.code, second.stdout.as_str()), (Some(0), ""));
    assert_eq!(project.read("src/sums.py"), mended());
    assert_eq!(project.read("src/clean.py"), mended());
}

#[test]
fn fix_keeps_line_ends_the_mark_and_every_other_byte() {
    let project = Project::new();
    let text = format!("\u{feff}{}", DRIFTED.replace('\n', "\r\n"));
    project.write("a.py", &text);
    assert_eq!(project.run(&["check", "--fix"]).code, Some(0));
    assert_eq!(project.read("a.py"), text.replace("frist", "first"));
}

#[test]
fn a_profile_is_taken_from_the_command_line() {
    let project = Project::with(&[("a.py", "def undocumented(x):\n    return x\n")]);
    let quiet = project.run(&["check", "--format", "json"]).codes();
    let strict = project.run(&["check", "--format", "json", "--profile", "strict"]).codes();
    assert!(!quiet.contains(&"missing-doc".to_owned()), "{quiet:?}");
    assert!(strict.contains(&"missing-doc".to_owned()), "{strict:?}");
}

#[test]
fn an_unknown_profile_is_wrong_usage() {
    let outcome = drifted().run(&["check", "--profile", "loud"]);
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stderr.contains("pydoclint"), "{}", outcome.stderr);
}

#[test]
fn standard_input_is_checked_under_the_name_it_is_given() {
    let project = Project::new();
    let arguments = ["check", "--format", "json", "--stdin-filename", "src/given.py"];
    let outcome = project.run_with_input(&arguments, DRIFTED.as_bytes());
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.codes().contains(&"param-renamed".to_owned()));
    assert_eq!(outcome.json_lines()[0]["path"], "src/given.py");
    let clean = project.run_with_input(&arguments, mended().as_bytes());
    assert_eq!((clean.code, clean.stdout.as_str()), (Some(0), ""));
}

#[test]
fn standard_input_is_mended_onto_standard_output() {
    let arguments = ["check", "--fix", "--stdin-filename", "given.py"];
    let outcome = Project::new().run_with_input(&arguments, DRIFTED.as_bytes());
    assert_eq!((outcome.code, outcome.stdout, outcome.stderr), (Some(0), mended(), String::new()));
}

#[test]
fn a_baseline_accepts_what_is_there_and_not_what_comes() {
    let project = drifted();
    let written = project.run(&["check", "--baseline", "accepted.json", "--write-baseline"]);
    assert_eq!(written.code, Some(0), "{}", written.stderr);
    let with_baseline =
        |project: &Project| -> Outcome { project.run(&["check", "--format", "json", "--baseline", "accepted.json"]) };
    assert_eq!(with_baseline(&project).code, Some(0));
    // The accepted finding moves, and another one comes.
    project.write(
        "src/sums.py",
        DRIFTED.replace("\n\n\ndef", "\n\nLIMIT = 3\n\n\ndef").replace("second: The", "secnod: The"),
    );
    let outcome = with_baseline(&project);
    assert_eq!(outcome.code, Some(1));
    for finding in outcome.json_lines() {
        assert!(!finding["names"].as_array().expect("names").contains(&Value::from("frist")), "{finding}");
    }
    let broken = project.run(&["check", "--baseline", "missing.json"]);
    assert_eq!(broken.code, Some(2));
    broken.assert_one_sentence("missing.json");
}

#[test]
fn ignored_files_are_left_out_unless_they_are_named() {
    let project = drifted();
    project.write(".gitignore", "src/\n");
    assert_eq!(project.run(&["check"]).code, Some(0));
    assert_eq!(project.run(&["check", "src/sums.py"]).code, Some(1));
}

#[test]
fn settings_of_the_workspace_hold() {
    let project = drifted();
    assert!(project.run(&["check", "--format", "json"]).codes().contains(&"param-renamed".to_owned()));
    project.write("code-agent.toml", "[analysis.rules]\nparam-renamed = \"off\"\n");
    let codes = project.run(&["check", "--format", "json"]).codes();
    assert!(!codes.contains(&"param-renamed".to_owned()), "{codes:?}");
}

#[test]
fn what_only_may_be_wrong_is_mended_when_asked_for() {
    let text = "def send(name, **options):\n    \"\"\"Send it.\n\n    Args:\n        name: The name.\n        timeout: How long to wait for it.\n        **options: More of them.\n    \"\"\"\n    return post(name, **options)\n";
    let project = Project::with(&[("a.py", text)]);
    project.run(&["check", "--profile", "strict", "--fix", "a.py"]);
    assert!(project.read("a.py").contains("timeout: How long"), "a key of the options, for all that is known");
    project.run(&["check", "--profile", "strict", "--fix", "--uncertain", "a.py"]);
    assert!(!project.read("a.py").contains("timeout"), "{}", project.read("a.py"));
    assert_eq!(project.run(&["check", "--uncertain", "a.py"]).code, Some(2), "it goes with --fix");
}

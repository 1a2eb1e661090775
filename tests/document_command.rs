//! `code-agent document` as a user runs it: source, diff, writing, one symbol, a style.

use crate::support::program::Project;
use std::process::{Command, Stdio};

const SOURCE: &str = r#""""Sums 🎉 of numbers."""


def add(first: int, second: int = 2) -> int:
    return first + second


class Counter:
    def reset(self):
        self.count = 0
"#;

fn project() -> Project {
    Project::with(&[("sums.py", SOURCE)])
}

/// The lines of `before` are all still there, in their order.
fn assert_only_lines_added(before: &str, after: &str) {
    let mut rest = after.lines();
    for line in before.lines() {
        assert!(rest.any(|other| other == line), "{line:?} is gone from:\n{after}");
    }
}

#[test]
fn one_file_is_printed_with_its_documentation() {
    let project = project();
    let outcome = project.run(&["document", "sums.py"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_only_lines_added(SOURCE, &outcome.stdout);
    assert!(outcome.stdout.matches(r#"""""#).count() > SOURCE.matches(r#"""""#).count(), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("second"), "{}", outcome.stdout);
    assert_eq!(project.read("sums.py"), SOURCE, "printing changes nothing");
}

#[test]
fn standard_input_is_documented_as_the_file_would_be() {
    let project = project();
    let printed = project.run(&["document", "sums.py"]).stdout;
    let outcome = project.run_with_input(&["document", "--stdin-filename", "sums.py"], SOURCE.as_bytes());
    assert_eq!((outcome.code, outcome.stdout), (Some(0), printed));
}

#[test]
fn a_diff_is_one_that_git_applies() {
    let project = project();
    let diff = project.run(&["document", "--diff", "sums.py"]);
    assert_eq!(diff.code, Some(0));
    let printed = project.run(&["document", "sums.py"]).stdout;
    let mut git = Command::new("git")
        .args(["apply", "--unsafe-paths", "-p1", "-"])
        .current_dir(project.root())
        .env("GIT_DIR", "/nonexistent")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("git runs");
    std::io::Write::write_all(&mut git.stdin.take().expect("a pipe"), diff.stdout.as_bytes()).expect("git reads");
    let done = git.wait_with_output().expect("git ends");
    assert!(done.status.success(), "{}\n{}", String::from_utf8_lossy(&done.stderr), diff.stdout);
    assert_eq!(project.read("sums.py"), printed);
}

#[test]
fn a_folder_is_shown_as_a_diff() {
    let outcome = project().run(&["document"]);
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout.starts_with("--- a/sums.py\n+++ b/sums.py\n@@ "), "{}", outcome.stdout);
}

#[test]
fn writing_happens_once() {
    let project = project();
    let printed = project.run(&["document", "sums.py"]).stdout;
    let outcome = project.run(&["document", "--write"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stdout.starts_with("Documented "), "{}", outcome.stdout);
    assert_eq!(project.read("sums.py"), printed);
    assert_eq!(project.run(&["document", "--write"]).stdout, "Nothing to document in 1 file.\n");
    assert_eq!(project.read("sums.py"), printed);
    assert_eq!(project.run(&["document", "--diff"]).stdout, "");
    assert_eq!(project.run(&["document", "sums.py"]).stdout, printed, "a file with nothing to add is printed as it is");
}

#[test]
fn what_was_written_satisfies_the_strict_rules() {
    let project = project();
    project.run(&["document", "--write"]);
    let codes = project.run(&["check", "--format", "json", "--profile", "strict"]).codes();
    assert!(codes.iter().all(|code| !code.starts_with("param") && code != "missing-doc"), "{codes:?}");
}

#[test]
fn only_the_symbol_asked_for_is_documented() {
    let outcome = project().run(&["document", "--symbol", "Counter.reset", "sums.py"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_only_lines_added(SOURCE, &outcome.stdout);
    let head = outcome.stdout.split("class Counter").next().expect("a head");
    assert_eq!(head, SOURCE.split("class Counter").next().expect("a head"), "add stays as it is");
    assert_ne!(outcome.stdout, SOURCE);
}

#[test]
fn the_style_is_the_one_asked_for() {
    let project = project();
    assert!(project.run(&["document", "--style", "numpy", "sums.py"]).stdout.contains("----"));
    assert!(project.run(&["document", "--style", "sphinx", "sums.py"]).stdout.contains(":param"));
    assert!(project.run(&["document", "--style", "google", "sums.py"]).stdout.contains("Args:"));
    let unknown = project.run(&["document", "--style", "loud", "sums.py"]);
    assert_eq!(unknown.code, Some(2));
    assert!(unknown.stderr.contains("numpy"), "{}", unknown.stderr);
}

#[test]
fn windows_line_ends_and_the_mark_stay() {
    let project = Project::new();
    let text = format!("\u{feff}{}", SOURCE.replace('\n', "\r\n"));
    project.write("sums.py", &text);
    project.run(&["document", "--write"]);
    let after = project.read("sums.py");
    assert_ne!(after, text);
    assert!(after.starts_with('\u{feff}'));
    assert_eq!(after.matches('\n').count(), after.matches("\r\n").count(), "{after:?}");
}

#[test]
fn every_language_is_documented() {
    let samples = [
        ("a.js", "export function addLine(article, price) {\n  return [article, price];\n}\n"),
        ("a.ts", "export function addLine(article: string, price: number): string[] {\n  return [article];\n}\n"),
        ("a.rs", "pub fn add_line(article: &str, price: u32) -> u32 {\n    price\n}\n"),
        ("a.go", "package shop\n\nfunc AddLine(article string, price int) int {\n\treturn price\n}\n"),
    ];
    for (name, text) in samples {
        let outcome = Project::with(&[(name, text)]).run(&["document", name]);
        assert_eq!(outcome.code, Some(0), "{name}: {}", outcome.stderr);
        assert_only_lines_added(text, &outcome.stdout);
        assert_ne!(outcome.stdout, text, "{name}");
    }
}

#[test]
fn a_symbol_that_is_not_there_is_named() {
    let project = Project::with(&[("one.py", "def known(x):\n    return x\n")]);
    let outcome = project.run(&["document", "--symbol", "unknown", "one.py"]);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    outcome.assert_one_sentence("`unknown`");
}

#[test]
fn a_style_that_the_language_does_not_have_is_refused() {
    let project = Project::with(&[("a.py", "def area(width):\n    return width\n")]);
    for style in ["jsdoc", "epydoc"] {
        let outcome = project.run(&["document", "--style", style, "--diff", "a.py"]);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{style}");
        let sentence = &outcome.stderr;
        assert!(sentence.contains(style) && (sentence.contains("google") || sentence.contains("Python")), "{sentence}");
    }
}

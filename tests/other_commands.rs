//! `rules`, `config`, `languages`, `stats` and the help, as a user runs them.

use crate::support::program::Project;

#[test]
fn languages_are_listed_with_their_endings() {
    let outcome = Project::new().run(&["languages"]);
    assert_eq!(outcome.code, Some(0));
    for part in ["python", "javascript", "typescript", "rust", "go", ".py", ".tsx"] {
        assert!(outcome.stdout.contains(part), "{part} is missing from:\n{}", outcome.stdout);
    }
}

#[test]
fn each_rule_that_is_listed_has_a_page() {
    let project = Project::new();
    let list = project.run(&["rules"]);
    assert_eq!(list.code, Some(0));
    let names: Vec<&str> = list.stdout.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.len() >= 30, "{names:?}");
    for name in names {
        let page = project.run(&["rules", name]);
        assert_eq!(page.code, Some(0), "{name}");
        assert!(page.stdout.contains(name) && page.stdout.lines().count() > 3, "{name}: {}", page.stdout);
    }
}

#[test]
fn a_rule_is_found_by_the_code_of_another_tool() {
    let project = Project::new();
    assert_eq!(project.run(&["rules", "missing_docs"]).stdout, project.run(&["rules", "missing-doc"]).stdout);
    let unknown = project.run(&["rules", "no-such-rule"]);
    assert_eq!(unknown.code, Some(2));
    unknown.assert_one_sentence("no-such-rule");
}

#[test]
fn the_schema_of_the_settings_is_json_schema() {
    let outcome = Project::new().run(&["config", "schema"]);
    assert_eq!(outcome.code, Some(0));
    let schema = outcome.json();
    assert!(schema["$schema"].as_str().expect("a dialect").contains("json-schema.org"));
    assert!(schema["properties"].as_object().expect("sections").len() >= 2);
}

#[test]
fn the_settings_in_force_are_shown_with_what_the_workspace_says() {
    let project = Project::with(&[("code-agent.toml", "[analysis]\nprofile = \"strict\"\n")]);
    let outcome = project.run(&["config", "show"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("strict"), "{}", outcome.stdout);
}

#[test]
fn stats_are_told() {
    let outcome = Project::with(&[("a.py", "def f(x):\n    return x\n")]).run(&["stats"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(!outcome.stdout.is_empty());
}

#[test]
fn the_version_is_the_one_of_the_workspace() {
    let outcome = Project::new().run(&["--version"]);
    assert_eq!(outcome.stdout, format!("code-agent {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_help_names_every_command_and_the_exit_codes() {
    let outcome = Project::new().run(&["--help"]);
    assert_eq!(outcome.code, Some(0));
    for part in ["lsp", "check", "document", "rules", "config", "languages", "stats", "Exit codes"] {
        assert!(outcome.stdout.contains(part), "{part} is missing from:\n{}", outcome.stdout);
    }
}

//! What is shipped beside the program fits it: rule pages, language folders, the README, the files for editors, versions.

use super::assert_clean;
use crate::support::program::Project;
use crate::support::repository::{SourceFile, files, read};
use engine::analysis::rules::RULES;
use engine::syntax::language::Language;
use std::collections::BTreeSet;

/// What the folder of a language holds.
const LANGUAGE_FILES: &[&str] =
    &["language.toml", "symbols.scm", "docs.scm", "signature.scm", "calls.scm", "complexity.scm", "smells.scm"];

/// A folder below `queries/` that is named by no language, because two languages share it.
fn incomplete_languages(paths: &BTreeSet<String>) -> Vec<String> {
    let folders: BTreeSet<&str> = paths
        .iter()
        .filter_map(|path| path.strip_prefix("queries/")?.split_once('/'))
        .map(|(folder, _)| folder)
        .collect();
    let mut offences = Vec::new();
    for folder in folders {
        for file in LANGUAGE_FILES {
            let path = format!("queries/{folder}/{file}");
            if !paths.contains(&path) {
                offences.push(format!("{path} is missing"));
            }
        }
    }
    offences
}

/// The commands that a text tells the user to run, without the program's name.
fn commands_in(text: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for (offset, _) in text.match_indices("code-agent ") {
        let line = text[offset..].lines().next().unwrap_or_default();
        // A command ends with its quotation, its cell, its comment.
        let line = line.split(['`', '|', '#', '"', '\'', ',', ';', ')', '(']).next().unwrap_or_default();
        let words: Vec<String> = line.split_whitespace().skip(1).map(str::to_owned).collect();
        commands.push(words);
    }
    commands
}

/// Which of the words behind the program's name are commands or options that it does not have. `help_of` gives a command's help.
fn unknown_words(words: &[String], commands: &[String], help_of: &dyn Fn(&str) -> String) -> Vec<String> {
    let Some(first) = words.first() else { return Vec::new() };
    if !commands.contains(first) {
        return Vec::new();
    }
    let help = help_of(first);
    let options = words.iter().filter(|word| word.starts_with("--"));
    options.filter(|option| !help.contains(option.as_str())).cloned().collect()
}

/// Fenced commands under the heading "Start".
fn commands_to_start(readme: &str) -> Vec<String> {
    let section = readme.split("\n## ").find(|section| section.starts_with("Start\n")).unwrap_or_default();
    let mut commands = Vec::new();
    let mut fenced = false;
    for line in section.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced && !line.trim().is_empty() {
            commands.push(line.to_owned());
        }
    }
    commands
}

/// The version that a manifest names, JSON or TOML.
fn version_in(file: &SourceFile) -> Option<String> {
    let line = file.text.lines().find(|line| {
        let line = line.trim_start();
        line.starts_with("version = \"") || line.starts_with("\"version\": \"")
    })?;
    line.split('"').rfind(|part| part.starts_with(|letter: char| letter.is_ascii_digit())).map(str::to_owned)
}

fn other_versions(files: &[SourceFile], wanted: &str) -> Vec<String> {
    let manifests = files.iter().filter(|file| {
        let is_manifest = matches!(file.name(), "Cargo.toml" | "package.json" | "extension.toml" | "package-lock.json");
        is_manifest && !file.path.starts_with("tests/")
    });
    let versions = manifests.filter_map(|file| Some((file, version_in(file)?)));
    versions
        .filter(|(_, version)| version != wanted)
        .map(|(file, version)| format!("{} has version {version}, not {wanted}", file.path))
        .collect()
}

fn help_of(command: &str) -> String {
    let arguments: Vec<&str> = if command.is_empty() { vec!["--help"] } else { vec![command, "--help"] };
    Project::new().run(&arguments).stdout
}

fn command_names() -> Vec<String> {
    let help = help_of("");
    let list = help.split("Commands:").nth(1).unwrap_or_default();
    let names = list.lines().skip(1).take_while(|line| line.starts_with("  "));
    let names: Vec<String> = names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    assert!(names.contains(&"check".to_owned()), "{help}");
    names
}

#[test]
fn every_rule_has_a_page() {
    let mut offences = Vec::new();
    for rule in RULES {
        let begins_with_its_name = rule.page.lines().next().is_some_and(|line| line.contains(rule.name));
        if !begins_with_its_name || rule.page.lines().count() < 5 {
            offences.push(format!("the page of {} does not begin with its name or says nothing", rule.name));
        }
        if rule.summary.is_empty() {
            offences.push(format!("{} has no summary", rule.name));
        }
    }
    assert_clean("rule pages", &offences);
    assert!(RULES.len() >= 30, "only {} rules", RULES.len());
}

#[test]
fn every_language_is_complete() {
    let paths: BTreeSet<String> = files().into_iter().map(|file| file.path).collect();
    assert_clean("languages", &incomplete_languages(&paths));
    for language in Language::all() {
        let is_sample = |path: &&String| {
            let ending = path.strip_prefix("tests/queries/").and_then(|path| path.rsplit('.').next());
            ending.is_some_and(|ending| language.extensions.iter().any(|known| known == ending))
        };
        let samples: Vec<&String> = paths.iter().filter(is_sample).collect();
        assert!(!samples.is_empty(), "there is no sample of {}", language.id);
        for sample in samples {
            let model = sample.rsplit_once('.').map(|(stem, _)| format!("{stem}.model")).expect("an ending");
            assert!(paths.contains(&model), "{sample} has no model beside it");
        }
    }
}

#[test]
fn an_incomplete_language_is_caught() {
    let paths: BTreeSet<String> =
        LANGUAGE_FILES.iter().filter(|file| **file != "docs.scm").map(|file| format!("queries/basic/{file}")).collect();
    assert_eq!(incomplete_languages(&paths), ["queries/basic/docs.scm is missing"]);
}

#[test]
fn the_readme_starts_with_exactly_two_commands() {
    let commands = commands_to_start(&read("README.md"));
    assert_eq!(commands.len(), 2, "{commands:?}");
    assert!(commands[0].contains(" document "), "the first documents a real file: {}", commands[0]);
    assert_eq!(commands[1], "bash tests/run.sh", "the second runs all tests");
    let file = commands[0].split_whitespace().find(|word| word.starts_with("tests/projects/")).expect("a real file");
    assert!(!read(file).is_empty());
}

#[test]
fn a_third_command_is_caught() {
    let readme = "# X\n\n## Start\n\n```sh\none\n```\n\n```sh\ntwo\nthree\n```\n\n## More\n\n```sh\nfour\n```\n";
    assert_eq!(commands_to_start(readme), ["one", "two", "three"]);
}

#[test]
fn what_users_are_told_to_type_exists() {
    let names = command_names();
    let mut offences = Vec::new();
    for file in files() {
        let for_users = file.path.starts_with("editors/") || file.path.ends_with(".md");
        if !for_users || file.name() == "package-lock.json" {
            continue;
        }
        for words in commands_in(&file.text) {
            for word in unknown_words(&words, &names, &help_of) {
                offences.push(format!("{}: code-agent {} has no {word}", file.path, words.join(" ")));
            }
        }
    }
    assert_clean("commands in documents", &offences);
    for editor in
        ["editors/helix/languages.toml", "editors/neovim/lsp/code-agent.lua", "editors/vscode/src/extension.ts"]
    {
        let text = read(editor);
        assert!(text.contains("code-agent") && text.contains("\"lsp\""), "{editor} must start `code-agent lsp`");
    }
    assert!(names.contains(&"lsp".to_owned()));
}

#[test]
fn a_command_that_does_not_exist_is_caught() {
    let names = ["check".to_owned()];
    let help = |_: &str| "--fix".to_owned();
    let offences: Vec<String> = commands_in("Run `code-agent check --fix --fast`.")
        .iter()
        .flat_map(|words| unknown_words(words, &names, &help))
        .collect();
    assert_eq!(offences, ["--fast"]);
}

#[test]
fn all_versions_are_equal() {
    assert_clean("versions", &other_versions(&files(), env!("CARGO_PKG_VERSION")));
}

#[test]
fn another_version_is_caught() {
    let bad = SourceFile::new("editors/x/package.json", "{\n  \"version\": \"0.0.9\",\n}\n");
    let good =
        SourceFile::new("Cargo.toml", "[workspace.package]\nversion = \"1.2.3\"\n[x]\na = { version = \"2\" }\n");
    assert_eq!(other_versions(&[bad, good], "1.2.3"), ["editors/x/package.json has version 0.0.9, not 1.2.3"]);
}

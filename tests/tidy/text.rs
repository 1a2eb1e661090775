//! How a source file has to look.

use super::assert_clean;
use crate::support::repository::{SourceFile, files, rust_files};

const LONGEST_FILE: usize = 600;

const BANNED_NAMES: &[&str] =
    &["mod.rs", "utils.rs", "util.rs", "helpers.rs", "helper.rs", "common.rs", "misc.rs", "manager2.rs"];

fn without_module_docs(files: &[SourceFile]) -> Vec<String> {
    files.iter().filter(|file| !file.text.starts_with("//! ")).map(|file| file.path.clone()).collect()
}

fn too_long(files: &[SourceFile]) -> Vec<String> {
    let long = files.iter().filter(|file| !file.is_test() && file.lines_without_tests().len() > LONGEST_FILE);
    long.map(|file| format!("{} has {} lines", file.path, file.lines_without_tests().len())).collect()
}

fn badly_named(files: &[SourceFile]) -> Vec<String> {
    let bad = files.iter().filter(|file| {
        let folder_is_banned = file.path.split('/').any(|part| BANNED_NAMES.contains(&format!("{part}.rs").as_str()));
        BANNED_NAMES.contains(&file.name()) || folder_is_banned
    });
    bad.map(|file| file.path.clone()).collect()
}

/// Names of test functions say the behaviour; `test_` in front says nothing.
fn tests_named_test(files: &[SourceFile]) -> Vec<String> {
    let prefix = concat!("fn ", "test_");
    let lines = files.iter().flat_map(|file| file.text.lines().map(move |line| (file, line.trim_start())));
    lines.filter(|(_, line)| line.starts_with(prefix)).map(|(file, line)| format!("{}: {line}", file.path)).collect()
}

/// Paths of somebody's machine. The home of the made-up user `u` is nobody's.
fn machine_paths(files: &[SourceFile]) -> Vec<String> {
    let marks = [concat!("/ro", "ot/"), concat!("/wo", "rk/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];
    let mut offences = Vec::new();
    for file in files {
        for (number, line) in file.text.lines().enumerate() {
            let line = line.replace(concat!("/ho", "me/u/"), "");
            if marks.iter().any(|mark| stands_alone(&line, mark)) {
                offences.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    offences
}

/// Whether `mark` begins a path in the line, as opposed to lying inside a relative one.
fn stands_alone(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(offset, _)| {
        let before = line[..offset].chars().next_back();
        !before.is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-' | '}' | ')' | '*'))
    })
}

fn lines_of_code(count: usize) -> String {
    format!("//! A file.\n{}", "fn f() {}\n".repeat(count))
}

#[test]
fn every_file_says_what_it_is_for() {
    assert_clean("module docs", &without_module_docs(&rust_files()));
}

#[test]
fn a_file_without_module_docs_is_caught() {
    let bad = SourceFile::new("server/a/src/a.rs", "// A comment.\n");
    let good = SourceFile::new("server/a/src/b.rs", "//! Keeps b in.\n");
    assert_eq!(without_module_docs(&[bad, good]), ["server/a/src/a.rs"]);
}

#[test]
fn no_file_is_too_long() {
    assert_clean("file lengths", &too_long(&rust_files()));
}

#[test]
fn a_long_file_is_caught_and_its_tests_are_not_counted() {
    let long = SourceFile::new("server/a/src/long.rs", &lines_of_code(LONGEST_FILE));
    let tests = format!("//! A file.\n#[cfg(test)]\nmod tests {{\n{}}}\n", "fn f() {}\n".repeat(LONGEST_FILE));
    let tested = SourceFile::new("server/a/src/tested.rs", &tests);
    let fits = SourceFile::new("server/a/src/fits.rs", &lines_of_code(LONGEST_FILE - 1));
    assert_eq!(too_long(&[long, tested, fits]), ["server/a/src/long.rs has 601 lines"]);
}

#[test]
fn names_say_something() {
    assert_clean("file names", &badly_named(&rust_files()));
}

#[test]
fn a_name_that_says_nothing_is_caught() {
    let bad = ["server/a/src/mod.rs", "server/a/src/utils.rs", "server/a/src/helpers/list.rs"];
    let mut files: Vec<SourceFile> = bad.iter().map(|path| SourceFile::new(path, "")).collect();
    files.push(SourceFile::new("server/a/src/model.rs", ""));
    assert_eq!(badly_named(&files), bad);
}

#[test]
fn names_of_tests_say_the_behaviour() {
    assert_clean("test names", &tests_named_test(&rust_files()));
}

#[test]
fn a_test_named_test_is_caught() {
    let bad = SourceFile::new("a.rs", concat!("    fn ", "test_parse() {}\n"));
    let good = SourceFile::new("b.rs", "    fn a_comment_is_kept() {}\n");
    assert_eq!(tests_named_test(&[bad, good]).len(), 1);
}

#[test]
fn no_path_of_a_machine_is_committed() {
    assert_clean("machine paths", &machine_paths(&files()));
}

#[test]
fn a_path_of_a_machine_is_caught() {
    let bad = SourceFile::new("a.sh", concat!("cd /ho", "me/somebody\nls \"/ro", "ot/x\"\n"));
    let good = SourceFile::new("b.sh", concat!("cd \"$HOME\"\nls server/ro", "ot/x\n"));
    assert_eq!(machine_paths(&[bad, good]).len(), 2);
}

//! What a job did to a text, as lines that stay, go and come. Computed with the other tasks, and never longer than people read.

use crate::error::Problem;
use engine::ServerCore;
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};
use std::time::Duration;

/// Lines around a change.
const AROUND: usize = 3;
/// Lines that are shown of one file.
const MOST_LINES: usize = 2000;
/// After this long a coarser difference is good enough.
const PATIENCE: Duration = Duration::from_millis(500);

/// The lines of the differences between two texts; `is_cut` where there are more.
///
/// # Errors
/// If too much is waiting.
pub(super) async fn between(core: &ServerCore, before: String, after: String) -> Result<Value, Problem> {
    Ok(core.apart("difference", move || lines(&before, &after)).await?)
}

fn lines(before: &str, after: &str) -> Value {
    let difference = TextDiff::configure().timeout(PATIENCE).diff_lines(before, after);
    let mut shown = Vec::new();
    let mut is_cut = false;
    'groups: for (number, group) in difference.grouped_ops(AROUND).iter().enumerate() {
        if number > 0 {
            shown.push(json!({ "kind": "gap", "text": "" }));
        }
        for change in group.iter().flat_map(|part| difference.iter_changes(part)) {
            if shown.len() >= MOST_LINES {
                is_cut = true;
                break 'groups;
            }
            let kind = match change.tag() {
                ChangeTag::Equal => "same",
                ChangeTag::Delete => "gone",
                ChangeTag::Insert => "new",
            };
            let line = change.new_index().or(change.old_index()).map(|line| line + 1);
            shown.push(json!({ "kind": kind, "line": line, "text": change.value().trim_end_matches(['\n', '\r']) }));
        }
    }
    json!({ "lines": shown, "is_cut": is_cut })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_and_come_and_long_differences_are_cut() {
        let shown = lines("a\nb\nc\n", "a\nB\nc\n");
        let kinds: Vec<&str> =
            shown["lines"].as_array().unwrap().iter().map(|line| line["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["same", "gone", "new", "same"]);
        let long = lines("", &"x\n".repeat(5000));
        assert!(long["is_cut"] == true && long["lines"].as_array().unwrap().len() == MOST_LINES);
    }
}

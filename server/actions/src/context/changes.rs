//! What changed between two texts, near a place first.

use llm::prompt::covered;
use similar::TextDiff;

/// Lines around a change.
const AROUND: usize = 2;

/// The changes between two texts as hunks of a unified difference: whole ones, the nearest to a line first, in at most so many bytes. Secrets are covered
/// before, since of one with many lines a hunk may have some alone.
pub fn changes(before: &str, after: &str, line: usize, most: usize) -> String {
    let (before, after) = (covered(before), covered(after));
    let diff = TextDiff::from_lines(&*before, &*after);
    let mut near: Vec<(usize, String)> = Vec::new();
    for hunk in diff.unified_diff().context_radius(AROUND).iter_hunks() {
        let lines = hunk.ops().iter().map(|op| op.new_range());
        let away = lines.map(|range| range.start.abs_diff(line).min(range.end.abs_diff(line))).min();
        near.push((away.unwrap_or(usize::MAX), hunk.to_string()));
    }
    near.sort_by_key(|(away, _)| *away);
    let mut left = most;
    let mut shown = String::new();
    for (_, hunk) in near {
        if hunk.len() <= left {
            left -= hunk.len();
            shown.push_str(&hunk);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_change_comes_first_and_none_is_cut() {
        let before: String = (0..90).map(|line| format!("line {line}\n")).collect();
        let after = before.replace("line 10\n", "line ten\n").replace("line 70\n", "line seventy\n");
        let both = changes(&before, &after, 72, 1000);
        assert!(both.find("seventy") < both.find("ten\n") && both.contains("-line 10\n+line ten\n"), "{both}");
        let one = changes(&before, &after, 72, both.len() - 1);
        assert!(one.contains("seventy") && !one.contains("line ten"), "{one}");
        assert_eq!(changes(&before, &after, 0, 10), "");
        assert_eq!(changes(&before, &before, 0, 1000), "");
    }

    #[test]
    fn of_a_secret_with_many_lines_none_is_shown() {
        let line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDx7s8Y2kPq0Lm\n";
        let before =
            ["-----BEGIN ", "PRIVATE KEY-----\n"].concat() + &line.repeat(9) + "-----END PRIVATE KEY-----\nx = 1\n";
        let after = before.replace("x = 1", "x = 2");
        let shown = changes(&before, &after, 0, 1000);
        assert!(shown.contains("+x = 2") && !shown.contains("MII"), "{shown}");
    }
}

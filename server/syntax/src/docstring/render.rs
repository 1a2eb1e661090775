//! Writes a new documentation comment from words and facts.

use super::{DocDraft, DocStyle, Layout};

/// The whole comment, delimiters and indentation of all lines but the first included, no line break at the end.
pub fn render(_draft: &DocDraft, _style: DocStyle, _layout: &Layout) -> String {
    String::new()
}

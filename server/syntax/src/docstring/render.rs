//! Writes a new documentation comment from words and facts.
//!
//! What is written reads back as what was meant. Nothing is written that the draft does not say; what a style has no place for is
//! left out.

mod content;
mod frame;
#[cfg(test)]
mod tests;

pub(crate) use content::{Content, Part};
pub(crate) use frame::{frame, framed};

use super::{DocDraft, DocStyle, Layout};

/// The whole comment, delimiters and indentation of all lines but the first included, no line break at the end.
pub fn render(draft: &DocDraft, style: DocStyle, layout: &Layout) -> String {
    let content = Content::of(draft, style, layout);
    frame(&content.lay(style, layout).unwrap_or_default(), layout)
}

//! What each style calls its sections and tags, and in which order they come.
//!
//! Only spellings for new text stand here; what is read is wider and belongs to the parsers.

use super::{DocStyle, EntryKind};

/// Whether each entry is a tag or a field of its own.
pub(crate) fn has_tags(style: DocStyle) -> bool {
    matches!(style, DocStyle::Sphinx | DocStyle::Epydoc | DocStyle::Jsdoc | DocStyle::Tsdoc)
}

/// Whether the style is one of tags that begin with `@` in a block comment.
pub(crate) fn is_js(style: DocStyle) -> bool {
    matches!(style, DocStyle::Jsdoc | DocStyle::Tsdoc)
}

/// Whether the style is one of fields that end with a colon.
pub(crate) fn is_field(style: DocStyle) -> bool {
    matches!(style, DocStyle::Sphinx | DocStyle::Epydoc)
}

/// The title of a new section; `None` where the style has no section for the kind.
pub(crate) fn title(style: DocStyle, kind: EntryKind) -> Option<&'static str> {
    Some(match (style, kind) {
        (DocStyle::Google, EntryKind::Param) => "Args",
        (DocStyle::Google, EntryKind::Example) => "Example",
        (DocStyle::Google, EntryKind::Other) => "Note",
        (DocStyle::Numpy, EntryKind::Param) => "Parameters",
        (DocStyle::Numpy, EntryKind::Example) => "Examples",
        (DocStyle::Numpy, EntryKind::Other) => "Notes",
        (DocStyle::Google | DocStyle::Numpy, kind) => match kind {
            EntryKind::Return => "Returns",
            EntryKind::Yield => "Yields",
            EntryKind::Receive => "Receives",
            EntryKind::Raise => "Raises",
            EntryKind::Warn => "Warns",
            EntryKind::Attribute => "Attributes",
            EntryKind::Method => "Methods",
            EntryKind::Deprecated => "Deprecated",
            _ => return None,
        },
        (DocStyle::Rustdoc, EntryKind::Raise) => "Errors",
        (DocStyle::Rustdoc, EntryKind::Panic) => "Panics",
        (DocStyle::Rustdoc, EntryKind::Safety) => "Safety",
        (DocStyle::Rustdoc, EntryKind::Example) => "Examples",
        (DocStyle::Rustdoc, EntryKind::Deprecated) => "Deprecated",
        _ => return None,
    })
}

/// The tag or field of a new entry, without `@` and colons; `None` where the style has none for the kind.
pub(crate) fn tag(style: DocStyle, kind: EntryKind) -> Option<&'static str> {
    Some(match (style, kind) {
        (_, EntryKind::Param) => "param",
        (DocStyle::Epydoc, EntryKind::Return) => "return",
        (DocStyle::Epydoc, EntryKind::Raise) => "raise",
        (_, EntryKind::Return) => "returns",
        (_, EntryKind::Yield) => "yields",
        (DocStyle::Sphinx, EntryKind::Raise) => "raises",
        (DocStyle::Sphinx | DocStyle::Epydoc, EntryKind::Attribute) => "ivar",
        (DocStyle::Jsdoc | DocStyle::Tsdoc, EntryKind::Raise) => "throws",
        (DocStyle::Jsdoc | DocStyle::Tsdoc, EntryKind::Reject) => "rejects",
        (DocStyle::Jsdoc, EntryKind::TypeParam) => "template",
        (DocStyle::Tsdoc, EntryKind::TypeParam) => "typeParam",
        (DocStyle::Jsdoc | DocStyle::Tsdoc, EntryKind::Attribute) => "property",
        (DocStyle::Jsdoc | DocStyle::Tsdoc, EntryKind::Example) => "example",
        (DocStyle::Jsdoc, EntryKind::Other) => "todo",
        (DocStyle::Tsdoc, EntryKind::Other) => "remarks",
        (_, EntryKind::Deprecated) => "deprecated",
        _ => return None,
    })
}

/// The field that holds the type of an entry of this kind, where the style has fields for types.
pub(crate) fn type_tag(style: DocStyle, kind: EntryKind) -> Option<&'static str> {
    match kind {
        _ if !is_field(style) => None,
        EntryKind::Param => Some("type"),
        EntryKind::Return => Some("rtype"),
        EntryKind::Yield => Some("ytype"),
        EntryKind::Attribute => Some("vartype"),
        _ => None,
    }
}

/// The place of a kind among sections and tags; `None` for those that may stand anywhere.
pub(crate) fn rank(style: DocStyle, kind: EntryKind) -> Option<u8> {
    Some(match kind {
        EntryKind::TypeParam => 1,
        EntryKind::Param => 2,
        EntryKind::Attribute => 3,
        EntryKind::Method => 4,
        EntryKind::Return => 5,
        EntryKind::Yield => 6,
        EntryKind::Receive => 7,
        EntryKind::Raise => 8,
        EntryKind::Reject => 9,
        EntryKind::Warn => 10,
        EntryKind::Panic => 11,
        EntryKind::Safety => 12,
        EntryKind::Example => 30,
        EntryKind::Other if style == DocStyle::Numpy => 20,
        EntryKind::Other | EntryKind::Deprecated => return None,
    })
}

/// `word` with its meaning moved from one kind to another: `Returns` becomes `Yields`, `rtype` becomes `ytype`.
///
/// The case of the first letter and a plural `s` are kept; `None` where the style has no word for the new kind.
pub(crate) fn reworded(style: DocStyle, word: &str, to: EntryKind) -> Option<String> {
    if matches!(word, "rtype" | "ytype") {
        return type_tag(style, to).map(str::to_owned);
    }
    let mut new = if has_tags(style) { tag(style, to)? } else { title(style, to)? }.to_owned();
    let pairs =
        matches!(to, EntryKind::Return | EntryKind::Yield | EntryKind::Raise | EntryKind::Receive | EntryKind::Warn);
    if pairs && word.ends_with(['s', 'S']) != new.ends_with('s') {
        new = new.strip_suffix('s').map_or_else(|| format!("{new}s"), str::to_owned);
    }
    if word.len() > 1 && word.chars().all(char::is_uppercase) {
        new = new.to_uppercase();
    } else if word.starts_with(char::is_lowercase) {
        new = new.to_lowercase();
    }
    Some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_word_keeps_the_shape_of_the_old_one() {
        for (style, word, to, expected) in [
            (DocStyle::Google, "Returns", EntryKind::Yield, "Yields"),
            (DocStyle::Google, "Return", EntryKind::Yield, "Yield"),
            (DocStyle::Google, "RETURNS", EntryKind::Yield, "YIELDS"),
            (DocStyle::Sphinx, "return", EntryKind::Yield, "yield"),
            (DocStyle::Sphinx, "rtype", EntryKind::Yield, "ytype"),
            (DocStyle::Jsdoc, "yields", EntryKind::Return, "returns"),
            (DocStyle::Jsdoc, "throws", EntryKind::Reject, "rejects"),
        ] {
            assert_eq!(reworded(style, word, to).as_deref(), Some(expected), "{word}");
        }
    }
}

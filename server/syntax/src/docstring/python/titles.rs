//! Titles of the sections that Google and NumPy docstrings have.
//!
//! One table for both: napoleon's list, with the spellings that pydoclint and other readers accept besides.

use crate::docstring::EntryKind;

/// The titles in lower case.
const TITLES: &[(&str, EntryKind)] = &[
    ("args", EntryKind::Param),
    ("arg", EntryKind::Param),
    ("arguments", EntryKind::Param),
    ("argument", EntryKind::Param),
    ("parameters", EntryKind::Param),
    ("parameter", EntryKind::Param),
    ("params", EntryKind::Param),
    ("param", EntryKind::Param),
    ("keyword args", EntryKind::Param),
    ("keyword arguments", EntryKind::Param),
    ("keyword parameters", EntryKind::Param),
    ("kwargs", EntryKind::Param),
    ("other args", EntryKind::Param),
    ("other arguments", EntryKind::Param),
    ("other parameters", EntryKind::Param),
    ("other params", EntryKind::Param),
    ("type parameters", EntryKind::TypeParam),
    ("type params", EntryKind::TypeParam),
    ("type args", EntryKind::TypeParam),
    ("returns", EntryKind::Return),
    ("return", EntryKind::Return),
    ("yields", EntryKind::Yield),
    ("yield", EntryKind::Yield),
    ("receives", EntryKind::Receive),
    ("receive", EntryKind::Receive),
    ("raises", EntryKind::Raise),
    ("raise", EntryKind::Raise),
    ("except", EntryKind::Raise),
    ("exceptions", EntryKind::Raise),
    ("warns", EntryKind::Warn),
    ("warn", EntryKind::Warn),
    ("attributes", EntryKind::Attribute),
    ("attribute", EntryKind::Attribute),
    ("class attributes", EntryKind::Attribute),
    ("instance attributes", EntryKind::Attribute),
    ("methods", EntryKind::Method),
    ("example", EntryKind::Example),
    ("examples", EntryKind::Example),
    ("example usage", EntryKind::Example),
    ("usage", EntryKind::Example),
    ("deprecated", EntryKind::Deprecated),
    ("attention", EntryKind::Other),
    ("caution", EntryKind::Other),
    ("danger", EntryKind::Other),
    ("error", EntryKind::Other),
    ("hint", EntryKind::Other),
    ("important", EntryKind::Other),
    ("note", EntryKind::Other),
    ("notes", EntryKind::Other),
    ("references", EntryKind::Other),
    ("reference", EntryKind::Other),
    ("see also", EntryKind::Other),
    ("summary", EntryKind::Other),
    ("tip", EntryKind::Other),
    ("todo", EntryKind::Other),
    ("todos", EntryKind::Other),
    ("warning", EntryKind::Other),
    ("warnings", EntryKind::Other),
];

/// What a section of that title speaks of; case does not matter.
pub(crate) fn kind_of(title: &str) -> Option<EntryKind> {
    let title = title.trim();
    let lower = title.to_lowercase();
    TITLES.iter().find(|(known, _)| *known == lower).map(|&(_, kind)| kind)
}

/// Words that begin a remark within a list of names: `Default: None` below a parameter is no parameter called `Default`.
pub(crate) fn begins_remark(name: &str) -> bool {
    matches!(name, "Default" | "Defaults" | "See" | "Note" | "Notes" | "Example" | "Examples" | "Warning" | "Optional")
}

/// Whether sections of that kind hold entries, one for each thing.
pub(crate) fn has_entries(kind: EntryKind) -> bool {
    is_list(kind) || is_result(kind)
}

/// Whether each entry begins with a name.
pub(crate) fn is_list(kind: EntryKind) -> bool {
    matches!(
        kind,
        EntryKind::Param
            | EntryKind::TypeParam
            | EntryKind::Attribute
            | EntryKind::Method
            | EntryKind::Raise
            | EntryKind::Warn
    )
}

/// Whether an entry may be a type alone.
pub(crate) fn is_result(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Return | EntryKind::Yield | EntryKind::Receive)
}

/// Whether the names are exceptions or warnings.
pub(crate) fn is_exception(kind: EntryKind) -> bool {
    matches!(kind, EntryKind::Raise | EntryKind::Warn)
}

/// Words that stand in a section to say that it is empty.
pub(crate) fn is_placeholder(text: &str) -> bool {
    matches!(text.trim_end_matches('.'), "None" | "none" | "TODO" | "N/A" | "n/a" | "NA" | "Nothing" | "-" | "--")
}

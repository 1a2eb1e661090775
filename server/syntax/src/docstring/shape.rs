//! How one entry is written: the layout of its name, type and text in each style.
//!
//! A [`Shape`] says how; it is the style's own ([`Shape::of`]) or learned from the entries around. What is written never says more
//! than the [`Item`] given.

use super::wrap::wrap;
use super::{CommentForm, DocStyle, EntryDraft, EntryKind, Layout, canon, escape};

/// Where types go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Types {
    /// Nowhere.
    Hidden,
    /// Beside the name.
    Inline,
    /// In a field of their own.
    Field,
}

/// How far later lines of a description are moved in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hang {
    /// By this white space.
    Indent(String),
    /// As far as the description's first word.
    Align,
}

/// How entries of one kind are written in one comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// The style.
    pub style: DocStyle,
    /// The tag, for styles that have tags.
    pub tag: String,
    /// The field for types.
    pub type_tag: String,
    /// Where types go.
    pub types: Types,
    /// Whether it is said that a parameter may be left out.
    pub optional: bool,
    /// What stands between name and type (NumPy), or before the description (others), white space included.
    pub separator: String,
    /// Later lines of the description.
    pub hang: Hang,
    /// The description begins on the line after the name.
    pub below: bool,
    /// The column, in characters from the start of the entry, at which names stand.
    pub name_column: Option<usize>,
    /// The column at which descriptions (with their hyphen) stand.
    pub text_column: Option<usize>,
    /// What stands before and after the name in a Markdown list.
    pub bullet: Option<(String, String)>,
}

/// The words of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    /// Running text, to be wrapped.
    Flow(String),
    /// Lines as they are, the first one behind the name, the others with indentation relative to the description.
    Lines(Vec<String>),
}

impl Body {
    fn is_empty(&self) -> bool {
        match self {
            Self::Flow(text) => text.trim().is_empty(),
            Self::Lines(lines) => lines.iter().all(|line| line.trim().is_empty()),
        }
    }

    fn lay(&self, first: usize, rest: usize) -> Vec<String> {
        match self {
            Self::Flow(text) => wrap(text, first, rest),
            Self::Lines(lines) => lines.clone(),
        }
    }
}

/// What is known of an entry, safe to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// Name with its stars.
    pub name: String,
    /// Type.
    pub type_text: Option<String>,
    /// May be left out.
    pub optional: bool,
    /// Default.
    pub default: Option<String>,
    /// Description.
    pub body: Body,
}

impl Item {
    /// The item of a draft whose words have not yet been made safe.
    pub fn of(draft: &EntryDraft, form: &CommentForm, style: DocStyle) -> Self {
        let safe = |text: &str| escape::line(text, form, style);
        Self {
            name: safe(&draft.name),
            type_text: draft.type_text.as_deref().map(safe).filter(|text| !text.is_empty()),
            optional: draft.optional,
            default: draft.default.as_deref().map(safe).filter(|text| !text.is_empty()),
            body: Body::Flow(safe(&draft.text)),
        }
    }
}

/// An entry as written, without the white space and markers in front of its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Written {
    /// Its lines.
    pub lines: Vec<String>,
    /// The field with its type, where it has a line of its own.
    pub type_field: Option<String>,
}

impl Written {
    /// All lines, the type behind the description.
    pub fn all(self) -> Vec<String> {
        self.lines.into_iter().chain(self.type_field).collect()
    }
}

impl Shape {
    /// The way in which the style itself writes entries of `kind`; `None` where it cannot say such a thing.
    pub fn of(style: DocStyle, kind: EntryKind, layout: &Layout) -> Option<Self> {
        let tag = canon::tag(style, kind).unwrap_or("").to_owned();
        if canon::has_tags(style) && tag.is_empty() {
            return None;
        }
        let unnamed = matches!(kind, EntryKind::Return | EntryKind::Yield | EntryKind::Receive);
        let types = match style {
            DocStyle::Tsdoc | DocStyle::Rustdoc | DocStyle::Godoc => Types::Hidden,
            // The type is all that an entry of these kinds has for a name.
            _ if matches!(kind, EntryKind::Raise | EntryKind::Warn | EntryKind::Reject) => Types::Inline,
            _ if !layout.with_types => Types::Hidden,
            DocStyle::Sphinx | DocStyle::Epydoc => Types::Field,
            _ => Types::Inline,
        };
        let separator = match style {
            DocStyle::Numpy => " : ",
            DocStyle::Jsdoc | DocStyle::Tsdoc if unnamed || matches!(kind, EntryKind::Raise | EntryKind::Reject) => " ",
            DocStyle::Jsdoc | DocStyle::Tsdoc
                if matches!(kind, EntryKind::Deprecated | EntryKind::Other | EntryKind::Example) =>
            {
                " "
            }
            DocStyle::Jsdoc | DocStyle::Tsdoc => " - ",
            _ => ": ",
        };
        let hang = match style {
            DocStyle::Google if unnamed => String::new(),
            DocStyle::Jsdoc | DocStyle::Tsdoc | DocStyle::Rustdoc => "  ".to_owned(),
            _ => layout.indent_unit.clone(),
        };
        Some(Self {
            style,
            tag,
            type_tag: canon::type_tag(style, kind).unwrap_or("").to_owned(),
            types,
            optional: !canon::is_field(style) && style != DocStyle::Tsdoc,
            separator: separator.to_owned(),
            hang: Hang::Indent(hang),
            below: style == DocStyle::Numpy,
            name_column: None,
            text_column: None,
            bullet: None,
        })
    }

    /// Writes an entry into lines of at most `room` characters.
    pub fn write(&self, kind: EntryKind, item: &Item, room: usize) -> Written {
        let (head, separator) = self.head(kind, item);
        let mut lines = self.lay(&head, &separator, &item.body, room);
        if lines.is_empty() {
            lines.push(head.trim_end().to_owned());
        }
        Written { lines, type_field: self.type_field(kind, item) }
    }

    /// All that stands before the description, and what joins the two.
    fn head(&self, kind: EntryKind, item: &Item) -> (String, String) {
        let shown = item.type_text.as_deref().filter(|_| self.types == Types::Inline);
        let separator = self.separator.clone();
        if let Some((before, after)) = &self.bullet {
            return (format!("{before}{}{}", item.name, after.trim_end()), spaces_after(after));
        }
        match self.style {
            DocStyle::Google | DocStyle::Plain => match (item.name.as_str(), shown) {
                ("", Some(shown)) => (shown.to_owned(), separator),
                ("", None) => (String::new(), String::new()),
                (name, Some(shown)) => {
                    let optional = if item.optional && self.optional { ", optional" } else { "" };
                    (format!("{name} ({shown}{optional})"), separator)
                }
                (name, None) => (name.to_owned(), separator),
            },
            DocStyle::Numpy => match (item.name.as_str(), shown) {
                ("", Some(shown)) => (shown.to_owned(), String::new()),
                (name, Some(shown)) => {
                    let optional = if item.optional && self.optional { ", optional" } else { "" };
                    (format!("{name}{separator}{shown}{optional}"), String::new())
                }
                (name, None) => (name.to_owned(), String::new()),
            },
            DocStyle::Sphinx | DocStyle::Epydoc => {
                let mark = if self.style == DocStyle::Sphinx { ":" } else { "@" };
                let mut head = format!("{mark}{}", self.tag);
                for part in [shown.filter(|_| !item.name.is_empty()), Some(item.name.as_str())].into_iter().flatten() {
                    if !part.is_empty() {
                        head.push(' ');
                        head.push_str(part);
                    }
                }
                (head, separator)
            }
            DocStyle::Jsdoc | DocStyle::Tsdoc => self.tag_head(kind, item, shown),
            DocStyle::Rustdoc | DocStyle::Godoc => (String::new(), String::new()),
        }
    }

    fn tag_head(&self, kind: EntryKind, item: &Item, shown: Option<&str>) -> (String, String) {
        let mut head = format!("@{}", self.tag);
        if matches!(kind, EntryKind::Raise | EntryKind::Reject) {
            let thrown = Some(item.name.as_str()).filter(|name| !name.is_empty()).or(shown);
            if let Some(thrown) = thrown {
                head.push_str(if self.style == DocStyle::Tsdoc { " {@link " } else { " {" });
                head.push_str(thrown);
                head.push('}');
            }
            return (head, self.separator.clone());
        }
        let (name, rest) = match item.name.strip_prefix("...") {
            Some(name) => (name, true),
            None => (item.name.as_str(), false),
        };
        if let Some(shown) = shown {
            let dots = if rest && !shown.starts_with("...") { "..." } else { "" };
            head.push_str(&format!(" {{{dots}{shown}}}"));
        }
        if !name.is_empty() {
            pad(&mut head, self.name_column);
            let brackets = self.optional && shown.is_some() && (item.optional || item.default.is_some());
            match item.default.as_deref().filter(|default| fits_brackets(default)) {
                Some(default) if brackets => head.push_str(&format!("[{name}={default}]")),
                _ if brackets => head.push_str(&format!("[{name}]")),
                _ => head.push_str(name),
            }
        }
        if let Some(column) = self.text_column.filter(|_| !item.body.is_empty()) {
            let missing = column.saturating_sub(head.chars().count()).max(1);
            let mark = self.separator.trim_start().to_owned();
            return (head, format!("{}{mark}", " ".repeat(missing)));
        }
        (head, self.separator.clone())
    }

    fn lay(&self, head: &str, separator: &str, body: &Body, room: usize) -> Vec<String> {
        let start = format!("{head}{separator}");
        let hang = match &self.hang {
            // Without a head, text moved in would be read as the description of its own first line.
            _ if self.below && head.is_empty() => String::new(),
            Hang::Indent(indent) => indent.clone(),
            Hang::Align => " ".repeat(start.chars().count()),
        };
        // Even in a narrow place a line holds a few words.
        let left = |taken: usize| room.saturating_sub(taken).max(20);
        let hang_length = hang.chars().count();
        if body.is_empty() {
            return if head.is_empty() { Vec::new() } else { vec![start.trim_end().to_owned()] };
        }
        let hung = |line: String| if line.trim().is_empty() { String::new() } else { format!("{hang}{line}") };
        if self.below && !head.is_empty() {
            let text = body.lay(left(hang_length), left(hang_length));
            return std::iter::once(start.trim_end().to_owned()).chain(text.into_iter().map(hung)).collect();
        }
        let mut lines = body.lay(left(start.chars().count()), left(hang_length)).into_iter();
        let first = format!("{start}{}", lines.next().unwrap_or_default());
        std::iter::once(first.trim_end().to_owned()).chain(lines.map(hung)).collect()
    }

    fn type_field(&self, kind: EntryKind, item: &Item) -> Option<String> {
        if self.types != Types::Field || self.type_tag.is_empty() {
            return None;
        }
        let shown = item.type_text.as_deref()?;
        let mark = if self.style == DocStyle::Sphinx { ":" } else { "@" };
        let optional = if item.optional && self.optional { ", optional" } else { "" };
        let named = matches!(kind, EntryKind::Param | EntryKind::Attribute) && !item.name.is_empty();
        let name = if named { format!(" {}", item.name) } else { String::new() };
        Some(format!("{mark}{}{name}: {shown}{optional}", self.type_tag))
    }
}

fn spaces_after(text: &str) -> String {
    text.get(text.trim_end().len()..).unwrap_or("").to_owned()
}

/// Adds the white space that brings the next word to `column`; one space where there is no column, or it is passed already.
fn pad(head: &mut String, column: Option<usize>) {
    let missing = column.unwrap_or(0).saturating_sub(head.chars().count()).max(1);
    head.push_str(&" ".repeat(missing));
}

/// Whether a default can stand in `[name=default]`: short, and its brackets closed.
fn fits_brackets(default: &str) -> bool {
    let mut depth = 0i32;
    for character in default.chars() {
        match character {
            '[' => depth += 1,
            ']' => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0 && default.chars().count() <= 40
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(with_types: bool) -> Layout {
        Layout {
            form: CommentForm::PythonString { prefix: String::new(), quote: "\"\"\"".into() },
            indent: "    ".into(),
            indent_unit: "    ".into(),
            eol: "\n".into(),
            width: 79,
            with_types,
        }
    }

    fn written(style: DocStyle, kind: EntryKind, item: &Item, with_types: bool) -> Vec<String> {
        Shape::of(style, kind, &layout(with_types)).unwrap().write(kind, item, 40).all()
    }

    fn item(name: &str, type_text: &str, text: &str) -> Item {
        Item {
            name: name.into(),
            type_text: Some(type_text.into()),
            optional: true,
            default: Some("5".into()),
            body: Body::Flow(text.into()),
        }
    }

    #[test]
    fn each_style_writes_a_parameter_in_its_own_way() {
        let x = item("x", "int", "The first of the numbers that are added.");
        let expected: [(DocStyle, &[&str]); 6] = [
            (DocStyle::Google, &["x (int, optional): The first of the", "    numbers that are added."]),
            (DocStyle::Numpy, &["x : int, optional", "    The first of the numbers that are", "    added."]),
            (DocStyle::Sphinx, &[":param x: The first of the numbers that", "    are added.", ":type x: int"]),
            (DocStyle::Epydoc, &["@param x: The first of the numbers that", "    are added.", "@type x: int"]),
            (DocStyle::Jsdoc, &["@param {int} [x=5] - The first of the", "  numbers that are added."]),
            (DocStyle::Tsdoc, &["@param x - The first of the numbers that", "  are added."]),
        ];
        for (style, lines) in expected {
            assert_eq!(written(style, EntryKind::Param, &x, true), lines, "{style:?}");
        }
        assert_eq!(written(DocStyle::Google, EntryKind::Param, &x, false)[0], "x: The first of the numbers that are");
    }

    #[test]
    fn returns_and_raises_have_no_name_or_only_a_type() {
        let value = item("", "int", "The sum.");
        let error = Item { type_text: None, ..item("ValueError", "", "If x is 0.") };
        for (style, returns, raises) in [
            (DocStyle::Google, "int: The sum.", "ValueError: If x is 0."),
            (DocStyle::Numpy, "int|    The sum.", "ValueError|    If x is 0."),
            (DocStyle::Sphinx, ":returns: The sum.|:rtype: int", ":raises ValueError: If x is 0."),
            (DocStyle::Jsdoc, "@returns {int} The sum.", "@throws {ValueError} If x is 0."),
            (DocStyle::Tsdoc, "@returns The sum.", "@throws {@link ValueError} If x is 0."),
        ] {
            assert_eq!(written(style, EntryKind::Return, &value, true).join("|"), returns);
            assert_eq!(written(style, EntryKind::Raise, &error, true).join("|"), raises);
        }
    }

    #[test]
    fn a_rest_parameter_and_an_unfit_default_are_written_as_jsdoc_has_them() {
        let rest = Item { optional: false, default: None, ..item("...xs", "number", "All.") };
        assert_eq!(written(DocStyle::Jsdoc, EntryKind::Param, &rest, true), ["@param {...number} xs - All."]);
        let unfit = Item { default: Some("a]".into()), ..item("x", "T", "It.") };
        assert_eq!(written(DocStyle::Jsdoc, EntryKind::Param, &unfit, true), ["@param {T} [x] - It."]);
    }
}

//! Laws that hold for every comment, whatever is in it: no panic, and every place is a true place.

use super::{CommentForm, DocStyle, Docstring, parse};
use crate::text::Span;
use proptest::prelude::*;

/// Asserts that all spans lie within the block, on character boundaries, in order, and hold what is said of them.
fn check(text: &str, doc: &Docstring) {
    let block = doc.block.span;
    let count = doc.block.lines.len();
    let inside = |span: Span| {
        assert!(block.contains(span), "{span:?} outside of {block:?}");
        assert!(text.get(span.range()).is_some(), "{span:?} cuts a character");
    };
    let mut last = block.start;
    for line in &doc.block.lines {
        inside(line.span);
        inside(line.physical);
        assert!(line.physical.contains(line.span) && line.physical.start >= last, "{line:?}");
        assert!(!line.span.of(text).contains(['\n', '\r']) && line.span.of(text).trim_end() == line.span.of(text));
        last = line.physical.end;
    }
    let bytes_of = |lines: &std::ops::Range<usize>| {
        assert!(lines.start < lines.end && lines.end <= count, "{lines:?} of {count}");
        Span::new(doc.block.lines[lines.start].physical.start, doc.block.lines[lines.end - 1].physical.end)
    };
    let mut from = 0;
    for entry in &doc.entries {
        let place = bytes_of(&entry.lines);
        assert!(entry.lines.start >= from, "entries are in order");
        from = entry.lines.start;
        for name in &entry.names {
            inside(name.span);
            assert!(place.contains(name.span) && !name.name.is_empty(), "{name:?} in {entry:?}");
        }
        assert!(entry.names.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start), "{entry:?}");
        if let (Some(tag), Some(span)) = (&entry.tag, entry.tag_span) {
            inside(span);
            assert_eq!(span.of(text), tag);
        }
        if let Some(type_text) = &entry.type_text {
            inside(type_text.span);
            assert!(!type_text.text.is_empty() && !type_text.span.is_empty(), "{entry:?}");
        }
        if let Some(default) = &entry.default {
            inside(default.span);
            assert_eq!(default.span.of(text), default.value);
        }
        inside(entry.description_span);
        assert!(place.contains(entry.description_span), "{entry:?}");
        assert_eq!(entry.description.is_empty(), entry.description_span.is_empty(), "{entry:?}");
        let first = entry.description.split(' ').next().unwrap_or("");
        assert!(entry.description_span.of(text).starts_with(first), "{entry:?}");
        if let Some(section) = entry.section {
            assert!(doc.sections[section].lines.contains(&entry.lines.start));
        }
    }
    let mut from = 0;
    for (index, section) in doc.sections.iter().enumerate() {
        bytes_of(&section.lines);
        bytes_of(&section.header);
        assert!(section.lines.start >= from && section.header.end <= section.lines.end);
        from = section.lines.end;
        inside(section.title_span);
        assert_eq!(section.title_span.of(text), section.title);
        assert!(section.entries.end <= doc.entries.len());
        assert!(doc.entries[section.entries.clone()].iter().all(|entry| entry.section == Some(index)));
    }
    for mention in &doc.mentions {
        inside(mention.span);
        assert_eq!(mention.span.of(text), mention.text);
    }
    assert!(doc.mentions.windows(2).all(|pair| pair[0].span.end <= pair[1].span.start));
    for example in &doc.examples {
        bytes_of(&example.lines);
    }
    for problem in &doc.problems {
        inside(problem.span);
    }
    assert!(doc.summary.end <= count);
}

const WORDS: &[&str] = &[
    "Args:",
    "Returns:",
    "Raises:",
    "Returns: x",
    "Parameters",
    "----------",
    "Returns",
    "-------",
    "x",
    "y : int, optional",
    "x (int): text",
    "*args, **kwargs",
    "\\*args",
    ":param x:",
    ":type x:",
    ":rtype:",
    ":raises ValueError:",
    ":param int x:",
    "@param",
    "{string}",
    "{{a",
    "}",
    "[x=5]",
    "@returns",
    "@throws {TypeError}",
    "@example",
    "```",
    "```js",
    ">>> f(x)",
    "... y",
    "# Errors",
    "# Arguments",
    "* `x` - text",
    "Deprecated: x",
    "`",
    "``",
    "`x`",
    "[`X`]",
    "[x](y)",
    "{@link x}",
    ":func:`~a.b`",
    "Defaults to 5.",
    "(default: 'a')",
    "default=True",
    ", by default None",
    "None",
    "é",
    "🎉",
    "\u{feff}",
    "\u{2028}",
    "\u{3000}",
    "*/",
    "/**",
    "\"\"\"",
    "'''",
    "///",
    "//!",
    "*",
    " * ",
    "\\",
    "::",
    ".. deprecated:: 1",
    ".. code-block:: python",
    "a",
    "-",
    "--",
    ":",
    ",",
    "(",
    ")",
    "[",
    "]",
    "=",
    "|",
    "or",
    "the",
];

const GAPS: &[&str] =
    &["", " ", "  ", "    ", "\t", "\n", "\n    ", "\n        ", "\n\n", "\r\n", "\r\n    ", "\r", "\n * ", "\n\t"];

fn soup() -> impl Strategy<Value = String> {
    let word = prop_oneof![8 => prop::sample::select(WORDS).prop_map(str::to_owned), 1 => "\\PC{0,6}"];
    let gap = prop::sample::select(GAPS);
    prop::collection::vec((word, gap), 0..60)
        .prop_map(|parts| parts.into_iter().map(|(word, gap)| word + gap).collect())
}

fn forms() -> impl Strategy<Value = CommentForm> {
    let python = |prefix: &str, quote: &str| CommentForm::PythonString { prefix: prefix.into(), quote: quote.into() };
    let lines = |marker: &str| CommentForm::Lines { marker: marker.into() };
    prop::sample::select(vec![
        python("", "\"\"\""),
        python("r", "'''"),
        python("Rb", "\""),
        python("", "'"),
        CommentForm::Block { open: "/**".into() },
        CommentForm::Block { open: "/*!".into() },
        CommentForm::Block { open: "/*".into() },
        lines("///"),
        lines("//!"),
        lines("//"),
        lines("#"),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_in_any_form_is_read_without_panic_and_with_true_places(
        before in "[ \t\u{feff}]{0,3}", body in soup(), form in forms(), closed in any::<bool>(), framed in any::<bool>(),
        cut in 0usize..40, style in 0usize..9,
    ) {
        let (open, close) = match &form {
            CommentForm::PythonString { prefix, quote } => (format!("{prefix}{quote}"), quote.clone()),
            CommentForm::Block { open } => (open.clone(), "*/".to_owned()),
            CommentForm::Lines { marker } => (marker.clone(), String::new()),
        };
        let (open, close) = if framed { (open, if closed { close } else { String::new() }) } else { (String::new(), String::new()) };
        let text = format!("{before}{open}{body}{close}tail");
        let end = (before.len() + open.len() + body.len() + close.len()).saturating_sub(if closed { 0 } else { cut });
        let hint = DocStyle::ALL[style];
        let doc = parse(&text, Span::new(before.len(), end), form, hint);
        check(&text, &doc);
    }
}

#[test]
fn hostile_text_takes_no_time_by_the_square() {
    let started = std::time::Instant::now();
    let parts = [
        "[",
        "`` ` ",
        "\"",
        "(",
        "{@link ",
        "```x\n",
        "~~~\n```\n",
        "\n",
        "Raises: a b\n",
        "Args:\n",
        "    x (a\n",
        "@param {a\n",
        ":param x\n",
        ":raises:\n\n",
        "x\n---\n",
        "Returns\n-------\n",
        ">>> x\n",
        "a::\n\n",
        ".. deprecated:: 1\n",
        "default is (",
        "Defaults to `",
        "* `x` - y\n",
        "# Arguments\n",
        "@example\n",
    ];
    for part in parts {
        let body = part.repeat(6_000);
        for (hint, form) in [
            (DocStyle::Google, CommentForm::PythonString { prefix: String::new(), quote: String::new() }),
            (DocStyle::Jsdoc, CommentForm::Block { open: String::new() }),
            (DocStyle::Rustdoc, CommentForm::Lines { marker: String::new() }),
            (DocStyle::Godoc, CommentForm::Lines { marker: String::new() }),
        ] {
            parse(&body, Span::new(0, body.len()), form, hint);
            assert!(started.elapsed().as_secs() < 100, "{part:?} as {hint:?}");
        }
    }
}

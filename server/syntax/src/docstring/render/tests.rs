//! New comments in each style.

use super::*;
use crate::docstring::{CommentForm, EntryDraft, EntryKind, parse};
use crate::text::Span;
use proptest::prelude::*;

fn form_of(style: DocStyle) -> CommentForm {
    match style {
        DocStyle::Jsdoc | DocStyle::Tsdoc => CommentForm::Block { open: "/**".into() },
        DocStyle::Rustdoc => CommentForm::Lines { marker: "///".into() },
        DocStyle::Godoc => CommentForm::Lines { marker: "//".into() },
        _ => CommentForm::PythonString { prefix: String::new(), quote: "\"\"\"".into() },
    }
}

fn layout(style: DocStyle, with_types: bool) -> Layout {
    Layout {
        form: form_of(style),
        indent: "    ".into(),
        indent_unit: "    ".into(),
        eol: "\n".into(),
        width: 60,
        with_types,
    }
}

fn entry(name: &str, type_text: &str, text: &str) -> EntryDraft {
    let type_text = (!type_text.is_empty()).then(|| type_text.to_owned());
    EntryDraft { name: name.into(), type_text, text: text.into(), ..EntryDraft::default() }
}

fn sample() -> DocDraft {
    DocDraft {
        summary: "Join the parts.".into(),
        details: vec!["Parts may be empty, and `a b` stays on one line however narrow the place for it may be.".into()],
        params: vec![
            entry("parts", "list[str]", "The parts."),
            EntryDraft {
                optional: true,
                default: Some("','".into()),
                ..entry("by", "str", "What is put between them.")
            },
        ],
        returns: Some(entry("", "str", "The whole.")),
        raises: vec![entry("ValueError", "", "If a part is too long.")],
        ..DocDraft::default()
    }
}

#[test]
fn each_style_is_written_as_its_readers_know_it() {
    let expected = [
        (
            DocStyle::Google,
            "\"\"\"Join the parts.\n\n    Parts may be empty, and `a b` stays on one line however\n    narrow the place for it may be.\n\n    Args:\n        parts (list[str]): The parts.\n        by (str, optional): What is put between them.\n\n    Returns:\n        str: The whole.\n\n    Raises:\n        ValueError: If a part is too long.\n    \"\"\"",
        ),
        (
            DocStyle::Numpy,
            "\"\"\"Join the parts.\n\n    Parts may be empty, and `a b` stays on one line however\n    narrow the place for it may be.\n\n    Parameters\n    ----------\n    parts : list[str]\n        The parts.\n    by : str, optional\n        What is put between them.\n\n    Returns\n    -------\n    str\n        The whole.\n\n    Raises\n    ------\n    ValueError\n        If a part is too long.\n    \"\"\"",
        ),
        (
            DocStyle::Sphinx,
            "\"\"\"Join the parts.\n\n    Parts may be empty, and `a b` stays on one line however\n    narrow the place for it may be.\n\n    :param parts: The parts.\n    :type parts: list[str]\n    :param by: What is put between them.\n    :type by: str\n    :returns: The whole.\n    :rtype: str\n    :raises ValueError: If a part is too long.\n    \"\"\"",
        ),
        (
            DocStyle::Jsdoc,
            "/**\n     * Join the parts.\n     *\n     * Parts may be empty, and `a b` stays on one line\n     * however narrow the place for it may be.\n     *\n     * @param {list[str]} parts - The parts.\n     * @param {str} [by=','] - What is put between them.\n     * @returns {str} The whole.\n     * @throws {ValueError} If a part is too long.\n     */",
        ),
        (
            DocStyle::Tsdoc,
            "/**\n     * Join the parts.\n     *\n     * Parts may be empty, and `a b` stays on one line\n     * however narrow the place for it may be.\n     *\n     * @param parts - The parts.\n     * @param by - What is put between them.\n     * @returns The whole.\n     * @throws {@link ValueError} If a part is too long.\n     */",
        ),
        (
            DocStyle::Rustdoc,
            "/// Join the parts.\n    ///\n    /// Parts may be empty, and `a b` stays on one line\n    /// however narrow the place for it may be.\n    ///\n    /// # Errors\n    ///\n    /// If a part is too long.",
        ),
        (
            DocStyle::Godoc,
            "// Join the parts.\n    //\n    // Parts may be empty, and `a b` stays on one line\n    // however narrow the place for it may be.",
        ),
    ];
    for (style, text) in expected {
        let found = render(&sample(), style, &layout(style, true));
        assert_eq!(found, text, "\n{found}");
    }
}

#[test]
fn a_summary_alone_takes_one_line_where_it_fits() {
    let short = DocDraft { summary: "Join.".into(), ..DocDraft::default() };
    for (style, text) in [
        (DocStyle::Google, "\"\"\"Join.\"\"\""),
        (DocStyle::Jsdoc, "/** Join. */"),
        (DocStyle::Rustdoc, "/// Join."),
        (DocStyle::Godoc, "// Join."),
    ] {
        assert_eq!(render(&short, style, &layout(style, true)), text);
    }
    let quoted = DocDraft { summary: "Say \"x\"".into(), ..DocDraft::default() };
    assert_eq!(render(&quoted, DocStyle::Google, &layout(DocStyle::Google, true)), "\"\"\"Say \"x\"\n    \"\"\"");
    let single = Layout {
        form: CommentForm::PythonString { prefix: "r".into(), quote: "'".into() },
        ..layout(DocStyle::Google, true)
    };
    assert_eq!(render(&short, DocStyle::Google, &single), "r'Join.'");
    assert!(render(&sample(), DocStyle::Google, &single).starts_with("r'''Join the parts.\n"));
    let long = DocDraft { summary: "word ".repeat(12).trim().into(), ..DocDraft::default() };
    assert_eq!(render(&long, DocStyle::Jsdoc, &layout(DocStyle::Jsdoc, true)).lines().count(), 4);
    assert_eq!(render(&DocDraft::default(), DocStyle::Jsdoc, &layout(DocStyle::Jsdoc, true)), "/** */");
    assert_eq!(render(&DocDraft::default(), DocStyle::Google, &layout(DocStyle::Google, true)), "\"\"\"\"\"\"");
}

#[test]
fn sections_of_rust_and_go_hold_their_texts() {
    let draft = DocDraft {
        summary: "Reads.".into(),
        panics: vec!["Panics if empty.".into(), "Panics if long.".into()],
        safety: Some("The pointer must be valid.".into()),
        deprecated: Some("Use b.".into()),
        ..DocDraft::default()
    };
    assert_eq!(
        render(&DocDraft { deprecated: None, ..draft.clone() }, DocStyle::Rustdoc, &layout(DocStyle::Rustdoc, true)),
        "/// Reads.\n    ///\n    /// # Panics\n    ///\n    /// - Panics if empty.\n    /// - Panics if long.\n    ///\n    /// # Safety\n    ///\n    /// The pointer must be valid."
    );
    assert_eq!(
        render(&draft, DocStyle::Godoc, &layout(DocStyle::Godoc, true)),
        "// Reads.\n    //\n    // Deprecated: Use b."
    );
    assert_eq!(
        render(&draft, DocStyle::Sphinx, &layout(DocStyle::Sphinx, true)),
        "\"\"\"Reads.\n\n    .. deprecated:: Use b.\n    \"\"\""
    );
    assert_eq!(
        render(&draft, DocStyle::Jsdoc, &layout(DocStyle::Jsdoc, true)),
        "/**\n     * Reads.\n     * @deprecated Use b.\n     */"
    );
}

#[test]
fn paragraphs_in_lines_of_their_own_stay_as_they_are() {
    let draft =
        DocDraft { summary: "A.".into(), details: vec!["Steps:\n\n  1. one\n  2. two".into()], ..DocDraft::default() };
    let found = render(&draft, DocStyle::Jsdoc, &Layout { eol: "\r\n".into(), ..layout(DocStyle::Jsdoc, true) });
    assert_eq!(
        found,
        "/**\r\n     * A.\r\n     *\r\n     * Steps:\r\n     *\r\n     *   1. one\r\n     *   2. two\r\n     */"
    );
}

type Facts = Vec<(EntryKind, Vec<String>, Option<String>)>;

/// What a style shows of the draft: kinds, names and types in order.
fn shown(draft: &DocDraft, style: DocStyle, with_types: bool) -> Facts {
    let mut facts = Vec::new();
    let typed = with_types && style != DocStyle::Tsdoc;
    let mut add = |kind, entries: &[EntryDraft]| {
        for entry in entries {
            let bare = entry.name.trim_start_matches(['*', '.']).to_owned();
            let names = if bare.is_empty() { Vec::new() } else { vec![bare] };
            let has_type =
                typed && !matches!(kind, EntryKind::Raise) && !names.iter().any(|_| kind == EntryKind::TypeParam);
            facts.push((kind, names, entry.type_text.clone().filter(|_| has_type)));
        }
    };
    add(EntryKind::Param, &draft.params);
    add(EntryKind::Return, draft.returns.as_slice());
    add(EntryKind::Yield, draft.yields.as_slice());
    add(EntryKind::Raise, &draft.raises);
    facts
}

fn read_back(text: &str, style: DocStyle, layout: &Layout) -> Facts {
    let text = format!("{}{text}", layout.indent);
    let doc = parse(&text, Span::new(layout.indent.len(), text.len()), layout.form.clone(), style);
    assert!(doc.problems.is_empty(), "{:?}\n{text}", doc.problems);
    let is_typed = |kind| !matches!(kind, EntryKind::Raise);
    let entries = doc.entries.iter().map(|entry| {
        let names = entry.names.iter().map(|name| name.name.clone()).collect();
        let type_text = entry.type_text.as_ref().filter(|_| is_typed(entry.kind));
        let type_text = type_text.map(|mention| mention.text.trim_start_matches('.').to_owned());
        (entry.kind, names, type_text)
    });
    entries.collect()
}

fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "the",
        "Größe",
        "🎉",
        "of",
        "`a b`",
        "value",
        "is",
        "used,",
        "then",
        "@mail",
        "**/",
        "*/",
        "\"quoted\"",
        "it's",
        "\\d+",
        "{@link X}",
        "10",
        "(see",
        "below)",
        "-",
        "x:",
        "/*",
        "\"\"\"",
    ]);
    prop::collection::vec(word, 1..24).prop_map(|words| format!("The {}.", words.join(" ")))
}

fn types() -> impl Strategy<Value = Option<String>> {
    prop::option::of(
        prop::sample::select(vec!["int", "list[str]", "dict[str, int]", "Foo.Bar"]).prop_map(str::to_owned),
    )
}

fn drafts() -> impl Strategy<Value = DocDraft> {
    let names = prop::sample::subsequence(vec!["a", "item_2", "größe", "returns", "x_", "kwargs"], 0..6);
    let param = (types(), words(), any::<bool>(), any::<bool>());
    let params = (names, prop::collection::vec(param, 6));
    let one = || prop::option::of((types(), words()));
    let raises = prop::collection::vec(words(), 0..3);
    (words(), prop::collection::vec(words(), 0..3), params, one(), one(), raises).prop_map(
        |(summary, details, (names, params), returns, yields, raises)| {
            let param = |(name, (type_text, text, optional, stated)): (&str, (Option<String>, String, bool, bool))| {
                EntryDraft { name: name.to_owned(), type_text, optional, default: stated.then(|| "5".to_owned()), text }
            };
            let value = |(type_text, text)| EntryDraft { type_text, text, ..EntryDraft::default() };
            let raise =
                |(name, text): (&str, String)| EntryDraft { name: name.to_owned(), text, ..EntryDraft::default() };
            DocDraft {
                summary,
                details,
                params: names.into_iter().zip(params).map(param).collect(),
                returns: returns.map(value),
                yields: yields.map(value),
                raises: ["ValueError", "errors.NotFound"].into_iter().zip(raises).map(raise).collect(),
                ..DocDraft::default()
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back(draft in drafts(), style in 0usize..6, with_types in any::<bool>(), raw in any::<bool>(), width in 30usize..100) {
        let style = [DocStyle::Google, DocStyle::Numpy, DocStyle::Sphinx, DocStyle::Epydoc, DocStyle::Jsdoc, DocStyle::Tsdoc][style];
        let mut layout = Layout { width, ..layout(style, with_types) };
        if let CommentForm::PythonString { prefix, .. } = &mut layout.form {
            *prefix = if raw { "r".to_owned() } else { String::new() };
        }
        let text = render(&draft, style, &layout);
        prop_assert_eq!(read_back(&text, style, &layout), shown(&draft, style, with_types), "\n{}", text);
    }

    #[test]
    fn no_word_ends_the_comment(draft in drafts(), style in 0usize..9, width in 30usize..100) {
        let style = DocStyle::ALL[style];
        let text = render(&draft, style, &Layout { width, ..layout(style, true) });
        match form_of(style) {
            CommentForm::Block { .. } => prop_assert_eq!(text.find("*/"), Some(text.len() - 2)),
            CommentForm::PythonString { quote, .. } => {
                let inner = &text[quote.len()..text.len() - quote.len()];
                prop_assert!(!inner.replace("\\\\", "").replace("\\\"", "").contains(&quote), "{}", text);
                prop_assert!(!inner.ends_with('"') && !inner.ends_with('\\'), "{}", text);
            }
            CommentForm::Lines { marker } => prop_assert!(text.lines().all(|line| line.trim_start().starts_with(&marker))),
        }
    }
}

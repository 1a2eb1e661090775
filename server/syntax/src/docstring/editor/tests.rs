//! Each operation of the editor on each style, before and after.

use super::*;
use crate::docstring::{CommentForm, parse};
use crate::text::apply_edits;

fn layout(text: &str, form: &CommentForm, with_types: bool) -> Layout {
    Layout {
        form: form.clone(),
        indent: String::new(),
        indent_unit: if text.contains("\n\t") { "\t".into() } else { "    ".into() },
        eol: if text.contains("\r\n") { "\r\n".into() } else { "\n".into() },
        width: 79,
        with_types,
    }
}

/// The comment in `text`: from the first delimiter or marker to the last.
fn read(text: &str, hint: DocStyle) -> Docstring {
    let (start, end, form) = if let Some(start) = text.find("/**") {
        (start, text.rfind("*/").unwrap() + 2, CommentForm::Block { open: "/**".into() })
    } else if let Some((start, marker)) = ["///", "//"].iter().find_map(|marker| Some((text.find(marker)?, *marker))) {
        let last = text.rfind(marker).unwrap();
        let end = text[last..].find(['\r', '\n']).map_or(text.len(), |at| last + at);
        (start, end, CommentForm::Lines { marker: marker.to_owned() })
    } else {
        let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| text.contains(quote)).unwrap();
        let mut start = text.find(quote).unwrap();
        let raw = text[..start].ends_with('r');
        start -= usize::from(raw);
        let prefix = if raw { "r" } else { "" };
        (
            start,
            text.rfind(quote).unwrap() + quote.len(),
            CommentForm::PythonString { prefix: prefix.into(), quote: quote.into() },
        )
    };
    parse(text, Span::new(start, end), form, hint)
}

fn edited(before: &str, hint: DocStyle, change: impl Fn(&mut DocEditor<'_>)) -> String {
    let doc = read(before, hint);
    let layout = layout(before, &doc.block.form, true);
    let mut editor = DocEditor::new(before, &doc, layout).with_style(hint);
    change(&mut editor);
    let edits = editor.finish();
    assert!(edits.iter().all(|edit| doc.block.span.contains(edit.span)), "{edits:?} beyond {:?}", doc.block.span);
    apply_edits(before, &edits).expect("edits do not overlap")
}

#[track_caller]
fn check(hint: DocStyle, before: &str, change: impl Fn(&mut DocEditor<'_>), after: &str) {
    let found = edited(before, hint, change);
    assert_eq!(found, after, "\n--- found ---\n{found}\n--- wanted ---\n{after}");
}

fn draft(name: &str, type_text: &str, text: &str) -> EntryDraft {
    let type_text = (!type_text.is_empty()).then(|| type_text.to_owned());
    EntryDraft { name: name.into(), type_text, text: text.into(), ..EntryDraft::default() }
}

const GOOGLE: &str = "def f(a, b):\n    \"\"\"Add `a` to b.\n\n    Args:\n        a (int): The first 🎉.\n            It is `a`.\n        b: The second.\t\n\n    Returns:\n        int: The sum.\n    \"\"\"\n    return a + b\n";

const NUMPY: &str = "def f(x, y, z):\n    \"\"\"Say `x`.\n\n    Parameters\n    ----------\n    x, y : int\n        Points.\n    z: str, optional\n        Name. Defaults to 'a'.\n\n    Returns\n    -------\n    float\n        Distance.\n\n    \"\"\"\n";

const SPHINX: &str = "    \"\"\"Say it.\n\n    :param a: First.\n    :type a: int\n    :param b: Second,\n        still.\n    :type b: str\n    :returns: Sum.\n    :rtype: int\n    \"\"\"";

const JSDOC: &str = "\t/**\n\t * Adds.\n\t *\n\t * @param {Object} opts - Options.\n\t * @param {string} opts.name - Name.\n\t * @param {number} count - `count` of it.\n\t * @returns {number} Sum.\n\t */\n\tf(opts, count) {}\n";

#[test]
fn a_rename_touches_only_the_name_and_its_mentions() {
    check(
        DocStyle::Google,
        GOOGLE,
        |editor| editor.rename(0, 0, "first"),
        &GOOGLE.replace("`a`", "`first`").replace("a (int)", "first (int)"),
    );
    check(
        DocStyle::Numpy,
        NUMPY,
        |editor| editor.rename(0, 0, "left"),
        &NUMPY.replace("`x`", "`left`").replace("x, y :", "left, y :"),
    );
    check(
        DocStyle::Sphinx,
        SPHINX,
        |editor| editor.rename(1, 0, "c"),
        &SPHINX.replace("param b:", "param c:").replace("type b:", "type c:"),
    );
    check(DocStyle::Jsdoc, JSDOC, |editor| editor.rename(0, 0, "settings"), &JSDOC.replace("} opts", "} settings"));
    let crlf = GOOGLE.replace('\n', "\r\n");
    check(
        DocStyle::Google,
        &crlf,
        |editor| editor.rename(0, 0, "é"),
        &crlf.replace("`a`", "`é`").replace("a (int)", "é (int)"),
    );
}

#[test]
fn a_rename_keeps_stars_escapes_and_columns() {
    let stars = "\"\"\"A.\n\nArgs:\n    *args: One.\n    **kwargs: Two.\n\"\"\"";
    check(DocStyle::Google, stars, |editor| editor.rename(1, 0, "options"), &stars.replace("kwargs", "options"));
    let escaped = "\"\"\"A.\n\n:param type\\_: One.\n:type type\\_: int\n\"\"\"";
    check(DocStyle::Sphinx, escaped, |editor| editor.rename(0, 0, "kind_"), &escaped.replace("type\\_", "kind\\_"));
    let columns = "/**\n * @param {int}  ab   - one\n * @param {long} abcd - two\n */";
    check(
        DocStyle::Jsdoc,
        columns,
        |editor| editor.rename(0, 0, "abc"),
        "/**\n * @param {int}  abc  - one\n * @param {long} abcd - two\n */",
    );
}

#[test]
fn an_entry_goes_with_its_lines_and_its_type() {
    check(
        DocStyle::Google,
        GOOGLE,
        |editor| editor.remove_entry(0),
        "def f(a, b):\n    \"\"\"Add `a` to b.\n\n    Args:\n        b: The second.\t\n\n    Returns:\n        int: The sum.\n    \"\"\"\n    return a + b\n",
    );
    check(
        DocStyle::Sphinx,
        SPHINX,
        |editor| editor.remove_entry(1),
        "    \"\"\"Say it.\n\n    :param a: First.\n    :type a: int\n    :returns: Sum.\n    :rtype: int\n    \"\"\"",
    );
    check(
        DocStyle::Sphinx,
        SPHINX,
        |editor| editor.remove_entry(2),
        "    \"\"\"Say it.\n\n    :param a: First.\n    :type a: int\n    :param b: Second,\n        still.\n    :type b: str\n    \"\"\"",
    );
    check(
        DocStyle::Jsdoc,
        JSDOC,
        |editor| editor.remove_entry(0),
        "\t/**\n\t * Adds.\n\t *\n\t * @param {number} count - `count` of it.\n\t * @returns {number} Sum.\n\t */\n\tf(opts, count) {}\n",
    );
}

#[test]
fn the_last_entry_takes_its_section_and_the_blank_lines_along() {
    check(
        DocStyle::Google,
        GOOGLE,
        |editor| editor.remove_kind(EntryKind::Return),
        "def f(a, b):\n    \"\"\"Add `a` to b.\n\n    Args:\n        a (int): The first 🎉.\n            It is `a`.\n        b: The second.\t\n    \"\"\"\n    return a + b\n",
    );
    let both = |editor: &mut DocEditor<'_>| {
        editor.remove_entry(0);
        editor.remove_entry(1);
    };
    check(
        DocStyle::Google,
        GOOGLE,
        both,
        "def f(a, b):\n    \"\"\"Add `a` to b.\n\n    Returns:\n        int: The sum.\n    \"\"\"\n    return a + b\n",
    );
    check(
        DocStyle::Numpy,
        NUMPY,
        both,
        "def f(x, y, z):\n    \"\"\"Say `x`.\n\n    Returns\n    -------\n    float\n        Distance.\n\n    \"\"\"\n",
    );
    check(
        DocStyle::Numpy,
        NUMPY,
        |editor| editor.remove_entry(2),
        "def f(x, y, z):\n    \"\"\"Say `x`.\n\n    Parameters\n    ----------\n    x, y : int\n        Points.\n    z: str, optional\n        Name. Defaults to 'a'.\n    \"\"\"\n",
    );
    check(
        DocStyle::Google,
        "    \"\"\"Foo.\n\n    Returns:\n        int: It.\"\"\"",
        |editor| editor.remove_entry(0),
        "    \"\"\"Foo.\"\"\"",
    );
    check(DocStyle::Jsdoc, "/** @param x foo */", |editor| editor.remove_entry(0), "/** */");
    check(DocStyle::Sphinx, "\"\"\":param x: foo\"\"\"", |editor| editor.remove_entry(0), "\"\"\"\"\"\"");
    check(DocStyle::Jsdoc, "/** Foo.\n * @return x\n */", |editor| editor.remove_entry(0), "/** Foo.\n */");
}

#[test]
fn a_name_leaves_its_group() {
    check(DocStyle::Numpy, NUMPY, |editor| editor.remove_name(0, 0), &NUMPY.replace("x, y :", "y :"));
    check(DocStyle::Numpy, NUMPY, |editor| editor.remove_name(0, 1), &NUMPY.replace("x, y :", "x :"));
    let three = "\"\"\"A.\n\nArgs:\n    a, *b, c (int): Them.\n\"\"\"";
    for (names, left) in
        [(vec![0], "*b, c"), (vec![1], "a, c"), (vec![0, 2], "*b"), (vec![1, 2], "a"), (vec![0, 1], "c")]
    {
        let remove = |editor: &mut DocEditor<'_>| names.iter().for_each(|&name| editor.remove_name(0, name));
        check(DocStyle::Google, three, remove, &three.replace("a, *b, c", left));
    }
    let all = |editor: &mut DocEditor<'_>| (0..3).for_each(|name| editor.remove_name(0, name));
    check(DocStyle::Google, three, all, "\"\"\"A.\n\"\"\"");
}

#[test]
fn a_new_entry_is_written_like_its_neighbours() {
    let c = draft("c", "str", "The third.");
    let google = GOOGLE.replace("second.\t\n", "second.\t\n        c (str): The third.\n");
    check(DocStyle::Google, GOOGLE, |editor| editor.insert(EntryKind::Param, Some(1), &c), &google);
    let google = GOOGLE.replace("Args:\n", "Args:\n        c (str): The third.\n");
    check(DocStyle::Google, GOOGLE, |editor| editor.insert(EntryKind::Param, None, &c), &google);
    let numpy = NUMPY.replace("'a'.\n", "'a'.\n    c : str\n        The third.\n");
    check(DocStyle::Numpy, NUMPY, |editor| editor.insert(EntryKind::Param, Some(1), &c), &numpy);
    let sphinx = SPHINX.replace(":type b: str\n", ":type b: str\n    :param c: The third.\n    :type c: str\n");
    check(DocStyle::Sphinx, SPHINX, |editor| editor.insert(EntryKind::Param, Some(1), &c), &sphinx);
    let jsdoc = JSDOC.replace("count` of it.\n", "count` of it.\n\t * @param {str} c - The third.\n");
    check(DocStyle::Jsdoc, JSDOC, |editor| editor.insert(EntryKind::Param, Some(2), &c), &jsdoc);
    let jsdoc = JSDOC.replace("Name.\n", "Name.\n\t * @param {str} c - The third.\n");
    check(DocStyle::Jsdoc, JSDOC, |editor| editor.insert(EntryKind::Param, Some(0), &c), &jsdoc);
}

#[test]
fn habits_of_the_docstring_are_kept() {
    let x = draft("zed", "int", "The third.");
    let insert = |editor: &mut DocEditor<'_>| editor.insert(EntryKind::Param, Some(1), &x);
    for (style, before, after) in [
        (
            DocStyle::Jsdoc,
            "/**\n * @arg a one\n * @arg b two\n */",
            "/**\n * @arg a one\n * @arg b two\n * @arg zed The third.\n */",
        ),
        (
            DocStyle::Jsdoc,
            "/**\n * @param {int}    a   one\n * @param {string} bcd two\n */",
            "/**\n * @param {int}    a   one\n * @param {string} bcd two\n * @param {int}    zed The third.\n */",
        ),
        (
            DocStyle::Google,
            "\"\"\"A.\n\nArgs:\n  a: One.\n\n  b: Two.\n\nReturns:\n  It.\n\"\"\"",
            "\"\"\"A.\n\nArgs:\n  a: One.\n\n  b: Two.\n\n  zed: The third.\n\nReturns:\n  It.\n\"\"\"",
        ),
        (
            DocStyle::Sphinx,
            "\"\"\"A.\n\n:param int a: One.\n:param str b: Two.\n\"\"\"",
            "\"\"\"A.\n\n:param int a: One.\n:param str b: Two.\n:param int zed: The third.\n\"\"\"",
        ),
        (
            DocStyle::Sphinx,
            "\"\"\"A.\n\n:arg a: One.\n:arg b: Two.\n:type a: int\n:type b: int\n:return: It.\n\"\"\"",
            "\"\"\"A.\n\n:arg a: One.\n:arg b: Two.\n:arg zed: The third.\n:type a: int\n:type b: int\n:type zed: int\n:return: It.\n\"\"\"",
        ),
        (
            DocStyle::Numpy,
            "\"\"\"A.\n\nParameters\n----------\na: int\n  One.\nb: int\n  Two.\n\"\"\"",
            "\"\"\"A.\n\nParameters\n----------\na: int\n  One.\nb: int\n  Two.\nzed: int\n  The third.\n\"\"\"",
        ),
    ] {
        check(style, before, insert, after);
    }
    let markdown = "/// A.\n///\n/// # Arguments\n///\n/// * `a` - One.\n/// * `b` - Two.\nfn f() {}";
    check(DocStyle::Rustdoc, markdown, insert, &markdown.replace("Two.\n", "Two.\n/// * `zed` - The third.\n"));
}

#[test]
fn a_long_description_is_wrapped_and_hung_like_the_others() {
    let long = draft("c", "", &"word ".repeat(20));
    let found = edited("\"\"\"A.\n\nArgs:\n    a: One\n       two.\n\"\"\"", DocStyle::Google, |editor| {
        editor.insert(EntryKind::Param, Some(0), &long)
    });
    assert!(found.contains("\n    c: word word"), "{found}");
    assert!(found.contains("\n       word word"), "{found}");
    assert!(found.lines().all(|line| line.chars().count() <= 79), "{found}");
}

#[test]
fn a_new_section_stands_where_the_style_wants_it() {
    let value = draft("", "int", "The sum.");
    let error = draft("ValueError", "", "If a is 0.");
    let change = |editor: &mut DocEditor<'_>| {
        editor.insert(EntryKind::Raise, None, &error);
        editor.insert(EntryKind::Yield, None, &value);
    };
    let google = GOOGLE.replace(
        "int: The sum.\n",
        "int: The sum.\n\n    Yields:\n        int: The sum.\n\n    Raises:\n        ValueError: If a is 0.\n",
    );
    check(DocStyle::Google, GOOGLE, change, &google);
    let numpy = NUMPY.replace("Distance.\n", "Distance.\n\n    Yields\n    ------\n    int\n        The sum.\n\n    Raises\n    ------\n    ValueError\n        If a is 0.\n");
    check(DocStyle::Numpy, NUMPY, change, &numpy);
    let sphinx = SPHINX.replace(
        ":rtype: int\n",
        ":rtype: int\n    :yields: The sum.\n    :ytype: int\n    :raises ValueError: If a is 0.\n",
    );
    check(DocStyle::Sphinx, SPHINX, change, &sphinx);
    let jsdoc = JSDOC.replace("Sum.\n", "Sum.\n\t * @yields {int} The sum.\n\t * @throws {ValueError} If a is 0.\n");
    check(DocStyle::Jsdoc, JSDOC, change, &jsdoc);
    let notes = "\"\"\"A.\n\nNotes\n-----\nText.\n\"\"\"";
    let after = "\"\"\"A.\n\nRaises\n------\nValueError\n    If a is 0.\n\nNotes\n-----\nText.\n\"\"\"";
    check(DocStyle::Numpy, notes, |editor| editor.insert(EntryKind::Raise, None, &error), after);
    let example = "/**\n * A.\n *\n * @example\n * f()\n */";
    let after = "/**\n * A.\n *\n * @throws {ValueError} If a is 0.\n * @example\n * f()\n */";
    check(DocStyle::Jsdoc, example, |editor| editor.insert(EntryKind::Raise, None, &error), after);
}

#[test]
fn a_comment_of_one_line_becomes_one_of_many() {
    let x = draft("x", "int", "It.");
    let insert = |editor: &mut DocEditor<'_>| editor.insert(EntryKind::Param, None, &x);
    for (style, before, after) in [
        (
            DocStyle::Google,
            "    \"\"\"Foo.\"\"\"\r\n",
            "    \"\"\"Foo.\r\n\r\n    Args:\r\n        x (int): It.\r\n    \"\"\"\r\n",
        ),
        (DocStyle::Numpy, "\tr'''Foo.'''", "\tr'''Foo.\n\n\tParameters\n\t----------\n\tx : int\n\t    It.\n\t'''"),
        (DocStyle::Sphinx, "  \"Foo.\"", "  \"\"\"Foo.\n\n  :param x: It.\n  :type x: int\n  \"\"\""),
        (DocStyle::Jsdoc, "  /** Foo. */", "  /**\n   * Foo.\n   * @param {int} x - It.\n   */"),
        (DocStyle::Tsdoc, "  /** Foo. */", "  /**\n   * Foo.\n   *\n   * @param x - It.\n   */"),
        (DocStyle::Jsdoc, "/** Foo.\n * Bar.\n */", "/** Foo.\n * Bar.\n * @param {int} x - It.\n */"),
    ] {
        check(style, before, insert, after);
    }
    let panics = |editor: &mut DocEditor<'_>| editor.add_section(EntryKind::Panic, "Panics if x is 0.");
    check(
        DocStyle::Rustdoc,
        "  /// Foo.\n  fn f() {}",
        panics,
        "  /// Foo.\n  ///\n  /// # Panics\n  ///\n  /// Panics if x is 0.\n  fn f() {}",
    );
    let deprecated = |editor: &mut DocEditor<'_>| editor.add_section(EntryKind::Deprecated, "Use g.");
    check(DocStyle::Godoc, "// F is.\nfunc F() {}", deprecated, "// F is.\n//\n// Deprecated: Use g.\nfunc F() {}");
}

#[test]
fn an_empty_comment_takes_entries() {
    let x = draft("x", "int", "It.");
    let insert = |editor: &mut DocEditor<'_>| editor.insert(EntryKind::Param, None, &x);
    check(DocStyle::Jsdoc, "/** */", insert, "/**\n * @param {int} x - It.\n */");
    check(DocStyle::Jsdoc, "/**\n *\n */", insert, "/**\n *\n * @param {int} x - It.\n */");
    check(DocStyle::Google, "\"\"\" \"\"\"", insert, "\"\"\"\nArgs:\n    x (int): It.\n\"\"\"");
}

#[test]
fn a_type_field_of_a_grouped_name_follows_it() {
    let before = "\"\"\"A `b.c` and `bc`.\n\n:param a, b: Two.\n:type a: int\n:type b: str\n\"\"\"";
    check(
        DocStyle::Sphinx,
        before,
        |editor| editor.rename(0, 1, "new"),
        &before.replace("`b.c`", "`new.c`").replace("a, b", "a, new").replace("type b", "type new"),
    );
    let after = before.replace("a, b", "a").replace(":type b: str\n", "");
    check(DocStyle::Sphinx, before, |editor| editor.remove_name(0, 1), &after);
    check(DocStyle::Sphinx, before, |editor| editor.remove_entry(0), "\"\"\"A `b.c` and `bc`.\n\"\"\"");
}

#[test]
fn prose_joins_the_section_that_is_there() {
    let before = "/// A.\n///\n/// # Panics\n///\n/// If x.\n///\n/// # Examples\n///\n/// None.\n";
    let panics = |editor: &mut DocEditor<'_>| editor.add_section(EntryKind::Panic, "If y.");
    check(DocStyle::Rustdoc, before, panics, &before.replace("If x.\n", "If x.\n///\n/// If y.\n"));
    let errors = |editor: &mut DocEditor<'_>| editor.add_section(EntryKind::Raise, "If z.");
    check(
        DocStyle::Rustdoc,
        before,
        errors,
        &before.replace("/// # Panics", "/// # Errors\n///\n/// If z.\n///\n/// # Panics"),
    );
    check(
        DocStyle::Jsdoc,
        "/** A. */",
        |editor| editor.add_section(EntryKind::Deprecated, "Use b."),
        "/**\n * A.\n * @deprecated Use b.\n */",
    );
    check(
        DocStyle::Google,
        "\"\"\"A.\n\nArgs:\n    x: It.\n\"\"\"",
        |editor| editor.add_section(EntryKind::Deprecated, "1.0 Use b."),
        "\"\"\"A.\n\n.. deprecated:: 1.0 Use b.\n\nArgs:\n    x: It.\n\"\"\"",
    );
}

#[test]
fn entries_change_places_and_blank_lines_stay() {
    check(
        DocStyle::Google,
        "\"\"\"A.\n\nArgs:\n    a: One.\n\n    b: Two,\n        more.\n    c: Three.\"\"\"",
        |editor| editor.reorder(&[2, 0, 1]),
        "\"\"\"A.\n\nArgs:\n    c: Three.\n\n    a: One.\n    b: Two,\n        more.\"\"\"",
    );
    check(
        DocStyle::Jsdoc,
        "/** @param a one\n * @param b two */",
        |editor| editor.reorder(&[1, 0]),
        "/** @param b two\n * @param a one */",
    );
    check(
        DocStyle::Jsdoc,
        JSDOC,
        |editor| editor.reorder(&[2, 0]),
        "\t/**\n\t * Adds.\n\t *\n\t * @param {number} count - `count` of it.\n\t * @param {Object} opts - Options.\n\t * @param {string} opts.name - Name.\n\t * @returns {number} Sum.\n\t */\n\tf(opts, count) {}\n",
    );
    check(
        DocStyle::Sphinx,
        "\"\"\"A.\n\n:param a: One.\n:param b: Two.\n:type a: int\n:type b: str\n\"\"\"",
        |editor| editor.reorder(&[1, 0]),
        "\"\"\"A.\n\n:param b: Two.\n:param a: One.\n:type b: str\n:type a: int\n\"\"\"",
    );
    check(DocStyle::Google, GOOGLE, |editor| editor.reorder(&[0, 1]), GOOGLE);
    check(DocStyle::Google, GOOGLE, |editor| editor.reorder(&[9, 1, 1]), GOOGLE);
}

#[test]
fn names_of_a_group_change_places() {
    let group = "\"\"\"A `b`.\n\nArgs:\n    a, *b, c (int): Them.\n\"\"\"";
    check(
        DocStyle::Google,
        group,
        |editor| editor.reorder_names(0, &[2, 0, 1]),
        &group.replace("a, *b, c", "c, a, *b"),
    );
    let change = |editor: &mut DocEditor<'_>| {
        editor.rename(0, 1, "d");
        editor.remove_name(0, 0);
        editor.reorder_names(0, &[2, 1, 0]);
    };
    check(DocStyle::Google, group, change, &group.replace("a, *b, c", "c, *d").replace("`b`", "`d`"));
    check(DocStyle::Google, group, |editor| editor.reorder_names(0, &[3, 0, 1]), group);
}

#[test]
fn types_are_set_added_and_taken_away() {
    check(
        DocStyle::Google,
        GOOGLE,
        |editor| editor.set_type(0, Some("list[int]")),
        &GOOGLE.replace("a (int)", "a (list[int])"),
    );
    check(DocStyle::Google, GOOGLE, |editor| editor.set_type(0, None), &GOOGLE.replace("a (int)", "a"));
    check(
        DocStyle::Google,
        GOOGLE,
        |editor| editor.set_type(1, Some("str")),
        &GOOGLE.replace("b: The", "b (str): The"),
    );
    check(DocStyle::Google, GOOGLE, |editor| editor.set_type(2, None), &GOOGLE.replace("int: The sum", "The sum"));
    check(DocStyle::Numpy, NUMPY, |editor| editor.set_type(0, None), &NUMPY.replace("x, y : int", "x, y"));
    check(DocStyle::Numpy, NUMPY, |editor| editor.set_type(1, None), &NUMPY.replace("z: str, optional", "z: optional"));
    check(DocStyle::Numpy, NUMPY, |editor| editor.set_type(2, Some("complex")), &NUMPY.replace("float", "complex"));
    check(DocStyle::Sphinx, SPHINX, |editor| editor.set_type(0, None), &SPHINX.replace("    :type a: int\n", ""));
    check(
        DocStyle::Sphinx,
        SPHINX,
        |editor| editor.set_type(2, Some("str")),
        &SPHINX.replace(":rtype: int", ":rtype: str"),
    );
    let bare = SPHINX.replace("    :type b: str\n", "");
    check(DocStyle::Sphinx, &bare, |editor| editor.set_type(1, Some("str")), SPHINX);
    check(DocStyle::Jsdoc, JSDOC, |editor| editor.set_type(2, None), &JSDOC.replace("{number} count", "count"));
    check(
        DocStyle::Jsdoc,
        JSDOC,
        |editor| editor.set_type(3, Some("bigint")),
        &JSDOC.replace("{number} Sum", "{bigint} Sum"),
    );
    let untyped = JSDOC.replace("{number} count", "count");
    check(DocStyle::Jsdoc, &untyped, |editor| editor.set_type(2, Some("number")), JSDOC);
}

#[test]
fn a_type_over_several_lines_is_replaced_as_one() {
    let before = "/**\n * @param {{a: int,\n *   b: int}} x - It.\n * @returns {int} y\n */";
    check(
        DocStyle::Jsdoc,
        before,
        |editor| editor.set_type(0, Some("Point")),
        "/**\n * @param {Point} x - It.\n * @returns {int} y\n */",
    );
}

#[test]
fn a_default_is_replaced_in_its_words() {
    check(DocStyle::Numpy, NUMPY, |editor| editor.set_default(1, "'b\\n'"), &NUMPY.replace("'a'", "'b\\\\n'"));
    let jsdoc = "/**\n * @param {int} [x=5] - It.\n */";
    check(DocStyle::Jsdoc, jsdoc, |editor| editor.set_default(0, "7"), &jsdoc.replace('5', "7"));
    check(DocStyle::Google, GOOGLE, |editor| editor.set_default(0, "7"), GOOGLE);
}

#[test]
fn titles_and_tags_take_another_kind() {
    let yields = |editor: &mut DocEditor<'_>| editor.retitle(EntryKind::Return, EntryKind::Yield);
    check(DocStyle::Google, GOOGLE, yields, &GOOGLE.replace("Returns:", "Yields:"));
    check(DocStyle::Numpy, NUMPY, yields, &NUMPY.replace("Returns\n    -------", "Yields\n    ------"));
    check(DocStyle::Sphinx, SPHINX, yields, &SPHINX.replace(":returns:", ":yields:").replace(":rtype:", ":ytype:"));
    check(DocStyle::Jsdoc, JSDOC, yields, &JSDOC.replace("@returns", "@yields"));
    check(DocStyle::Google, "\"\"\"Returns: It.\"\"\"", yields, "\"\"\"Yields: It.\"\"\"");
}

#[test]
fn changes_compose_in_any_order() {
    let after = "def f(a, b):\n    \"\"\"Add `x` to b.\n\n    Args:\n        c (str): New.\n        x (float): The first 🎉.\n            It is `x`.\n\n    Yields:\n        int: The sum.\n\n    Raises:\n        ValueError: If it is.\n    \"\"\"\n    return a + b\n";
    let changes: [&dyn Fn(&mut DocEditor<'_>); 6] = [
        &|editor| editor.rename(0, 0, "x"),
        &|editor| editor.set_type(0, Some("float")),
        &|editor| editor.remove_entry(1),
        &|editor| editor.insert(EntryKind::Param, None, &draft("c", "str", "New.")),
        &|editor| editor.retitle(EntryKind::Return, EntryKind::Yield),
        &|editor| editor.insert(EntryKind::Raise, None, &draft("ValueError", "", "If it is.")),
    ];
    for turn in 0..changes.len() {
        let all =
            |editor: &mut DocEditor<'_>| (0..changes.len()).for_each(|at| changes[(at + turn) % changes.len()](editor));
        check(DocStyle::Google, GOOGLE, all, after);
        let all = |editor: &mut DocEditor<'_>| {
            (0..changes.len()).rev().for_each(|at| changes[(at + turn) % changes.len()](editor))
        };
        check(DocStyle::Google, GOOGLE, all, after);
    }
}

#[test]
fn an_entry_in_the_place_of_another_keeps_the_section() {
    let swap = |editor: &mut DocEditor<'_>| {
        editor.remove_entry(0);
        editor.insert(EntryKind::Return, Some(0), &draft("", "str", "New."));
    };
    check(
        DocStyle::Google,
        "\"\"\"A.\n\nReturns:\n    int: Old.\n\"\"\"",
        swap,
        "\"\"\"A.\n\nReturns:\n    str: New.\n\"\"\"",
    );
    check(DocStyle::Jsdoc, "/** @return {int} Old. */", swap, "/** @return {str} New. */");
    check(
        DocStyle::Sphinx,
        "\"\"\"A.\n\n:return: Old.\n:rtype: int\n\"\"\"",
        swap,
        "\"\"\"A.\n\n:return: New.\n:rtype: str\n\"\"\"",
    );
}

#[test]
fn what_is_not_there_is_left_alone() {
    let nothing = |editor: &mut DocEditor<'_>| {
        editor.rename(9, 0, "x");
        editor.rename(0, 9, "x");
        editor.remove_name(0, 9);
        editor.remove_entry(9);
        editor.remove_kind(EntryKind::Panic);
        editor.insert(EntryKind::Param, Some(9), &draft("x", "", "It."));
        editor.set_type(9, Some("int"));
        editor.set_default(9, "1");
        editor.replace(Span::new(0, 3), "x");
        editor.retitle(EntryKind::Yield, EntryKind::Return);
    };
    check(DocStyle::Google, GOOGLE, nothing, GOOGLE);
    check(
        DocStyle::Rustdoc,
        "/// A.",
        |editor| editor.insert(EntryKind::Param, None, &draft("x", "", "It.")),
        "/// A.",
    );
    check(DocStyle::Godoc, "// A.", |editor| editor.insert(EntryKind::Return, None, &draft("", "", "It.")), "// A.");
}

#[test]
fn new_words_never_end_the_comment() {
    let wild = draft("x", "", "Glob **/*.js or \"\"\" and \\n \"q\"");
    let found = edited("/** A. */", DocStyle::Jsdoc, |editor| editor.insert(EntryKind::Param, None, &wild));
    assert_eq!(found.matches("*/").count(), 1, "{found}");
    check(
        DocStyle::Sphinx,
        "\"\"\"A.\n\n:param a: One.\"\"\"",
        |editor| editor.insert(EntryKind::Param, Some(0), &wild),
        "\"\"\"A.\n\n:param a: One.\n:param x: Glob **/*.js or \\\"\\\"\\\" and \\\\n \"q\"\n\"\"\"",
    );
    let raw = "r\"\"\"A.\n\n:param a: One.\"\"\"";
    let found = edited(raw, DocStyle::Sphinx, |editor| editor.insert(EntryKind::Param, Some(0), &wild));
    assert!(found.ends_with("or ''' and \\n \"q\"\n\"\"\""), "{found}");
}

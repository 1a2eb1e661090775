//! Cases for the styles of Python strings.

use crate::docstring::sketch::{entries, python, sections};
use crate::docstring::{DocProblemKind, DocStyle, EntryKind};

#[track_caller]
fn check(body: &str, style: DocStyle, expected: &[&str]) {
    // The text decides, not the hint.
    for hint in [DocStyle::Google, DocStyle::Numpy, DocStyle::Sphinx] {
        let (_, doc) = python(body, hint);
        assert_eq!(doc.style, style, "{body}");
        assert_eq!(entries(&doc), expected, "{body}");
    }
}

#[track_caller]
fn google(body: &str, expected: &[&str]) {
    check(body, DocStyle::Google, expected);
}

#[track_caller]
fn numpy(body: &str, expected: &[&str]) {
    check(body, DocStyle::Numpy, expected);
}

#[track_caller]
fn sphinx(body: &str, expected: &[&str]) {
    check(body, DocStyle::Sphinx, expected);
}

#[test]
fn google_entries_have_names_types_and_text() {
    google(
        "Do it.

    Args:
        a: First.
        b (int, optional): Second
            goes on.
        c (Union[a, Dict[str, int]]): Third: with a colon.
        d (Callable[
            [int], str], optional):
            Fourth.
        e, f (str): Both.
        *args: Rest.
        **kwargs (Any): More.
        `g` (int): Ticked.
        h_ (int, default=5): Stated.
        no entry at all
    ",
        &[
            "Param a: First.",
            "Param b (int)?: Second goes on.",
            "Param c (Union[a, Dict[str, int]]): Third: with a colon.",
            "Param d (Callable[ [int], str])?: Fourth.",
            "Param e, f (str): Both.",
            "Param *args: Rest.",
            "Param **kwargs (Any): More.",
            "Param g (int): Ticked.",
            "Param h_ (int) =5: Stated. no entry at all",
        ],
    );
}

#[test]
fn google_spans_are_the_bytes_to_replace() {
    let (text, doc) = python(
        "Do.\n\n    Args:\n        *é (list of str, optional): 🎉 one\n            two.\n\n        y:\n    ",
        DocStyle::Google,
    );
    let entry = &doc.entries[0];
    assert_eq!(entry.names[0].span.of(&text), "é");
    assert_eq!(entry.type_text.as_ref().unwrap().span.of(&text), "list of str");
    assert_eq!(entry.description_span.of(&text), "🎉 one\n            two.");
    assert_eq!((entry.lines.clone(), doc.entries[1].lines.clone()), (3..5, 6..7));
    assert!(doc.entries[1].description_span.is_empty());
    assert!(text[..doc.entries[1].description_span.start].ends_with("y:"));
    assert_eq!(doc.sections[0].header, 2..3);
    assert_eq!(doc.sections[0].lines, 2..7);
    assert_eq!(doc.sections[0].title_span.of(&text), "Args");
    assert_eq!(doc.summary_text(&text), "Do.");
}

#[test]
fn all_google_titles_are_known_in_every_spelling() {
    for (title, kind) in [
        ("Args", EntryKind::Param),
        ("Arguments", EntryKind::Param),
        ("Parameters", EntryKind::Param),
        ("Keyword Args", EntryKind::Param),
        ("Keyword Arguments", EntryKind::Param),
        ("Other Parameters", EntryKind::Param),
        ("args", EntryKind::Param),
        ("Attributes", EntryKind::Attribute),
        ("Methods", EntryKind::Method),
        ("Returns", EntryKind::Return),
        ("Return", EntryKind::Return),
        ("Yields", EntryKind::Yield),
        ("Yield", EntryKind::Yield),
        ("Receives", EntryKind::Receive),
        ("Raises", EntryKind::Raise),
        ("Warns", EntryKind::Warn),
    ] {
        let (_, doc) = python(&format!("A.\n\n    {title}:\n        ValueError: Text.\n    "), DocStyle::Plain);
        assert_eq!((doc.style, doc.sections.len(), doc.entries.len()), (DocStyle::Google, 1, 1), "{title}");
        assert_eq!((doc.sections[0].kind, doc.entries[0].kind), (kind, kind), "{title}");
    }
    for title in ["Example", "Examples", "Note", "Notes", "Todo", "References", "See Also", "Warning"] {
        let (_, doc) = python(&format!("A.\n\n    {title}:\n        Text: is no entry.\n    "), DocStyle::Google);
        assert_eq!((doc.sections.len(), doc.entries.len()), (1, 0), "{title}");
    }
}

#[test]
fn a_parameter_may_be_called_like_a_section() {
    google(
        "A.

    Args:
        raises: Whether it raises.
        returns (bool): What it returns.
        args:
            Some.
        note: Text.
        Note: this is no parameter.

    Returns:
        int: One.
    ",
        &[
            "Param raises: Whether it raises.",
            "Param returns (bool): What it returns.",
            "Param args: Some.",
            "Param note: Text. Note: this is no parameter.",
            "Return (int): One.",
        ],
    );
}

#[test]
fn a_title_at_the_column_of_the_entries_still_begins_a_section() {
    google(
        "A.\n\n    Args:\n        a: Text.\n\n        Returns:\n            int: One.\n    ",
        &["Param a: Text.", "Return (int): One."],
    );
}

#[test]
fn results_are_a_type_with_text_or_text_alone() {
    for (body, expected) in [
        ("int: The sum.", "Return (int): The sum."),
        ("The sum: of all.", "Return: The sum: of all."),
        ("True if so, else: no.", "Return: True if so, else: no."),
        ("dict[str, int] or None: Counts.", "Return (dict[str, int] or None): Counts."),
        ("list of str: Names.", "Return (list of str): Names."),
        (":class:`Foo`: A foo.", "Return (:class:`Foo`): A foo."),
        ("A dict: of things.", "Return: A dict: of things."),
        ("None", "Return (None)"),
        ("(int, str): Both\n          of them.", "Return ((int, str)): Both of them."),
    ] {
        google(&format!("A.\n\n    Returns:\n        {body}\n    "), &[expected]);
    }
    google(
        "A.\n\n    Returns: the sum\n    of all.\n\n    Raises: ValueError: if bad.\n    ",
        &["Return: the sum of all.", "Raise ValueError: if bad."],
    );
}

#[test]
fn exceptions_are_named_in_many_ways() {
    google(
        "A.

    Raises:
        ValueError: If bad.
        TypeError, foo.KeyError: Both.
        :class:`~a.OSError`: Role.
        RuntimeError if late.
        StopIteration
        If nothing fits, all is well.
    ",
        &[
            "Raise ValueError: If bad.",
            "Raise TypeError, foo.KeyError: Both.",
            "Raise a.OSError: Role.",
            "Raise RuntimeError: if late.",
            "Raise StopIteration: If nothing fits, all is well.",
        ],
    );
}

#[test]
fn free_text_and_nested_lists_are_no_entries() {
    google(
        "A.

    Args:
        a: One of:

            - x: first
            - y: second
        **kwargs: Known keys:
            b (int): Inner.

        See http://x.y: the rest is there.
    ",
        &["Param a: One of: - x: first - y: second", "Param **kwargs: Known keys: b (int): Inner."],
    );
    let (_, doc) = python("A.\n\n    Args:\n        See the other function.\n    ", DocStyle::Google);
    assert!(matches!(&doc.problems[0].kind, DocProblemKind::UnparsableSection { title, .. } if title == "Args"));
    let (_, doc) = python("A.\n\n    Args:\n        None.\n    ", DocStyle::Google);
    assert_eq!((doc.problems.len(), doc.entries.len()), (0, 0));
}

#[test]
fn a_remark_in_the_form_of_an_entry_belongs_to_the_entry_above() {
    for remark in ["Default", "Defaults", "Note", "Example", "See"] {
        let stated = if remark.starts_with("Default") { " =None" } else { "" };
        google(
            &format!("A.\n\n    Args:\n        a (str): One.\n        {remark}: ``None``\n        b (int): Two.\n    "),
            &[&format!("Param a (str){stated}: One. {remark}: ``None``"), "Param b (int): Two."],
        );
    }
    let (_, doc) = python(
        "A.\n\n    Parameters\n    ----------\n    a : str\n        One.\n    Default : None\n    ",
        DocStyle::Numpy,
    );
    assert_eq!(doc.entries.len(), 1);
}

#[test]
fn a_title_on_the_opening_line_and_unindented_entries_are_read() {
    google(
        "Args:\n        a: First.\n        b: Second.\n\n    Returns:\n        int: One.\n    ",
        &["Param a: First.", "Param b: Second.", "Return (int): One."],
    );
    google("Args:\n    a: First.\n    b: Second.\n    ", &["Param a: First.", "Param b: Second."]);
    google(
        "A.\n\n    Args:\n    a: First.\n    b (int): Second.\n\n    More text.\n    ",
        &["Param a: First.", "Param b (int): Second."],
    );
}

#[test]
fn titles_inside_code_begin_nothing() {
    let (_, doc) = python(
        "A.\n\n    ```\n    Args:\n        a: b\n    ```\n\n    Example::\n\n        Returns:\n            c: d\n    ",
        DocStyle::Google,
    );
    assert_eq!((doc.entries.len(), doc.sections.len()), (0, 0));
}

#[test]
fn numpy_entries_have_names_types_and_text() {
    numpy(
        "Do it.

    Parameters
    ----------
    x, y : array_like, optional
        Points.
    kind : {'a', 'b'}, default: 'a'
        Kind.
    n : int, default 5
    m : int, optional (default=7)
    flag : bool, default=True
    o : {'c'} default 'c'
    shape : tuple of (int, int), \\
            default=(1, 2)
        Shape.
    plain
        No type.
    w=3 : int
    *args, **kwargs
        Rest.
    \\*\\*more : dict
        More.
    type\\_ : str, by default \"x\"

    Other Parameters
    ----------------
    z: int
        Late.
    This is no entry.
    ",
        &[
            "Param x, y (array_like)?: Points.",
            "Param kind ({'a', 'b'}) ='a': Kind.",
            "Param n (int) =5",
            "Param m (int)? =7",
            "Param flag (bool) =True",
            "Param o ({'c'}) ='c'",
            "Param shape (tuple of (int, int)) =(1, 2): Shape.",
            "Param plain: No type.",
            "Param w (int) =3",
            "Param *args, **kwargs: Rest.",
            "Param **more (dict): More.",
            "Param type_ (str) =\"x\"",
            "Param z (int): Late.",
        ],
    );
}

#[test]
fn numpy_results_exceptions_and_placeholders() {
    numpy(
        "Do it.

    Parameters
    ----------
    None

    Returns
    -------
    out : ndarray of shape (n,)
        The result.
    int
        A count.

    Yields
    ------
    Each of the things
    in turn.

    Raises
    ------
    ValueError
        If bad.
    TypeError : If worse.
    KeyError, IndexError

    Warns
    -----
    UserWarning
        Sometimes.

    See Also
    --------
    other : Does it too.

    Notes
    -----
    Text.
    ",
        &[
            "Return out (ndarray of shape (n,)): The result.",
            "Return (int): A count.",
            "Yield: Each of the things in turn.",
            "Raise ValueError: If bad.",
            "Raise TypeError: If worse.",
            "Raise KeyError, IndexError",
            "Warn UserWarning: Sometimes.",
        ],
    );
}

#[test]
fn numpy_sections_know_their_lines() {
    let (text, doc) = python(
        "Do.\n\n    Parameters\n    ----------\n    x : int\n        Text.\n\n    Returns\n    -------\n    int\n\n    ",
        DocStyle::Google,
    );
    assert_eq!(sections(&doc), ["Param Parameters 2..6", "Return Returns 7..10"]);
    assert_eq!(doc.sections[1].header, 7..9);
    assert_eq!(doc.sections[1].entries, 1..2);
    assert_eq!(doc.entries[0].type_text.as_ref().unwrap().span.of(&text), "int");
    assert_eq!(doc.entries[0].lines, 4..6);
}

#[test]
fn sphinx_fields_have_names_types_and_text() {
    sphinx(
        "Do it.

    :param a: First
        goes on.
    :param int b: Second.
    :param dict[str, int] c: Third.
    :type a: str, optional
    :arg d:
    :param type\\_: Escaped.
    :param \\*args: Rest.
    :param \\*\\*kw: More.
    :param lazy='select': Stated.
    :keyword e: Defaults to ``None``.
    :param f (int): Odd.
    :param g, h: Both.
    :returns: It.
    :rtype: int or None
    :raises ValueError: If bad.
    :raises: TypeError: If worse.
    :raise foo.Bar, Baz: Both.
    :except :class:`OSError`: Role.
    :yields: Things.
    :ytype: str
    :ivar i: Inner.
    :vartype i: int
    ",
        &[
            "Param a (str)?: First goes on.",
            "Param b (int): Second.",
            "Param c (dict[str, int]): Third.",
            "Param d",
            "Param type_: Escaped.",
            "Param *args: Rest.",
            "Param **kw: More.",
            "Param lazy ='select': Stated.",
            "Param e =None: Defaults to ``None``.",
            "Param f (int): Odd.",
            "Param g, h: Both.",
            "Return (int or None): It.",
            "Raise ValueError: If bad.",
            "Raise TypeError: If worse.",
            "Raise foo.Bar, Baz: Both.",
            "Raise OSError: Role.",
            "Yield (str): Things.",
            "Attribute i (int): Inner.",
        ],
    );
}

#[test]
fn a_type_field_keeps_its_own_place() {
    let (text, doc) = python(
        "Do.\n\n    :type a: int\n    :param a: First.\n    :rtype: str\n    :type gone: int\n    ",
        DocStyle::Sphinx,
    );
    assert_eq!(entries(&doc), ["Param a (int): First.", "Return (str)", "Other gone (int)"]);
    let typed = doc.entries[0].type_text.as_ref().unwrap();
    assert!(typed.span.end < doc.entries[0].names[0].span.start);
    assert_eq!(typed.span.of(&text), "int");
    assert_eq!(doc.entries[0].lines, 3..4);
    assert_eq!((doc.entries[0].tag.as_deref(), doc.entries[1].tag.as_deref()), (Some("param"), Some("rtype")));
    assert_eq!(doc.entries[0].tag_span.unwrap().of(&text), "param");
}

#[test]
fn escaped_names_are_replaced_with_their_escapes() {
    let (text, doc) = python("Do.\n\n    :param type\\_: A.\n    :param \\*args: B.\n    ", DocStyle::Sphinx);
    assert_eq!(doc.entries[0].names[0].span.of(&text), "type\\_");
    assert_eq!(doc.entries[1].names[0].span.of(&text), "args");
}

#[test]
fn roles_at_the_start_of_a_line_are_no_fields() {
    let (_, doc) = python("Do.\n\n    :func:`x` does it.\n    :class:`y`: too.\n    ", DocStyle::Sphinx);
    assert_eq!((doc.style, doc.entries.len()), (DocStyle::Plain, 0));
}

#[test]
fn slips_in_field_names_are_problems() {
    let (_, doc) = python("Do.\n\n    :parm x: A.\n    :param y: B.\n    :Author: me\n    ", DocStyle::Sphinx);
    let kinds: Vec<_> = doc.problems.iter().map(|problem| problem.kind.clone()).collect();
    assert_eq!(kinds, [DocProblemKind::UnknownTag { tag: "parm".into(), nearest: Some("param".into()) }]);
    let (_, doc) = python("Do.\n\n    :param x text\n    :param y:text\n    ", DocStyle::Sphinx);
    assert_eq!(entries(&doc), ["Param x: text", "Param y: text"]);
    assert_eq!(doc.problems.len(), 1);
}

#[test]
fn epydoc_fields_are_read() {
    check(
        "Do.\n\n    @param x: A.\n    @type x: int\n    @return: B.\n    @rtype: str\n    @raise ValueError: C.\n    ",
        DocStyle::Epydoc,
        &["Param x (int): A.", "Return (str): B.", "Raise ValueError: C."],
    );
    let (_, doc) = python("Do.\n\n    @property\n    @foo.bar\n    ", DocStyle::Google);
    assert_eq!(doc.style, DocStyle::Plain);
}

#[test]
fn the_style_with_most_signs_wins_and_the_hint_breaks_ties() {
    sphinx("Do.\n\n    Args:\n        :param x: A.\n        :param y: B.\n    ", &["Param x: A.", "Param y: B."]);
    google("Do.\n\n    Args:\n        x: A.\n        y: B.\n\n    :return: C.\n    ", &["Param x: A.", "Param y: B."]);
    let (_, doc) = python("Only prose here.\n\n    And more: of it.\n    ", DocStyle::Numpy);
    assert_eq!((doc.style, doc.is_structured()), (DocStyle::Plain, false));
    let (_, doc) = python("Do.\n\n    Note:\n        Text.\n    ", DocStyle::Sphinx);
    assert_eq!((doc.style, doc.sections.len()), (DocStyle::Plain, 1));
}

#[test]
fn deprecation_notices_count_outside_of_entries_only() {
    numpy(
        "Do.\n\n    .. deprecated:: 1.2\n        Use g.\n\n    Parameters\n    ----------\n    x : int\n        .. deprecated:: 1.1\n    ",
        &["Deprecated: 1.2 Use g.", "Param x (int): .. deprecated:: 1.1"],
    );
}

#[test]
fn inherited_docstrings_say_so() {
    for body in ["inherit", "See base class.", "{@inheritDoc}"] {
        assert!(python(body, DocStyle::Google).1.inherits, "{body}");
    }
    assert!(!python("Inherit it all.", DocStyle::Google).1.inherits);
}

#[test]
fn line_endings_make_no_difference() {
    let body = "Do.\n\n    Args:\n        x (int): A\n            b.\n\n    Returns:\n        str: C.\n    ";
    let expected = entries(&python(body, DocStyle::Google).1);
    for eol in ["\r\n", "\r"] {
        assert_eq!(entries(&python(&body.replace('\n', eol), DocStyle::Google).1), expected);
    }
}

#[test]
fn looser_spellings_are_understood() {
    numpy(
        "Do.\n\n    Parameters\n    ==========\n        x, y - Trees.\n        z, optional\n            Late.\n        f : bool [ default False ]\n        Note: a remark.\n    ",
        &["Param x, y: Trees.", "Param z?: Late.", "Param f (bool) =False"],
    );
    google(
        "Do.\n\n    Args:\n        x, optional: Late.\n        y - Dashed.\n    ",
        &["Param x?: Late.", "Param y: Dashed."],
    );
    sphinx(
        "Do.\n\n    :raises:\n        :exc:`.BarError` if late.\n    :param Distribution|None: Odd.\n    ",
        &["Raise BarError: if late.", "Param: Odd."],
    );
}

#[test]
fn a_title_in_lower_case_stands_apart() {
    google("Do.\n\n    args:\n        x: A.\n    ", &["Param x: A."]);
    let (_, doc) = python("Takes a number of\n    arguments:\n\n      f(x)   # fine\n    ", DocStyle::Google);
    assert_eq!((doc.style, doc.problems.len()), (DocStyle::Plain, 0));
}

#[test]
fn a_fence_that_stays_open_hides_nothing() {
    google("Do.\n\n    ```\n    f()\n\n    Args:\n        x: A.\n    ", &["Param x: A."]);
}

#[test]
fn an_exception_that_is_called_just_error_is_read() {
    let text = "Do.\n\n    Raises:\n        error: If it fails.\n        ValueError: If bad.\n    ";
    let (_, doc) = python(text, DocStyle::Google);
    let names: Vec<&str> = doc.entries.iter().flat_map(|entry| &entry.names).map(|name| name.name.as_str()).collect();
    assert_eq!((names, doc.problems.len()), (vec!["error", "ValueError"], 0));
}

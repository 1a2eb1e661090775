//! What a conversion keeps, and what it refuses.

use super::*;
use crate::docstring::parse;

fn layout() -> Layout {
    Layout {
        form: CommentForm::Block { open: "/**".into() },
        indent: String::new(),
        indent_unit: "    ".into(),
        eol: "\n".into(),
        width: 79,
        with_types: true,
    }
}

fn converted(before: &str, from: DocStyle, to: DocStyle) -> Option<String> {
    let indent = before.len() - before.trim_start().len();
    let form = if before.contains("/**") {
        CommentForm::Block { open: "/**".into() }
    } else {
        CommentForm::PythonString { prefix: String::new(), quote: "\"\"\"".into() }
    };
    let doc = parse(before, Span::new(indent, before.len()), form, from);
    assert_eq!(doc.style, from);
    convert(before, &doc, to, &layout()).map(|new| format!("{}{new}", &before[..indent]))
}

#[track_caller]
fn check(before: &str, from: DocStyle, to: DocStyle, after: &str) {
    let found = converted(before, from, to).unwrap_or_default();
    assert_eq!(found, after, "\n--- found ---\n{found}\n--- wanted ---\n{after}");
}

const GOOGLE: &str = "    \"\"\"Join the parts.\n\n    They may be \\n empty.\n\n    Args:\n        parts (list[str]): The parts::\n\n                a, b\n\n            and so on.\n        by, *rest: What is put\n            between them.\n        deep (int, optional): Level. Defaults to 5.\n\n    Keyword Args:\n        fast: Be quick.\n\n    Returns:\n        str: The whole.\n\n    Raises:\n        ValueError: If not.\n\n    Note:\n        Mind *this*.\n\n    Example:\n        >>> join()\n        ''\n    \"\"\"";

const NUMPY: &str = "    \"\"\"Join the parts.\n\n    They may be \\n empty.\n\n    Parameters\n    ----------\n    parts : list[str]\n        The parts::\n\n            a, b\n\n        and so on.\n    by, *rest\n        What is put\n        between them.\n    deep : int, optional\n        Level. Defaults to 5.\n\n    Other Parameters\n    ----------------\n    fast\n        Be quick.\n\n    Returns\n    -------\n    str\n        The whole.\n\n    Raises\n    ------\n    ValueError\n        If not.\n\n    Notes\n    -----\n    Mind *this*.\n\n    Examples\n    --------\n    >>> join()\n    ''\n    \"\"\"";

const SPHINX: &str = "    \"\"\"Join the parts.\n\n    They may be \\n empty.\n\n    :param parts: The parts::\n\n            a, b\n\n        and so on.\n    :type parts: list[str]\n    :param by: What is put\n        between them.\n    :param *rest: What is put\n        between them.\n    :param deep: Level. Defaults to 5.\n    :type deep: int, optional\n    :param fast: Be quick.\n    :returns: The whole.\n    :rtype: str\n    :raises ValueError: If not.\n\n    .. note::\n\n        Mind *this*.\n\n    .. rubric:: Example\n\n    >>> join()\n    ''\n    \"\"\"";

#[test]
fn sections_and_fields_hold_the_same_words() {
    check(GOOGLE, DocStyle::Google, DocStyle::Numpy, NUMPY);
    check(GOOGLE, DocStyle::Google, DocStyle::Sphinx, SPHINX);
    let back =
        GOOGLE.replace("Keyword Args", "Other Parameters").replace("Note:", "Notes:").replace("Example:", "Examples:");
    check(NUMPY, DocStyle::Numpy, DocStyle::Google, &back);
}

#[test]
fn fields_are_gathered_into_sections() {
    check(
        "\"\"\"\n:param a: One.\n:returns: It.\n:param str b: Two.\n:rtype: int, optional\n:meta private:\n\"\"\"",
        DocStyle::Sphinx,
        DocStyle::Google,
        "\"\"\"\nArgs:\n    a: One.\n    b (str): Two.\n\nReturns:\n    int, optional: It.\n\n:meta private:\n\"\"\"",
    );
    check(
        "\"\"\"A.\n\n@param a: One.\n@type a: int, default 5\n\"\"\"",
        DocStyle::Epydoc,
        DocStyle::Numpy,
        "\"\"\"A.\n\nParameters\n----------\na : int, default 5\n    One.\n\"\"\"",
    );
}

#[test]
fn line_breaks_and_the_place_of_the_quote_are_kept() {
    check(
        "\t\"\"\"\r\n\tA.\r\n\r\n\tArgs:\r\n\t\tx: 🎉.\r\n\t\"\"\"",
        DocStyle::Google,
        DocStyle::Numpy,
        "\t\"\"\"\r\n\tA.\r\n\r\n\tParameters\r\n\t----------\r\n\tx\r\n\t    🎉.\r\n\t\"\"\"",
    );
}

#[test]
fn tags_keep_their_order_and_other_tags_their_lines() {
    let jsdoc = " /**\n  * Adds.\n  *\n  * @see x\n  * @template T - Any.\n  * @arg {T} [a] one\n  *   more\n  *\n  * @return {number} Sum.\n  * @throws {RangeError} If so.\n  * @example\n  * f()\n  */";
    let tsdoc = " /**\n  * Adds.\n  *\n  * @see x\n  * @typeParam T - Any.\n  * @param a - one\n  *   more\n  *\n  * @returns Sum.\n  * @throws {@link RangeError} If so.\n  * @example\n  * f()\n  */";
    check(jsdoc, DocStyle::Jsdoc, DocStyle::Tsdoc, tsdoc);
    let back = tsdoc.replace("typeParam", "template").replace("{@link RangeError}", "{RangeError}");
    check(tsdoc, DocStyle::Tsdoc, DocStyle::Jsdoc, &back);
}

#[test]
fn names_of_results_stay_in_sight() {
    let numpy = "\"\"\"A.\n\nReturns\n-------\nsum : int\n    It is\n    long.\n\"\"\"";
    check(
        numpy,
        DocStyle::Numpy,
        DocStyle::Google,
        "\"\"\"A.\n\nReturns:\n    sum (int): It is\n        long.\n\"\"\"",
    );
    check(
        numpy,
        DocStyle::Numpy,
        DocStyle::Sphinx,
        "\"\"\"A.\n\n:returns: **sum** -- It is\n    long.\n:rtype: int\n\"\"\"",
    );
}

#[test]
fn what_cannot_be_kept_is_not_converted() {
    for (before, from, to) in [
        ("/**\n * @param {int} [x=5] - It.\n */", DocStyle::Jsdoc, DocStyle::Tsdoc),
        ("/**\n * @param {int} opts.x - It.\n */", DocStyle::Jsdoc, DocStyle::Tsdoc),
        ("\"\"\"A.\n\nArgs:\n    x: It.\n\n    And words between.\n\"\"\"", DocStyle::Google, DocStyle::Numpy),
        (
            "\"\"\"A.\n\nReturns\n-------\nsum : int\n    It.\nrest : int\n    That.\n\"\"\"",
            DocStyle::Numpy,
            DocStyle::Sphinx,
        ),
        ("\"\"\"A.\n\nArgs:\n    x: It.\n\"\"\"", DocStyle::Google, DocStyle::Google),
        ("\"\"\"A.\n\nArgs:\n    x: It.\n\"\"\"", DocStyle::Google, DocStyle::Jsdoc),
    ] {
        assert_eq!(converted(before, from, to), None, "{before}");
    }
}

#[test]
fn a_generic_type_that_begins_with_optional_is_no_mark() {
    check(
        "    \"\"\"Do it.\n\n    Args:\n        a (Optional[bool]): One.\n\n    Returns:\n        Optional[bool]: It.\n    \"\"\"",
        DocStyle::Google,
        DocStyle::Numpy,
        "    \"\"\"Do it.\n\n    Parameters\n    ----------\n    a : Optional[bool]\n        One.\n\n    Returns\n    -------\n    Optional[bool]\n        It.\n    \"\"\"",
    );
}

const D: &str = "\"\"\"";

/// A docstring, and what it is after a way through each of the styles behind it.
const TRIPS: &[(&str, DocStyle, &[DocStyle], Option<&str>)] = &[
    // Groups come back as groups.
    ("Parameters\n----------\na, b : array_like\n    Both.\nc : int, optional\n    More.\n", N, &[G], None),
    (
        "Parameters\n----------\na, b : array_like\n    Both,\n    and long.\nc : int, optional\n    More.\n",
        N,
        &[S],
        None,
    ),
    ("Parameters\n----------\na, b : array_like\n    Both.\n", N, &[G, S], None),
    ("Parameters\n----------\n*args, **kwargs\n    All.\n", N, &[S], None),
    // A Google docstring names one thing in each entry where it comes from fields.
    ("Args:\n    a, b (int): Both.\n", G, &[S], Some("Args:\n    a (int): Both.\n    b (int): Both.\n")),
    ("Args:\n    a, b (int): Both.\n", G, &[N], None),
    (":param a: Both.\n:type a: int\n:param b: Both.\n:type b: int\n", S, &[N], None),
    (":param a: Both.\n:type a: int\n:param b: Both.\n:type b: int\n", S, &[G], None),
    // The mark of what may be left out.
    ("Parameters\n----------\na : int, optional\n    One.\nb : optional\n    Two.\n", N, &[G], None),
    ("Parameters\n----------\na : int, optional\n    One.\nb : optional\n    Two.\n", N, &[S], None),
    (":param a: One.\n:type a: int, optional\n", S, &[N, G], None),
    ("Args:\n    a (int, optional): One.\n    b (optional): Two.\n", G, &[S, N], None),
    ("Parameters\n----------\na : int, default: 5\n    One.\n", N, &[G, S], None),
    // Results with names.
    ("Returns\n-------\nout : bool\n    It is\n    long.\n", N, &[S], None),
    ("Returns\n-------\nout : bool\n    It is\n    long.\n", N, &[G], None),
    ("Returns\n-------\nout : bool\n    It is::\n\n        a\n\n    So.\n", N, &[G, S], None),
    ("Returns\n-------\nout : bool\n", N, &[S], None),
    ("Returns\n-------\na : int\n    It\n    is.\nb : list of str\n    That.\n", N, &[G], None),
    ("Yields\n------\nout : bool\n    It.\n", N, &[S, G], None),
    (":returns: **out** -- It is.\n:rtype: bool\n", S, &[N], None),
    (":returns: **out** -- It is.\n:rtype: bool\n", S, &[G], None),
    ("Returns:\n    out (bool): It is.\n", G, &[S, N], None),
    ("Returns:\n    tuple (int, str): It is.\n", G, &[S], None),
    ("Returns:\n    int: It is.\n", G, &[S, N], None),
    // Exceptions as written.
    (":raises .SecurityError: If so.\n", S, &[G], None),
    (":raises .SecurityError: If so.\n", S, &[N], None),
    (":raises :exc:`~a.BError`: If so.\n", S, &[N, G], None),
    ("Raises:\n    ValueError, TypeError: If so.\n", G, &[N, S], None),
    // Directives keep their place.
    (".. versionadded:: 3\n\n:param a: One.\n", S, &[N], None),
    (":param a: One.\n\n.. versionadded:: 3\n    Or so.\n", S, &[N], None),
    (":param a: One.\n\n.. versionadded:: 3\n    Or so.\n", S, &[G], None),
    (":param a: One.\n\nMore words.\n", S, &[G], None),
    ("Args:\n    a: One.\n\n.. versionadded:: 3\n\nRaises:\n    ValueError: If so.\n", G, &[N], None),
    ("Parameters\n----------\na\n    One.\n\n.. versionadded:: 3\n", N, &[S], None),
    ("Parameters\n----------\na\n    One.\n\n    .. versionadded:: 3\n", N, &[S, G], None),
];

const G: DocStyle = DocStyle::Google;
const N: DocStyle = DocStyle::Numpy;
const S: DocStyle = DocStyle::Sphinx;

#[test]
fn what_goes_through_other_styles_comes_back() {
    let mut lost = String::new();
    'trips: for (body, from, way, after) in TRIPS {
        let whole = |body: &str| format!("{D}Do it.\n\n{body}{D}");
        let (mut text, mut style) = (whole(body), *from);
        for &to in way.iter().chain([from]) {
            let Some(new) = converted(&text, style, to) else {
                lost += &format!("\n--- {style:?} to {to:?} is refused ---\n{text}\n");
                continue 'trips;
            };
            (text, style) = (new, to);
        }
        let expected = whole(after.unwrap_or(body));
        if text != expected {
            lost += &format!("\n--- by {way:?} ---\n{text}\n--- wanted ---\n{expected}\n");
        }
    }
    assert_eq!(lost, "", "{lost}");
}

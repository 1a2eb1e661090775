//! Cases for what running text says: examples, mentions, defaults.

use crate::docstring::DocStyle;
use crate::docstring::sketch::{mentions, python};

#[test]
fn doctests_fences_and_code_blocks_are_examples() {
    let (_, doc) = python(
        "Do.

    >>> f(1,
    ...   2)
    3
    >>> g()

    ```python
    if h:
        i()
    ```

    .. code-block:: python

        j()

    .. code-block:: sh

        k
    ",
        DocStyle::Google,
    );
    let code: Vec<_> = doc.examples.iter().map(|example| example.code.as_str()).collect();
    assert_eq!(code, ["f(1,\n  2)\ng()", "if h:\n    i()", "j()"]);
    assert_eq!(doc.examples[0].lines, 2..6);
}

#[test]
fn mentions_are_found_in_prose_only() {
    let (text, doc) = python(
        "Do `a` and ``b`` with :func:`~m.c` or :class:`d <e.F>`, not `url <http://x>`_.

    Args:
        `x`: Like `y` `broken
            mark` and `z`.

    >>> `no`

    As in::

        `no`

    Examples:
        `no`
    ",
        DocStyle::Google,
    );
    assert_eq!(mentions(&doc), ["a", "b", "func:m.c", "class:e.F", "y", "z"]);
    assert!(doc.mentions.iter().all(|mention| mention.span.of(&text) == mention.text));
}

#[test]
fn defaults_in_prose_are_read_where_they_are_values() {
    for (prose, expected) in [
        ("Defaults to 5.", Some("5")),
        ("Defaults to `5`.", Some("5")),
        ("Defaults to ``None``", Some("None")),
        ("Defaults to 'a.b'.", Some("'a.b'")),
        ("Defaults to `\"a b\"`.", Some("\"a b\"")),
        ("Text. Default is 0.5.", Some("0.5")),
        ("Text, default is 7.", Some("7")),
        ("The default value is ``-1``.", Some("-1")),
        ("The default is False, i.e. no.", Some("False")),
        ("(default: None)", Some("None")),
        ("(Default: 1).", Some("1")),
        ("(default 0).", Some("0")),
        ("Default\n            False.", Some("False")),
        ("[default: 'x']", Some("'x'")),
        ("default=True", Some("True")),
        ("default = 1e-7", Some("1e-7")),
        ("By default None.", Some("None")),
        ("100 by default.", Some("100")),
        ("Defaults to\n            `None`.", Some("None")),
        ("Defaults to (25.0, 75.0).", Some("(25.0, 75.0)")),
        ("Defaults to :obj:`None`.", Some("None")),
        ("Defaults to np.float64.", Some("np.float64")),
        ("Default: auto", Some("auto")),
        ("Defaults to the current directory.", None),
        ("By default, masked values count.", None),
        ("If the default is None, all is well.", None),
        ("Defaults to zero.", None),
        ("Defaults to 2 * n.", None),
        ("Defaults to 5 if x is set.", None),
        ("Defaults to 10 seconds.", None),
        ("Defaults to 10ms.", None),
        ("The \"default\" is 5.", None),
        ("Use non-default 5.", None),
        ("Defaults to `axis=None` which is fine.", None),
    ] {
        let (text, doc) = python(&format!("A.\n\n    Args:\n        x: {prose}\n    "), DocStyle::Google);
        let default = doc.entries[0].default.as_ref();
        assert_eq!(default.map(|default| default.value.as_str()), expected, "{prose}");
        assert!(default.is_none_or(|default| default.span.of(&text) == default.value));
    }
}

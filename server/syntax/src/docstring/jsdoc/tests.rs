//! Cases for block tags.

use crate::docstring::sketch::{block, entries, mentions};
use crate::docstring::{DocProblemKind, DocStyle, EntryKind};

#[track_caller]
fn check(body: &str, expected: &[&str]) {
    let text = format!("/**\n * {}\n */", body.replace('\n', "\n * "));
    assert_eq!(entries(&block(&text, DocStyle::Jsdoc)), expected, "{text}");
}

#[test]
fn params_have_types_names_and_text() {
    check(
        "Do it.\n
@param {string} a - First
  goes on.
@param {{b: number, c: {d: string}}} b Second.
@arg {number} [c] - Third.
@argument {number} [d=5] - Fourth.
@param {string} [e=\"x]y\"] Fifth.
@param {Object} opts - Bag.
@param {string} opts.f - Inner.
@param {Array} list[].g - Item.
@param h - Untyped.
@param i? - Asked.
@param {number=} j Closure.
@param {...*} k Rest.
@param ...l Rest.
@param {function(string): void} m
@param n {string} Late.
@param {string} o: Colon.
@param {string}
@param {string} $p-q
",
        &[
            "Param a (string): First goes on.",
            "Param b ({b: number, c: {d: string}}): Second.",
            "Param c (number)?: Third.",
            "Param d (number)? =5: Fourth.",
            "Param e (string)? =\"x]y\": Fifth.",
            "Param opts (Object): Bag.",
            "Param opts.f (string): Inner.",
            "Param list.g (Array): Item.",
            "Param h: Untyped.",
            "Param i?: Asked.",
            "Param j (number)?: Closure.",
            "Param k (...*): Rest.",
            "Param ...l: Rest.",
            "Param m (function(string): void)",
            "Param n (string): Late.",
            "Param o (string): Colon.",
            "Param (string)",
            "Param $p (string): -q",
        ],
    );
}

#[test]
fn other_tags_and_their_synonyms() {
    check(
        "@template {string} K, V - Keys.
@typeParam T - Kind.
@template [U=string]
@returns {Promise<string>} It.
@return text only
@yields {number} Each.
@throws {TypeError|foo.RangeError} If bad.
@throws TypeError if worse
@throws {@link FooError} linked
@exception If all fails.
@rejects {Error} Late.
@property {string} name - Its name.
@deprecated since 2
@see other",
        &[
            "TypeParam K, V (string): Keys.",
            "TypeParam T: Kind.",
            "TypeParam U? =string",
            "Return (Promise<string>): It.",
            "Return: text only",
            "Yield (number): Each.",
            "Raise TypeError, foo.RangeError (TypeError|foo.RangeError): If bad.",
            "Raise TypeError: if worse",
            "Raise FooError: linked",
            "Raise: If all fails.",
            "Reject (Error): Late.",
            "Attribute name (string): Its name.",
            "Deprecated: since 2",
            "Other: other",
        ],
    );
}

#[test]
fn types_go_on_over_lines() {
    check(
        "@param {{\n  a: string,\n  b: number\n}} x - Text\n  more.\n@param\n  {string} y",
        &["Param x ({ a: string, b: number }): Text more.", "Param y (string)"],
    );
}

#[test]
fn spans_are_the_bytes_to_replace() {
    let text = "/**\r\n * @param {é} [opts.x='🎉'] - A\r\n *   b.\r\n * @returns\r\n */";
    let doc = block(text, DocStyle::Jsdoc);
    let entry = &doc.entries[0];
    assert_eq!(entry.names[0].span.of(text), "opts.x");
    assert_eq!(entry.type_text.as_ref().unwrap().span.of(text), "é");
    assert_eq!(entry.default.as_ref().unwrap().span.of(text), "'🎉'");
    assert_eq!(entry.description_span.of(text), "A\r\n *   b.");
    assert_eq!(entry.tag_span.unwrap().of(text), "param");
    assert_eq!((entry.lines.clone(), doc.entries[1].lines.clone()), (1..3, 3..4));
    assert!(text[..doc.entries[1].description_span.start].ends_with("@returns"));
}

#[test]
fn tags_in_code_in_links_and_in_words_are_none() {
    check(
        "Uses {@link x} and mail@host.
@babel/core is a package.

```js
// @param a
@param b
```
@example
@Component({})
class A {}
@returns nothing",
        &["Example: @Component({}) class A {}", "Return: nothing"],
    );
}

#[test]
fn examples_are_fences_or_whole_tags() {
    let text = "/**\n * A.\n * ```ts\n * a(1);\n * ```\n * ```sh\n * no\n * ```\n * @example <caption>C</caption>\n * b();\n *   c();\n * @example\n * Text.\n * ```\n * d();\n * ```\n */";
    let doc = block(text, DocStyle::Jsdoc);
    let code: Vec<_> = doc.examples.iter().map(|example| example.code.as_str()).collect();
    assert_eq!(code, ["a(1);", "b();\n  c();", "d();"]);
}

#[test]
fn unknown_tags_are_problems_with_a_guess_for_slips() {
    let doc = block("/**\n * @parma x\n * @retruns y\n * @tsl\n * @internal\n */", DocStyle::Tsdoc);
    let found: Vec<_> = doc
        .problems
        .iter()
        .map(|problem| match &problem.kind {
            DocProblemKind::UnknownTag { tag, nearest } => (tag.as_str(), nearest.as_deref()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(found, [("parma", Some("param")), ("retruns", Some("returns")), ("tsl", None)]);
}

#[test]
fn inheritance_is_seen_in_every_spelling() {
    for text in [
        "/** @inheritDoc */",
        "/** @inheritdoc */",
        "/** {@inheritDoc Base.f} */",
        "/** A. {@inheritdoc} */",
        "/** @override */",
    ] {
        assert!(block(text, DocStyle::Tsdoc).inherits, "{text}");
    }
    assert!(!block("/** @override\n * @param x */", DocStyle::Jsdoc).inherits);
}

#[test]
fn the_summary_is_the_first_paragraph_or_its_tag() {
    for (text, expected) in [
        ("/** A b. */", "A b."),
        ("/**\n * A\n * b.\n *\n * C.\n * @param x\n */", "A b."),
        ("/**\n * @param x\n * @description\n * A b.\n */", "A b."),
        ("/**\n * @summary  A b.\n */", "A b."),
        ("/** @param x */", ""),
    ] {
        assert_eq!(block(text, DocStyle::Jsdoc).summary_text(text), expected, "{text}");
    }
}

#[test]
fn links_and_ticks_are_mentions() {
    let text = "/** `a`, {@link B.c|text}, {@linkcode d}, [e]{@link f}, [`g`](x), {@link http://x} ``h``\n * @param {`t`} `x` - Like `y`. */";
    assert_eq!(mentions(&block(text, DocStyle::Jsdoc)), ["a", "B.c", "d", "f", "h", "t", "y"]);
}

#[test]
fn a_style_needs_a_tag_and_types_are_jsdoc() {
    assert_eq!(block("/** A. */", DocStyle::Tsdoc).style, DocStyle::Plain);
    assert_eq!(block("/** @param x - A. */", DocStyle::Tsdoc).style, DocStyle::Tsdoc);
    assert_eq!(block("/** @param {string} x - A. */", DocStyle::Tsdoc).style, DocStyle::Jsdoc);
}

#[test]
fn a_comment_without_end_is_read() {
    let doc = block("/**\n * @param {string x\n * @returns y", DocStyle::Jsdoc);
    assert_eq!(doc.entries_of(EntryKind::Return).count(), 1);
}

//! Cases for rustdoc and godoc.

use crate::docstring::DocStyle;
use crate::docstring::sketch::{entries, lines, mentions, sections};

#[test]
fn rustdoc_headings_are_sections() {
    let text = "/// Does it.\n///\n/// # Errors\n///\n/// If bad.\n///\n/// ## Panics\n/// Never.\n/// # Safety ##\n/// Mind.\n/// # Other things";
    let doc = lines(text, "///", DocStyle::Rustdoc);
    assert_eq!(
        sections(&doc),
        ["Raise Errors 2..5", "Panic Panics 6..8", "Safety Safety 8..10", "Other Other things 10..11"]
    );
    assert_eq!(doc.sections[0].title_span.of(text), "Errors");
    assert_eq!(doc.summary_text(text), "Does it.");
    assert_eq!(doc.style, DocStyle::Rustdoc);
}

#[test]
fn rustdoc_lists_document_arguments() {
    let text = "/// A.\n///\n/// # Arguments\n///\n/// * `x` - The x\n///   of it. Defaults to 5.\n/// - `y`: The y.\n/// * **z** - Bold.\n/// * `a`, `b` — Both.\n/// * `t: &str` - Typed.\n/// * no entry here\n///\n/// # Returns\n///\n/// It.";
    let doc = lines(text, "///", DocStyle::Rustdoc);
    let expected = [
        "Param x =5: The x of it. Defaults to 5.",
        "Param y: The y.",
        "Param z: Bold.",
        "Param a, b: Both.",
        "Param t (&str): Typed.",
        "Return: It.",
    ];
    assert_eq!(entries(&doc), expected);
    assert_eq!(doc.entries[0].names[0].span.of(text), "x");
    assert_eq!(doc.entries[0].lines, 4..6);
    assert_eq!(doc.entries[0].description_span.of(text), "The x\n///   of it. Defaults to 5.");
}

#[test]
fn rustdoc_code_is_example_and_hides_its_marks() {
    let text = "/// A.\n/// ```\n/// # use a;\n/// # Errors\n/// f(`x`);\n/// ```\n/// ```text\n/// no\n/// ```\n///\n///     g();\n///\n/// - item\n///\n///     inside";
    let doc = lines(text, "///", DocStyle::Rustdoc);
    let code: Vec<_> = doc.examples.iter().map(|example| example.code.as_str()).collect();
    assert_eq!(code, ["use a;\nErrors\nf(`x`);", "g();"]);
    assert!(doc.sections.is_empty() && doc.mentions.is_empty());
}

#[test]
fn rustdoc_links_are_mentions() {
    let text = "//! [`A::b()`], [C], [d](e), [text][`F`], [not this], `g`\n//! - [x] done\n//!\n//! [C]: crate::C";
    assert_eq!(mentions(&lines(text, "//!", DocStyle::Rustdoc)), ["A::b()", "C", "F", "g"]);
}

#[test]
fn godoc_has_headings_code_and_deprecation() {
    let text = "// Do does it like [Other.Do].\n//\n// # Usage notes\n//\n// Text:\n//\n//\tdo(1)\n//\n//  - item\n//\n// Deprecated: Use [New]\n// instead.\n//\n// More.";
    let doc = lines(text, "//", DocStyle::Godoc);
    assert_eq!(sections(&doc), ["Other Usage notes 2..9", "Deprecated Deprecated 10..12"]);
    assert_eq!(entries(&doc), ["Deprecated: Use [New] instead."]);
    assert_eq!(doc.examples[0].code, "do(1)");
    assert_eq!(mentions(&doc), ["Other.Do", "New"]);
    assert_eq!(doc.summary_text(text), "Do does it like [Other.Do].");
}

#[test]
fn prose_alone_shows_no_style() {
    assert_eq!(lines("/// Only prose.", "///", DocStyle::Rustdoc).style, DocStyle::Plain);
}

#[test]
fn elements_and_unexported_names_are_no_links() {
    assert_eq!(
        mentions(&lines("// s[i], [i:j], [pivot], a[Max], [Index] and [pkg.Name].", "//", DocStyle::Godoc)),
        ["Index", "pkg.Name"]
    );
    assert_eq!(mentions(&lines("/// a[b] and [c::d].", "///", DocStyle::Rustdoc)), ["c::d"]);
}

#[test]
fn an_open_fence_runs_to_the_end() {
    let doc = lines("/// A.\n/// ```\n/// # }\n/// `x`", "///", DocStyle::Rustdoc);
    assert!(doc.sections.is_empty() && doc.mentions.is_empty());
}

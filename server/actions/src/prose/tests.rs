//! Good and bad answers in the slots of a docstring.

use super::*;
use crate::testing::{after, findings, model, symbol};

const TEXT: &str = "def load(path, retries=3):\n    if not path:\n        raise ValueError('no path')\n    return read(path, retries)\n";

fn action() -> Document {
    let model = Arc::new(model("python", TEXT));
    let load = symbol(&model, "load");
    Document::new(model, load, WriterOptions::default(), Vec::new()).unwrap()
}

fn good() -> Value {
    json!({
        "summary": "Read the configuration of a project.",
        "details": "The file is read `retries` times before it is given up.",
        "params": { "path": "Where the file is.", "retries": "How often reading is tried." },
        "returns": "What `read` found.",
        "raises": { "ValueError": "If `path` is empty." },
    })
}

fn written(checked: &Checked) -> String {
    let Made::Edit { edits, .. } = &checked.made else { panic!("an edit") };
    after(&model("python", TEXT), edits)
}

#[test]
fn the_words_of_the_model_stand_in_the_frame_of_the_renderer() {
    let checked = action().read(&good().to_string(), Patience::Strict).unwrap();
    let expected = "def load(path, retries=3):\n    \"\"\"Read the configuration of a project.\n\n    The file is read `retries` times before it is given up.\n\n    Args:\n        path: Where the file is.\n        retries: How often reading is tried.\n\n    Returns:\n        What `read` found.\n\n    Raises:\n        ValueError: If `path` is empty.\n    \"\"\"\n";
    assert!(written(&checked).starts_with(expected), "{}", written(&checked));
    assert_eq!(findings(&model("python", &written(&checked))), []);
    assert!(checked.checks.contains(&"only documentation changed") && checked.remarks.is_empty());
}

#[test]
fn what_is_wrong_goes_back_and_then_the_offline_words_take_its_place() {
    type Spoil = fn(&mut Value);
    let cases: [(&str, Spoil, &str); 7] = [
        (
            "a renamed parameter",
            |answer| answer["params"] = json!({ "file": "x.", "retries": "How often." }),
            "params.path",
        ),
        ("an invented name", |answer| answer["details"] = json!("It asks `cache_server` first."), "cache_server"),
        ("a dropped exception", |answer| answer["raises"] = json!({}), "raises.ValueError"),
        ("the end of the comment", |answer| answer["summary"] = json!("Do.\"\"\"; import os"), "must not contain"),
        ("a placeholder", |answer| answer["returns"] = json!("TODO"), "must not contain"),
        ("a chapter", |answer| answer["params"]["path"] = json!("Very long. ".repeat(1000)), "longer than"),
        ("no text", |answer| answer["summary"] = json!(7), "`summary` is missing"),
    ];
    let offline = written(&action().offline().unwrap());
    for (what, spoil, reason) in cases {
        let mut answer = good();
        spoil(&mut answer);
        let refusal = action().read(&answer.to_string(), Patience::Strict).unwrap_err();
        assert!(refusal.contains(reason) && refusal.ends_with('.'), "{what}: {refusal}");
        let checked = action().read(&answer.to_string(), Patience::Lenient).unwrap();
        assert!(!checked.remarks.is_empty(), "{what}");
        let text = written(&checked);
        assert!(text.contains("        retries: How often"), "{what}: {text}");
        assert!(
            !text.contains("cache_server") && !text.contains("import os") && !text.contains("TODO"),
            "{what}: {text}"
        );
        assert_eq!(text.matches("\"\"\"").count(), 2, "{what}");
        assert!(text.ends_with(TEXT.split_once('\n').unwrap().1), "{what}: {text}");
        assert_ne!(text, offline, "{what}: what is right is used");
    }
    for nothing in ["", "{}", "I cannot do that.", "{\"summary\": \"\"}", "[1]"] {
        assert!(action().read(nothing, Patience::Lenient).is_err(), "{nothing}");
    }
}

#[test]
fn a_question_shows_the_facts_and_asks_for_the_slots() {
    let question = action().question();
    let schema = question.schema.unwrap();
    assert_eq!(schema["properties"]["params"]["required"], json!(["path", "retries"]));
    assert_eq!(schema["required"].as_array().unwrap().len(), 5);
    let facts = question.parts.iter().find_map(|part| match part {
        Part::Data(Origin::ToolOutput, text) => serde_json::from_str::<Value>(text).ok(),
        _ => None,
    });
    assert_eq!(facts.unwrap()["raises"][0]["type"], "ValueError");
}

#[test]
fn other_languages_are_documented_in_their_own_style() {
    for (language, text, name, begins) in [
        ("rust", "pub fn a(x: u8) -> u8 {\n    x\n}\n", "a", "/// Gives it back.\n"),
        ("go", "package p\n\nfunc A(x int) int {\n\treturn x\n}\n", "A", "// A gives it back.\n"),
        ("typescript", "export function a(x: number) {\n  return x;\n}\n", "a", "/**\n * Gives it back."),
    ] {
        let before = Arc::new(model(language, text));
        let action =
            Document::new(before.clone(), symbol(&before, name), WriterOptions::default(), Vec::new()).unwrap();
        let summary = if language == "go" { "A gives it back." } else { "Gives it back." };
        let answer =
            json!({ "summary": summary, "details": "", "params": { "x": "The number." }, "returns": "The number." });
        let checked = action.read(&answer.to_string(), Patience::Strict).unwrap();
        let Made::Edit { edits, .. } = &checked.made else { panic!("an edit") };
        assert!(after(&before, edits).contains(begins), "{language}: {}", after(&before, edits));
    }
}

//! The examples of the document: each fits the schema that it is an example of. Those of bodies and parameters are sent to the program besides.

use super::*;
use crate::openapi::document_value;

/// An example, with its place in the document and the schema that it has to fit.
type Example<'a> = (String, &'a Value, &'a Value);

/// Finds all examples below a value. Beside the one of a parameter, a header or a body stands its `schema`; any other stands in a schema.
fn gather<'a>(value: &'a Value, place: &str, found: &mut Vec<Example<'a>>) {
    match value {
        Value::Object(fields) => {
            assert!(!fields.contains_key("examples"), "{place}: only `example` is looked at here");
            if let Some(example) = fields.get("example") {
                found.push((place.to_owned(), fields.get("schema").unwrap_or(value), example));
            }
            for (name, inner) in fields {
                if name != "example" {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    gather(inner, &format!("{place}/{name}"), found);
                }
            }
        }
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                gather(item, &format!("{place}/{number}"), found);
            }
        }
        _ => {}
    }
}

/// The examples that do not fit: where they stand, and why.
fn misfits(document: &Value, examples: &[Example<'_>]) -> Vec<(String, String)> {
    let mut wrong = Vec::new();
    for &(ref place, schema, example) in examples {
        let mut schema = schema.clone();
        schema["components"] = document["components"].clone();
        let validator = jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{place}: {error}"));
        if let Err(error) = validator.validate(example) {
            wrong.push((place.clone(), error.to_string()));
        }
    }
    wrong
}

#[test]
fn every_example_of_the_document_fits_its_schema() {
    let document = document_value();
    let mut examples = Vec::new();
    gather(document, "", &mut examples);
    assert!(examples.len() > 100, "{} were found", examples.len());
    let wrong = misfits(document, &examples);
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn an_example_that_does_not_fit_is_found_wherever_it_stands() {
    let mut document = document_value().clone();
    let wrong = [
        ("/components/schemas/NewToken", json!({ "name": "ci", "scopes": ["documents"], "days": 367 })),
        ("/components/schemas/NewToken/properties/days", json!(0)),
        ("/components/schemas/Session/properties/amr", json!("pwd")),
        ("/paths/~1api~1v2~1tokens/get/parameters/1", json!("twenty")),
        ("/paths/~1api~1v2~1tokens/get/responses/200/headers/ETag", json!(7)),
        ("/paths/~1api~1v2~1tokens/post/requestBody/content/application~1json", json!({ "days": 30 })),
    ];
    for (place, example) in &wrong {
        document.pointer_mut(place).unwrap()["example"] = example.clone();
    }
    let mut examples = Vec::new();
    gather(&document, "", &mut examples);
    let mut found: Vec<String> = misfits(&document, &examples).into_iter().map(|(place, _)| place).collect();
    found.sort_unstable();
    assert_eq!(found, wrong.map(|(place, _)| place));
}

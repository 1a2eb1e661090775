//! Pictures in each format against what its provider documents.

use super::*;
use crate::prompt::{Detail, Picture, Shown};

const PNG: &str = "data:image/png;base64,iVBORw0KGgo=";
const ADDRESS: &str = "https://example.org/a.gif";

/// A question in which words and pictures stand in turns, and one behind it.
fn showing(urls: &[(&str, Option<Detail>)]) -> Request {
    let mut shown = vec![Shown::Text("Look:".to_owned())];
    for (url, detail) in urls {
        shown.push(Shown::Picture(Picture::of((*url).to_owned(), *detail).unwrap()));
        shown.push(Shown::Text("And?".to_owned()));
    }
    let turns = vec![
        Turn::Showing(shown),
        Turn::Assistant { text: "Nice.".to_owned(), calls: Vec::new() },
        Turn::User("Why?".to_owned()),
    ];
    Request::new(Arc::new(Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap()))
}

fn body_of(kind: ProviderKind, request: &Request) -> Value {
    let endpoint = Endpoint { base_url: "", model: "m", key: None, stream: true, quirks: Quirks::default() };
    serde_json::from_slice(&kind.provider().request(request, &endpoint).body).unwrap()
}

#[test]
fn a_picture_is_shown_in_each_providers_words() {
    let request = showing(&[(PNG, None)]);
    let (before, after) = (json!({ "type": "text", "text": "Look:" }), json!({ "type": "text", "text": "And?" }));
    let data = "iVBORw0KGgo=";
    for (kind, place, wanted) in [
        (
            ProviderKind::Openai,
            "messages",
            json!({ "role": "user", "content": [before, { "type": "image_url", "image_url": { "url": PNG } }, after] }),
        ),
        (
            ProviderKind::OpenaiResponses,
            "input",
            json!({ "role": "user", "content": [
                { "type": "input_text", "text": "Look:" },
                { "type": "input_image", "image_url": PNG, "detail": "auto" },
                { "type": "input_text", "text": "And?" },
            ] }),
        ),
        (
            ProviderKind::Anthropic,
            "messages",
            json!({ "role": "user", "content": [
                before,
                { "type": "image", "source": { "type": "base64", "media_type": "image/png", "data": data } },
                after,
            ] }),
        ),
        (
            ProviderKind::Gemini,
            "contents",
            json!({ "role": "user", "parts": [
                { "text": "Look:" }, { "inlineData": { "mimeType": "image/png", "data": data } }, { "text": "And?" },
            ] }),
        ),
        (ProviderKind::Ollama, "messages", json!({ "role": "user", "content": "Look:\n\nAnd?", "images": [data] })),
    ] {
        let body = body_of(kind, &request);
        assert_eq!(body[place][0], wanted, "{kind:?}");
        assert_eq!(body[place].as_array().map(Vec::len), Some(3), "{kind:?}: what comes behind it is as ever");
    }
}

#[test]
fn an_address_is_given_to_those_who_go_there_and_how_closely_to_look_to_those_who_ask() {
    let request = showing(&[(ADDRESS, Some(Detail::Low))]);
    let place = "/messages/0/content/1";
    let chat = json!({ "type": "image_url", "image_url": { "url": ADDRESS, "detail": "low" } });
    assert_eq!(body_of(ProviderKind::Openai, &request).pointer(place), Some(&chat));
    let source = json!({ "type": "image", "source": { "type": "url", "url": ADDRESS } });
    assert_eq!(body_of(ProviderKind::Anthropic, &request).pointer(place), Some(&source));
    let item = json!({ "type": "input_image", "image_url": ADDRESS, "detail": "low" });
    assert_eq!(body_of(ProviderKind::OpenaiResponses, &request).pointer("/input/0/content/1"), Some(&item));
    let fetches = |address: &str| ALL.map(|kind| kind.provider().fetches(address));
    assert_eq!(fetches(ADDRESS), [true, true, true, false, false]);
    assert_eq!(fetches("HTTPS://example.org/a.gif"), [true, true, true, false, false]);
    assert_eq!(fetches("http://example.org/a.gif"), [true, true, false, false, false]);
    for kind in [ProviderKind::Gemini, ProviderKind::Ollama] {
        assert!(!body_of(kind, &request).to_string().contains("example.org"), "{kind:?}");
    }
}

#[test]
fn words_in_which_nothing_is_to_be_seen_are_left_out_where_they_are_refused() {
    let picture = Shown::Picture(Picture::of(PNG.to_owned(), None).unwrap());
    let turns = vec![Turn::Showing(vec![Shown::Text(" ".to_owned()), picture])];
    let prompt = Prompt::conversation(&[], turns, Vec::new(), PromptLimits::default()).unwrap();
    let content = body_of(ProviderKind::Anthropic, &Request::new(Arc::new(prompt)))["messages"][0]["content"].clone();
    assert_eq!((content.as_array().map(Vec::len), &content[0]["type"]), (Some(1), &json!("image")));
}

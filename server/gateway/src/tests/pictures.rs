//! Pictures through the door for OpenAI's format: what arrives, what is refused and where, and how large a body may be.

use super::*;
use llm::scripted::{Behaviour, ModelServer, Script, words};
use std::sync::atomic::Ordering;

/// Bytes of the largest body of this door.
const LARGEST: usize = 32 << 20;
/// Bytes of the largest picture, which has 5 MiB in base64.
const LARGEST_PICTURE: usize = (5 << 20) / 4 * 3;
/// Places for large bodies.
const PLACES: usize = 8;
const CHAT: &str = "/v1/chat/completions";

/// A picture of so many bytes, as far as anybody looks at it here.
fn png(bytes: usize) -> String {
    use base64::Engine as _;
    let mut data = b"\x89PNG\r\n\x1a\n".to_vec();
    let rest = (data.len()..bytes).map(|at| (at % 251) as u8);
    data.extend(rest);
    format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(data))
}

fn picture(url: &str) -> Value {
    json!({ "type": "image_url", "image_url": { "url": url } })
}

fn asked(parts: Vec<Value>) -> Value {
    json!({ "model": "auto", "messages": [{ "role": "user", "content": parts }] })
}

/// A service with a model that says what it sees, and who may ask it.
async fn service(models: Value) -> (Service, String, ModelServer) {
    let server = ModelServer::start(Behaviour::saying("A cat.").script(), 100).await;
    let mut settings = json!({ "models": models });
    settings["models"]["target"] = json!([{ "name": "own", "model": "m", "base-url": server.url }]);
    let service = Service::set(settings, MetricsAccess::default()).await;
    let token = service.account("dev", Role::Developer).await;
    (service, token, server)
}

async fn ask(service: &Service, token: &str, body: Value) -> Reply {
    service.send("POST", CHAT, token, Some(body)).await
}

/// Sends a body as it is.
async fn send(service: &Service, path: &str, token: &str, body: Body) -> Reply {
    let request = Request::builder().method("POST").uri(path).header("authorization", format!("Bearer {token}"));
    service.raw(request.header("content-type", "application/json").body(body).unwrap()).await
}

/// A question that has so many bytes: pictures, and a word that is as long as what is left.
fn of_size(bytes: usize) -> String {
    let count = bytes.div_ceil(5 << 20);
    // What stands around a picture is part of it.
    let url = png(bytes / count / 4 * 3 - 600);
    let question = |word: &str| {
        let text = json!({ "type": "text", "text": word });
        asked(std::iter::once(text).chain(vec![picture(&url); count]).collect()).to_string()
    };
    let rest = bytes - question("").len();
    question(&"x".repeat(rest))
}

/// What is wrong, and where.
fn refusal(reply: &Reply) -> (u16, String, String) {
    let error = reply.json()["error"].clone();
    let said = |name: &str| error[name].as_str().unwrap_or("").to_owned();
    (reply.status.as_u16(), said("param"), said("message"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_picture_arrives_as_it_was_sent_and_no_larger_one() {
    let (service, token, server) = service(json!({})).await;
    let url = png(LARGEST_PICTURE);
    let reply = ask(&service, &token, asked(vec![json!({ "type": "text", "text": "Who?" }), picture(&url)])).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    assert_eq!(reply.json()["choices"][0]["message"]["content"], "A cat.");
    let sent: Value = serde_json::from_str(server.seen.bodies.lock().unwrap().last().unwrap()).unwrap();
    let content = &sent["messages"][0]["content"];
    assert!(content[1]["image_url"]["url"] == url.as_str(), "byte for byte");
    assert_eq!(content[0], json!({ "type": "text", "text": "Who?" }));
    let refused = ask(&service, &token, asked(vec![picture(&png(LARGEST_PICTURE + 1))])).await;
    let (status, place, said) = refusal(&refused);
    assert_eq!((status, place.as_str()), (422, "messages.0.content.0.image_url.url"), "{said}");
    assert!(said.contains("5242880 bytes"), "{said}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_pictures_arrive_and_no_more() {
    let (service, token, server) = service(json!({})).await;
    let many = |count: usize| asked(vec![picture(&png(20)); count]);
    assert_eq!(ask(&service, &token, many(20)).await.status, StatusCode::OK);
    let (status, place, said) = refusal(&ask(&service, &token, many(21)).await);
    assert_eq!((status, place.as_str()), (422, "messages.0.content.20"), "{said}");
    assert_eq!(server.requests(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_picture_is_refused_with_its_place_and_a_sentence() {
    let (service, token, server) = service(json!({})).await;
    let url = "messages.0.content.0.image_url.url";
    for (part, place) in [
        (picture("data:image/png;base64,iVBORw0KGgo"), url),
        (picture("data:image/png;base64,iVBORw0K*Go="), url),
        (picture("data:image/jpeg;base64,iVBORw0KGgo="), url),
        (picture("data:image/bmp;base64,Qk0="), url),
        (picture("data:text/html;base64,PGI+"), url),
        (picture("file:///etc/passwd"), url),
        (picture("ftp://example.org/a.png"), url),
        (picture("javascript:alert(1)"), url),
        (picture("http://127.0.0.1:8080/a.png"), url),
        (picture("https://ann:word@example.org/a.png"), url),
        (json!({ "type": "input_audio", "input_audio": { "data": "", "format": "wav" } }), "messages.0.content.0"),
        (json!({ "type": "file", "file": { "file_data": "" } }), "messages.0.content.0"),
    ] {
        let (status, at, said) = refusal(&ask(&service, &token, asked(vec![part.clone()])).await);
        assert_eq!((status, at.as_str()), (422, place), "{part}: {said}");
        assert!(said.ends_with('.') && !said.contains("iVBOR") && !said.contains("passwd"), "{said}");
    }
    let of_the_model = json!([
        { "role": "assistant", "content": [picture(&png(20))] }, { "role": "user", "content": "Who?" },
    ]);
    let reply = ask(&service, &token, json!({ "model": "auto", "messages": of_the_model })).await;
    assert_eq!((refusal(&reply).0, refusal(&reply).1.as_str()), (422, "messages.0.content.0"));
    // What does not fulfil the schema is told without what it is.
    let wrong = json!({ "type": "image_url", "image_url": png(20) });
    let reply = ask(&service, &token, asked(vec![wrong])).await;
    assert!(reply.status == StatusCode::BAD_REQUEST && !reply.text.contains("iVBOR"), "{reply:?}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_given_to_no_server_of_ones_own_and_is_fetched_by_nobody_here() {
    let (service, token, server) = service(json!({})).await;
    let url = "https://example.org/a.png";
    let (status, _, said) = refusal(&ask(&service, &token, asked(vec![picture(url)])).await);
    assert!(status == 422 && said.contains("fetches") && said.ends_with('.'), "{said}");
    let gemini = json!([{ "name": "own", "provider": "gemini", "model": "m", "base-url": server.url }]);
    let service = Service::set(json!({ "models": { "target": gemini } }), MetricsAccess::default()).await;
    let token = service.account("dev", Role::Developer).await;
    let (status, _, said) = refusal(&ask(&service, &token, asked(vec![picture(url)])).await);
    assert!(status == 422 && said.contains("fetches") && said.ends_with('.'), "{said}");
    assert_eq!(server.requests(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_this_door_may_be_large_if_it_says_so_and_others_may_not() {
    let (service, token, server) = service(json!({})).await;
    let reply = send(&service, CHAT, &token, Body::from(of_size(LARGEST))).await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    let reply = send(&service, CHAT, &token, Body::from(of_size(LARGEST + 1))).await;
    assert_eq!(refusal(&reply).0, 413, "{reply:?}");
    // Nobody knows how long this one is before it is there.
    let pieces = |bytes: usize| {
        let body = of_size(bytes).into_bytes();
        let pieces: Vec<_> = body.chunks(1 << 16).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        Body::from_stream(futures_util::stream::iter(pieces))
    };
    assert_eq!(send(&service, CHAT, &token, pieces(1 << 20)).await.status, StatusCode::OK);
    let reply = send(&service, CHAT, &token, pieces((1 << 20) + 1)).await;
    assert_eq!(refusal(&reply).0, 413, "{reply:?}");
    let text = json!({ "path": "a.py", "text": "x".repeat(1 << 20) }).to_string();
    let reply = send(&service, "/api/v2/documents/diagnostics", &token, Body::from(text)).await;
    assert_eq!(reply.status, StatusCode::PAYLOAD_TOO_LARGE, "every other route keeps its bound");
    assert_eq!(server.requests(), 2);
    assert_eq!(service.gateway.large_bodies().free(), PLACES, "every place is given back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_bodies_wait_for_a_place_and_others_do_not() {
    let (service, token, server) = service(json!({})).await;
    let mut taken = Vec::new();
    for number in 0..PLACES {
        taken.push(service.gateway.large_bodies().take(&(number / 2).to_string()).await.unwrap());
    }
    assert_eq!(service.gateway.large_bodies().free(), 0);
    assert_eq!(ask(&service, &token, asked(vec![picture(&png(20))])).await.status, StatusCode::OK);
    let large = send(&service, CHAT, &token, Body::from(of_size(2 << 20)));
    let then = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert_eq!(server.seen.requests.load(Ordering::Relaxed), 1, "it waits");
        drop(taken);
    };
    let (reply, ()) = tokio::join!(large, then);
    assert_eq!((reply.status, server.requests()), (StatusCode::OK, 2), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_large_without_pictures_is_refused() {
    let (service, token, server) = service(json!({})).await;
    let with = |name: &str, value: Value| {
        let mut body = asked(vec![picture(&png(20))]);
        body[name] = value;
        Body::from(body.to_string())
    };
    for (value, expected) in
        [(json!("x".repeat(2 << 20)), 413), (json!(vec![0; 1 << 20]), 413), (json!(vec![0; 300_000]), 422)]
    {
        let reply = send(&service, CHAT, &token, with("x", value)).await;
        let (status, _, said) = refusal(&reply);
        assert!(status == expected && said.ends_with('.'), "{said}");
    }
    assert_eq!(server.requests(), 0);
    let reply = send(&service, CHAT, &token, with("x", json!(vec![0; 1000]))).await;
    assert_eq!((reply.status, server.requests()), (StatusCode::OK, 1), "what is not known is passed over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_place_is_held_until_the_answer_has_gone_out() {
    let server = ModelServer::start(Script::Words(words("a b c d e f"), Duration::from_millis(100)), 100).await;
    let target = json!([{ "name": "own", "model": "m", "base-url": server.url }]);
    let service = Service::set(json!({ "models": { "target": target } }), MetricsAccess::default()).await;
    let token = service.account("dev", Role::Developer).await;
    let free = || service.gateway.large_bodies().free();
    let mut body: Value = serde_json::from_str(&of_size(2 << 20)).unwrap();
    body["stream"] = json!(true);
    for is_read in [true, false] {
        let request = Request::builder().method("POST").uri(CHAT).header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json").body(Body::from(body.to_string())).unwrap();
        let answer = service.router.clone().oneshot(request).await.unwrap();
        assert_eq!((answer.status(), free()), (StatusCode::OK, PLACES - 1), "the answer has begun");
        if is_read {
            let all = axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
            assert!(String::from_utf8(all.to_vec()).unwrap().contains("[DONE]"));
        } else {
            drop(answer);
        }
        let given_back = async {
            while free() < PLACES {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), given_back).await.expect("its place is given back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_settings_refuse_pictures_none_goes_out_and_texts_do() {
    let (service, token, server) = service(json!({ "pictures": "refuse" })).await;
    let parts = vec![json!({ "type": "text", "text": "Who?" }), picture(&png(20))];
    let (status, place, said) = refusal(&ask(&service, &token, asked(parts)).await);
    assert_eq!((status, place.as_str()), (422, "messages.0.content.1"));
    assert!(said.contains("`models.pictures`") && said.ends_with('.'), "{said}");
    let reply = send(&service, CHAT, &token, Body::from(of_size(2 << 20))).await;
    assert_eq!(refusal(&reply).0, 413, "without pictures nothing is so large");
    assert_eq!(server.requests(), 0);
    let words = asked(vec![json!({ "type": "text", "text": "Who?" })]);
    assert_eq!(ask(&service, &token, words).await.status, StatusCode::OK);
    assert_eq!(server.requests(), 1);
}

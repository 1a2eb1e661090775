//! What the log hears of clients in a loop: something of each kind, and not with each request.

use super::levels::{TWO, demanded, service, with};
use super::*;
use crate::auth::seldom::SILENCE;
use std::fmt::{Debug, Write};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

const WEAK: &str = "An access token of the provider is of too weak a sign-in.";

/// Keeps the warnings of the thread for which it is set.
#[derive(Clone, Default)]
struct Heard(Arc<Lock<Vec<String>>>);

impl Heard {
    fn with(&self, words: &str) -> Vec<String> {
        self.0.lock().unwrap().iter().filter(|line| line.contains(words)).cloned().collect()
    }
}

impl Subscriber for Heard {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::WARN
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The fields of a warning.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{field}={value:?} ").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_in_a_loop_does_not_fill_the_log() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage, demanded(&[TWO], &[]), demanded(&[], &[])).await;
    let heard = Heard::default();
    let _heard = tracing::subscriber::set_default(heard.clone());
    for number in 0..30 {
        // What a token says is no reason of its own, or a client could make as many of them as it likes.
        for said in [json!({}), json!({ "acr": format!("weak-{number}") })] {
            let token = token(&signer, &with(stage.access("s-1"), &said));
            let reply = service.send("GET", "/api/v2/me", &token, None).await;
            assert_eq!(reply.status, StatusCode::UNAUTHORIZED, "each is refused all the same: {reply:?}");
        }
    }
    let told = heard.with(WEAK);
    assert_eq!(told.len(), 2, "one for each reason: {told:?}");
    assert!(told[0].contains("its claim `acr` is missing") && told[1].contains("weak-0"), "{told:?}");
    assert!(told.iter().all(|line| line.contains(&stage.issuer) && line.contains("passed_over=0")), "{told:?}");
    // A minute later the next one tells how many there were.
    let provider = service.gateway.provider().unwrap();
    for reason in ["no acr", "another acr"] {
        assert_eq!(provider.seldom.take(WEAK, reason, Instant::now() + SILENCE), Some(29), "{reason}");
    }
    let good = token(&signer, &with(stage.access("s-1"), &json!({ "acr": TWO })));
    assert_eq!(service.send("GET", "/api/v2/me", &good, None).await.status, StatusCode::OK, "the control");
    assert_eq!(heard.with(WEAK).len(), 2, "and of that nothing is told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_is_away_is_told_once_however_many_come() {
    let signer = Signer::ec("k");
    let stage = Stage::new(&[&signer]).await;
    let service = service(&stage, demanded(&[], &[]), demanded(&[], &[])).await;
    *stage.said.description.lock().unwrap() = (500, json!({}));
    let heard = Heard::default();
    let _heard = tracing::subscriber::set_default(heard.clone());
    for _ in 0..20 {
        let token = token(&signer, &stage.access("s-1"));
        let reply = service.send("GET", "/api/v2/me", &token, None).await;
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{reply:?}");
    }
    let told = heard.with("A sign-in by the provider failed.");
    assert!(told.len() == 1 && told[0].contains("its status is 500"), "{told:?}");
}

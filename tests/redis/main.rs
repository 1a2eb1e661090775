//! The shared cache and shared budgets over real servers: a Redis and a Redis Cluster that the tests start, stop, freeze and kill.

// What is shared by tests may fail a test; clippy knows that only of test functions themselves.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod budgets;
mod cluster;
mod rates;
mod servers;
mod single;

use llm::LlmManager;
use llm::config::{KeySource, ModelsSettings, RedisSource, Settings, TargetSettings};
use llm::prompt::{Origin, Part, Prompt, PromptLimits};
use llm::request::Request;
use llm::scripted::{ModelServer, Script};
use security::secret::Secret;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Long enough for a machine that is busy with other things.
const PATIENT: u64 = 2_000;

fn settings(model: &ModelServer, redis: RedisSource, deadline_ms: u64) -> Settings {
    let target = TargetSettings {
        name: "one".to_owned(),
        model: "m".to_owned(),
        base_url: Some(model.url.clone()),
        ..TargetSettings::default()
    };
    let mut settings = Settings {
        models: ModelsSettings { target: vec![target], first_word_ms: 20_000, ..ModelsSettings::default() },
        ..Settings::default()
    };
    settings.cache.redis = Some(redis);
    settings.cache.redis_deadline_ms = deadline_ms;
    settings
}

fn manager(settings: &Settings) -> LlmManager {
    let key = |_: &KeySource| -> Result<Secret, String> { Err("no key".to_owned()) };
    let (manager, errors) = LlmManager::new(settings, &key);
    assert!(errors.is_empty(), "{errors:?}");
    manager
}

fn request(text: &str) -> Request {
    let parts = [Part::Instruction("Answer.".into()), Part::Data(Origin::Question, text.into())];
    Request::new(Arc::new(Prompt::new(&parts, PromptLimits::default()).expect("a prompt")))
}

async fn saying(text: &str) -> ModelServer {
    ModelServer::start(Script::Words(llm::scripted::words(text), Duration::ZERO), 100).await
}

/// Waits for something that comes about by itself.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

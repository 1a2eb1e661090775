//! Answers kept in memory, weighed by their bytes. Only answers that are the same each time are kept, and only whole ones.

use crate::request::{Answer, Request};
use moka::sync::Cache as Memory;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Stands for a question and for everything that its answer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of a question to one of `models`, in the order in which they would be asked.
    pub fn of(request: &Request, models: &[&str]) -> Self {
        let canonical = json!({
            "models": models,
            "system": request.prompt.system(),
            "user": request.prompt.user(),
            // What its placeholders stand for is another question, though the text is the same.
            "secrets": request.prompt.secrets_digest(),
            "max_tokens": request.max_tokens,
            "temperature": request.temperature.to_bits(),
            "schema": request.schema.as_ref().map(sorted),
            "client": request.client,
        });
        Self(*blake3::hash(canonical.to_string().as_bytes()).as_bytes())
    }
}

/// The same value with the keys of all objects in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by_key(|(key, _)| *key);
            // As a list, since an object's own order depends on how it is built.
            Value::Array(pairs.into_iter().map(|(key, value)| json!([key, sorted(value)])).collect())
        }
        Value::Array(list) => Value::Array(list.iter().map(sorted).collect()),
        other => other.clone(),
    }
}

/// Bounds on what is kept.
#[derive(Clone, Copy, Debug)]
pub struct CacheConfig {
    /// Bytes in all; 0 keeps nothing.
    pub max_bytes: u64,
    /// How long an answer is good.
    pub time_to_live: Duration,
}

impl Default for CacheConfig {
    fn default() -> Self {
        Self { max_bytes: 16 << 20, time_to_live: Duration::from_secs(24 * 3600) }
    }
}

/// Answers in memory.
pub struct Cache {
    answers: Memory<Key, Arc<Answer>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Cache {
    /// An empty one.
    pub fn new(config: CacheConfig) -> Self {
        let weigh = |_: &Key, answer: &Arc<Answer>| u32::try_from(answer.text.len() + 128).unwrap_or(u32::MAX);
        let answers =
            Memory::builder().max_capacity(config.max_bytes).weigher(weigh).time_to_live(config.time_to_live).build();
        Self { answers, hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// The answer kept under a key.
    pub fn get(&self, key: &Key) -> Option<Arc<Answer>> {
        let answer = self.answers.get(key);
        let count = if answer.is_some() { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
        answer
    }

    /// Keeps an answer.
    pub fn put(&self, key: Key, answer: &Answer) {
        self.answers.insert(key, Arc::new(Answer { from_cache: true, ..answer.clone() }));
    }

    /// Hits and misses so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::{Origin, Part, Prompt, PromptLimits};
    use crate::request::Finish;

    fn request(text: &str) -> Request {
        let prompt = Prompt::new(&[Part::Data(Origin::Code, text.into())], PromptLimits::default()).unwrap();
        Request::new(Arc::new(prompt))
    }

    fn key(request: &Request) -> Key {
        Key::of(request, &["m"])
    }

    #[test]
    fn everything_that_matters_is_in_the_key_and_the_order_of_a_schema_is_not() {
        let base = request("x = 1");
        let one = Request { schema: Some(json!({ "a": 1, "b": { "c": 2, "d": 3 } })), ..base.clone() };
        let other: Value = serde_json::from_str(r#"{"b": {"d": 3, "c": 2}, "a": 1}"#).unwrap();
        assert_eq!(key(&one), key(&Request { schema: Some(other), ..base.clone() }));
        let different = [
            request("x = 2"),
            Request { max_tokens: 1, ..base.clone() },
            Request { temperature: 0.5, ..base.clone() },
            Request { client: "other".into(), ..base.clone() },
            one,
        ];
        let mut keys: Vec<Key> = different.iter().map(key).chain([key(&base), Key::of(&base, &["n"])]).collect();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 7);
        let secret =
            |tail: &str| request(&format!("t = \"{}{tail}\"", ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5U"].concat()));
        assert_ne!(key(&secret("oI")), key(&secret("oJ")), "two secrets are two questions");
    }

    #[test]
    fn what_is_kept_is_bounded_by_its_bytes() {
        let cache = Cache::new(CacheConfig { max_bytes: 10_000, ..CacheConfig::default() });
        let answer =
            Answer { text: "x".repeat(1000), finish: Finish::Stop, usage: None, target: "t".into(), from_cache: false };
        for number in 0..100 {
            cache.put(key(&request(&number.to_string())), &answer);
        }
        cache.answers.run_pending_tasks();
        assert!(cache.answers.weighted_size() <= 10_000 && cache.answers.entry_count() > 0);
        let last = key(&request("one more"));
        cache.put(last, &answer);
        assert!(cache.get(&last).is_some_and(|answer| answer.from_cache));
    }
}

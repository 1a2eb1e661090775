//! Both levels, with a store that can be made to hang, to fail and to lie.

use super::*;
use crate::prompt::{Origin, Part, PromptLimits};
use crate::request::{Finish, Request};
use futures_util::future::BoxFuture;
use second::StoreError;
use std::collections::HashMap;
use std::sync::Mutex;

/// How a store behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Mood {
    #[default]
    Well,
    Hanging,
    Failing,
}

#[derive(Default)]
struct Store {
    values: Mutex<HashMap<Key, (Vec<u8>, Duration)>>,
    mood: Mutex<Mood>,
    asked: AtomicU64,
}

impl Store {
    async fn mood(&self) -> Result<(), StoreError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Well => Ok(()),
            Mood::Hanging => std::future::pending().await,
            Mood::Failing => Err(StoreError("gone".into())),
        }
    }
}

impl CacheStore for Store {
    fn get<'a>(&'a self, key: &'a Key, longest: usize) -> BoxFuture<'a, Result<Option<Vec<u8>>, StoreError>> {
        Box::pin(async move {
            self.mood().await?;
            let values = self.values.lock().unwrap();
            Ok(values.get(key).map(|(value, _)| value[..value.len().min(longest)].to_vec()))
        })
    }

    fn put<'a>(&'a self, key: &'a Key, value: Vec<u8>, keep: Duration) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.mood().await?;
            self.values.lock().unwrap().insert(*key, (value, keep));
            Ok(())
        })
    }
}

const DEADLINE: Duration = Duration::from_millis(5);

fn prompt(text: &str) -> Prompt {
    Prompt::new(&[Part::Data(Origin::Code, text.into())], PromptLimits::default()).unwrap()
}

fn key(text: &str) -> Key {
    Key::of(&Request::new(Arc::new(prompt(text))), &["m"])
}

fn answer(text: &str) -> Answer {
    Answer { text: text.into(), finish: Finish::Stop, usage: None, target: "t".into(), from_cache: false }
}

fn over(store: &Arc<Store>, config: CacheConfig) -> Cache {
    Cache::new(config).with_second(SecondLevel::new(store.clone(), DEADLINE))
}

#[tokio::test]
async fn what_is_kept_is_bounded_by_its_bytes() {
    let cache = Cache::new(CacheConfig { max_bytes: 10_000, ..CacheConfig::default() });
    for number in 0..100 {
        cache.put(&key(&number.to_string()), &answer(&"x".repeat(1000)), &prompt("x")).await;
    }
    cache.answers.run_pending_tasks();
    assert!(cache.answers.weighted_size() <= 10_000 && cache.answers.entry_count() > 0);
    let last = key("one more");
    cache.put(&last, &answer("x"), &prompt("x")).await;
    assert!(cache.get(&last).is_some_and(|hit| hit.answer.from_cache && !hit.is_stale));
}

#[tokio::test]
async fn an_answer_of_one_process_is_a_hit_in_another_and_in_memory_from_then_on() {
    let store = Arc::new(Store::default());
    let (one, other) = (over(&store, CacheConfig::default()), over(&store, CacheConfig::default()));
    assert!(other.get_shared(&key("q"), &prompt("q")).await.is_none());
    one.put(&key("q"), &answer("a"), &prompt("q")).await;
    assert!(other.get(&key("q")).is_none());
    let hit = other.get_shared(&key("q"), &prompt("q")).await.unwrap();
    assert_eq!((hit.answer.text.as_str(), hit.answer.from_cache, hit.is_stale), ("a", true, false));
    assert!(other.get(&key("q")).is_some());
    let keep = store.values.lock().unwrap()[&key("q")].1.as_secs_f64() / (24.0 * 3600.0);
    assert!((0.9..=1.1).contains(&keep), "{keep}");
}

#[tokio::test]
async fn times_of_keeping_are_spread() {
    let store = Arc::new(Store::default());
    let cache = over(&store, CacheConfig::default());
    for number in 0..50 {
        cache.put(&key(&number.to_string()), &answer("a"), &prompt("q")).await;
    }
    let keeps: std::collections::HashSet<_> = store.values.lock().unwrap().values().map(|(_, keep)| *keep).collect();
    assert!(keeps.len() > 20, "{}", keeps.len());
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_or_fails_is_a_miss_that_costs_one_deadline() {
    for (mood, cost) in [(Mood::Hanging, DEADLINE), (Mood::Failing, Duration::ZERO)] {
        let store = Arc::new(Store::default());
        let cache = over(&store, CacheConfig::default());
        cache.put(&key("q"), &answer("a"), &prompt("q")).await;
        *store.mood.lock().unwrap() = mood;
        let (began, asked) = (Instant::now(), store.asked.load(Ordering::Relaxed));
        for number in 0..100 {
            assert!(cache.get_shared(&key("q"), &prompt("q")).await.is_none());
            cache.put(&key(&number.to_string()), &answer("b"), &prompt("q")).await;
        }
        assert_eq!((began.elapsed(), store.asked.load(Ordering::Relaxed) - asked), (cost, 1), "{mood:?}");
        let counts = cache.shared_counts().unwrap();
        assert_eq!((counts.failures, counts.held_back), (1, 199));
        *store.mood.lock().unwrap() = Mood::Well;
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(cache.get_shared(&key("q"), &prompt("q")).await.is_some(), "it is back");
    }
}

#[tokio::test]
async fn a_store_that_lies_is_a_miss() {
    let store = Arc::new(Store::default());
    let cache = over(&store, CacheConfig::default());
    cache.put(&key("q"), &answer("a"), &prompt("q")).await;
    let good = store.values.lock().unwrap()[&key("q")].0.clone();
    let other = over(&store, CacheConfig::default());
    for lie in [good.clone(), b"garbage".to_vec(), vec![b'x'; body::LONGEST * 2]] {
        store.values.lock().unwrap().insert(key("another"), (lie, DEADLINE));
        assert!(other.get_shared(&key("another"), &prompt("q")).await.is_none());
    }
    assert_eq!(other.shared_counts().unwrap().refused, 3);
    assert!(other.get_shared(&key("q"), &prompt("q")).await.is_some());
}

#[tokio::test]
async fn no_secret_goes_into_the_store() {
    let secret = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
    let store = Arc::new(Store::default());
    let cache = over(&store, CacheConfig::default());
    let with = prompt(&format!("t = '{secret}'"));
    let restored = answer(&with.restore("t = '__SECRET_1__'"));
    assert!(restored.text.contains(&secret), "a secret that was put back");
    cache.put(&key("one"), &restored, &with).await;
    cache.put(&key("two"), &answer("no secret in it"), &with).await;
    // What a model makes up, or has from elsewhere, looks the same.
    cache.put(&key("three"), &answer(&format!("use {secret}")), &prompt("q")).await;
    assert_eq!(store.values.lock().unwrap().len(), 0);
    assert!(["one", "two", "three"].iter().all(|name| cache.get(&key(name)).is_some()), "memory has them");
    // What is there for such a question is not looked for either.
    let asked = store.asked.load(Ordering::Relaxed);
    assert!(cache.get_shared(&key("one"), &with).await.is_none() && store.asked.load(Ordering::Relaxed) == asked);
    cache.put(&key("four"), &answer("plain words"), &prompt("q")).await;
    let values = store.values.lock().unwrap();
    assert!(String::from_utf8_lossy(&values[&key("four")].0).contains("plain words"), "others are there to be read");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_fresh_then_stale_then_gone() {
    let (fresh, time_to_live) = (Duration::from_secs(10), Duration::from_secs(100));
    let cache = Cache::new(CacheConfig { fresh, time_to_live, ..CacheConfig::default() });
    cache.put(&key("q"), &answer("a"), &prompt("q")).await;
    let is_stale = || cache.get(&key("q")).map(|hit| hit.is_stale);
    tokio::time::advance(Duration::from_secs(9)).await;
    assert_eq!(is_stale(), Some(false));
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(is_stale(), Some(true));
    tokio::time::advance(Duration::from_secs(90)).await;
    assert_eq!(is_stale(), None);
}

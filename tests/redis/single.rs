//! The shared cache over one Redis that works, is not there, hangs, lies, and comes back.

use super::servers::{RedisServer, free_port};
use super::{PATIENT, manager, request, saying, settings, until};
use llm::config::RedisSource;
use std::time::{Duration, Instant};

fn at(server: &RedisServer) -> RedisSource {
    RedisSource::Address(server.url())
}

#[tokio::test]
async fn an_answer_of_one_process_is_a_hit_in_the_next_as_a_stream_too() {
    let (redis, model) = (RedisServer::start(), saying("Hello you there").await);
    let settings = settings(&model, at(&redis), PATIENT);
    assert!(!manager(&settings).ask(request("hi")).await.unwrap().from_cache);
    let second = manager(&settings);
    let answer = second.ask(request("hi")).await.unwrap();
    assert_eq!((answer.text.as_str(), answer.from_cache, answer.target.as_str()), ("Hello you there", true, "one"));
    assert_eq!(answer.usage.map(|usage| (usage.input, usage.output)), Some((10, 3)));
    redis.ask::<()>(&["FLUSHALL"]);
    assert!(second.ask(request("hi")).await.unwrap().from_cache, "it is in memory now");
    let third = manager(&settings);
    assert!(!third.ask(request("hi")).await.unwrap().from_cache);
    let mut stream = manager(&settings).stream(request("hi")).unwrap();
    assert!(stream.next().await.is_some() && stream.is_from_cache());
    assert_eq!(model.requests(), 2);
    let keys: Vec<String> = redis.ask(&["KEYS", "code-agent:{*}:v1"]);
    let answer_key = keys.iter().find(|key| !key.contains("budget")).unwrap();
    let left: u64 = redis.ask(&["TTL", answer_key]);
    assert!((77_000..=96_000).contains(&left), "a day, a tenth more or less: {left}");
}

#[tokio::test]
async fn without_a_redis_everything_works_and_nobody_keeps_asking_it() {
    let model = saying("fine").await;
    let nobody = RedisSource::Address(format!("redis://127.0.0.1:{}", free_port()));
    let manager = manager(&settings(&model, nobody, 5));
    let began = Instant::now();
    for number in 0..100 {
        assert_eq!(manager.ask(request(&number.to_string())).await.unwrap().text, "fine");
    }
    let counts = manager.shared_cache().unwrap();
    assert!(counts.failures <= pauses(began.elapsed()), "{counts:?} in {:?}", began.elapsed());
    assert_eq!(counts.failures + counts.held_back, 200, "each question asks once and would write once");
}

/// How many calls may fail in a time: the first, and one after each pause, of which each is twice as long as the one before.
fn pauses(time: Duration) -> u64 {
    let mut count = 1;
    let mut pause = Duration::from_millis(250);
    let mut sum = pause;
    while sum <= time {
        count += 1;
        pause = (pause * 2).min(Duration::from_secs(8));
        sum += pause;
    }
    count
}

#[tokio::test]
async fn a_redis_that_hangs_costs_one_deadline_and_is_used_again_when_it_goes_on() {
    let (redis, model) = (RedisServer::start(), saying("fine").await);
    // The deadline is that of a busy machine; what is counted is how often anybody waited for it.
    let settings = settings(&model, at(&redis), 300);
    let asking = manager(&settings);
    asking.ask(request("before")).await.unwrap();
    assert_eq!(asking.shared_cache().unwrap().failures, 0);
    redis.freeze();
    let began = Instant::now();
    for number in 0..100 {
        assert_eq!(asking.ask(request(&number.to_string())).await.unwrap().text, "fine");
    }
    let (counts, took) = (asking.shared_cache().unwrap(), began.elapsed());
    assert!((1..=pauses(took)).contains(&counts.failures), "{counts:?} in {took:?}");
    assert_eq!(counts.failures + counts.held_back, 200);
    redis.thaw();
    until("a hit after it went on", async || {
        let hits = asking.shared_cache().unwrap().hits;
        // In the shared cache only: another process has answered it.
        let name = format!("after {:?}", began.elapsed());
        manager(&settings).ask(request(&name)).await.unwrap();
        asking.ask(request(&name)).await.unwrap();
        asking.shared_cache().unwrap().hits > hits
    })
    .await;
}

#[tokio::test]
async fn a_redis_that_is_gone_and_comes_back_is_used_again() {
    let (mut redis, model) = (RedisServer::start(), saying("fine").await);
    let settings = settings(&model, at(&redis), PATIENT);
    let asking = manager(&settings);
    asking.ask(request("before")).await.unwrap();
    redis.kill();
    for number in 0..20 {
        assert_eq!(asking.ask(request(&number.to_string())).await.unwrap().text, "fine");
    }
    redis.restart();
    let mut number = 100;
    until("a value of it", async || {
        number += 1;
        asking.ask(request(&number.to_string())).await.unwrap();
        manager(&settings).ask(request(&number.to_string())).await.unwrap().from_cache
    })
    .await;
}

#[tokio::test]
async fn what_is_no_answer_to_the_question_is_never_given() {
    let (redis, model) = (RedisServer::start(), saying("right").await);
    let settings = settings(&model, at(&redis), PATIENT);
    manager(&settings).ask(request("one")).await.unwrap();
    manager(&settings).ask(request("two")).await.unwrap();
    let is_answer = |name: &str| name.starts_with("code-agent:{") && !name.contains("budget");
    let answers: Vec<_> = redis.everything().into_iter().filter(|(name, _)| is_answer(name)).collect();
    let [(one, of_one), (two, of_two)] = answers.as_slice() else { panic!("{answers:?}") };
    let url = redis.url();
    let put = |name: &str, value: &[u8]| {
        let mut connection = redis::Client::open(url.as_str()).unwrap().get_connection().unwrap();
        redis::cmd("SET").arg(name).arg(value).exec(&mut connection).unwrap();
    };
    // Each under the other's name, then things that no one wrote.
    put(one, of_two);
    put(two, of_one);
    let asked = |before: usize, what: &str| assert_eq!(model.requests(), before + 2, "{what}");
    for lie in ["swapped", "garbage", "empty", "cut", "huge", "list"] {
        for (name, good) in [(one, of_one), (two, of_two)] {
            match lie {
                "swapped" => {}
                "garbage" => put(name, b"\x01\x01 no answer at all, but longer than its head would be"),
                "empty" => put(name, b""),
                "cut" => put(name, &good[..good.len() - 1]),
                "huge" => put(name, &[good.as_slice(), &vec![b' '; 6 << 20]].concat()),
                _ => {
                    redis.ask::<()>(&["DEL", name]);
                    redis.ask::<u64>(&["LPUSH", name, "x"]);
                }
            }
        }
        let (before, fresh) = (model.requests(), manager(&settings));
        for question in ["one", "two"] {
            let answer = fresh.ask(request(question)).await.unwrap();
            assert_eq!((answer.text.as_str(), answer.from_cache), ("right", false), "{lie}");
        }
        asked(before, lie);
        assert_eq!(fresh.shared_cache().unwrap().failures, 0, "{lie}: the server itself is well");
    }
    redis.ask::<()>(&["FLUSHALL"]);
    manager(&settings).ask(request("one")).await.unwrap();
    assert!(manager(&settings).ask(request("one")).await.unwrap().from_cache, "what was put there is");
}

#[tokio::test]
async fn no_secret_lies_in_the_redis() {
    let secret = ["ghp_", "a8Fk2mQz7LpX9cVb3NwT6yRd1HsJ4gKe5UoI"].concat();
    let (redis, model) = (RedisServer::start(), saying("use __SECRET_1__ please").await);
    let settings = settings(&model, at(&redis), PATIENT);
    let question = format!("token = \"{secret}\"");
    let asking = manager(&settings);
    assert_eq!(asking.ask(request(&question)).await.unwrap().text, format!("use {secret} please"));
    assert!(asking.ask(request(&question)).await.unwrap().from_cache, "memory keeps it");
    let lies_there = |text: &str| {
        redis
            .everything()
            .iter()
            .any(|(name, value)| name.contains(text) || String::from_utf8_lossy(value).contains(text))
    };
    assert!(!lies_there(&secret) && !lies_there("please"));
    assert!(!manager(&settings).ask(request(&question)).await.unwrap().from_cache);
    // Answers without a secret do lie there, to be read.
    assert_eq!(asking.ask(request("plain")).await.unwrap().text, "use __SECRET_1__ please");
    assert!(lies_there("use __SECRET_1__ please"));
}

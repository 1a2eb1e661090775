//! The double itself: what measurements stand on must be what it says it is.

use super::*;
use crate::pool::Pool;
use serde_json::Value;

#[test]
fn beyond_the_knee_the_first_word_comes_later_and_then_not_at_all() {
    let knee = Knee { capacity: 10, service: Duration::from_millis(100), power: 2.0, at_most: Some(40) };
    let milliseconds = |at_once| knee.first_word(at_once).map(|time| time.as_millis());
    assert_eq!([1, 10, 20, 40, 41].map(milliseconds), [Some(100), Some(100), Some(400), Some(1600), None]);
    let queue = Knee { power: 1.0, at_most: None, ..knee };
    assert_eq!(queue.first_word(50), Some(Duration::from_millis(500)));
}

#[test]
fn the_tail_is_its_share_and_the_same_each_time() {
    let tail = Tail { share: 0.05, times: 10.0 };
    let slow: Vec<usize> = (0..10_000).filter(|number| tail.has(*number)).collect();
    assert!((450..550).contains(&slow.len()), "{}", slow.len());
    assert_eq!(slow, (0..10_000).filter(|number| tail.has(*number)).collect::<Vec<_>>());
    let of = |share| (0..1000).filter(|number| Tail { share, times: 2.0 }.has(*number)).count();
    assert_eq!((of(0.0), of(1.0)), (0, 1000));
}

async fn post(pool: &Arc<Pool>, server: &ModelServer, body: &str) -> (u16, String) {
    let url = format!("{}/chat/completions", server.url);
    let mut reply = pool.post("t", &url, &[], body.as_bytes().to_vec(), None, false).await.unwrap();
    let text = reply.whole("t", 64 << 20).await.unwrap();
    (reply.status(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn a_request_beyond_the_most_is_turned_away_and_the_rest_wait_for_one_another() {
    let knee = Knee { capacity: 2, service: Duration::from_millis(100), power: 1.0, at_most: Some(8) };
    let server = ModelServer::with(Options { knee: Some(knee), ..Options::default() }).await.unwrap();
    let pool = Arc::<Pool>::default();
    let calls = (0..12).map(|_| async {
        let began = Instant::now();
        (post(&pool, &server, "{}").await.0, began.elapsed())
    });
    let answers = futures_util::future::join_all(calls).await;
    let turned_away = answers.iter().filter(|(status, _)| *status == 429).count();
    assert_eq!((turned_away, server.seen.turned_away.load(Ordering::Relaxed)), (4, 4));
    let slowest = answers.iter().filter(|(status, _)| *status == 200).map(|(_, took)| *took).max().unwrap();
    assert!(slowest >= Duration::from_millis(400), "eight for two places take four times as long, not {slowest:?}");
}

#[tokio::test]
async fn a_script_may_follow_from_the_request() {
    let usual = Usual::by(|number, info| {
        assert_eq!((info.format, info.path.as_str()), (Some(Format::ChatCompletions), "/v1/chat/completions"));
        let kind = if info.stream { "pieces" } else { "whole" };
        Script::Words(vec![format!("{number} {kind} {}", info.body.len())], Duration::ZERO)
    });
    let server = ModelServer::start(usual, 100).await;
    let pool = Arc::<Pool>::default();
    let (_, first) = post(&pool, &server, "{}").await;
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["choices"][0]["message"]["content"], "0 whole 2");
    let (_, second) = post(&pool, &server, "{\"stream\":true}").await;
    assert!(second.contains("1 pieces 15") && second.ends_with("data: [DONE]\n\n"), "{second}");
    assert!(!second.contains("\"usage\":{"), "usage comes only where it is asked for");
}

#[tokio::test]
async fn a_huge_answer_takes_no_more_memory_than_its_next_word() {
    let huge = Behaviour { words: vec!["x".repeat(1 << 16)], times: 200, ..Behaviour::default() };
    let server = ModelServer::start(huge.script(), 100).await;
    let pool = Arc::<Pool>::default();
    let (_, text) = post(&pool, &server, "{\"stream\":true}").await;
    assert!(text.len() > 200 << 16, "{}", text.len());
    assert_eq!((server.seen.finished.load(Ordering::Relaxed), server.seen.aborted.load(Ordering::Relaxed)), (1, 0));
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time_and_a_busy_one_is_not() {
    let slow = Behaviour { before_head: Duration::from_millis(150), ..Behaviour::saying("slow") };
    let idle = Some(Duration::from_millis(30));
    let server = ModelServer::with(Options { usual: slow.script().into(), idle, ..Options::default() }).await.unwrap();
    let pool = Arc::<Pool>::default();
    assert!(post(&pool, &server, "{}").await.1.contains("slow"));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(post(&pool, &server, "{}").await.1.contains("slow"));
    assert_eq!(server.seen.connections.load(Ordering::Relaxed), 2);
}

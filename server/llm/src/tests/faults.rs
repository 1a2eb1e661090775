//! What other gateways' users report as open faults: breakers that do not hold, waits that are not kept, calls that go on for nobody.

use super::formats::speaking;
use super::{manager, request, saying, server, settings};
use crate::error::Cause;
use crate::providers::ProviderKind;
use crate::scripted::{Behaviour, ModelServer, Options, Script, Trouble, words};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_breaker_holds_under_constant_failures_of_many_callers() {
    let bad = ModelServer::start(Script::Fails(Trouble::Server, Vec::new()), 100).await;
    let good = server("fine").await;
    let manager = manager(&settings(&[&bad, &good]));
    let callers: Vec<_> = (0..16)
        .map(|caller| {
            let manager = manager.clone();
            tokio::spawn(async move {
                for number in 0..20 {
                    let answer = manager.ask(request(&format!("{caller} {number}"))).await.unwrap();
                    assert_eq!(answer.text, "fine");
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    // Five open it; those that were under way by then come besides.
    assert!((5..=20).contains(&bad.requests()), "{} of 320 went to it", bad.requests());
    assert_eq!(manager.report()[0].state, "left alone");
}

#[tokio::test]
async fn an_answer_without_a_word_is_paid_for_once_and_opens_no_breaker() {
    let server = ModelServer::start(Behaviour::saying("").script(), 100).await;
    let manager = manager(&settings(&[&server]));
    for number in 0..6 {
        let error = manager.ask(request(&number.to_string())).await.unwrap_err();
        assert_eq!((error.cause, error.target.as_str()), (Cause::Empty, "one"));
    }
    assert_eq!(server.requests(), 6, "each question was asked once");
    assert_ne!(manager.report()[0].state, "left alone");
}

#[tokio::test]
async fn a_target_is_not_asked_before_the_time_that_it_named() {
    let limited = ModelServer::start(saying("later"), 100).await;
    limited.next([Script::Fails(Trouble::Rate, vec![("retry-after-ms", "800".to_owned())])]);
    let other = server("meanwhile").await;
    let manager = manager(&settings(&[&limited, &other]));
    let began = Instant::now();
    let mut number = 0;
    loop {
        number += 1;
        let answer = manager.ask(request(&number.to_string())).await.unwrap();
        if answer.text == "later" {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "it is never asked again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(began.elapsed() >= Duration::from_millis(800), "{:?}", began.elapsed());
    assert!(number > 3, "others were asked meanwhile");
    assert_eq!(limited.requests(), 2);
}

#[tokio::test]
async fn a_later_failure_does_not_shorten_the_wait_of_an_earlier_one() {
    for later in [
        Script::Fails(Trouble::Rate, vec![("retry-after-ms", "10".to_owned())]),
        Script::Fails(Trouble::Rate, Vec::new()),
        Script::Fails(Trouble::Server, Vec::new()),
        Script::Fails(Trouble::Overload, Vec::new()),
    ] {
        let limited = ModelServer::start(saying("never"), 100).await;
        let first = Script::Fails(Trouble::Rate, vec![("retry-after", "30".to_owned())]);
        limited.next([
            Script::After(Duration::from_millis(50), Box::new(first)),
            Script::After(Duration::from_millis(250), Box::new(later)),
        ]);
        let other = server("fine").await;
        let manager = manager(&settings(&[&limited, &other]));
        let (one, two) = tokio::join!(manager.ask(request("1")), manager.ask(request("2")));
        assert_eq!((one.unwrap().text, two.unwrap().text), ("fine".to_owned(), "fine".to_owned()));
        assert_eq!(limited.requests(), 2, "both were under way at one time");
        let left = manager.report()[0].open_seconds.unwrap();
        assert!(left > 20.0, "{left} s are left");
    }
}

#[tokio::test]
async fn whoever_leaves_ends_the_call_in_every_state_of_it() {
    let slow_head = Behaviour { before_head: Duration::from_secs(60), ..Behaviour::saying("a b") };
    let slow_word = Behaviour { before_first: Duration::from_secs(60), ..Behaviour::saying("a b") };
    let slow_pace = Behaviour { pace: Duration::from_secs(30), thoughts: 1, ..Behaviour::saying("a b") };
    for behaviour in [slow_head, slow_word, slow_pace] {
        for (stream, http2) in [(true, false), (true, true), (false, false), (false, true)] {
            let server = ModelServer::start(behaviour.clone().script(), 100).await;
            let mut settings = speaking(ProviderKind::Openai, &[&server], stream, http2);
            settings.models.first_word_ms = 60_000;
            let manager = manager(&settings);
            let asking = tokio::time::timeout(Duration::from_millis(150), manager.ask(request("x")));
            assert!(asking.await.is_err() && server.requests() == 1, "it is under way");
            let left = Instant::now();
            while server.seen.aborted.load(Ordering::Relaxed) == 0 {
                assert!(left.elapsed() < Duration::from_secs(5), "{behaviour:?} {stream} {http2}: it goes on");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            assert_eq!(server.seen.at_once.load(Ordering::Relaxed), 0);
            assert_eq!(manager.report()[0].in_flight, 0);
        }
    }
}

#[tokio::test]
async fn connections_that_close_while_they_lie_idle_lose_no_answer() {
    let options = Options {
        usual: Script::Words(words("here it is"), Duration::ZERO).into(),
        idle: Some(Duration::from_millis(10)),
        ..Options::default()
    };
    let server = ModelServer::with(options).await.unwrap();
    let manager = manager(&settings(&[&server]));
    for number in 0..80_u64 {
        let answer = manager.ask(request(&number.to_string())).await;
        assert_eq!(answer.unwrap().text, "here it is");
        // Around the moment at which the server closes.
        tokio::time::sleep(Duration::from_micros(8_000 + number * 50)).await;
    }
    let connections = server.seen.connections.load(Ordering::Relaxed);
    assert!(connections > 10, "{connections} connections: they did close");
    assert_eq!(server.seen.finished.load(Ordering::Relaxed), 80, "each was answered once");
}

/// A server that says one word and from then on only that it is there.
async fn pinging() -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = vec![0; 64 << 10];
                let _ = socket.read(&mut request).await;
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                let word = "data: {\"choices\":[{\"delta\":{\"content\":\"one \"}}]}\n\n";
                let mut next = format!("{head}{word}");
                while socket.write_all(next.as_bytes()).await.is_ok() {
                    next = ": still there\n\n".to_owned();
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            });
        }
    });
    url
}

#[tokio::test]
async fn signs_of_life_do_not_keep_a_stream_alive_that_says_nothing_more() {
    let whole = super::server("one two three").await;
    let mut stalling = super::settings(&[&whole, &whole]);
    stalling.models.target[0].base_url = Some(pinging().await);
    let asked = super::manager(&stalling);
    let ask = asked.ask(super::request("count"));
    let answer = tokio::time::timeout(Duration::from_secs(20), ask).await.expect("it ends").unwrap();
    assert_eq!((answer.text.as_str(), answer.target.as_str()), ("one two three", "two"));
}

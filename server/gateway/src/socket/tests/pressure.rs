//! Clients that say more than is taken of them, or take less than is said: who is slowed down, who is waited for, and who is asked meanwhile.

use super::*;
use crate::socket::{Bounds, Carrier, Incoming};
use axum::extract::WebSocketUpgrade;
use axum::routing::MethodRouter;
use engine::queue::ROOM;
use futures_util::Stream;
use security::secret::Secret;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A language server that begins when it may, wants what is said to it in order, and answers with how much that was.
fn in_order(listening: &Listening, may_begin: Arc<Notify>) {
    listening.service.gateway.set_language_server(Arc::new(move |_, mut from_client, to_client| {
        let may_begin = may_begin.clone();
        Box::pin(async move {
            may_begin.notified().await;
            let mut heard = 0;
            while let Some(message) = from_client.recv().await {
                let message: Value = serde_json::from_str(&message).unwrap();
                assert_eq!(message["params"]["number"], heard);
                heard += 1;
                if !message["id"].is_null() {
                    let answer = json!({ "id": message["id"], "result": heard });
                    to_client.send(answer.to_string()).await.unwrap();
                }
            }
            Served::Over
        })
    }));
}

/// One of so many messages, of which only the last wants an answer.
fn numbered(number: usize, count: usize, text: &str) -> Message {
    let mut message = json!({ "method": "textDocument/didChange", "params": { "number": number, "text": text } });
    if number + 1 == count {
        message["id"] = json!("last");
    }
    Message::text(message.to_string())
}

/// The next text that comes within a minute.
async fn hear(socket: &mut (impl Stream<Item = Result<Message, Error>> + Unpin)) -> Value {
    loop {
        let message = tokio::time::timeout(Duration::from_secs(60), socket.next()).await.expect("a message");
        if let Message::Text(text) = message.expect("it is open").unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_too_fast_is_heard_more_slowly_and_nothing_is_lost() {
    let listening = Listening::new().await;
    let may_begin = Arc::new(Notify::new());
    in_order(&listening, may_begin.clone());
    may_begin.notify_one();
    let token = listening.service.account("ann", Role::Developer).await;
    let mut client = listening.connect(&token).await;
    let (count, began) = (4500, Instant::now());
    for number in 0..count {
        client.socket.send(numbered(number, count, "")).await.unwrap();
    }
    assert_eq!(hear(&mut client.socket).await["result"], count);
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(240), "five hundred more than may come at once: {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_language_server_that_takes_nothing_is_waited_for_and_holds_up_nothing_else() {
    let listening = Listening::new().await;
    let may_begin = Arc::new(Notify::new());
    in_order(&listening, may_begin.clone());
    let token = listening.service.account("ann", Role::Developer).await;
    let mut client = listening.connect(&token).await;
    client.subscribe(json!(["jobs"])).await;
    let (mut mouth, mut ear) = client.socket.split();
    let (count, text) = (400, "x".repeat(100_000));
    let talking = tokio::spawn(async move {
        for number in 0..count {
            mouth.send(numbered(number, count, &text)).await.unwrap();
        }
        mouth
    });
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!talking.is_finished(), "there is no room for forty megabytes");
    let job = listening.job("ann").await;
    assert_eq!(hear(&mut ear).await["params"]["data"]["job"], job);
    may_begin.notify_one();
    assert_eq!(hear(&mut ear).await["result"], count);
    drop(talking.await.unwrap());
}

/// A client of a service that has only this, and the task that serves it.
async fn client_of(served: MethodRouter) -> (WebSocketStream<TcpStream>, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/", served);
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });
    let stream = TcpStream::connect(address).await.unwrap();
    let (socket, _) = client_async(format!("ws://{address}/"), stream).await.unwrap();
    (socket, serving)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_which_nothing_is_read_is_asked_and_missed_all_the_same() {
    let (told, mut gone) = tokio::sync::mpsc::channel(1);
    let unheard = move |upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(move |socket| async move {
            let bounds = Bounds { heartbeat: Duration::from_millis(100), ..Bounds::default() };
            assert!(matches!(Carrier::new(socket, bounds).unheard().await, Incoming::Gone));
            told.send(()).await.unwrap();
        })
    };
    let (mut socket, serving) = client_of(axum::routing::get(unheard)).await;
    for _ in 0..3 {
        let asked = tokio::time::timeout(Duration::from_secs(5), socket.next()).await.expect("it is asked");
        assert!(matches!(asked, Some(Ok(Message::Ping(_)))), "{asked:?}");
    }
    assert!(gone.try_recv().is_err(), "it is there");
    drop(socket);
    assert!(tokio::time::timeout(Duration::from_secs(5), gone.recv()).await.is_ok(), "it is missed");
    serving.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_read_slowly_is_asked_though_it_talks_without_end() {
    let heard = Arc::new(AtomicUsize::new(0));
    let counted = heard.clone();
    let slowly = move |upgrade: WebSocketUpgrade| async move {
        upgrade.on_upgrade(move |socket| async move {
            let bounds = Bounds { heartbeat: Duration::from_secs(1), ..Bounds::default() };
            let mut carrier = Carrier::new(socket, bounds);
            while let Incoming::Text(_) = carrier.next_after(Duration::from_millis(10)).await {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    let (mut socket, serving) = client_of(axum::routing::get(slowly)).await;
    // Four seconds at least until all of it is read.
    let count = 400;
    for _ in 0..count {
        socket.feed(Message::text("x")).await.unwrap();
    }
    socket.flush().await.unwrap();
    for _ in 0..3 {
        let asked = tokio::time::timeout(Duration::from_secs(30), socket.next()).await.expect("it is asked");
        assert!(matches!(asked, Some(Ok(Message::Ping(_)))), "{asked:?}");
    }
    let read = heard.load(Ordering::SeqCst);
    assert!(read < count, "it was asked when all was read");
    // What it says is read on, and nothing of it is lost.
    socket.send(Message::Ping("mine".into())).await.unwrap();
    loop {
        let message = tokio::time::timeout(Duration::from_secs(60), socket.next()).await.expect("an answer");
        match message.expect("it is open").unwrap() {
            Message::Pong(words) => break assert_eq!(&*words, b"mine"),
            message => assert!(matches!(message, Message::Ping(_)), "{message:?}"),
        }
    }
    assert_eq!(heard.load(Ordering::SeqCst), count, "it is answered in its turn");
    serving.abort();
}

/// A language server that answers the first message with so many texts of so many bytes, and counts those that it could say.
fn talking(listening: &Listening, texts: usize, bytes: usize) -> Arc<AtomicUsize> {
    let said = Arc::new(AtomicUsize::new(0));
    let counted = said.clone();
    listening.service.gateway.set_language_server(Arc::new(move |_, mut from_client, to_client| {
        let counted = counted.clone();
        Box::pin(async move {
            from_client.recv().await;
            for _ in 0..texts {
                if to_client.send(json!({ "text": "x".repeat(bytes) }).to_string()).await.is_err() {
                    return Served::Over;
                }
                counted.fetch_add(1, Ordering::SeqCst);
            }
            while from_client.recv().await.is_some() {}
            Served::Over
        })
    }));
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_language_server_says_waits_within_bounds_and_who_does_not_read_it_is_let_go() {
    let listening = Listening::new().await;
    let said = talking(&listening, 1000, 1 << 20);
    let token = listening.service.account("ann", Role::Developer).await;
    let mut stalled = listening.connect(&token).await;
    stalled.send(json!({ "method": "initialize" })).await;
    let began = Instant::now();
    let is_let_go = async || {
        let figures = crate::metrics::text(&listening.service.gateway).await;
        figures.contains("code_agent_websocket_disconnects_total{reason=\"too-slow\"} 1")
    };
    while !is_let_go().await {
        assert!(began.elapsed() < Duration::from_secs(40), "{} MiB were said to nobody", said.load(Ordering::SeqCst));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // What waits for him, what is in hand, and what the system keeps of a connection.
    let (said, room) = (said.load(Ordering::SeqCst), ROOM as usize >> 20);
    assert!((room - 1..5 * room).contains(&said), "{said} MiB were said");
    let end = loop {
        match tokio::time::timeout(Duration::from_secs(30), stalled.socket.next()).await.expect("an end") {
            Some(Ok(Message::Close(close))) => break close.map(|close| u16::from(close.code)),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => break None,
        }
    };
    assert!(end.is_none_or(|code| code == 4008), "{end:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_is_larger_than_all_that_may_wait_comes_through_and_so_does_the_next() {
    let listening = Listening::new().await;
    let bytes = ROOM as usize + (4 << 20);
    talking(&listening, 2, bytes);
    let token = listening.service.account("ann", Role::Developer).await;
    let url = format!("http://{}", listening.address);
    let mut connection = crate::connect(&url, &Secret::new(token)).await.unwrap();
    connection.to_service.send(json!({ "method": "initialize" }).to_string()).await.unwrap();
    for _ in 0..2 {
        let text = tokio::time::timeout(Duration::from_secs(60), connection.from_service.recv()).await.unwrap();
        assert!(text.is_some_and(|text| text.len() > bytes), "the connection broke");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_whom_his_language_server_left_for_reading_too_little_is_told_so() {
    for (served, is_let_go) in [(Served::TooSlow, true), (Served::Over, false)] {
        let listening = Listening::new().await;
        listening.service.gateway.set_language_server(Arc::new(move |_, mut from_client, to_client| {
            Box::pin(async move {
                let message = from_client.recv().await.unwrap();
                let message: Value = serde_json::from_str(&message).unwrap();
                to_client.send(json!({ "id": message["id"], "result": 7 }).to_string()).await.unwrap();
                from_client.recv().await;
                served
            })
        }));
        let token = listening.service.account("ann", Role::Developer).await;
        let mut client = listening.connect(&token).await;
        assert_eq!(client.ask("initialize", json!({})).await["result"], 7);
        client.send(json!({ "method": "initialized" })).await;
        if is_let_go {
            let (code, reason) = client.closed().await;
            assert!(code == 4008 && reason.starts_with("You read too slowly"), "{code} {reason}");
        } else {
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_eq!(client.ask("initialize", json!({})).await["result"], 7, "another one begins");
        }
    }
}

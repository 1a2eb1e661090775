//! Connections against real peers: refusals, GOAWAY, idle connections that close, limits.

use super::held::MOST_PICTURES;
use super::host::origin;
use super::*;
use crate::scripted::{Behaviour, ModelServer, Options, Script, words};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

#[test]
fn an_address_that_is_none_is_named() {
    for (url, part) in [("http//x", "address"), ("ftp://x/", "http"), ("nonsense", "http")] {
        let error = origin("work", url, false).unwrap_err();
        assert!(error.to_string().contains(part) && error.to_string().contains(url), "{error}");
    }
    let (origin, uri) = origin("work", "https://api.example:8443/v1/x?y=1", true).unwrap();
    assert_eq!((origin.tls, origin.port, origin.h2), (true, 8443, false));
    assert_eq!(uri.path_and_query().unwrap().as_str(), "/v1/x?y=1");
}

#[test]
fn a_key_with_a_line_end_is_refused_and_not_shown() {
    let (origin, uri) = origin("work", "http://localhost/", false).unwrap();
    let headers = [("authorization", Secret::new("Bearer a\nb"))];
    let error = build("work", &Method::POST, &uri, &origin, &headers, None, false).unwrap_err();
    assert_eq!(error.cause, Cause::Auth);
    assert!(!error.to_string().contains("Bearer"), "{error}");
}

/// What a peer does with a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Act {
    /// Answers.
    Answer,
    /// Ends the connection after it read the request, without a word.
    Leave,
    /// Ends the connection before the request comes.
    LeaveBefore,
    /// Refuses the stream.
    Refuse,
    /// Resets the stream for another reason.
    Reset,
    /// Goes away, and says that it did not act on this request.
    GoAwayBefore,
    /// Goes away, says that it may have acted on this request, and ends the connection.
    GoAwayAfter,
}

/// A peer of which each byte is known.
struct Peer {
    url: String,
    /// Requests that it read.
    read: Arc<AtomicUsize>,
    connections: Arc<AtomicUsize>,
}

/// A peer whose connections do these things in turn; the last connection comes again and again.
async fn peer(h2: bool, keep_alive: &'static str, acts: Vec<Vec<Act>>) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1/x", listener.local_addr().unwrap());
    let (read, connections) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let (reads, count) = (read.clone(), connections.clone());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let number = count.fetch_add(1, Ordering::Relaxed);
            let acts = acts.get(number).or(acts.last()).cloned().unwrap();
            let reads = reads.clone();
            tokio::spawn(async move {
                let ended = if h2 {
                    serve_h2(socket, acts, reads).await
                } else {
                    serve_h1(socket, keep_alive, acts, reads).await
                };
                drop(ended);
            });
        }
    });
    Peer { url, read, connections }
}

async fn serve_h1(
    mut socket: TcpStream,
    keep_alive: &str,
    acts: Vec<Act>,
    reads: Arc<AtomicUsize>,
) -> std::io::Result<()> {
    for act in acts {
        if act == Act::LeaveBefore {
            return Ok(());
        }
        let mut request = Vec::new();
        while !request.windows(4).any(|end| end == b"\r\n\r\n")
            || (request.starts_with(b"POST") && !request.ends_with(b"{}"))
        {
            if socket.read_buf(&mut request).await? == 0 {
                return Ok(());
            }
        }
        reads.fetch_add(1, Ordering::Relaxed);
        if act == Act::Leave {
            return Ok(());
        }
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n{keep_alive}\r\nok");
        socket.write_all(answer.as_bytes()).await?;
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    Ok(())
}

/// Frames by hand, because no server library would do such things.
async fn serve_h2(mut socket: TcpStream, acts: Vec<Act>, reads: Arc<AtomicUsize>) -> std::io::Result<()> {
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        bytes.extend([kind, flags]);
        bytes.extend(stream.to_be_bytes());
        bytes.extend(payload);
        bytes
    };
    let (headers, reset, settings, go_away) = (1, 3, 4, 7);
    let mut preface = [0; 24];
    socket.read_exact(&mut preface).await?;
    socket.write_all(&frame(settings, 0, 0, &[])).await?;
    let mut acts = acts.into_iter();
    let mut next = Some(Act::Answer);
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        socket.read_exact(&mut vec![0; length]).await?;
        if head[3] == settings && head[4] == 0 {
            socket.write_all(&frame(settings, 1, 0, &[])).await?;
        }
        if head[3] == headers {
            reads.fetch_add(1, Ordering::Relaxed);
            next = acts.next();
        }
        // With the end of the body the whole request is there.
        if head[3] > 1 || head[4] & 1 == 0 {
            continue;
        }
        let last = |last: u32| [last.to_be_bytes(), 0_u32.to_be_bytes()].concat();
        match next {
            None | Some(Act::Answer) => {
                socket.write_all(&frame(headers, 4, stream, &[0x88])).await?;
                socket.write_all(&frame(0, 1, stream, b"ok")).await?;
            }
            Some(Act::Refuse) => socket.write_all(&frame(reset, 0, stream, &7_u32.to_be_bytes())).await?,
            Some(Act::Reset) => socket.write_all(&frame(reset, 0, stream, &2_u32.to_be_bytes())).await?,
            Some(Act::GoAwayBefore) => socket.write_all(&frame(go_away, 0, 0, &last(stream.saturating_sub(2)))).await?,
            Some(Act::GoAwayAfter) => return socket.write_all(&frame(go_away, 0, 0, &last(stream))).await,
            Some(Act::Leave | Act::LeaveBefore) => return Ok(()),
        }
    }
}

async fn ask(pool: &Arc<Pool>, method: Method, url: &str, h2: bool) -> Result<String, LlmError> {
    let content = (method == Method::POST).then(|| Content::json("{}"));
    let mut reply = pool.send(method, "t", url, &[], content, h2).await?;
    let body = reply.whole("t", 1 << 20).await?;
    Ok(String::from_utf8(body).unwrap())
}

async fn post(pool: &Arc<Pool>, url: &str, h2: bool) -> Result<String, LlmError> {
    ask(pool, Method::POST, url, h2).await
}

#[tokio::test]
async fn what_was_not_read_is_sent_again_and_what_may_have_been_read_is_not() {
    for (act, is_read) in [
        (Act::Refuse, false),
        (Act::GoAwayBefore, false),
        (Act::GoAwayAfter, true),
        (Act::Reset, true),
        (Act::Leave, true),
    ] {
        let peer = peer(true, "", vec![vec![act], vec![Act::Answer]]).await;
        let pool = Arc::new(Pool::default());
        let answer = post(&pool, &peer.url, true).await;
        let seen = (peer.read.load(Ordering::Relaxed), peer.connections.load(Ordering::Relaxed));
        if is_read {
            assert_eq!((answer.unwrap_err().cause, seen), (Cause::Transport, (1, 1)));
        } else {
            assert_eq!((answer.unwrap().as_str(), seen), ("ok", (2, 2)));
        }
    }
}

#[tokio::test]
async fn a_peer_that_refuses_everything_is_said_to_have_no_room() {
    let peer = peer(true, "", vec![vec![Act::Refuse; 9]]).await;
    let error = post(&Arc::default(), &peer.url, true).await.unwrap_err();
    assert_eq!((error.cause, peer.connections.load(Ordering::Relaxed)), (Cause::Overload, ATTEMPTS));
}

#[tokio::test]
async fn a_stream_that_is_refused_is_put_on_another_connection() {
    let server = ModelServer::start(Script::Words(words("fine"), Duration::ZERO), 100).await;
    server.next([Script::Refused]);
    let answer = post(&Arc::default(), &format!("{}/chat/completions", server.url), true).await.unwrap();
    assert!(answer.contains("fine"), "{answer}");
    assert_eq!((server.requests(), server.seen.connections.load(Ordering::Relaxed)), (2, 2));
}

#[tokio::test]
async fn an_idle_connection_that_ends_under_a_request_repeats_only_what_may_be_repeated() {
    let acts = || vec![vec![Act::Answer, Act::Leave], vec![Act::Answer; 9]];
    let (first, second) = (peer(false, "", acts()).await, peer(false, "", acts()).await);
    let pool = Arc::new(Pool::default());
    post(&pool, &first.url, false).await.unwrap();
    assert_eq!(post(&pool, &first.url, false).await.unwrap_err().cause, Cause::Transport);
    assert_eq!(first.read.load(Ordering::Relaxed), 2, "read, and not sent again");
    assert_eq!(post(&pool, &first.url, false).await.unwrap(), "ok", "the next one is not harmed");
    post(&pool, &second.url, false).await.unwrap();
    assert_eq!(ask(&pool, Method::GET, &second.url, false).await.unwrap(), "ok");
    assert_eq!(second.read.load(Ordering::Relaxed), 3, "read, and sent again");
}

#[tokio::test]
async fn a_connection_that_ended_while_it_lay_idle_is_nobodys_failure() {
    let peer = peer(false, "", vec![vec![Act::Answer, Act::LeaveBefore], vec![Act::Answer; 9]]).await;
    let pool = Arc::new(Pool::default());
    for _ in 0..3 {
        assert_eq!(post(&pool, &peer.url, false).await.unwrap(), "ok");
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    assert_eq!(peer.connections.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn an_idle_connection_is_not_used_when_it_is_old() {
    let connections = async |idle_age: Duration, keep_alive: &'static str| {
        let peer = peer(false, keep_alive, vec![vec![Act::Answer; 9]]).await;
        let pool = Arc::new(Pool { idle_age, ..Pool::default() });
        for _ in 0..3 {
            post(&pool, &peer.url, false).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        peer.connections.load(Ordering::Relaxed)
    };
    assert_eq!(connections(IDLE_AGE, "").await, 1);
    assert_eq!(connections(Duration::from_millis(10), "").await, 3);
    assert_eq!(connections(IDLE_AGE, "keep-alive: timeout=9, max=100\r\n").await, 1);
    assert_eq!(
        connections(IDLE_AGE, "keep-alive: max=100, timeout=0\r\n").await,
        3,
        "the peer says how long it keeps it"
    );
}

async fn many(pool: &Arc<Pool>, url: &str, h2: bool, at_once: usize, each: usize) -> Vec<Result<String, LlmError>> {
    let callers: Vec<_> = (0..at_once)
        .map(|_| {
            let (pool, url) = (pool.clone(), url.to_owned());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                for _ in 0..each {
                    answers.push(post(&pool, &url, h2).await);
                }
                answers
            })
        })
        .collect();
    let mut answers = Vec::new();
    for caller in callers {
        answers.extend(caller.await.unwrap());
    }
    answers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_go_away_under_load_lose_no_request() {
    for h2 in [true, false] {
        let options = Options { requests_a_connection: Some(50), ..Options::default() };
        let server = ModelServer::with(options).await.unwrap();
        let url = format!("{}/chat/completions", server.url);
        let answers = many(&Arc::default(), &url, h2, 50, 20).await;
        let lost: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).collect();
        assert!(lost.is_empty(), "{} are lost, {:?}", lost.len(), lost.first());
        assert!(answers.iter().flatten().all(|answer| answer.contains("It is done.")));
        assert_eq!(server.requests(), 1000, "none was done twice");
        let connections = server.seen.connections.load(Ordering::Relaxed);
        assert!(connections >= 8, "{connections} connections: they did go away");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_allows_few_streams_refuses_none() {
    let late = Behaviour { before_head: Duration::from_secs(2), ..Behaviour::saying("ok") };
    let server = ModelServer::start(late.script(), 10).await;
    let url = format!("{}/chat/completions", server.url);
    let answers = many(&Arc::default(), &url, true, 200, 1).await;
    assert!(answers.iter().all(Result::is_ok), "{:?}", answers.iter().find(|answer| answer.is_err()));
    let seen = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    assert!((20..=24).contains(&seen(&server.seen.connections)), "{} connections", seen(&server.seen.connections));
    assert!(seen(&server.seen.most_at_once) > 180, "{} at once", seen(&server.seen.most_at_once));
    assert_eq!(server.requests(), 200);
}

#[tokio::test]
async fn bytes_under_way_are_bounded_and_given_back() {
    let server = ModelServer::start(Script::Words(vec!["x".to_owned(); 400], Duration::ZERO), 100).await;
    let url = format!("{}/chat/completions", server.url);
    let pool = Arc::new(Pool::default());
    pool.bound(2_000);
    let send = |body: &str| {
        let (pool, url, body) = (pool.clone(), url.clone(), body.as_bytes().to_vec());
        async move { pool.post("t", &url, &[], body, None, false).await }
    };
    let error = send(&format!("\"{}\"", "x".repeat(3_000))).await.err().unwrap();
    assert_eq!((error.cause, server.requests()), (Cause::Busy, 0));
    assert!(error.to_string().contains("`models.max-bytes-in-flight` allows 2000"), "{error}");
    // Piece by piece much more passes than may be held.
    let mut reply = send("{\"stream\": true}").await.unwrap();
    let mut length = 0;
    while let Some(bytes) = reply.bytes("t").await.unwrap() {
        length += bytes.len();
    }
    assert!(length > 20_000, "{length}");
    let mut reply = send("{\"stream\": true}").await.unwrap();
    assert_eq!(reply.whole("t", 1 << 20).await.unwrap_err().cause, Cause::Busy);
    drop(reply);
    let held = pool.hold("t", 1_900).unwrap();
    assert_eq!(send("{}").await.unwrap().whole("t", 1 << 20).await.unwrap_err().cause, Cause::Busy);
    drop(held);
    assert!(send("{}").await.unwrap().whole("t", 1 << 20).await.is_ok());
    assert_eq!(pool.in_flight.bytes(), 0);
}

#[tokio::test]
async fn pictures_wait_for_room_of_their_own_and_leave_that_of_texts_alone() {
    let server = ModelServer::start(Script::Words(vec!["x".to_owned()], Duration::ZERO), 100).await;
    let url = format!("{}/chat/completions", server.url);
    let pool = Arc::new(Pool::default());
    pool.bound(2_000);
    let body = format!("\"{}\"", "x".repeat(3_000)).into_bytes();
    let (short, long) = (Duration::from_millis(50), Duration::from_secs(20));
    let upload = pool.hold_pictures("t", 3_000, short).await.unwrap();
    assert!(pool.post("t", &url, &[], body, Some(&upload), false).await.is_ok(), "what has room needs no other");
    assert_eq!(pool.in_flight.bytes(), 0);
    // One that is larger than all that there is room for has all of it.
    drop(upload);
    let all = pool.hold_pictures("t", 2 * MOST_PICTURES, short).await.unwrap();
    let error = pool.hold_pictures("t", 1, short).await.unwrap_err();
    assert!(error.cause == Cause::Busy && error.detail.contains("pictures"), "{error}");
    assert!(pool.post("t", &url, &[], b"{}".to_vec(), None, false).await.is_ok(), "texts are not kept waiting");
    let given_back = async {
        tokio::time::sleep(short).await;
        drop(all);
    };
    let (waited, ()) = tokio::join!(pool.hold_pictures("t", 1, long), given_back);
    assert!(waited.is_ok(), "it waits, and is not refused");
}

async fn until(what: impl Fn() -> bool) {
    let begun = std::time::Instant::now();
    while !what() {
        assert!(begun.elapsed() < Duration::from_secs(20), "it never came about");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_opened_ahead_of_need_and_not_more_than_help() {
    let late = Behaviour { before_head: Duration::from_millis(300), ..Behaviour::saying("ok") };
    for h2 in [true, false] {
        let server = ModelServer::start(late.clone().script(), 100).await;
        let url = format!("{}/chat/completions", server.url);
        let pool = Arc::new(Pool::default());
        let is_ready = || pool.lock().values().all(|host| host.connecting == 0);
        let requests = if h2 { 250 } else { 20 };
        let expected = if h2 { [3, 0, 0] } else { [1, 19, 0] };
        for opened in expected {
            assert_eq!(pool.prepare("t", &url, requests, h2), Ok(opened));
            until(is_ready).await;
        }
        let connections = pool.opened();
        let answers = many(&pool, &url, h2, requests, 1).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(pool.opened(), connections, "none was missing");
        assert!(pool.prepare("t", &url, 1_000_000, h2).unwrap() <= PREPARED);
    }
    let pool = Arc::new(Pool::default());
    for _ in 0..3 {
        assert_eq!(pool.prepare("t", "http://127.0.0.1:1/", 50, false), Ok(1), "nobody is there");
        until(|| pool.lock().values().all(|host| host.connecting == 0 && host.failed.is_some())).await;
    }
    assert_eq!(pool.prepare("t", "nonsense", 5, false).unwrap_err().cause, Cause::BadRequest);
}

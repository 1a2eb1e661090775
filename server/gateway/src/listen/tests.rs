//! Connections as clients make them.

use super::*;
use axum::routing::get;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::oneshot;

/// A path that answers at once, and two that take their time.
fn paths() -> Router {
    let after = |time: Duration| {
        get(move || async move {
            tokio::time::sleep(time).await;
            "done"
        })
    };
    Router::new()
        .route("/", get(async || "here"))
        .route("/slow", after(Duration::from_millis(400)))
        .route("/long", after(PATIENCE * 3))
}

/// A service with these paths.
async fn started(grace: Duration) -> (SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    (address, stop, tokio::spawn(serve(paths(), listener, None, stopped, grace)))
}

async fn ask(address: SocketAddr, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// A connection as it is after a handshake. It is told to end once what is in the middle is dropped. Time can be paused, since it is no socket.
fn connected() -> (DuplexStream, GracefulShutdown, tokio::task::JoinHandle<Result<(), Failure>>) {
    let (client, stream) = tokio::io::duplex(1 << 16);
    let graceful = GracefulShutdown::new();
    let spoken = speak(stream, SocketAddr::from(([127, 0, 0, 1], 1)), paths(), graceful.watcher());
    (client, graceful, tokio::spawn(spoken))
}

/// Asks on a connection that stays, and reads until `end` was said or nothing more comes.
async fn ask_on(client: &mut DuplexStream, path: &str, end: &str) -> String {
    client.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(end.as_bytes()) && client.read_buf(&mut answer).await.unwrap() > 0 {}
    String::from_utf8(answer).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_is_answered_and_nobody_new_is_let_in() {
    let (address, stop, served) = started(Duration::from_secs(10)).await;
    assert!(ask(address, "/").await.unwrap().ends_with("here"));
    let slow = tokio::spawn(async move { ask(address, "/slow").await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    stop.send(()).unwrap();
    assert!(slow.await.unwrap().unwrap().ends_with("done"));
    served.await.unwrap().unwrap();
    assert!(ask(address, "/").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_says_nothing_does_not_hold_the_end_up() {
    let (address, stop, served) = started(Duration::from_secs(30)).await;
    let _silent = TcpStream::connect(address).await.unwrap();
    let mut begins = TcpStream::connect(address).await.unwrap();
    begins.write_all(b"PRI").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), served).await.unwrap().unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_request_holds_the_end_up_no_longer_than_there_is_grace() {
    let (address, stop, served) = started(Duration::from_millis(200)).await;
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nhost: ").await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), served).await.unwrap().unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_does_not_say_what_it_wants_is_sent_away() {
    let (address, _stop, _served) = started(Duration::from_secs(1)).await;
    for said in ["", "P", "PRI * HTTP/2.0", "GET / HTTP/1.1\r\nhost: "] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(said.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Time passes at once where everybody waits; an hour is more than patience.
        let ended = tokio::time::timeout(Duration::from_secs(3600), stream.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_on_which_nothing_is_asked_ends() {
    // The first is a client that makes its handshake and is silent then, the last but one an HTTP/2 that begins and asks for nothing.
    let h2 = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0";
    for said in ["", "P", "PRI * HTTP/2.0", h2, "GET / HTTP/1.1\r\nhost: "] {
        let (mut client, _graceful, spoken) = connected();
        client.write_all(said.as_bytes()).await.unwrap();
        // An HTTP/2 that acknowledges no pings ends later by itself.
        let ended = tokio::time::timeout(PATIENCE * 2, spoken).await;
        assert!(ended.is_ok(), "{said:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_asked_in_time_gets_an_answer_that_takes_longer() {
    let (mut client, _graceful, _spoken) = connected();
    let answer = ask_on(&mut client, "/long", "done").await;
    assert!(answer.ends_with("done"), "{answer:?}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_as_long_as_proxies_keep_theirs_and_not_for_ever() {
    let (mut client, _graceful, spoken) = connected();
    for _ in 0..2 {
        let answer = ask_on(&mut client, "/", "here").await;
        assert!(answer.ends_with("here"), "{answer:?}");
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
    assert!(tokio::time::timeout(KEPT, spoken).await.is_ok());
}

#[test]
fn files_that_are_no_certificates_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let files =
        TlsFiles { certificate: folder.path().join("a.pem"), key: folder.path().join("a.key"), client_authority: None };
    let said = || Tls::open(files.clone()).err().unwrap().to_string();
    assert!(said().ends_with("cannot be read: No such file or directory (os error 2)."), "{}", said());
    std::fs::write(&files.certificate, "nothing").unwrap();
    std::fs::write(&files.key, "nothing").unwrap();
    assert!(said().ends_with("a.pem cannot be used for TLS: there is no certificate in it."), "{}", said());
}

//! A client that stops reading and then reads again: he hears what was on its way, why it ended, and from where on he has to ask.

use super::*;
use tokio::net::TcpSocket;

/// What the system keeps of a connection on either side: little, so that whoever does not read is waited for at once.
const KEPT_BY_THE_SYSTEM: u32 = 8 << 10;
/// More events than the system keeps, than are kept for those who come back, and than anybody may be behind, together.
const EVENTS: u64 = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_again_hears_what_was_on_its_way_and_then_that_he_was_too_slow() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_send_buffer_size(KEPT_BY_THE_SYSTEM).unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listening = Listening::on(socket.listen(64).unwrap(), Value::Null).await;
    let token = listening.service.account("ann", Role::Developer).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(KEPT_BY_THE_SYSTEM).unwrap();
    let stream = socket.connect(listening.address).await.unwrap();
    let mut client = listening.connect_by(stream, &token).await.unwrap();
    client.subscribe(json!(["models"])).await;
    let hub = listening.service.gateway.hub();
    let tell = |number: u64| hub.tell(Topic::Models, None, json!({ "number": number }).to_string(), None);
    tell(0);
    let (mut last, first) = client.event().await;
    assert_eq!(first["number"], 0);
    // So few that all of them are kept for him; by the time the others come, he is waited for.
    (1..1000).for_each(tell);
    tokio::time::sleep(Duration::from_millis(300)).await;
    (1000..EVENTS).for_each(tell);

    let mut heard: u64 = 1;
    let (code, reason) = loop {
        match tokio::time::timeout(Duration::from_secs(30), client.socket.next()).await.expect("an end") {
            Some(Ok(Message::Text(text))) => {
                let message: Value = serde_json::from_str(&text).unwrap();
                assert_eq!(message["params"]["data"]["number"], heard, "in order, and none is left out");
                message["params"]["id"].as_str().unwrap().clone_into(&mut last);
                heard += 1;
            }
            Some(Ok(Message::Close(Some(close)))) => break (u16::from(close.code), close.reason.to_string()),
            Some(Ok(_)) => {}
            ended => panic!("it ended without a word: {ended:?}"),
        }
    };
    assert_eq!((code, &*reason), (4008, "You read too slowly; go on behind the last event."));
    assert!(heard < EVENTS, "{heard}");
    let figures = crate::metrics::text(&listening.service.gateway).await;
    assert!(figures.contains("code_agent_websocket_disconnects_total{reason=\"too-slow\"} 1"), "{figures}");

    // He does as he was told: what is kept no longer is told as lost, and what comes is heard.
    let mut client = listening.connect(&token).await;
    client.ask("service/subscribe", json!({ "topics": ["models"], "after": last })).await;
    let lost = client.next().await;
    assert_eq!((&lost["method"], &lost["params"]["topics"]), (&json!("service/lost"), &json!(["models"])));
    tell(EVENTS);
    assert_eq!(client.event().await.1["number"], EVENTS);
}

//! A client that reads less than is said to it: what is begun for it still, and when it is left.

use super::*;

const MIB: usize = 1 << 20;

/// Asks so many times for a reply of a MiB, and reads none.
async fn ask(session: &mut Session, method: &str, count: usize) -> Vec<i64> {
    let mut asked = Vec::new();
    for _ in 0..count {
        asked.push(session.client.ask(method, json!([MIB])).await);
    }
    asked
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_new_is_begun_while_much_is_not_read_and_all_of_it_when_it_is() {
    let mut session = Session::start().await;
    let asked = ask(&mut session, "long", 100).await;
    let begun = || session.changes.lock().unwrap().len();
    let began = Instant::now();
    while begun() < 16 {
        assert!(began.elapsed() < Duration::from_secs(10), "{}", begun());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(begun() <= 20, "{} replies of a MiB wait", begun());
    for id in asked {
        assert_eq!(session.client.reply(id).await["result"].as_str().map(str::len), Some(MIB));
    }
    session.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancel_gets_through_while_much_is_not_read() {
    let mut session = Session::start().await;
    let slow = session.client.ask("slow", Value::Null).await;
    // It has begun once this is answered.
    assert_eq!(session.client.call("quick", Value::Null).await["result"], "quick");
    let asked = ask(&mut session, "long", 30).await;
    session.client.notify("$/cancelRequest", json!({ "id": slow })).await;
    let began = Instant::now();
    while session.dropped.load(Ordering::SeqCst) == 0 {
        assert!(began.elapsed() < Duration::from_secs(10), "it is not cancelled");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(code(&session.client.reply(slow).await), -32800);
    for id in asked {
        session.client.reply(id).await;
    }
    session.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_the_replies_to_what_was_begun_is_left() {
    for (count, is_left) in [(40, false), (100, true)] {
        let mut session = Session::start().await;
        let asked = ask(&mut session, "longBehindGate", count).await;
        // All of them have begun once this is answered.
        assert_eq!(session.client.call("quick", Value::Null).await["result"], "quick");
        session.gate.add_permits(count);
        if is_left {
            let Session { client, server, .. } = session;
            let outcome = tokio::time::timeout(Duration::from_secs(20), server).await.expect("it ends").unwrap();
            assert_eq!((outcome, outcome.exit_code()), (Outcome::Unread, 1));
            drop(client);
            continue;
        }
        for id in asked {
            assert_eq!(session.client.reply(id).await["result"].as_str().map(str::len), Some(MIB));
        }
        session.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_nothing_and_leaves_is_not_waited_for() {
    let mut session = Session::start().await;
    ask(&mut session, "long", 30).await;
    session.client.notify("exit", Value::Null).await;
    let Session { client, server, changes, .. } = session;
    let outcome = tokio::time::timeout(Duration::from_secs(10), server).await.expect("the server ends").unwrap();
    assert_eq!((outcome, changes.lock().unwrap().len()), (Outcome::Unclean, 30));
    drop(client);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_larger_than_all_that_may_wait_goes_through_with_others_beside_it() {
    let mut session = Session::start().await;
    let large = session.client.ask("long", json!([65 * MIB])).await;
    let asked = ask(&mut session, "long", 3).await;
    assert_eq!(session.client.reply(large).await["result"].as_str().map(str::len), Some(65 * MIB));
    for id in asked {
        assert_eq!(session.client.reply(id).await["result"].as_str().map(str::len), Some(MIB));
    }
    session.stop().await;
}

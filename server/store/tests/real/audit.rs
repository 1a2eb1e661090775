//! The log of who did what, and its chain.

use crate::databases::{Ground, on_both};

on_both!(
    a_line_comes_back_as_it_was_written,
    a_long_text_is_cut_before_it_is_written,
    a_changed_row_breaks_the_chain,
    writers_at_once_make_one_chain,
);

async fn write(ground: &Ground, number: usize) {
    let resource = format!("job/{number}");
    let written =
        ground.store.audit("ada", "job.create", &resource, number.is_multiple_of(2), "role", "c-1", "{\"a\":1}").await;
    written.expect("written");
}

async fn a_line_comes_back_as_it_was_written(ground: Ground) {
    assert_eq!(ground.store.verify_audit().await.expect("read"), Ok(0));
    for number in 0..5 {
        write(&ground, number).await;
    }
    ground.store.audit("a\0b", "", "", false, "", "", "").await.expect("written");
    let newest = ground.store.audit_entries(None, 2).await.expect("read");
    assert_eq!(newest.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [6, 5]);
    let older = ground.store.audit_entries(Some(5), 100).await.expect("read");
    assert_eq!(older.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [4, 3, 2, 1]);
    let entry = &older[1];
    assert_eq!((entry.actor.as_str(), entry.action.as_str(), entry.resource.as_str()), ("ada", "job.create", "job/2"));
    assert_eq!((entry.allowed, entry.policy.as_str(), entry.correlation.as_str()), (true, "role", "c-1"));
    assert_eq!((entry.detail.as_str(), entry.hash.len()), ("{\"a\":1}", 64));
    assert_eq!(ground.store.verify_audit().await.expect("read"), Ok(6));
}

async fn a_long_text_is_cut_before_it_is_written(ground: Ground) {
    let (long, longest) = ("ä".repeat(70_000), "ä".repeat(400));
    ground.store.audit(&long, &long, &long, true, &long, &long, &long).await.expect("written");
    ground.store.audit(&longest, "", &longest, true, "", "", &longest).await.expect("written");
    let newest = ground.store.audit_entries(None, 2).await.expect("read");
    let texts = |place: usize| {
        let entry = &newest[place];
        [entry.actor.as_str(), entry.resource.as_str(), entry.detail.as_str()]
    };
    assert_eq!(texts(0), [longest.as_str(); 3], "the control: it is as long as may be");
    let cut = format!("{longest}…");
    assert_eq!(texts(1), [cut.as_str(); 3]);
    assert_eq!((&newest[1].policy, &newest[1].correlation, &newest[1].action), (&cut, &cut, &cut));
    assert_eq!(ground.store.verify_audit().await.expect("read"), Ok(2), "the hash is of what is there");
}

async fn a_changed_row_breaks_the_chain(ground: Ground) {
    for number in 0..1_100 {
        if number < 30 || ground.store.backend() == store::Backend::Sqlite {
            write(&ground, number).await;
        }
    }
    let whole = ground.store.verify_audit().await.expect("read").expect("whole");
    for (change, undo, broken) in [
        (
            "UPDATE audit SET allowed = 1 WHERE seq = 20 AND allowed = 0",
            "UPDATE audit SET allowed = 0 WHERE seq = 20",
            20,
        ),
        ("UPDATE audit SET actor = 'eve' WHERE seq = 7", "UPDATE audit SET actor = 'ada' WHERE seq = 7", 7),
        ("UPDATE audit SET at = at + 1 WHERE seq = 1", "UPDATE audit SET at = at - 1 WHERE seq = 1", 1),
    ] {
        ground.tamper(change).await;
        assert_eq!(ground.store.verify_audit().await.expect("read"), Err(broken), "{change}");
        ground.tamper(undo).await;
        assert_eq!(ground.store.verify_audit().await.expect("read"), Ok(whole), "{undo}");
    }
    let last = i64::try_from(whole).expect("small");
    ground.tamper(&format!("DELETE FROM audit WHERE seq = {last}")).await;
    assert_eq!(ground.store.verify_audit().await.expect("read"), Err(last), "the last one is missed too");
    ground.tamper("DELETE FROM audit WHERE seq = 12").await;
    assert_eq!(ground.store.verify_audit().await.expect("read"), Err(12));
}

async fn writers_at_once_make_one_chain(ground: Ground) {
    let tasks = (0..8).map(|worker| {
        let store = ground.store.clone();
        tokio::spawn(async move {
            for number in 0..10 {
                let resource = format!("{worker}/{number}");
                store.audit("ada", "x", &resource, true, "", "", "").await.expect("written");
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.expect("it goes through");
    }
    assert_eq!(ground.store.verify_audit().await.expect("read"), Ok(80));
}

//! People of a provider, and devices that are let in.

use crate::databases::{Ground, on_both};
use store::accounts::Role;
use store::tokens::{Device, Polled, Proof};
use store::{StoreError, now_ms};

on_both!(
    a_person_has_one_account_and_never_that_of_another,
    many_who_come_at_once_are_one_person,
    a_device_is_let_in_once_by_a_session_that_goes_on,
    many_who_show_the_code_of_a_device_at_once_are_let_in_once,
    a_device_that_asks_too_often_is_slowed_down,
    codes_of_devices_are_over_after_a_while
);

async fn a_person_has_one_account_and_never_that_of_another(ground: Ground) {
    let store = &ground.store;
    let own = ground.account("ada").await;
    let make = async |issuer: &str, subject: &str, name: &str| {
        store.create_account_of_person(issuer, subject, name, Role::Viewer).await
    };
    let (ada, is_new) = make("https://a.example", "1", "Ada").await.expect("made");
    assert!(is_new && ada.id != own.id && ada.name == "ada-2", "{ada:?}");
    assert_eq!(make("https://a.example", "1", "other").await.expect("asked"), (ada.clone(), false));
    let (other, _) = make("https://b.example", "1", "ada").await.expect("made");
    let (third, _) = make("https://a.example", "1 ", "Ä ö/<x>").await.expect("made");
    assert!(other.id != ada.id && third.id != ada.id, "{other:?} {third:?}");
    assert_eq!((&*other.name, &*third.name), ("ada-3", "x"));
    assert_eq!(store.account_of_person("https://a.example", "1").await.expect("read"), Some(ada.clone()));
    assert_eq!(store.account_of_person("https://a.example", "2").await.expect("read"), None);
    assert!(store.is_of_provider(&ada.id).await.expect("read") && !store.is_of_provider(&own.id).await.expect("read"));
    for subject in ["", &"x".repeat(256), "1\0"] {
        assert!(matches!(make("https://a.example", subject, "x").await, Err(StoreError::Invalid(_))), "{subject:?}");
    }
}

async fn many_who_come_at_once_are_one_person(ground: Ground) {
    let comers = (0..8).map(|_| {
        let store = ground.store.clone();
        tokio::spawn(async move { store.create_account_of_person("https://a.example", "1", "ada", Role::Viewer).await })
    });
    let mut made = Vec::new();
    for comer in comers.collect::<Vec<_>>() {
        made.push(comer.await.expect("it goes through").expect("made"));
    }
    assert!(made.iter().all(|(account, _)| account.id == made[0].0.id));
    assert_eq!(made.iter().filter(|(_, is_new)| *is_new).count(), 1);
}

async fn add(ground: &Ground, hash: &str, user_hash: &str, good_for: i64, wait: i64) {
    let device = Device { name: "laptop".into(), address: "127.0.0.1".into(), expires_at: now_ms() + good_for };
    assert!(ground.store.add_device(&device, hash, user_hash, wait).await.expect("added"));
}

async fn a_device_is_let_in_once_by_a_session_that_goes_on(ground: Ground) {
    let store = &ground.store;
    let ada = ground.account("ada").await;
    let session = store.start_session(&ada.id, "r", now_ms() + 60_000, &Proof::default()).await.expect("begun");
    let decide = async |code: &str, is_let_in: bool| {
        store.decide_device(code, &session.id, is_let_in).await.expect("asked").is_some()
    };
    add(&ground, "d1", "u1", 60_000, 0).await;
    assert_eq!(store.device("u1").await.expect("read").expect("there").name, "laptop");
    assert_eq!(store.poll_device("d1").await.expect("asked"), Polled::Pending);
    assert_eq!(store.poll_device("u1").await.expect("asked"), Polled::Unknown, "each code has its own use");
    assert!(!decide("u2", true).await && decide("u1", true).await && !decide("u1", false).await, "it is decided once");
    assert_eq!(store.device("u1").await.expect("read"), None);
    assert_eq!(store.poll_device("d1").await.expect("asked"), Polled::LetIn(session.clone()));
    assert_eq!(store.poll_device("d1").await.expect("asked"), Polled::Unknown, "it was used");

    add(&ground, "d2", "u2", 60_000, 0).await;
    assert!(decide("u2", false).await);
    assert_eq!(store.poll_device("d2").await.expect("asked"), Polled::Refused);
    assert_eq!(store.poll_device("d2").await.expect("asked"), Polled::Unknown);

    let by = Proof { session: Some(session.id.clone()), auth_time: Some(7), ..Proof::default() };
    let begun = store.start_session(&ada.id, "r2", now_ms() + 60_000, &by).await.expect("begun");
    assert_eq!(begun.auth_time, 7, "it is as old as what let it in");
    add(&ground, "d3", "u3", 60_000, 0).await;
    assert!(decide("u3", true).await && store.revoke_session(&session.id).await.expect("ended"));
    assert_eq!(store.poll_device("d3").await.expect("asked"), Polled::Refused, "what let it in was ended");
    let late = store.start_session(&ada.id, "r3", now_ms() + 60_000, &by).await;
    assert!(matches!(late, Err(StoreError::Outdated)), "{late:?}");
}

async fn many_who_show_the_code_of_a_device_at_once_are_let_in_once(ground: Ground) {
    let ada = ground.account("ada").await;
    let session = ground.store.start_session(&ada.id, "r", now_ms() + 60_000, &Proof::default()).await.expect("begun");
    add(&ground, "d", "u", 60_000, 5_000).await;
    assert!(ground.store.decide_device("u", &session.id, true).await.expect("asked").is_some());
    let askers = (0..8).map(|_| {
        let store = ground.store.clone();
        tokio::spawn(async move { store.poll_device("d").await })
    });
    let mut all = Vec::new();
    for asker in askers.collect::<Vec<_>>() {
        all.push(asker.await.expect("it goes through").expect("asked"));
    }
    assert_eq!(all.iter().filter(|polled| **polled == Polled::LetIn(session.clone())).count(), 1, "{all:?}");
    assert_eq!(all.iter().filter(|polled| **polled == Polled::Unknown).count(), 7, "{all:?}");
}

async fn a_device_that_asks_too_often_is_slowed_down(ground: Ground) {
    add(&ground, "d", "u", 60_000, 5_000).await;
    assert_eq!(ground.store.poll_device("d").await.expect("asked"), Polled::Pending, "the first time is always good");
    assert_eq!(ground.store.poll_device("d").await.expect("asked"), Polled::TooFast(10_000));
    assert_eq!(ground.store.poll_device("d").await.expect("asked"), Polled::TooFast(15_000));
    ground.tamper("UPDATE devices SET polled_at = polled_at - 15000").await;
    assert_eq!(ground.store.poll_device("d").await.expect("asked"), Polled::Pending);
}

async fn codes_of_devices_are_over_after_a_while(ground: Ground) {
    let ada = ground.account("ada").await;
    let session = ground.store.start_session(&ada.id, "r", now_ms() + 60_000, &Proof::default()).await.expect("begun");
    add(&ground, "d", "u", -1, 0).await;
    assert_eq!(ground.store.device("u").await.expect("read"), None);
    assert_eq!(ground.store.decide_device("u", &session.id, true).await.expect("asked"), None);
    assert_eq!(ground.store.poll_device("d").await.expect("asked"), Polled::Expired);
    assert_eq!(ground.store.sweep(now_ms() + 2 * 24 * 3_600_000).await.expect("swept"), 1);
    assert_eq!(ground.store.poll_device("d").await.expect("asked"), Polled::Unknown);
}

//! Tokens, sessions, and the log of what was revoked.

use crate::databases::{Ground, on_both, run};
use sqlx::{Connection, SqliteConnection};
use std::time::Duration;
use store::accounts::Role;
use store::tokens::{Proof, Revocation, Rotated};
use store::{Backend, StoreError, now_ms};

on_both!(
    a_token_is_found_by_its_hash_while_it_is_good,
    a_token_is_touched_once_a_minute,
    tokens_are_listed_by_account,
    a_session_goes_on_with_each_rotation,
    a_refresh_token_that_comes_twice_ends_the_session,
    a_session_knows_how_and_when_it_was_made,
    sessions_that_are_over_cannot_be_rotated,
    replicas_hear_of_everything_that_was_revoked,
    a_token_of_somebody_else_is_taken_back_until_it_is_over,
    all_sessions_but_one_can_be_ended,
    sessions_that_are_over_are_not_ended_and_not_counted,
    the_oldest_of_too_many_sessions_end,
);

async fn a_token_is_found_by_its_hash_while_it_is_good(ground: Ground) {
    let store = &ground.store;
    let ada = ground.account("ada").await;
    let scopes = ["jobs:read".to_owned(), "jobs:\"write\"".to_owned()];
    let token = store.create_token(&ada.id, "ci", "hash-1", &scopes, None).await.expect("made");
    let (found, owner) = store.token_by_hash("hash-1").await.expect("read").expect("there");
    assert_eq!((&found, &owner), (&token, &ada));
    assert_eq!(store.token_by_hash("hash-2").await.expect("read"), None);
    let again = store.create_token(&ada.id, "ci", "hash-1", &scopes, None).await;
    assert!(matches!(again, Err(StoreError::Taken)), "{again:?}");

    store.create_token(&ada.id, "old", "hash-old", &[], Some(now_ms() - 1)).await.expect("made");
    assert_eq!(store.token_by_hash("hash-old").await.expect("read"), None, "it is expired");
    store.set_disabled(&ada.id, true).await.expect("disabled");
    assert_eq!(store.token_by_hash("hash-1").await.expect("read"), None, "its owner is disabled");
    store.set_disabled(&ada.id, false).await.expect("enabled");
    assert!(!store.revoke_token(&token.id, Some("somebody else")).await.expect("asked"));
    assert!(store.token_by_hash("hash-1").await.expect("read").is_some());
    assert!(store.revoke_token(&token.id, Some(&ada.id)).await.expect("asked"));
    assert!(!store.revoke_token(&token.id, None).await.expect("asked"), "it is revoked already");
    assert_eq!(store.token_by_hash("hash-1").await.expect("read"), None, "it is revoked");
}

async fn a_token_is_touched_once_a_minute(ground: Ground) {
    let store = &ground.store;
    let ada = ground.account("ada").await;
    let token = store.create_token(&ada.id, "ci", "hash", &[], None).await.expect("made");
    let last = async || store.token_by_hash("hash").await.expect("read").expect("there").0.last_used_at;
    assert_eq!(last().await, None);
    store.touch_token(&token.id).await.expect("touched");
    let first = last().await.expect("touched");
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    store.touch_token(&token.id).await.expect("touched");
    assert_eq!(last().await, Some(first));
    ground.tamper("UPDATE tokens SET last_used_at = last_used_at - 61000").await;
    store.touch_token(&token.id).await.expect("touched");
    assert!(last().await.expect("touched") > first);
}

async fn tokens_are_listed_by_account(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.account("ada").await, ground.account("bob").await);
    for number in 0..3 {
        store.create_token(&ada.id, "t", &format!("a{number}"), &[], None).await.expect("made");
    }
    store.create_token(&bob.id, "t", "b", &[], None).await.expect("made");
    let first = store.tokens(Some(&ada.id), None, 2).await.expect("read");
    let second = store.tokens(Some(&ada.id), first.next.as_deref(), 2).await.expect("read");
    assert_eq!((first.items.len(), second.items.len(), second.next), (2, 1, None));
    assert_eq!(store.tokens(None, None, 100).await.expect("read").items.len(), 4);
    assert!(matches!(store.tokens(None, Some("x' OR 1=1"), 1).await, Err(StoreError::Invalid(_))));
}

async fn a_session_goes_on_with_each_rotation(ground: Ground) {
    let store = &ground.store;
    let ada = ground.account("ada").await;
    let session = store.start_session(&ada.id, "r0", now_ms() + 60_000, &Proof::default()).await.expect("begun");
    for number in 0..3 {
        let rotated = store.rotate_session(&format!("r{number}"), &format!("r{}", number + 1)).await.expect("asked");
        assert_eq!(rotated, Rotated::Ok(session.clone()));
    }
    assert_eq!(store.rotate_session("never", "x").await.expect("asked"), Rotated::Unknown);
    assert_eq!(store.sessions(&ada.id).await.expect("read"), std::slice::from_ref(&session));
    assert_eq!(store.session(&session.id).await.expect("read"), Some(session));
}

async fn a_session_knows_how_and_when_it_was_made(ground: Ground) {
    let store = &ground.store;
    let id = store.create_account("ada", Role::Viewer, Some("hash")).await.expect("made").id;
    let begin = async |hash: &str, proof: Proof| store.start_session(&id, hash, now_ms() + 60_000, &proof).await;
    let ways = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    let proof = Proof { amr: ways(&["pwd"]), password_hash: Some("hash".to_owned()), ..Proof::default() };
    let session = begin("r", proof.clone()).await.expect("begun");
    assert_eq!((&session.amr, &session.acr, session.auth_time), (&ways(&["pwd"]), &None, session.created_at));
    let of_provider = begin("o", Proof { acr: Some("urn:a:1".to_owned()), ..proof.clone() }).await.expect("begun");
    assert_eq!(store.session(&of_provider.id).await.expect("read"), Some(of_provider.clone()));
    assert_eq!(of_provider.acr.as_deref(), Some("urn:a:1"));
    // What is shown anew takes the place of all that was shown before.
    assert!(store.renew_session(&of_provider.id, &ways(&["otp"]), None, now_ms()).await.expect("asked"));
    assert_eq!(store.session(&of_provider.id).await.expect("read").expect("there").acr, None);
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    let (amr, acr) = (ways(&["pwd", "otp"]), Some("urn:a:2"));
    assert!(store.renew_session(&session.id, &amr, acr, now_ms()).await.expect("asked"));
    let renewed = store.session_by_secret("r").await.expect("read").expect("there");
    assert!(renewed.amr == amr && renewed.acr.as_deref() == acr, "{renewed:?}");
    assert!(renewed.auth_time > session.auth_time, "{renewed:?}");
    assert!(matches!(store.rotate_session("r", "n").await.expect("asked"), Rotated::Ok(same) if same == renewed));
    assert_eq!(store.session_by_secret("r").await.expect("read"), None, "it was used");
    assert!(store.revoke_session(&session.id).await.expect("asked"));
    assert_eq!(store.session_by_secret("n").await.expect("read"), None, "it was ended");
    assert!(!store.renew_session(&session.id, &[], None, now_ms()).await.expect("asked"));

    let wrong = Proof { password_hash: Some("older".to_owned()), ..proof.clone() };
    assert!(matches!(begin("w", wrong).await, Err(StoreError::Outdated)));
    assert!(store.set_totp(&id, b"s").await.expect("set"));
    assert!(store.confirm_totp(&id, b"s", 1, &[]).await.expect("asked"));
    assert!(matches!(begin("w", proof.clone()).await, Err(StoreError::Outdated)), "there is a second factor by now");
    begin("f", Proof { with_factor: true, ..proof.clone() }).await.expect("it was shown");
    store.set_disabled(&id, true).await.expect("disabled");
    assert!(matches!(begin("w", Proof { with_factor: true, ..proof }).await, Err(StoreError::Outdated)));
}

async fn a_refresh_token_that_comes_twice_ends_the_session(ground: Ground) {
    let store = &ground.store;
    let ada = ground.account("ada").await;
    let other = store.start_session(&ada.id, "other", now_ms() + 60_000, &Proof::default()).await.expect("begun");
    let session = store.start_session(&ada.id, "r0", now_ms() + 60_000, &Proof::default()).await.expect("begun");
    assert!(matches!(store.rotate_session("r0", "r1").await.expect("asked"), Rotated::Ok(_)));
    let Rotated::Reused(ended) = store.rotate_session("r0", "stolen").await.expect("asked") else {
        panic!("a used token went through");
    };
    assert_eq!(ended.id, session.id);
    assert!(ended.revoked_at.is_some());
    assert_eq!(
        store.rotate_session("r1", "r2").await.expect("asked"),
        Rotated::Unknown,
        "the newest is worth nothing too"
    );
    assert_eq!(store.rotate_session("stolen", "r2").await.expect("asked"), Rotated::Unknown);
    assert_eq!(store.sessions(&ada.id).await.expect("read"), [other]);
    let (_, lines) = store.revoked_since(0).await.expect("read");
    assert_eq!(lines, [Revocation { kind: "session".to_owned(), id: session.id }]);
}

#[test]
fn who_guesses_refresh_tokens_waits_for_no_writer_and_keeps_none_waiting() {
    run(async {
        let ground = Ground::new(Backend::Sqlite).await;
        let ada = ground.account("ada").await;
        ground.store.start_session(&ada.id, "r", now_ms() + 60_000, &Proof::default()).await.expect("begun");
        let mut other = SqliteConnection::connect(&ground.url).await.expect("it opens");
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.expect("it holds the file");
        let soon = Duration::from_secs(1);
        let rotate = |hash: &'static str| tokio::time::timeout(soon, ground.store.rotate_session(hash, "new"));
        assert!(matches!(rotate("guessed").await, Ok(Ok(Rotated::Unknown))));
        assert!(rotate("r").await.is_err(), "the control: one that is known waits for the file");
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.expect("it lets go");
    });
}

async fn sessions_that_are_over_cannot_be_rotated(ground: Ground) {
    let store = &ground.store;
    let ada = ground.account("ada").await;
    store.start_session(&ada.id, "expired", now_ms() - 1, &Proof::default()).await.expect("begun");
    let revoked = store.start_session(&ada.id, "revoked", now_ms() + 60_000, &Proof::default()).await.expect("begun");
    assert!(store.revoke_session(&revoked.id).await.expect("asked"));
    assert!(!store.revoke_session(&revoked.id).await.expect("asked"));
    for hash in ["expired", "revoked"] {
        assert_eq!(store.rotate_session(hash, "new").await.expect("asked"), Rotated::Unknown, "{hash}");
    }
    store.start_session(&ada.id, "disabled", now_ms() + 60_000, &Proof::default()).await.expect("begun");
    store.set_disabled(&ada.id, true).await.expect("disabled");
    assert_eq!(store.rotate_session("disabled", "new").await.expect("asked"), Rotated::Unknown);
    store.set_disabled(&ada.id, false).await.expect("enabled");
    assert_eq!(
        store.rotate_session("disabled", "new").await.expect("asked"),
        Rotated::Unknown,
        "it does not come back"
    );
    assert!(store.sessions(&ada.id).await.expect("read").is_empty());
}

async fn a_token_of_somebody_else_is_taken_back_until_it_is_over(ground: Ground) {
    let store = &ground.store;
    let replica = store::Store::open(&ground.url).await.expect("it opens");
    assert!(!replica.is_foreign_token_revoked("mark").await.expect("read"));
    store.revoke_foreign_token("mark").await.expect("revoked");
    assert!(replica.is_foreign_token_revoked("mark").await.expect("read"));
    assert!(!replica.is_foreign_token_revoked("other").await.expect("read"));
    let (_, lines) = replica.revoked_since(0).await.expect("read");
    assert_eq!(lines, [Revocation { kind: "foreign-token".to_owned(), id: "mark".to_owned() }]);
    // All of an account that were made until then, and no later one, nor one of somebody else.
    let before = now_ms();
    store.revoke_foreign_tokens_of("ada").await.expect("revoked");
    let after = now_ms() + 1;
    let are_revoked = async |account, made| replica.are_foreign_tokens_revoked(account, made).await.expect("read");
    assert!(are_revoked("ada", before).await && !are_revoked("ada", after).await && !are_revoked("eve", before).await);
    // It is good for a day at most; its line goes long after that, and not before.
    let day = 24 * 60 * 60 * 1_000;
    store.sweep(now_ms() + 2 * day).await.expect("swept");
    assert!(replica.is_foreign_token_revoked("mark").await.expect("read"));
    store.sweep(now_ms() + 31 * day).await.expect("swept");
    assert!(!replica.is_foreign_token_revoked("mark").await.expect("read"), "nothing is kept for ever");
    replica.close().await;
}

async fn replicas_hear_of_everything_that_was_revoked(ground: Ground) {
    let store = &ground.store;
    let replica = store::Store::open(&ground.url).await.expect("a second one");
    let ada = ground.account("ada").await;
    let (seq, lines) = replica.revoked_since(i64::MAX).await.expect("read");
    assert!(lines.is_empty());
    let token = store.create_token(&ada.id, "t", "h", &[], None).await.expect("made");
    store.revoke_token(&token.id, None).await.expect("revoked");
    for hash in ["s1", "s2"] {
        store.start_session(&ada.id, hash, now_ms() + 60_000, &Proof::default()).await.expect("begun");
    }
    assert_eq!(store.revoke_sessions_of(&ada.id).await.expect("revoked"), 2);
    assert_eq!(store.revoke_sessions_of(&ada.id).await.expect("revoked"), 0);
    store.set_role(&ada.id, Role::Viewer).await.expect("set");
    store.set_role(&ada.id, Role::Viewer).await.expect("nothing changes");
    store.set_disabled(&ada.id, true).await.expect("set");
    let (after, lines) = replica.revoked_since(seq).await.expect("read");
    let kinds: Vec<&str> = lines.iter().map(|line| line.kind.as_str()).collect();
    assert_eq!(kinds, ["token", "session", "session", "account", "account"]);
    assert_eq!((&lines[0].id, &lines[4].id), (&token.id, &ada.id));
    assert_eq!(replica.revoked_since(after).await.expect("read"), (after, Vec::new()));
    replica.close().await;
}

async fn all_sessions_but_one_can_be_ended(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.account("ada").await, ground.account("bob").await);
    let begin = async |account: &str, hash: &str| {
        store.start_session(account, hash, now_ms() + 60_000, &Proof::default()).await.expect("begun").id
    };
    let (first, own, third) = (begin(&ada.id, "a").await, begin(&ada.id, "b").await, begin(&ada.id, "c").await);
    let of_bob = begin(&bob.id, "d").await;
    assert_eq!(store.revoke_other_sessions(&ada.id, &own).await.expect("ended"), 2);
    assert_eq!(store.revoke_other_sessions(&ada.id, &own).await.expect("ended"), 0);
    for (id, is_over) in [(first, true), (own, false), (third, true), (of_bob, false)] {
        let session = store.session(&id).await.expect("read").expect("there");
        assert_eq!(session.revoked_at.is_some(), is_over, "{session:?}");
    }
}

async fn sessions_that_are_over_are_not_ended_and_not_counted(ground: Ground) {
    let store = &ground.store;
    let ada = ground.account("ada").await;
    let begin = async |hash: String, ends: i64| {
        store.start_session(&ada.id, &hash, now_ms() + ends, &Proof::default()).await.expect("begun").id
    };
    // Among each other, so that none is passed over on the way.
    let (mut over, mut alive) = (Vec::new(), Vec::new());
    for number in 0..6 {
        over.push(begin(format!("o{number}"), -1).await);
        alive.push(begin(format!("a{number}"), 60_000).await);
    }
    assert!(store.revoke_session(&alive[5]).await.expect("asked"));
    let (seq, _) = store.revoked_since(i64::MAX).await.expect("read");
    assert_eq!(store.revoke_other_sessions(&ada.id, &alive[2]).await.expect("ended"), 4);
    assert_eq!(store.revoke_sessions_of(&ada.id).await.expect("ended"), 1, "the one that was spared");
    assert_eq!(store.revoke_sessions_of(&ada.id).await.expect("ended"), 0);
    let (_, lines) = store.revoked_since(seq).await.expect("read");
    let told: Vec<&String> = lines.iter().map(|line| &line.id).collect();
    assert_eq!(told, [&alive[0], &alive[1], &alive[3], &alive[4], &alive[2]]);
    for id in &over {
        let session = store.session(id).await.expect("read").expect("there");
        assert_eq!(session.revoked_at, None, "it came to its own end");
    }
}

async fn the_oldest_of_too_many_sessions_end(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.account("ada").await, ground.account("bob").await);
    let begin = async |account: &str, hash: String, ends: i64, session: Option<String>| {
        let proof = Proof { session, ..Proof::default() };
        store.start_session(account, &hash, now_ms() + ends, &proof).await.expect("begun").id
    };
    let of_bob = begin(&bob.id, "bob".to_owned(), 60_000, None).await;
    let mut all = Vec::new();
    for number in 0..100 {
        // What is over takes no room.
        begin(&ada.id, format!("o{number}"), -1, None).await;
        all.push(begin(&ada.id, format!("a{number}"), 60_000, None).await);
    }
    let alive = async || store.sessions(&ada.id).await.expect("read").into_iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(alive().await.len(), 100, "the control: so many may go on");
    let (seq, _) = store.revoked_since(i64::MAX).await.expect("read");
    for number in 100..103 {
        all.push(begin(&ada.id, format!("a{number}"), 60_000, None).await);
    }
    let newest: Vec<String> = all[3..].iter().rev().cloned().collect();
    assert_eq!(alive().await, newest);
    // Other replicas hear of it, and what belongs to the sessions is worth nothing.
    let (_, lines) = store.revoked_since(seq).await.expect("read");
    let told: Vec<(&str, &String)> = lines.iter().map(|line| (line.kind.as_str(), &line.id)).collect();
    assert_eq!(told, [("session", &all[0]), ("session", &all[1]), ("session", &all[2])]);
    assert_eq!(store.rotate_session("a0", "x").await.expect("asked"), Rotated::Unknown);
    // A device is let in by the oldest one, which goes on.
    let device = begin(&ada.id, "device".to_owned(), 60_000, Some(all[3].clone())).await;
    assert!(alive().await.contains(&all[3]) && alive().await.contains(&device));
    assert!(store.session(&of_bob).await.expect("read").expect("there").revoked_at.is_none(), "that of somebody else");
}

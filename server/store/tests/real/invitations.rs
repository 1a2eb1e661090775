//! Links for a new password: what using one does, what ends one, and what stays as it is.

use crate::databases::{Ground, on_both};
use store::accounts::{Account, Role};
use store::tokens::Proof;
use store::{Store, StoreError, now_ms};

on_both!(
    a_link_gives_a_password_once_and_ends_what_was_signed_in,
    an_account_has_one_link_and_the_new_one_is_good,
    a_link_ends_with_what_it_was_made_for,
    a_link_does_not_outlive_the_admin_who_made_it,
    a_second_factor_goes_with_a_link_only_where_that_was_asked_for,
    links_that_are_over_are_swept_and_no_others,
);

async fn with_password(ground: &Ground, name: &str) -> Account {
    ground.store.create_account(name, Role::Developer, Some("old")).await.expect("made")
}

/// The admin who makes the links.
async fn root(store: &Store) -> String {
    match store.account_by_name("root").await.expect("read") {
        Some(root) => root.id,
        None => store.create_account("root", Role::Admin, Some("hash")).await.expect("made").id,
    }
}

async fn invite(store: &Store, account: &str, hash: &str) {
    assert!(store.invite(account, hash, now_ms() + 60_000, &root(store).await, false).await.expect("asked"));
}

async fn is_good(store: &Store, hash: &str) -> bool {
    store.invited(hash).await.expect("read").is_some()
}

/// It is good for nothing, and trying changes nothing.
async fn assert_refused(store: &Store, account: &str, hash: &str) {
    assert!(!is_good(store, hash).await, "{hash}");
    let before = store.password_hash(account).await.expect("read");
    assert_eq!(store.accept_invitation(hash, "stolen").await.expect("asked"), None, "{hash}");
    assert_eq!(store.password_hash(account).await.expect("read"), before, "{hash}");
}

async fn a_link_gives_a_password_once_and_ends_what_was_signed_in(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (with_password(&ground, "ada").await, with_password(&ground, "bob").await);
    store.create_token(&ada.id, "ci", "t", &[], None).await.expect("made");
    for (hash, owner) in [("r1", &ada), ("r2", &ada), ("r3", &bob)] {
        store.start_session(&owner.id, hash, now_ms() + 60_000, &Proof::default()).await.expect("begun");
    }
    invite(store, &ada.id, "c").await;
    let invited = store.invited("c").await.expect("read").expect("good");
    assert_eq!((&invited.account, invited.clear_factor), (&ada, false));
    let seen = store.seen_account(&ada.id).await.expect("read").expect("there");
    assert!(seen.has_password && seen.invited_until.is_some_and(|until| until > now_ms()), "{seen:?}");
    assert_eq!(store.sessions(&ada.id).await.expect("read").len(), 2, "until it is used nothing changes");
    assert_refused(store, &ada.id, "guessed").await;

    let accepted = store.accept_invitation("c", "new").await.expect("asked").expect("it was good");
    assert_eq!((&accepted.account, accepted.made_by), (&ada, root(store).await));
    assert_eq!((accepted.ended, accepted.factor_cleared), (2, false));
    assert_eq!(store.password_hash(&ada.id).await.expect("read").as_deref(), Some("new"));
    assert!(store.sessions(&ada.id).await.expect("read").is_empty());
    assert_eq!(store.sessions(&bob.id).await.expect("read").len(), 1, "those of others go on");
    assert!(store.token_by_hash("t").await.expect("read").is_some(), "tokens stay");
    let with = |password: &str| Proof { password_hash: Some(password.to_owned()), ..Proof::default() };
    let late = store.start_session(&ada.id, "r4", now_ms() + 60_000, &with("old")).await;
    assert!(matches!(late, Err(StoreError::Outdated)), "{late:?}");
    store.start_session(&ada.id, "r5", now_ms() + 60_000, &with("new")).await.expect("begun");
    assert_refused(store, &ada.id, "c").await;
    assert_eq!(store.sessions(&ada.id).await.expect("read").len(), 1, "a link that is used up ends nothing");
    let seen = store.seen_account(&ada.id).await.expect("read").expect("there");
    assert_eq!(seen.invited_until, None);

    // The first password of an account that has none.
    let eve = ground.account("eve").await;
    assert!(!store.seen_account(&eve.id).await.expect("read").expect("there").has_password);
    invite(store, &eve.id, "d").await;
    assert!(store.accept_invitation("d", "first").await.expect("asked").is_some());
    assert!(store.seen_account(&eve.id).await.expect("read").expect("there").has_password);
    let nobody = store
        .invite("0190-nobody", "e", now_ms() + 60_000, &root(store).await, false)
        .await
        .expect_err("nobody is there");
    assert_eq!(nobody.to_string(), "There is no account with this id.");
}

async fn an_account_has_one_link_and_the_new_one_is_good(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (with_password(&ground, "ada").await, with_password(&ground, "bob").await);
    invite(store, &ada.id, "a1").await;
    invite(store, &bob.id, "b1").await;
    assert!(is_good(store, "a1").await && is_good(store, "b1").await, "the control");
    assert!(store.invite(&ada.id, "a2", now_ms() + 60_000, &root(store).await, true).await.expect("asked"));
    assert_refused(store, &ada.id, "a1").await;
    assert!(is_good(store, "b1").await, "each account has its own");
    assert!(store.invited("a2").await.expect("read").expect("good").clear_factor, "all of it is of the new one");
    assert!(store.accept_invitation("a2", "new").await.expect("asked").is_some());
    assert!(store.accept_invitation("b1", "new").await.expect("asked").is_some());
}

async fn a_link_ends_with_what_it_was_made_for(ground: Ground) {
    let store = &ground.store;
    let id = with_password(&ground, "ada").await.id;
    let good = async |hash: &str| {
        invite(store, &id, hash).await;
        assert!(is_good(store, hash).await, "the control: {hash}");
    };
    good("disabled").await;
    store.set_disabled(&id, true).await.expect("set");
    assert_refused(store, &id, "disabled").await;
    let while_off = store.invite(&id, "off", now_ms() + 60_000, &root(store).await, false).await.expect("asked");
    assert!(!while_off, "an account that is disabled gets none");
    store.set_disabled(&id, false).await.expect("set");
    assert_refused(store, &id, "disabled").await;
    assert_refused(store, &id, "off").await;

    good("changed").await;
    assert_eq!(store.change_password(&id, "old", "other").await.expect("changed"), 0);
    assert_refused(store, &id, "changed").await;

    good("taken-back").await;
    assert!(store.end_invitation(&id).await.expect("asked") && !store.end_invitation(&id).await.expect("asked"));
    assert_refused(store, &id, "taken-back").await;

    good("expired").await;
    ground.tamper("UPDATE invitations SET expires_at = expires_at - 60000").await;
    assert_refused(store, &id, "expired").await;
    assert_eq!(store.seen_account(&id).await.expect("read").expect("there").invited_until, None);

    good("signed-out").await;
    store.revoke_sessions_of(&id).await.expect("ended");
    assert_refused(store, &id, "signed-out").await;

    // What has nothing to do with it ends none.
    good("good").await;
    store.set_role(&id, Role::Viewer).await.expect("set");
    store.revoke_other_sessions(&id, "").await.expect("ended");
    let late = store.change_password(&id, "old", "third").await;
    assert!(matches!(late, Err(StoreError::Outdated)), "{late:?}");
    assert!(store.accept_invitation("good", "new").await.expect("asked").is_some());
}

async fn a_link_does_not_outlive_the_admin_who_made_it(ground: Ground) {
    let store = &ground.store;
    root(store).await;
    let id = with_password(&ground, "ada").await.id;
    let eve = store.create_account("eve", Role::Admin, Some("hash")).await.expect("made").id;
    let makes = async |hash: &str| {
        assert!(store.invite(&id, hash, now_ms() + 60_000, &eve, false).await.expect("asked"));
    };
    makes("dismissed").await;
    assert!(is_good(store, "dismissed").await, "the control");
    store.set_role(&eve, Role::Developer).await.expect("set");
    assert_refused(store, &id, "dismissed").await;
    assert_eq!(store.seen_account(&id).await.expect("read").expect("there").invited_until, None, "it is gone");
    // One that was being made meanwhile is good for nothing, and not good again with him.
    makes("late").await;
    assert_refused(store, &id, "late").await;
    store.set_role(&eve, Role::Admin).await.expect("set");
    assert_refused(store, &id, "late").await;

    makes("closed").await;
    assert!(is_good(store, "closed").await, "the control");
    store.set_disabled(&eve, true).await.expect("set");
    assert_refused(store, &id, "closed").await;
    store.set_disabled(&eve, false).await.expect("set");
    assert_refused(store, &id, "closed").await;

    // Links of others go on, and so do those of who is as he was.
    invite(store, &id, "of-another").await;
    store.set_disabled(&eve, true).await.expect("set");
    let own = root(store).await;
    store.set_role(&own, Role::Admin).await.expect("nothing changes");
    assert!(store.accept_invitation("of-another", "new").await.expect("asked").is_some());
}

async fn a_second_factor_goes_with_a_link_only_where_that_was_asked_for(ground: Ground) {
    let (store, id) = (&ground.store, with_password(&ground, "ada").await.id);
    assert!(store.set_totp(&id, b"secret").await.expect("set"));
    assert!(store.confirm_totp(&id, b"secret", 7, &["code".to_owned()]).await.expect("asked"));
    let has_factor = async || {
        let has_totp = store.account(&id).await.expect("read").expect("there").has_totp;
        assert_eq!(store.recovery_codes_left(&id).await.expect("counted"), u64::from(has_totp));
        has_totp
    };
    invite(store, &id, "keeps").await;
    let kept = store.accept_invitation("keeps", "new").await.expect("asked").expect("it was good");
    assert!(kept.account.has_totp && !kept.factor_cleared && has_factor().await, "{kept:?}");
    for round in 0..2 {
        let hash = format!("clears{round}");
        assert!(store.invite(&id, &hash, now_ms() + 60_000, &root(store).await, true).await.expect("asked"));
        assert_eq!(has_factor().await, round == 0, "only using it does that");
        let cleared = store.accept_invitation(&hash, "newer").await.expect("asked").expect("it was good");
        assert_eq!((cleared.account.has_totp, cleared.factor_cleared), (false, round == 0));
        assert!(!has_factor().await && store.totp(&id).await.expect("read").is_none());
    }
    // One that was begun and never confirmed is taken away, and counts as none.
    assert!(store.set_totp(&id, b"begun").await.expect("set"));
    assert!(store.invite(&id, "begun", now_ms() + 60_000, &root(store).await, true).await.expect("asked"));
    let begun = store.accept_invitation("begun", "newest").await.expect("asked").expect("it was good");
    assert!(!begun.factor_cleared && store.totp(&id).await.expect("read").is_none(), "{begun:?}");
}

async fn links_that_are_over_are_swept_and_no_others(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.account("ada").await, ground.account("bob").await);
    assert!(store.invite(&ada.id, "a", now_ms() - 1, &root(store).await, false).await.expect("asked"));
    invite(store, &bob.id, "b").await;
    assert_eq!(store.sweep(now_ms()).await.expect("swept"), 1);
    assert!(is_good(store, "b").await);
    assert_eq!(store.sweep(now_ms() + 60_000).await.expect("swept"), 1);
    assert_refused(store, &bob.id, "b").await;
}

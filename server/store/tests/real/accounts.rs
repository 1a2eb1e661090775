//! Accounts and their second factors.

use crate::databases::{Ground, on_both};
use store::accounts::Role;
use store::tokens::Proof;
use store::{StoreError, now_ms};

on_both!(
    an_account_comes_back_as_it_was_made,
    a_name_is_taken_in_whatever_case,
    the_first_admin_is_made_once,
    the_last_admin_stays,
    an_admin_without_a_way_in_is_not_the_one_who_stays,
    what_does_not_exist_is_said_so,
    it_is_seen_who_is_of_a_provider_and_who_signed_in_last,
    a_sign_in_by_the_provider_counts_from_when_its_session_began,
    it_is_seen_to_a_minute_when_a_person_was_last_here,
    a_second_factor_is_set_confirmed_and_cleared,
    recovery_codes_are_replaced,
    after_many_wrong_codes_in_a_row_only_a_recovery_code_is_taken,
);

async fn an_account_comes_back_as_it_was_made(ground: Ground) {
    let store = &ground.store;
    let made = store.create_account("Ada", Role::Maintainer, Some("$argon2id$…")).await.expect("made");
    assert_eq!((made.name.as_str(), made.role, made.disabled, made.has_totp), ("ada", Role::Maintainer, false, false));
    assert_eq!(store.account(&made.id).await.expect("read"), Some(made.clone()));
    assert_eq!(store.account_by_name("ADA").await.expect("read"), Some(made.clone()));
    assert_eq!(store.account_by_name("no such\0name").await.expect("read"), None);
    assert_eq!(store.password_hash(&made.id).await.expect("read").as_deref(), Some("$argon2id$…"));
    assert_eq!(store.change_password(&made.id, "$argon2id$…", "other").await.expect("set"), 0);
    let late = store.change_password(&made.id, "$argon2id$…", "third").await;
    assert!(matches!(late, Err(StoreError::Outdated)), "it is another by now: {late:?}");
    assert_eq!(store.password_hash(&made.id).await.expect("read").as_deref(), Some("other"));
    for (role, before) in [(Role::Auditor, Role::Maintainer), (Role::Auditor, Role::Auditor)] {
        assert_eq!(store.set_role(&made.id, role).await.expect("set"), before, "what it was is told");
    }
    for was_disabled in [false, true] {
        assert_eq!(store.set_disabled(&made.id, true).await.expect("set"), was_disabled);
    }
    let after = store.account(&made.id).await.expect("read").expect("there");
    assert_eq!((after.role, after.disabled, after.created_at), (Role::Auditor, true, made.created_at));
    assert_eq!(store.count_accounts().await.expect("counted"), 1);
}

async fn a_name_is_taken_in_whatever_case(ground: Ground) {
    ground.account("ada").await;
    let again = ground.store.create_account("ADA", Role::Viewer, None).await;
    assert!(matches!(again, Err(StoreError::Taken)), "{again:?}");
    let bad = ground.store.create_account("a b", Role::Viewer, None).await;
    assert!(matches!(bad, Err(StoreError::Invalid(_))), "{bad:?}");
}

async fn the_first_admin_is_made_once(ground: Ground) {
    let first = ground.store.create_first_admin("root", "hash").await.expect("made");
    assert_eq!(first.role, Role::Admin);
    assert!(matches!(ground.store.create_first_admin("other", "hash").await, Err(StoreError::Taken)));
    assert_eq!(ground.store.count_accounts().await.expect("counted"), 1);
}

async fn the_last_admin_stays(ground: Ground) {
    let store = &ground.store;
    let one = store.create_first_admin("one", "hash").await.expect("made");
    assert!(matches!(store.set_disabled(&one.id, true).await, Err(StoreError::LastAdmin)));
    assert!(matches!(store.set_role(&one.id, Role::Developer).await, Err(StoreError::LastAdmin)));
    let two = store.create_account("two", Role::Admin, Some("hash")).await.expect("made");
    store.set_disabled(&two.id, true).await.expect("there is another");
    assert!(
        matches!(store.set_disabled(&one.id, true).await, Err(StoreError::LastAdmin)),
        "disabled ones do not count"
    );
    store.set_disabled(&two.id, false).await.expect("enabled");
    store.set_role(&one.id, Role::Viewer).await.expect("there is another");
}

async fn an_admin_without_a_way_in_is_not_the_one_who_stays(ground: Ground) {
    let store = &ground.store;
    let one = store.create_first_admin("one", "hash").await.expect("made");
    let two = store.create_account("two", Role::Admin, None).await.expect("made");
    for tried in
        [store.set_disabled(&one.id, true).await.map(|_| ()), store.set_role(&one.id, Role::Viewer).await.map(|_| ())]
    {
        assert!(matches!(tried, Err(StoreError::LastAdmin)), "nobody can come in as the other: {tried:?}");
    }
    store.set_disabled(&two.id, true).await.expect("the one without a way in may go");
    // A person of a provider comes in there.
    let person = store.create_account_of_person("https://a.example", "1", "eve", Role::Admin).await.expect("made").0;
    store.set_disabled(&one.id, true).await.expect("there is another");
    assert!(matches!(store.set_disabled(&person.id, true).await, Err(StoreError::LastAdmin)));
    // And so does who has chosen a password by now.
    store.set_disabled(&one.id, false).await.expect("enabled");
    store.set_disabled(&two.id, false).await.expect("enabled");
    store.set_disabled(&person.id, true).await.expect("there is another");
    assert!(store.invite(&two.id, "c", now_ms() + 60_000, &one.id, false).await.expect("asked"));
    assert!(store.accept_invitation("c", "chosen").await.expect("asked").is_some());
    store.set_disabled(&one.id, true).await.expect("there is another");
    assert!(matches!(store.set_disabled(&two.id, true).await, Err(StoreError::LastAdmin)));
}

async fn what_does_not_exist_is_said_so(ground: Ground) {
    let store = &ground.store;
    let nobody = "0190-nobody";
    let errors = [
        store.set_role(nobody, Role::Viewer).await.map(|_| ()),
        store.set_disabled(nobody, true).await.map(|_| ()),
        store.set_totp(nobody, b"x").await.map(|_| ()),
        store.set_recovery_codes(nobody, &[]).await,
        store.create_token(nobody, "t", "h", &[], None).await.map(|_| ()),
        store.start_session(nobody, "h", 1, &Proof::default()).await.map(|_| ()),
    ];
    for error in errors {
        let error = error.expect_err("nobody is there");
        assert_eq!(error.to_string(), "There is no account with this id.");
    }
    assert_eq!(store.account(nobody).await.expect("read"), None);
    assert_eq!(store.totp(nobody).await.expect("read"), None);
    assert!(!store.use_totp_step(nobody, 1).await.expect("asked"));
    assert!(!store.use_recovery_code(nobody, "x").await.expect("asked"));
}

async fn it_is_seen_who_is_of_a_provider_and_who_signed_in_last(ground: Ground) {
    let store = &ground.store;
    let (ada, bob) = (ground.account("ada").await, ground.account("bob").await);
    let (eve, _) = store.create_account_of_person("https://a.example", "1", "eve", Role::Viewer).await.expect("made");
    let begin = async |hash: &str, at: i64| {
        let proof = Proof { auth_time: Some(at), ..Proof::default() };
        store.start_session(&ada.id, hash, now_ms() + 60_000, &proof).await.expect("begun").id
    };
    begin("r1", 7_000).await;
    let newest = begin("r2", 9_000).await;
    begin("r3", 8_000).await;
    // A device that was let in: nobody showed anything.
    let device = Proof { auth_time: Some(0), ..Proof::default() };
    store.start_session(&bob.id, "r4", now_ms() + 60_000, &device).await.expect("begun");
    assert!(store.revoke_session(&newest).await.expect("ended"), "it was one nevertheless");
    let page = store.accounts(None, 10).await.expect("read");
    let seen: Vec<_> = page.items.iter().map(|one| (&one.account.id, one.of_provider, one.last_sign_in)).collect();
    assert_eq!(seen, [(&ada.id, false, Some(9_000)), (&bob.id, false, None), (&eve.id, true, None)]);
    assert!(page.items.iter().all(|one| !one.has_password && one.invited_until.is_none()), "none has one");
    assert_eq!(store.seen_account(&eve.id).await.expect("read").as_ref(), page.items.last());
    assert_eq!(store.seen_account("nobody").await.expect("read"), None);
}

async fn a_sign_in_by_the_provider_counts_from_when_its_session_began(ground: Ground) {
    let store = &ground.store;
    let ways = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    // Where the moment 0 counts for nothing, it is a device that somebody let in. The last one has the moment at which it was shown, and that one counts.
    let all: [(&[&str], i64, bool); 6] = [
        (&["oidc"], 0, true),
        (&["oidc", "pwd", "otp"], 0, true),
        (&["pwd"], 0, false),
        (&["pwd", "oidc"], 0, false),
        (&[], 0, false),
        (&["pwd"], 9_000, true),
    ];
    for (number, (amr, auth_time, counts)) in all.into_iter().enumerate() {
        let account = ground.account(&format!("a{number}")).await;
        let proof = Proof { amr: ways(amr), auth_time: Some(auth_time), ..Proof::default() };
        let ends = now_ms() + 60_000;
        let session = store.start_session(&account.id, &format!("r{number}"), ends, &proof).await.expect("begun");
        assert_eq!(session.auth_time, auth_time, "{amr:?}");
        let moment = if auth_time == 0 { session.created_at } else { auth_time };
        let seen = store.seen_account(&account.id).await.expect("read").expect("there");
        assert_eq!(seen.last_sign_in, counts.then_some(moment), "{amr:?}");
    }
}

async fn it_is_seen_to_a_minute_when_a_person_was_last_here(ground: Ground) {
    let store = &ground.store;
    let ada = ground.account("ada").await;
    let make = async |subject: &str| {
        store.create_account_of_person("https://a.example", subject, subject, Role::Viewer).await.expect("made").0
    };
    let (eve, bob) = (make("eve").await, make("bob").await);
    let last = async |id: &str| store.seen_account(id).await.expect("read").expect("there").last_seen;
    assert_eq!(last(&eve.id).await, None, "she has not been here yet");
    let began = now_ms();
    for id in [eve.id.as_str(), &ada.id, "nobody"] {
        store.touch_person(id).await.expect("touched");
    }
    let first = last(&eve.id).await.expect("she is here");
    assert!((began..=now_ms()).contains(&first), "{first}");
    assert_eq!(
        (last(&ada.id).await, last(&bob.id).await),
        (None, None),
        "no provider knows the one, the other is away"
    );
    ground.tamper("UPDATE identities SET last_seen_at = last_seen_at - 50000 WHERE subject = 'eve'").await;
    store.touch_person(&eve.id).await.expect("touched");
    assert_eq!(last(&eve.id).await, Some(first - 50_000), "less than a minute ago");
    ground.tamper("UPDATE identities SET last_seen_at = last_seen_at - 10000 WHERE subject = 'eve'").await;
    store.touch_person(&eve.id).await.expect("touched");
    assert!(last(&eve.id).await.is_some_and(|last| last >= first), "it was a minute");
    let listed = store.accounts(None, 10).await.expect("read").items;
    assert_eq!(listed.iter().filter(|one| one.last_seen.is_some()).count(), 1, "the list tells it too: {listed:?}");
}

async fn a_second_factor_is_set_confirmed_and_cleared(ground: Ground) {
    let (store, id) = (&ground.store, ground.account("ada").await.id);
    let codes = ["a".to_owned(), "b".to_owned()];
    let confirm = async |secret: &[u8], step| store.confirm_totp(&id, secret, step, &codes).await.expect("asked");
    assert!(!store.use_totp_step(&id, 5).await.expect("asked"), "there is none yet");
    assert!(!confirm(&[0, 255, 16], 7).await, "there is nothing to confirm");
    assert!(store.set_totp(&id, &[1, 2, 3]).await.expect("set"));
    assert!(store.set_totp(&id, &[0, 255, 16]).await.expect("set"), "until it is confirmed it can be another");
    assert!(!store.use_totp_step(&id, 5).await.expect("asked"), "it is not confirmed yet");
    assert!(!confirm(&[1, 2, 3], 7).await, "it is another by now");
    let totp = store.totp(&id).await.expect("read").expect("there");
    assert_eq!((totp.secret, totp.confirmed, totp.last_step), (vec![0, 255, 16], false, 0));
    assert!(!store.account(&id).await.expect("read").expect("there").has_totp);
    assert!(confirm(&[0, 255, 16], 7).await && !confirm(&[0, 255, 16], 8).await, "it is confirmed once");
    assert_eq!(store.recovery_codes_left(&id).await.expect("counted"), 2);
    assert!(!store.set_totp(&id, &[9]).await.expect("asked"), "one that is confirmed is not replaced");
    assert!(store.account(&id).await.expect("read").expect("there").has_totp);
    for (step, is_new) in [(7, false), (100, true), (100, false), (99, false), (101, true)] {
        assert_eq!(store.use_totp_step(&id, step).await.expect("asked"), is_new, "{step}");
    }
    assert!(store.clear_totp(&id).await.expect("cleared") && !store.clear_totp(&id).await.expect("asked"));
    assert_eq!(store.totp(&id).await.expect("read"), None);
    assert_eq!(store.recovery_codes_left(&id).await.expect("counted"), 0);
    assert!(store.set_totp(&id, &[1]).await.expect("set"));
    assert!(!confirm(&[1], 101).await, "a step stays used");
    assert!(confirm(&[1], 102).await);
}

async fn recovery_codes_are_replaced(ground: Ground) {
    let (store, id) = (&ground.store, ground.account("ada").await.id);
    let codes = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    store.set_recovery_codes(&id, &codes(&["a", "b"])).await.expect("set");
    assert!(store.use_recovery_code(&id, "a").await.expect("asked"));
    assert!(!store.use_recovery_code(&id, "a").await.expect("asked"), "it works once");
    store.set_recovery_codes(&id, &codes(&["c"])).await.expect("set");
    assert!(!store.use_recovery_code(&id, "b").await.expect("asked"), "it was replaced");
    assert!(store.use_recovery_code(&id, "c").await.expect("asked"));
}

async fn after_many_wrong_codes_in_a_row_only_a_recovery_code_is_taken(ground: Ground) {
    let (store, id) = (&ground.store, ground.account("ada").await.id);
    let codes = ["a".to_owned(), "b".to_owned()];
    assert!(store.set_totp(&id, b"s").await.expect("set"));
    assert!(store.confirm_totp(&id, b"s", 1, &codes).await.expect("asked"));
    let guess = async |times: usize| {
        for _ in 0..times {
            store.count_wrong_code(&id).await.expect("counted");
        }
    };
    let is_barred = async || store.totp(&id).await.expect("read").expect("there").barred;
    let is_taken = async |step: i64| store.use_totp_step(&id, step).await.expect("asked");
    guess(99).await;
    assert!(!is_barred().await && is_taken(2).await, "the control");
    guess(99).await;
    assert!(!is_barred().await, "a right one begins the count anew");
    guess(1).await;
    assert!(is_barred().await && !is_taken(3).await);
    assert!(!store.use_recovery_code(&id, "guessed").await.expect("asked") && is_barred().await);
    assert!(store.use_recovery_code(&id, "a").await.expect("asked"));
    assert!(!is_barred().await && is_taken(3).await);
    // With a new factor the count begins anew too, and nobody else is barred by it.
    guess(200).await;
    assert!(is_barred().await && store.clear_totp(&id).await.expect("cleared"));
    assert!(store.set_totp(&id, b"t").await.expect("set"));
    guess(200).await;
    assert!(store.confirm_totp(&id, b"t", 4, &codes).await.expect("asked"));
    assert!(!is_barred().await && is_taken(5).await, "one that is not confirmed is asked for nowhere");
}

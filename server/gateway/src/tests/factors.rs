//! Second factors, signing in with them, and what wants a step-up.

use super::*;
use crate::auth::{factors, totp};
use engine::store::now_ms;

impl Service {
    pub(crate) async fn id_of(&self, name: &str) -> String {
        self.gateway.store().account_by_name(name).await.unwrap().unwrap().id
    }

    /// The code of now, `steps` later.
    pub(crate) async fn code(&self, name: &str, steps: i64) -> String {
        let id = self.id_of(name).await;
        let sealed = self.gateway.store().totp(&id).await.unwrap().unwrap().secret;
        let secret = self.gateway.keys().cipher().open(&sealed, &id).unwrap();
        totp::code(&secret, now_ms() / 1000 + steps * 30)
    }

    /// Gives an account a second factor; its recovery codes.
    pub(crate) async fn add_factor(&self, name: &str, token: &str) -> Vec<String> {
        let begun = self.send("POST", "/api/v2/me/totp", token, None).await;
        assert_eq!(begun.status, StatusCode::CREATED, "{begun:?}");
        // An older step, so that the one of now is left for the test.
        let code = self.code(name, -1).await;
        let confirmed = self.send("POST", "/api/v2/me/totp/confirm", token, Some(json!({ "code": code }))).await;
        assert_eq!(confirmed.status, StatusCode::OK, "{confirmed:?}");
        serde_json::from_value(confirmed.json()["recovery_codes"].clone()).unwrap()
    }

    async fn try_to_sign_in(&self, name: &str, password: &str, code: Option<&str>) -> Reply {
        let mut body = json!({ "name": name, "password": password });
        if let Some(code) = code {
            body["code"] = json!(code);
        }
        self.send("POST", "/api/v2/sessions", "", Some(body)).await
    }

    /// Makes all sessions of an account look as if they were begun `minutes` ago.
    pub(crate) async fn age(&self, minutes: i64) {
        self.tamper(&format!("UPDATE sessions SET auth_time = auth_time - {}", minutes * 60_000)).await;
    }

    /// Changes rows behind the store's back.
    pub(crate) async fn tamper(&self, sql: &str) {
        let path = self._folder.path().join("s.db");
        let done = std::process::Command::new("python3")
            .args([
                "-c",
                "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=20); c.execute(sys.argv[2]); c.commit()",
            ])
            .args([path.as_os_str(), std::ffi::OsStr::new(sql)])
            .status();
        assert!(done.unwrap().success());
    }

    /// All that is kept, read behind the store's back: what stands in each column of each row of each table, with the name of its place.
    pub(crate) fn kept(&self) -> Vec<(String, String)> {
        let reads = r#"
import json, sqlite3, sys
store = sqlite3.connect(sys.argv[1], timeout=20)
store.row_factory = sqlite3.Row
tables = [row[0] for row in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
rows = [(table, row) for table in tables for row in store.execute(f'SELECT * FROM "{table}"')]
print(json.dumps([(f"{table}.{column}", str(row[column])) for table, row in rows for column in row.keys()]))
"#;
        let path = self._folder.path().join("s.db");
        let said = std::process::Command::new("python3").args(["-c", reads]).arg(path).output().unwrap();
        assert!(said.status.success(), "{said:?}");
        serde_json::from_slice(&said.stdout).unwrap()
    }

    /// Somebody else who writes, and keeps all others from it until his input ends.
    pub(crate) fn busy_writer(&self) -> std::process::Child {
        let holds = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=20, isolation_level=None); \
                     c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()";
        let mut python = std::process::Command::new("python3");
        python.args(["-c", holds]).arg(self._folder.path().join("s.db"));
        python.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut writer = python.spawn().unwrap();
        std::io::Read::read_exact(writer.stdout.as_mut().unwrap(), &mut [0; 4]).unwrap();
        writer
    }
}

fn kind(reply: &Reply) -> String {
    reply.json()["type"].as_str().unwrap_or_default().trim_start_matches("urn:code-agent:problem:").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_factor_is_set_up_and_wanted_from_then_on() {
    let service = Service::new().await;
    let token = service.account("root", Role::Admin).await;
    let me = service.send("GET", "/api/v2/me", &token, None).await.json();
    assert!(me["advice"].as_str().unwrap().contains("second factor") && me["second_factor"] == false, "{me}");
    assert_eq!((&me["session"]["amr"], &me["session"]["is_fresh"]), (&json!(["pwd"]), &json!(true)));
    let none = service.send("POST", "/api/v2/me/totp/confirm", &token, Some(json!({ "code": "123456" }))).await;
    assert_eq!(none.status, StatusCode::CONFLICT, "there is nothing to confirm");
    let begun = service.send("POST", "/api/v2/me/totp", &token, None).await.json();
    let secret = begun["secret"].as_str().unwrap();
    assert!(begun["uri"].as_str().unwrap().contains(&format!("root?secret={secret}&issuer=code-agent")), "{begun}");
    service.sign_in("root").await;
    let codes = service.add_factor("root", &token).await;
    assert!(codes.len() == 10 && codes[0] != codes[1], "{codes:?}");
    let renewed = json!({ "password": PASSWORD, "code": codes[9] });
    let renewed = service.send("POST", "/api/v2/sessions/current/step-up", &token, Some(renewed)).await;
    assert_eq!(renewed.status, StatusCode::OK, "{renewed:?}");
    let again = service.send("POST", "/api/v2/me/totp", &token, None).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "one that is confirmed is not replaced");

    let bare = service.try_to_sign_in("root", PASSWORD, None).await;
    assert_eq!((bare.status, &*kind(&bare)), (StatusCode::UNAUTHORIZED, "second-factor-needed"), "{bare:?}");
    let guessed = service.try_to_sign_in("root", PASSWORD, Some("000000")).await;
    assert_eq!((guessed.status, guessed.json()["pointer"].as_str()), (StatusCode::UNAUTHORIZED, Some("/code")));
    let wrong = service.try_to_sign_in("root", "wrong", Some(&service.code("root", 0).await)).await;
    assert_eq!((wrong.status, &*kind(&wrong)), (StatusCode::UNAUTHORIZED, "unauthenticated"), "{wrong:?}");
    assert_eq!(service.gateway.store().sessions(&service.id_of("root").await).await.unwrap().len(), 2, "no session");
    let code = service.code("root", 0).await;
    let good = service.try_to_sign_in("root", PASSWORD, Some(&code)).await;
    assert_eq!(good.status, StatusCode::CREATED, "{good:?}");
    let twice = service.try_to_sign_in("root", PASSWORD, Some(&code)).await;
    assert_eq!(twice.status, StatusCode::UNAUTHORIZED, "a code is good once");
    let by_recovery = service.try_to_sign_in("root", PASSWORD, Some(&codes[0].to_uppercase())).await;
    assert_eq!(by_recovery.status, StatusCode::CREATED, "{by_recovery:?}");
    assert_eq!(service.try_to_sign_in("root", PASSWORD, Some(&codes[0])).await.status, StatusCode::UNAUTHORIZED);
    let token = by_recovery.json()["access_token"].as_str().unwrap().to_owned();
    let me = service.send("GET", "/api/v2/me", &token, None).await.json();
    assert_eq!((&me["session"]["amr"], &me["recovery_codes_left"]), (&json!(["pwd", "recovery"]), &json!(8)));
    assert!(me["advice"].is_null() && me["second_factor"] == true);

    let audit = service.send("GET", "/api/v2/audit?limit=100", &token, None).await.json();
    let told: Vec<(&str, &str)> = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["action"].as_str().unwrap(), item["detail"].as_str().unwrap()))
        .collect();
    for outcome in
        ["a second factor is needed", "the code is wrong", "name or password is wrong", "pwd otp", "pwd recovery"]
    {
        assert!(told.contains(&("sessions.create", outcome)), "{outcome}: {told:?}");
    }
    assert!(told.contains(&("me.confirm_totp", "confirmed")), "{told:?}");
    assert!(!audit.to_string().contains(secret) && !audit.to_string().contains(&codes[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_that_was_looked_at_before_there_was_a_second_factor_begins_no_session() {
    let service = Service::new().await;
    let token = service.account("ann", Role::Viewer).await;
    let gateway = &service.gateway;
    let shown = async |code: Option<&str>| factors::sign_in(gateway, "10.0.0.1", "ann", PASSWORD.into(), code).await;
    let (account, proof) = shown(None).await.unwrap();
    assert!(factors::begin(gateway, &account, &proof, "hash 1", 60_000).await.is_ok(), "the control");
    let codes = service.add_factor("ann", &token).await;
    let late = factors::begin(gateway, &account, &proof, "hash 2", 60_000).await.unwrap_err();
    assert_eq!(late.told().kind, Kind::Conflict);
    let (account, proof) = shown(Some(&codes[0])).await.unwrap();
    assert!(factors::begin(gateway, &account, &proof, "hash 3", 60_000).await.is_ok(), "with a code of it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_of_a_second_factor_is_not_in_the_database() {
    let service = Service::new().await;
    let token = service.account("ann", Role::Viewer).await;
    let begun = service.send("POST", "/api/v2/me/totp", &token, None).await.json();
    let id = service.id_of("ann").await;
    let kept = service.gateway.store().totp(&id).await.unwrap().unwrap().secret;
    let plain = service.gateway.keys().cipher().open(&kept, &id).unwrap();
    assert_eq!(totp::base32(&plain), begun["secret"].as_str().unwrap(), "the control: it is in there, sealed");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut all = Vec::new();
    for file in ["s.db", "s.db-wal"] {
        all.extend(std::fs::read(service._folder.path().join(file)).unwrap_or_default());
    }
    let holds = |part: &[u8]| all.windows(part.len()).any(|window| window == part);
    assert!(holds(hex(&kept).as_bytes()), "the control: what is kept is found");
    assert!(!holds(hex(&plain).as_bytes()) && !holds(&plain) && !holds(begun["secret"].as_str().unwrap().as_bytes()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_dangerous_wants_a_step_up() {
    let service = Service::new().await;
    let token = service.account("root", Role::Admin).await;
    let body = json!({ "name": "ci", "scopes": ["accounts", "documents"], "days": 30 });
    let make = async |token: &str| service.send("POST", "/api/v2/tokens", token, Some(body.clone())).await;
    let made = make(&token).await;
    assert_eq!(made.status, StatusCode::CREATED, "who signed in just now need not");
    service.age(6).await;
    let stale = make(&token).await;
    assert_eq!((stale.status, &*kind(&stale)), (StatusCode::UNAUTHORIZED, "step-up-needed"), "{stale:?}");
    let asked = stale.headers["www-authenticate"].to_str().unwrap();
    assert_eq!(asked, "Bearer error=\"insufficient_user_authentication\", max_age=300");
    let step_up = async |token: &str, body: Value| {
        service.send("POST", "/api/v2/sessions/current/step-up", token, Some(body)).await
    };
    assert_eq!(service.send("GET", "/api/v2/tokens", &token, None).await.status, StatusCode::OK, "all else goes on");
    assert_eq!(step_up(&token, json!({})).await.status, StatusCode::FORBIDDEN);
    assert_eq!(step_up(&token, json!({ "password": "wrong" })).await.status, StatusCode::FORBIDDEN);
    assert_eq!(make(&token).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(step_up(&token, json!({ "password": PASSWORD })).await.status, StatusCode::OK);
    assert_eq!(make(&token).await.status, StatusCode::CREATED);

    // With a second factor the password alone is not enough, however fresh it is.
    let codes = service.add_factor("root", &token).await;
    assert_eq!(kind(&make(&token).await), "step-up-needed");
    let needed = step_up(&token, json!({ "password": PASSWORD })).await;
    assert_eq!((needed.status, &*kind(&needed)), (StatusCode::UNAUTHORIZED, "second-factor-needed"));
    let code = service.code("root", 0).await;
    let done = step_up(&token, json!({ "password": PASSWORD, "code": code })).await;
    assert_eq!((done.status, &done.json()["amr"]), (StatusCode::OK, &json!(["pwd", "otp"])), "{done:?}");
    assert_eq!(make(&token).await.status, StatusCode::CREATED);
    service.age(6).await;
    assert_eq!(kind(&service.send("DELETE", "/api/v2/me/totp", &token, None).await), "step-up-needed");
    let done = step_up(&token, json!({ "password": PASSWORD, "code": codes[3] })).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
    let fresh = service.send("POST", "/api/v2/me/recovery-codes", &token, None).await;
    assert!(fresh.status == StatusCode::CREATED && fresh.json()["recovery_codes"][0] != codes[0], "{fresh:?}");
    assert_eq!(service.send("DELETE", "/api/v2/me/totp", &token, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(service.send("DELETE", "/api/v2/me/totp", &token, None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(service.send("POST", "/api/v2/me/recovery-codes", &token, None).await.status, StatusCode::CONFLICT);

    // Nobody stands behind an API token who could show that it is he.
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    let new = json!({ "name": "x", "role": "admin", "password": PASSWORD });
    assert_eq!(service.send("GET", "/api/v2/accounts", &secret, None).await.status, StatusCode::OK, "the control");
    assert_eq!(service.send("POST", "/api/v2/accounts", &secret, Some(new)).await.status, StatusCode::FORBIDDEN);
    assert_eq!(service.send("POST", "/api/v2/me/totp", &secret, None).await.status, StatusCode::FORBIDDEN);
    let audit = service.send("GET", "/api/v2/audit?limit=200", &token, None).await.json();
    let said = |policy: &str| audit["items"].as_array().unwrap().iter().filter(|item| item["policy"] == policy).count();
    assert!(said("step-up") >= 3 && said("no-step-up-by-token") == 2, "{audit}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recovery_codes_are_shown_also_where_the_log_cannot_be_written() {
    let service = Service::new().await;
    let token = service.account("ann", Role::Viewer).await;
    service.send("POST", "/api/v2/me/totp", &token, None).await;
    // What was decided is written down, and what came of it is not.
    let refuse = "WHEN NEW.policy = 'factors' BEGIN SELECT RAISE(ABORT, 'there is no room'); END";
    let trigger = format!("CREATE TRIGGER no_outcome BEFORE INSERT ON audit {refuse}");
    service.tamper(&trigger).await;
    let body = json!({ "code": service.code("ann", -1).await });
    let confirmed = service.send("POST", "/api/v2/me/totp/confirm", &token, Some(body)).await;
    assert_eq!(confirmed.status, StatusCode::OK, "{confirmed:?}");
    service.tamper("DROP TRIGGER no_outcome").await;
    let codes = confirmed.json()["recovery_codes"].clone();
    let body = json!({ "password": PASSWORD, "code": codes[0] });
    let done = service.send("POST", "/api/v2/sessions/current/step-up", &token, Some(body)).await;
    assert_eq!(done.status, StatusCode::OK, "they are good: {done:?}");
    service.tamper(&trigger).await;
    let fresh = service.send("POST", "/api/v2/me/recovery-codes", &token, None).await;
    assert_eq!(fresh.status, StatusCode::CREATED, "{fresh:?}");
    service.tamper("DROP TRIGGER no_outcome").await;
    let fresh = fresh.json()["recovery_codes"].clone();
    for (code, status) in [(&codes[1], StatusCode::UNAUTHORIZED), (&fresh[0], StatusCode::CREATED)] {
        let reply = service.try_to_sign_in("ann", PASSWORD, code.as_str()).await;
        assert_eq!(reply.status, status, "{reply:?}");
    }
    let auditor = service.account("aud", Role::Auditor).await;
    let audit = service.send("GET", "/api/v2/audit?limit=100", &auditor, None).await;
    for (outcome, is_there) in [("confirmed", false), ("replaced", false), ("pwd recovery", true)] {
        assert_eq!(audit.text.contains(&format!("\"{outcome}\"")), is_there, "the control, {outcome}: {audit:?}");
    }
}

#[test]
fn what_is_dangerous_is_marked_in_the_document() {
    let operations = crate::openapi::Operations::of(crate::openapi::document_value());
    let mut marked: Vec<String> =
        operations.all().into_iter().filter(|(_, _, one)| one.needs_step_up).map(|(_, _, one)| one.id).collect();
    marked.sort();
    let wanted = [
        "accounts.change",
        "accounts.create",
        "accounts.end_invitation",
        "accounts.end_sessions",
        "accounts.invite",
        "accounts.remove_totp",
        "devices.decide",
        "me.begin_totp",
        "me.confirm_totp",
        "me.new_recovery_codes",
        "me.remove_totp",
        "tokens.create",
    ];
    assert_eq!(marked, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_lost_everything_is_helped_by_an_admin() {
    let service = Service::new().await;
    let admin = service.account("root", Role::Admin).await;
    let token = service.account("dev", Role::Developer).await;
    service.add_factor("dev", &token).await;
    let place = format!("/api/v2/accounts/{}/totp", service.id_of("dev").await);
    assert_eq!(service.send("DELETE", &place, &token, None).await.status, StatusCode::FORBIDDEN);
    assert_eq!(service.send("DELETE", &place, &admin, None).await.status, StatusCode::NO_CONTENT);
    let unknown = "/api/v2/accounts/0192f0c1-7d5e-7000-8000-000000000000/totp";
    assert_eq!(service.send("DELETE", unknown, &admin, None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(service.send("GET", "/api/v2/me", &token, None).await.status, StatusCode::UNAUTHORIZED, "it is out");
    let again = service.sign_in("dev").await;
    assert_eq!(service.send("DELETE", &place, &admin, None).await.status, StatusCode::NO_CONTENT, "there is none");
    assert_eq!(service.send("GET", "/api/v2/me", &again, None).await.status, StatusCode::OK, "so nothing happened");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_cannot_be_guessed() {
    let service = Service::new().await;
    let token = service.account("ann", Role::Viewer).await;
    let codes = service.add_factor("ann", &token).await;
    let mut statuses = Vec::new();
    for number in 0..6 {
        let body = json!({ "password": PASSWORD, "code": format!("00000{number}") });
        statuses
            .push(service.send("POST", "/api/v2/sessions/current/step-up", &token, Some(body)).await.status.as_u16());
    }
    assert_eq!(statuses[5], 429, "{statuses:?}");
    let right = service.try_to_sign_in("ann", PASSWORD, Some(&codes[0])).await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS, "from anywhere");
    assert!(right.headers.contains_key("retry-after"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_cannot_be_guessed_slowly_either() {
    let service = Service::new().await;
    let token = service.account("root", Role::Admin).await;
    let codes = service.add_factor("root", &token).await;
    // As if they had been guessed from time to time, with another replica, or before it was begun anew.
    service.tamper("UPDATE accounts SET wrong_codes = 99").await;
    let wrong = service.try_to_sign_in("root", PASSWORD, Some("000000")).await;
    assert!(wrong.status == StatusCode::UNAUTHORIZED && wrong.text.contains("The code is wrong"), "{wrong:?}");
    let barred = service.try_to_sign_in("root", PASSWORD, Some(&service.code("root", 0).await)).await;
    assert!(barred.status == StatusCode::UNAUTHORIZED && barred.text.contains("only a recovery code"), "{barred:?}");
    let body = json!({ "password": PASSWORD, "code": service.code("root", 0).await });
    let barred = service.send("POST", "/api/v2/sessions/current/step-up", &token, Some(body)).await;
    assert!(barred.status == StatusCode::FORBIDDEN && barred.text.contains("only a recovery code"), "{barred:?}");
    let recovered = service.try_to_sign_in("root", PASSWORD, Some(&codes[0])).await;
    assert_eq!(recovered.status, StatusCode::CREATED, "{recovered:?}");
    let good = service.try_to_sign_in("root", PASSWORD, Some(&service.code("root", 0).await)).await;
    assert_eq!(good.status, StatusCode::CREATED, "the control, and from then on codes are taken again: {good:?}");
    let lines = service.gateway.store().audit_entries(None, 100).await.unwrap();
    let told = lines.iter().filter(|line| line.detail == "too many wrong codes in a row" && !line.allowed);
    assert_eq!(told.map(|line| &*line.action).collect::<Vec<_>>(), ["sessions.step_up", "sessions.create"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_flood_of_passwords_is_told_to_wait() {
    let service = Service::new().await;
    service.account("ann", Role::Viewer).await;
    let hash = service.gateway.store().password_hash(&service.id_of("ann").await).await.unwrap();
    let (passwords, core) = (service.gateway.passwords(), &service.core);
    let all = (0..200).map(|_| passwords.is_right(core, PASSWORD.into(), hash.clone()));
    let (mut right, mut later) = (0, 0);
    for answer in futures_util::future::join_all(all).await {
        match answer {
            Ok(true) => right += 1,
            Ok(false) => panic!("it is right"),
            Err(problem) => {
                let response = problem.into_response();
                assert_eq!(
                    (response.status().as_u16(), &response.headers()["retry-after"]),
                    (503, &"2".parse().unwrap())
                );
                later += 1;
            }
        }
    }
    assert!(right >= 64 && later >= 100 && right + later == 200, "{right} {later}");
    assert!(passwords.is_right(core, PASSWORD.into(), hash).await.unwrap(), "and then it goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_signing_key_cannot_read_the_factor_and_recovery_codes_go_on() {
    let service = Service::new().await;
    let token = service.account("ann", Role::Viewer).await;
    let codes = service.add_factor("ann", &token).await;
    let config = Config { signing_key: service._folder.path().join("other.pem"), ..service.gateway.config().clone() };
    let gateway = Gateway::new(service.core.clone(), service.gateway.store().clone(), config).await.unwrap();
    let other = Service { router: router(gateway.clone()), gateway, ..Service::new().await };
    let by_code = other.try_to_sign_in("ann", PASSWORD, Some("123456")).await;
    assert_eq!(by_code.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(by_code.json()["detail"].as_str().unwrap().contains("recovery code"), "{by_code:?}");
    assert_eq!(other.try_to_sign_in("ann", PASSWORD, Some(&codes[0])).await.status, StatusCode::CREATED);
}

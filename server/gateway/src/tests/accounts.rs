//! Accounts as those see them who see to them: how people sign in and when they last did, what is refused, and ending all that somebody is signed in with.

use super::*;

const PLACE: &str = "/api/v2/accounts";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_told_who_is_of_the_provider_and_who_signed_in_last() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    let store = service.gateway.store();
    let person = store.create_account_of_person("https://login.example", "s-1", "ann", Role::Viewer).await.unwrap().0;
    let first = service.send("GET", &format!("{PLACE}?limit=1"), &root, None).await.json();
    let after = first["next"].as_str().unwrap();
    let rest = service.send("GET", &format!("{PLACE}?after={after}"), &root, None).await.json();
    let one = service.send("GET", &format!("{PLACE}/{}", person.id), &root, None).await.json();
    for (shown, name, of_provider, has_signed_in) in
        [(&first["items"][0], "root", false, true), (&rest["items"][0], "ann", true, false), (&one, "ann", true, false)]
    {
        assert_eq!((&shown["name"], &shown["of_provider"]), (&json!(name), &json!(of_provider)), "{shown}");
        assert_eq!(shown.get("last_sign_in_at").is_some(), has_signed_in, "{shown}");
    }
    assert!(rest.get("next").is_none() && !rest.to_string().contains("s-1"), "{rest}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_somebody_has_is_refused_by_its_field() {
    let service = Service::new().await;
    let root = service.account("root", Role::Admin).await;
    let make = async |name: &str| {
        let body = json!({ "name": name, "role": "viewer", "password": PASSWORD });
        service.send("POST", PLACE, &root, Some(body)).await
    };
    let made = make("ann").await;
    assert_eq!(
        (made.status, &made.json()["of_provider"]),
        (StatusCode::CREATED, &json!(false)),
        "the control: {made:?}"
    );
    let taken = make("ann").await;
    assert_eq!((taken.status, &taken.json()["pointer"]), (StatusCode::CONFLICT, &json!("/name")), "{taken:?}");
    assert_eq!(taken.json()["detail"], "This name is taken.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_sessions_of_another_are_ended_by_an_admin() {
    let service = Service::new().await;
    let admin = service.account("root", Role::Admin).await;
    let dev = service.account("dev", Role::Developer).await;
    let place = format!("{PLACE}/{}/sessions", service.id_of("dev").await);
    let me = async |token: &str| service.send("GET", "/api/v2/me", token, None).await.status;
    assert_eq!(service.send("DELETE", &place, &dev, None).await.status, StatusCode::FORBIDDEN);
    assert_eq!(me(&dev).await, StatusCode::OK, "the control");
    let second = service.sign_in("dev").await;
    let ended = service.send("DELETE", &place, &admin, None).await;
    assert_eq!((ended.status, &ended.json()["ended"]), (StatusCode::OK, &json!(2)), "{ended:?}");
    for token in [&dev, &second] {
        assert_eq!(me(token).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(me(&admin).await, StatusCode::OK, "those of others go on");
    assert_eq!(me(&service.sign_in("dev").await).await, StatusCode::OK, "and the account is open");
    let unknown = format!("{PLACE}/0192f0c1-7d5e-7000-8000-000000000000/sessions");
    assert_eq!(service.send("DELETE", &unknown, &admin, None).await.status, StatusCode::NOT_FOUND);
    service.age(6).await;
    assert_eq!(service.send("DELETE", &place, &admin, None).await.status, StatusCode::UNAUTHORIZED, "a step-up is due");
    let audit = service.send("GET", "/api/v2/audit?limit=100", &admin, None).await.json();
    let is_told = |item: &Value| item["action"] == "accounts.end_sessions" && item["detail"] == "2 sessions ended";
    assert!(audit["items"].as_array().unwrap().iter().any(is_told), "{audit}");
}

//! Those who follow a job: what they hear, in which order, and until when.

use super::*;
use axum::body::BodyDataStream;
use engine::store::jobs::{Leased, NewJob, Outcome};
use futures_util::StreamExt;

/// What is revoked is over within a second, and lines come at once.
const SOON: Duration = Duration::from_secs(2);

/// A service with somebody who has a job that a worker holds, and that nobody but the test goes on with.
struct Ground {
    service: Service,
    account: String,
    token: String,
    leased: Leased,
}

impl Ground {
    async fn new() -> Self {
        let service = Service::new().await;
        let token = service.account("dev", Role::Developer).await;
        let store = service.gateway.store();
        let account = store.account_by_name("dev").await.unwrap().unwrap().id;
        let new = NewJob {
            kind: "check".to_owned(),
            account: account.clone(),
            priority: 0,
            input: json!({ "files": [] }),
            max_attempts: 3,
            run_at: None,
        };
        store.create_job(new.clone(), None).await.unwrap();
        // Another one of his goes on beside it.
        let other = NewJob { priority: -1, ..new };
        store.create_job(other, None).await.unwrap();
        let leased = store.lease_job("w", &["check"], 60_000, None).await.unwrap().leased.unwrap();
        Self { service, account, token, leased }
    }

    /// The job goes on; a line of the log.
    async fn goes_on(&self, progress: i64) {
        self.service
            .gateway
            .store()
            .heartbeat(&self.leased, 60_000, progress % 100, &progress.to_string())
            .await
            .unwrap();
    }

    async fn ends(&self) {
        let outcome = Outcome::Succeeded(json!({}));
        assert!(self.service.gateway.store().finish_job(&self.leased, &outcome).await.unwrap().is_some());
    }

    /// Follows the job from behind a line.
    async fn follow(&self, from: Option<&str>) -> Followed {
        let place = format!("/api/v2/jobs/{}/events", self.leased.job.id);
        let mut request = Request::get(place).header("authorization", format!("Bearer {}", self.token));
        if let Some(from) = from {
            request = request.header("last-event-id", from);
        }
        let response = self.service.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["x-accel-buffering"], "no", "proxies pass each event on at once");
        assert_eq!(response.headers()["cache-control"], "no-cache");
        Followed(response.into_body().into_data_stream())
    }
}

struct Followed(BodyDataStream);

impl Followed {
    /// The number and the message of the next event; nothing where there is none any more.
    async fn next(&mut self) -> Option<(String, String)> {
        let piece = tokio::time::timeout(SOON, self.0.next()).await.expect("something happens")?.unwrap();
        let text = String::from_utf8(piece.to_vec()).unwrap();
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        let data: Value = serde_json::from_str(&line("data: ")).unwrap();
        Some((line("id: "), data["message"].as_str().unwrap().to_owned()))
    }

    async fn all(mut self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        while let Some(event) = self.next().await {
            all.push(event);
        }
        all
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_follows_hears_each_line_once_from_wherever_he_comes_and_no_other_job() {
    let ground = Ground::new().await;
    let talk = async {
        // More than is read at once, before he comes and while he is there.
        for progress in 1..=250 {
            ground.goes_on(progress).await;
        }
        let mut followed = ground.follow(None).await;
        let mut heard = Vec::new();
        while heard.len() < 252 {
            heard.push(followed.next().await.unwrap());
        }
        for progress in 251..=300 {
            ground.goes_on(progress).await;
            heard.push(followed.next().await.unwrap());
        }
        // What lies ahead was never told by us, and is no reason to wait for ever.
        let ahead = ground.follow(Some("999999999")).await;
        ground.ends().await;
        heard.extend(followed.all().await);
        assert_eq!(ahead.all().await, heard[302..]);
        let messages: Vec<&str> = heard.iter().map(|(_, message)| message.as_str()).collect();
        let wanted: Vec<String> = (1..=300).map(|progress| progress.to_string()).collect();
        assert_eq!(
            (messages.len(), &messages[2..302]),
            (303, &wanted.iter().map(String::as_str).collect::<Vec<_>>()[..])
        );
        let again = ground.follow(Some(&heard[99].0)).await.all().await;
        assert_eq!(again, heard[100..]);
        assert_eq!(ground.follow(Some(&heard[302].0)).await.all().await, [], "it has ended, and he knows");
        assert_eq!(ground.follow(Some("none of ours")).await.all().await, heard);
    };
    ground.service.watched(talk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_while_nothing_happens_is_noticed_by_nobody_who_follows() {
    let ground = Ground::new().await;
    let talk = async {
        let mut followed = ground.follow(None).await;
        assert!(followed.next().await.is_some() && followed.next().await.is_some(), "queued and running");
        // A store that is away for a moment is noticed by those who ask it.
        ground.service.gateway.store().close().await;
        let waiting = tokio::time::timeout(SOON, followed.0.next()).await;
        assert!(waiting.is_err(), "{waiting:?}");
    };
    ground.service.watched(talk).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_may_no_longer_hears_no_more() {
    let ground = Ground::new().await;
    let talk = async {
        let mut followed = ground.follow(None).await;
        assert!(followed.next().await.is_some() && followed.next().await.is_some(), "queued and running");
        ground.service.gateway.store().set_disabled(&ground.account, true).await.unwrap();
        assert_eq!(followed.next().await, None);
    };
    ground.service.watched(talk).await;
}

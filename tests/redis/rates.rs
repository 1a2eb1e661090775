//! Quotas of requests, and budgets of months, that several processes share through a Redis and keep counting without it.

use super::budgets::{MOST, PRICE, USED, shared};
use super::servers::{RedisCluster, RedisServer};
use super::until;
use llm::budget::{Budget, Limits, MemoryLedger, Quotas, RedisLedger};
use llm::config::RedisSource;
use llm::shared::rate::RequestRates;
use std::sync::Arc;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_millis(100);
const LIMIT: u32 = 100;

fn rates(source: &RedisSource) -> RequestRates {
    RequestRates::new(Some(shared(source)), DEADLINE)
}

/// How many of some requests of a client are let through.
async fn passed(rates: &[&RequestRates], client: &str, count: usize) -> u32 {
    let mut passed = 0;
    for number in 0..count {
        let standing = rates[number % rates.len()].take(client, LIMIT).await.unwrap();
        passed += u32::from(standing.refused_for.is_none());
    }
    passed
}

async fn holds_together(source: &RedisSource) {
    let (one, other) = (rates(source), rates(source));
    until("both are connected", async || one.is_together().await && other.is_together().await).await;
    let passed_together = passed(&[&one, &other], "ann", 300).await;
    // What is worked off meanwhile is let through too.
    assert!((LIMIT..LIMIT + 20).contains(&passed_together), "{passed_together}");
    let refused = other.take("ann", LIMIT).await.unwrap();
    assert!(
        refused.refused_for.is_some_and(|wait| wait <= Duration::from_millis(600)) && refused.left == 0,
        "{refused:?}"
    );
    let fresh = one.take("bob", LIMIT).await.unwrap();
    assert_eq!((fresh.left, fresh.refused_for), (LIMIT - 1, None), "everybody has a quota of his own");
}

#[tokio::test]
async fn replicas_count_together_in_a_redis_and_in_a_cluster() {
    let redis = RedisServer::start();
    holds_together(&RedisSource::Address(redis.url())).await;
    let keys: Vec<String> = redis.ask(&["KEYS", "*"]);
    assert_eq!(keys.len(), 2, "{keys:?}");
    for key in keys {
        let left: i64 = redis.ask(&["TTL", &key]);
        assert!((0..=62).contains(&left), "{key} is kept for {left} s");
    }
    let cluster = RedisCluster::start();
    holds_together(&RedisSource::Cluster(cluster.urls())).await;
}

#[tokio::test]
async fn without_the_redis_each_counts_for_itself_and_with_it_together_again() {
    let mut redis = RedisServer::start();
    let source = RedisSource::Address(redis.url());
    let (one, other) = (rates(&source), rates(&source));
    until("both are connected", async || one.is_together().await && other.is_together().await).await;
    assert!(passed(&[&one], "ann", 60).await >= 60);
    redis.kill();
    let began = std::time::Instant::now();
    let rest = passed(&[&one], "ann", 200).await;
    assert!((LIMIT - 60..LIMIT - 60 + 20).contains(&rest), "what was used before still counts here: {rest}");
    let alone = passed(&[&other], "ann", 200).await;
    assert!((LIMIT..LIMIT + 20).contains(&alone), "{alone}");
    assert!(began.elapsed() < Duration::from_secs(8), "it waits for the Redis now and then only");
    assert!(!one.is_together().await && !other.is_together().await);
    redis.restart();
    until("they count together", async || one.is_together().await && other.is_together().await).await;
    let together = passed(&[&one, &other], "eve", 300).await;
    assert!((LIMIT..LIMIT + 20).contains(&together), "{together}");
}

#[tokio::test]
async fn what_a_client_may_spend_in_a_month_is_shared() {
    let redis = RedisServer::start();
    let source = RedisSource::Address(redis.url());
    let quotas = Quotas { dollars_per_month: Some(0.05), ..Quotas::default() };
    let budget = || {
        let month = RedisLedger::new(shared(&source), Duration::from_millis(500)).monthly();
        Budget::with_ledgers(Limits { quotas, ..Limits::default() }, Arc::new(MemoryLedger::default()), Arc::new(month))
    };
    let (one, other) = (budget(), budget());
    one.reserve("c", "m", MOST, PRICE).await.unwrap().settle(USED, PRICE);
    one.flush().await;
    let refused = other.reserve("c", "m", MOST, PRICE).await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "$0.02 of the $0.05 of `service.quotas.dollars-per-month` are spent or reserved for this month"
    );
    assert!(other.reserve("d", "m", MOST, PRICE).await.is_ok(), "another client");
    let keys: Vec<String> = redis.ask(&["KEYS", "*:sums"]);
    let left: i64 = redis.ask(&["TTL", &keys[0]]);
    assert!(keys.len() == 1 && keys[0].contains(":month-") && left > 31 * 86_400, "{keys:?} for {left} s");
}

//! Budgets that several ledgers, and several processes, share through a Redis.

use super::servers::RedisServer;
use super::until;
use llm::budget::{Budget, BudgetError, Limits, Money, Price, RedisLedger, dollars};
use llm::config::{KeySource, RedisSource};
use llm::request::Usage;
use llm::shared::Shared;
use llm::shared::address::Addresses;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

pub const PRICE: Price = Price { input: 10.0, cached: None, output: 30.0 };
/// Four cents, of which two are used.
pub const MOST: Usage = Usage { input: 1000, cached: 0, output: 1000 };
pub const USED: Usage = Usage { input: 500, cached: 0, output: 500 };

/// A deadline ten of which are patient on a busy machine.
const DEADLINE: Duration = Duration::from_millis(500);

pub fn shared(source: &RedisSource) -> Arc<Shared> {
    let read = |_: &KeySource| Err("no place".to_owned());
    Shared::new(&Addresses::of(source, &read).unwrap()).unwrap()
}

/// A budget as another process would have it.
pub fn budget(source: &RedisSource, limits: Limits, deadline: Duration) -> Budget {
    Budget::with_ledger(limits, Arc::new(RedisLedger::new(shared(source), deadline)))
}

fn a_dollar() -> Limits {
    Limits { dollars_per_day: Some(1.0), ..Limits::default() }
}

/// Money spent and reserved, as the Redis has it.
fn in_redis(redis: &RedisServer) -> Money {
    let keys: Vec<String> = redis.ask(&["KEYS", "*:sums"]);
    keys.iter().map(|key| redis.ask::<Option<Money>>(&["HGET", key, "m"]).unwrap_or(0)).sum()
}

#[tokio::test]
async fn what_one_reserved_another_cannot_spend() {
    let redis = RedisServer::start();
    let source = RedisSource::Address(redis.url());
    let limits = Limits { dollars_per_day: Some(0.05), ..Limits::default() };
    let (one, other) = (budget(&source, limits, DEADLINE), budget(&source, limits, DEADLINE));
    let held = one.reserve("c", "m", MOST, PRICE).await.unwrap();
    let refused = other.reserve("c", "m", MOST, PRICE).await.unwrap_err();
    let told = "$0.04 of the $0.05 of `budget.dollars-per-day` are spent or reserved for today";
    assert_eq!(refused.to_string(), told);
    drop(held);
    one.flush().await;
    assert_eq!(in_redis(&redis), 0, "given back");
    let held = other.reserve("c", "m", MOST, PRICE).await.unwrap();
    assert_eq!(held.settle(USED, PRICE), 2_000_000);
    other.flush().await;
    assert_eq!(in_redis(&redis), 2_000_000);
    assert!(one.reserve("c", "m", MOST, PRICE).await.is_err(), "two cents and four are more than five");
    assert_eq!(one.today().0, 2_000_000, "it has heard what others spent");
    let lives: Vec<String> = redis.ask(&["KEYS", "*"]);
    for key in lives {
        let left: i64 = redis.ask(&["TTL", &key]);
        assert!((1..=2 * 86_400).contains(&left), "{key} is kept for {left} s");
    }
}

#[tokio::test]
async fn each_limit_holds_in_the_redis_too() {
    let redis = RedisServer::start();
    let source = RedisSource::Address(redis.url());
    let none = Limits::default();
    let all = [
        (Limits { dollars_per_day: Some(0.05), ..none }, "budget.dollars-per-day", false, false),
        (Limits { dollars_per_client: Some(0.05), ..none }, "budget.dollars-per-client", true, false),
        (Limits { dollars_per_model: Some(0.05), ..none }, "budget.dollars-per-model", false, true),
        (Limits { tokens_per_day: Some(3000), ..none }, "budget.tokens-per-day", false, false),
        (Limits { tokens_per_client: Some(3000), ..none }, "budget.tokens-per-client", true, false),
        (Limits { tokens_per_model: Some(3000), ..none }, "budget.tokens-per-model", false, true),
    ];
    for (limits, setting, other_client, other_model) in all {
        redis.ask::<()>(&["FLUSHALL"]);
        let (one, other) = (budget(&source, limits, DEADLINE), budget(&source, limits, DEADLINE));
        let _held = one.reserve("a", "m", MOST, PRICE).await.unwrap();
        let refused = other.reserve("a", "m", MOST, PRICE).await.unwrap_err().to_string();
        assert!(refused.contains(setting), "{refused}");
        assert_eq!(other.reserve("b", "m", MOST, PRICE).await.is_ok(), other_client, "{setting}");
        assert_eq!(other.reserve("a", "n", MOST, PRICE).await.is_ok(), other_model, "{setting}");
    }
}

#[tokio::test]
async fn what_a_process_had_reserved_when_it_died_is_given_back_once() {
    let redis = RedisServer::start();
    let source = RedisSource::Address(redis.url());
    let one = budget(&source, a_dollar(), DEADLINE);
    let held = one.reserve("c", "m", MOST, PRICE).await.unwrap();
    assert_eq!(in_redis(&redis), 4_000_000);
    // Its time is over.
    let due: Vec<String> = redis.ask(&["KEYS", "*:due"]);
    let ids: Vec<String> = redis.ask(&["ZRANGE", &due[0], "0", "-1"]);
    redis.ask::<i64>(&["ZADD", &due[0], "1", &ids[0]]);
    let other = budget(&source, a_dollar(), DEADLINE);
    drop(other.reserve("c", "m", MOST, PRICE).await.unwrap());
    other.flush().await;
    assert_eq!(in_redis(&redis), 0, "both are given back");
    // It was not dead but slow: what it used counts.
    held.settle(USED, PRICE);
    one.flush().await;
    assert_eq!(in_redis(&redis), 2_000_000);
}

#[tokio::test]
async fn whoever_leaves_while_a_reserve_is_on_its_way_leaves_nothing_reserved() {
    let redis = RedisServer::start();
    let source = RedisSource::Address(redis.url());
    let one = budget(&source, a_dollar(), Duration::from_secs(2));
    drop(one.reserve("c", "m", MOST, PRICE).await.unwrap());
    one.flush().await;
    redis.freeze();
    let left = tokio::time::timeout(Duration::from_millis(50), one.reserve("c", "m", MOST, PRICE)).await;
    assert!(left.is_err(), "it was on its way");
    redis.thaw();
    one.flush().await;
    assert_eq!(in_redis(&redis), 0);
}

#[tokio::test]
async fn what_is_told_twice_counts_once() {
    let redis = RedisServer::start();
    let ledger = Arc::new(RedisLedger::new(shared(&RedisSource::Address(redis.url())), Duration::from_millis(100)));
    let one = Budget::with_ledger(a_dollar(), ledger.clone());
    one.reserve("c", "m", MOST, PRICE).await.unwrap().settle(USED, PRICE);
    one.flush().await;
    one.reserve("c", "m", MOST, PRICE).await.unwrap().settle(USED, PRICE);
    redis.freeze();
    one.flush().await;
    assert_eq!(ledger.waiting(), 1, "it was told, and nobody knows whether that was heard");
    redis.thaw();
    until("the first telling was heard", async || in_redis(&redis) == 4_000_000).await;
    assert_eq!(ledger.waiting(), 1);
    until("it was told again", async || {
        one.flush().await;
        ledger.waiting() == 0
    })
    .await;
    assert_eq!(in_redis(&redis), 4_000_000);
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_is_told_them_again() {
    let redis = RedisServer::start();
    let one = budget(&RedisSource::Address(redis.url()), a_dollar(), DEADLINE);
    for _ in 0..3 {
        redis.ask::<()>(&["SCRIPT", "FLUSH"]);
        one.reserve("c", "m", MOST, PRICE).await.unwrap().settle(USED, PRICE);
        redis.ask::<()>(&["SCRIPT", "FLUSH"]);
        one.flush().await;
    }
    assert_eq!(in_redis(&redis), 6_000_000);
}

#[tokio::test]
async fn while_the_redis_is_away_each_counts_for_itself_and_tells_later() {
    let redis = RedisServer::start();
    let source = RedisSource::Address(redis.url());
    let limits = Limits { dollars_per_day: Some(0.11), ..Limits::default() };
    let (one, other) = (budget(&source, limits, DEADLINE), budget(&source, limits, Duration::from_millis(30)));
    one.reserve("c", "m", MOST, PRICE).await.unwrap().settle(USED, PRICE);
    one.flush().await;
    other.reserve("c", "m", MOST, PRICE).await.unwrap().settle(USED, PRICE);
    other.flush().await;
    redis.freeze();
    // Four cents are spent, and it knows of all four; so one more has room, and then one more that is held beside it has not.
    other.reserve("c", "m", MOST, PRICE).await.unwrap().settle(USED, PRICE);
    let held = other.reserve("c", "m", MOST, PRICE).await.unwrap();
    let refused = other.reserve("c", "m", MOST, PRICE).await.unwrap_err();
    assert!(matches!(refused, BudgetError::Dollars { spent, .. } if (0.099..0.101).contains(&spent)), "{refused}");
    held.settle(USED, PRICE);
    redis.thaw();
    until("it was told", async || {
        other.flush().await;
        in_redis(&redis) == 8_000_000
    })
    .await;
    other.flush().await;
    assert_eq!(in_redis(&redis), 8_000_000, "each once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_callers_of_two_ledgers_stay_within_one_dollar() {
    let redis = RedisServer::start();
    let source = RedisSource::Address(redis.url());
    let budgets = [0, 1].map(|_| budget(&source, a_dollar(), Duration::from_secs(2)));
    let callers: Vec<_> = (0..64).map(|number| tokio::spawn(spend(budgets[number % 2].clone(), 20))).collect();
    let mut calls = 0;
    for caller in callers {
        calls += caller.await.unwrap();
    }
    for budget in &budgets {
        budget.flush().await;
    }
    let spent = in_redis(&redis);
    assert_eq!(spent, calls * PRICE.of(USED));
    assert!(dollars(spent) <= 1.0 && dollars(spent) > 0.95, "{} by {calls} calls", dollars(spent));
}

/// Asks so many times for four cents and uses two; gives how often there was room.
async fn spend(budget: Budget, times: usize) -> Money {
    let mut calls = 0;
    for _ in 0..times {
        if let Ok(reserve) = budget.reserve("c", "m", MOST, PRICE).await {
            tokio::task::yield_now().await;
            reserve.settle(USED, PRICE);
            calls += 1;
            // What was settled gives room to others at once.
            budget.flush().await;
        }
    }
    calls
}

const ADDRESS: &str = "TEST_REDIS_ADDRESS";

/// Is run by the test below in three processes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "one of three processes of the test below"]
async fn one_process_of_three() {
    let Ok(url) = std::env::var(ADDRESS) else { return };
    let budget = budget(&RedisSource::Address(url), a_dollar(), Duration::from_secs(2));
    let callers: Vec<_> = (0..22).map(|_| tokio::spawn(spend(budget.clone(), 20))).collect();
    let mut calls = 0;
    for caller in callers {
        calls += caller.await.unwrap();
    }
    budget.flush().await;
    assert!(budget.reserve("c", "m", MOST, PRICE).await.is_err(), "it ended before the dollar was spent");
    println!("calls={calls}");
}

#[tokio::test]
async fn three_processes_stay_within_one_dollar() {
    let redis = RedisServer::start();
    let start = |_| -> Child {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "budgets::one_process_of_three", "--ignored", "--nocapture"])
            .env(ADDRESS, redis.url())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let processes: Vec<Child> = (0..3).map(start).collect();
    let mut calls = Vec::new();
    for process in processes {
        let output = process.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}");
        let count = text.split("calls=").nth(1).and_then(|rest| rest.lines().next()).unwrap();
        calls.push(count.trim().parse::<Money>().unwrap());
    }
    let spent = in_redis(&redis);
    assert_eq!(spent, calls.iter().sum::<Money>() * PRICE.of(USED), "{calls:?}");
    assert!(dollars(spent) <= 1.0 && dollars(spent) > 0.95, "{} by {calls:?}", dollars(spent));
}

//! The shared cache and shared budgets over a cluster of six nodes, while a primary is killed and while slots are moved.

use super::budgets::{MOST, PRICE, USED, budget};
use super::servers::{RedisCluster, ask, wait};
use super::{manager, request, settings, until};
use llm::LlmManager;
use llm::budget::{Budget, Limits, Money};
use llm::cache::SecondCounts;
use llm::config::RedisSource;
use llm::scripted::{ModelServer, Script, Usual};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

/// Questions of which each has an answer of its own, so that a wrong one would be seen.
const QUESTIONS: usize = 60;

/// People who ask the same questions again and again, and now and then one that is new; and one who only spends.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    wrong: Arc<AtomicUsize>,
    errors: Arc<AtomicUsize>,
    spent: Arc<AtomicI64>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn start(managers: &[LlmManager], budget: &Budget) -> Self {
        let mut load = Self {
            stop: Arc::default(),
            asked: Arc::default(),
            wrong: Arc::default(),
            errors: Arc::default(),
            spent: Arc::default(),
            tasks: Vec::new(),
        };
        for (who, manager) in managers.iter().enumerate() {
            let (stop, asked, manager) = (load.stop.clone(), load.asked.clone(), manager.clone());
            let (wrong, errors) = (load.wrong.clone(), load.errors.clone());
            load.tasks.push(tokio::spawn(async move {
                let mut round = 0;
                while !stop.load(Ordering::Relaxed) {
                    let old = (0..QUESTIONS).map(|number| format!("question {number}"));
                    for question in old.chain([format!("new question {round} of {who}")]) {
                        match manager.ask(request(&question)).await {
                            Ok(answer) if answer.text == question => {}
                            Ok(_) => _ = wrong.fetch_add(1, Ordering::Relaxed),
                            Err(_) => _ = errors.fetch_add(1, Ordering::Relaxed),
                        }
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                    round += 1;
                }
            }));
        }
        let (stop, errors, spent, budget) =
            (load.stop.clone(), load.errors.clone(), load.spent.clone(), budget.clone());
        load.tasks.push(tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                match budget.reserve("c", "m", MOST, PRICE).await {
                    Ok(reserve) => _ = spent.fetch_add(reserve.settle(USED, PRICE), Ordering::Relaxed),
                    Err(_) => _ = errors.fetch_add(1, Ordering::Relaxed),
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }));
        load
    }

    /// Ends it, and gives how many were asked, and what was spent.
    async fn end(self) -> (usize, Money) {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        assert_eq!((count(&self.wrong), count(&self.errors)), (0, 0), "wrong answers and errors");
        (count(&self.asked), self.spent.load(Ordering::Relaxed))
    }
}

/// Managers that keep nothing in memory, so that each question goes to the cluster.
async fn managers(cluster: &RedisCluster) -> (ModelServer, Vec<LlmManager>, Budget) {
    let model =
        ModelServer::start(Usual::by(|_, request| Script::Words(vec![question(&request.body)], Duration::ZERO)), 100)
            .await;
    let source = RedisSource::Cluster(cluster.urls());
    let mut settings = settings(&model, source.clone(), 300);
    settings.cache.max_bytes = 0;
    let managers = [0, 1].map(|_| manager(&settings)).to_vec();
    let limits = Limits { dollars_per_day: Some(1e6), ..Limits::default() };
    (model, managers, budget(&source, limits, Duration::from_millis(100)))
}

/// Asks all questions once; gives how many answers came from the cluster.
async fn round(manager: &LlmManager) -> usize {
    let mut hits = 0;
    for number in 0..QUESTIONS {
        let question = format!("question {number}");
        let answer = manager.ask(request(&question)).await.unwrap();
        assert_eq!(answer.text, question);
        hits += usize::from(answer.from_cache);
    }
    hits
}

/// No server has ever refused a command because its keys lie on different nodes.
fn no_crossslot(cluster: &mut RedisCluster) {
    let mut seen = 0;
    for node in cluster.living() {
        let errors: String = ask(cluster.nodes[node].port, &["INFO", "errorstats"]).unwrap();
        assert!(!errors.contains("CROSSSLOT"), "{errors}");
        seen += 1;
    }
    assert!(seen >= 5);
    // Such a refusal would be seen.
    let node = cluster.living()[0];
    let refused = ask::<()>(cluster.nodes[node].port, &["DEL", "a", "b", "c", "d"]).unwrap_err();
    let errors: String = ask(cluster.nodes[node].port, &["INFO", "errorstats"]).unwrap();
    assert!(refused.code() == Some("CROSSSLOT") && errors.contains("CROSSSLOT"), "{refused}");
}

fn failures(managers: &[LlmManager]) -> Vec<SecondCounts> {
    managers.iter().filter_map(LlmManager::shared_cache).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_is_killed_harms_nobody() {
    let mut cluster = RedisCluster::start();
    let (_model, managers, budget) = managers(&cluster).await;
    until("all answers are in the cluster", async || round(&managers[0]).await == QUESTIONS).await;
    let load = Load::start(&managers, &budget);
    until("the load runs", async || load.asked.load(Ordering::Relaxed) > 200).await;
    let victim = cluster.holder_of_budgets();
    cluster.nodes[victim].kill();
    let before = load.asked.load(Ordering::Relaxed);
    // A replica takes over while all go on asking.
    tokio::task::block_in_place(|| wait("a new primary", || cluster.is_whole()));
    until("asked meanwhile", async || load.asked.load(Ordering::Relaxed) > before + 200).await;
    until("hits again", async || round(&managers[1]).await == QUESTIONS).await;
    let (asked, spent) = load.end().await;
    assert!(asked > 400 && spent > 0, "{asked} asked");
    until("the budget goes through the cluster again", async || {
        budget.flush().await;
        let before = cluster.money();
        budget.reserve("c", "m", MOST, PRICE).await.unwrap().settle(USED, PRICE);
        budget.flush().await;
        cluster.money() > before
    })
    .await;
    no_crossslot(&mut cluster);
    println!("{asked} asked, {:?}", failures(&managers));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slots_that_move_harm_nobody() {
    let mut cluster = RedisCluster::start();
    let (_model, managers, budget) = managers(&cluster).await;
    until("all answers are in the cluster", async || round(&managers[0]).await == QUESTIONS).await;
    let load = Load::start(&managers, &budget);
    until("the load runs", async || load.asked.load(Ordering::Relaxed) > 200).await;
    let before = load.asked.load(Ordering::Relaxed);
    let moved = tokio::task::block_in_place(|| move_all(&mut cluster));
    assert!(moved > 30, "{moved} slots were moved");
    assert!(load.asked.load(Ordering::Relaxed) > before, "all went on asking meanwhile");
    until("hits again", async || round(&managers[1]).await == QUESTIONS).await;
    let (asked, spent) = load.end().await;
    budget.flush().await;
    // Both the managers and the one who only spends wrote there; its own part is exact.
    until("all is told", async || {
        budget.flush().await;
        cluster.money_of("c") == spent
    })
    .await;
    no_crossslot(&mut cluster);
    println!("{asked} asked, {moved} slots moved, {:?}", failures(&managers));
}

/// Moves each slot in which anything lies to the next primary.
fn move_all(cluster: &mut RedisCluster) -> usize {
    let primaries = cluster.primaries();
    let mut slots = BTreeSet::new();
    for &node in &primaries {
        let keys: Vec<String> = cluster.nodes[node].ask(&["KEYS", "code-agent:*"]);
        slots.extend(keys.iter().map(|key| cluster.nodes[node].ask::<u16>(&["CLUSTER", "KEYSLOT", key])));
    }
    for &slot in &slots {
        let from = cluster.holder_of(slot);
        let place = primaries.iter().position(|&node| node == from).unwrap();
        cluster.move_slot(slot, from, primaries[(place + 1) % primaries.len()]);
    }
    slots.len()
}

/// The last thing that was said to the model, as the server of these tests answers it.
fn question(body: &str) -> String {
    let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    last.and_then(|message| message["content"].as_str()).unwrap_or_default().to_owned()
}

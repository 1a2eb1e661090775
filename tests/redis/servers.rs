//! Starts real Redis servers, each with a folder and a port of its own, and ends them.

use redis::{Client, Connection, FromRedisValue, Value};
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Far longer than any of this takes, even where others keep the machine busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running Redis.
pub struct RedisServer {
    pub port: u16,
    extra: Vec<String>,
    folder: TempDir,
    process: Child,
}

impl RedisServer {
    /// Starts one alone.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with more settings.
    pub fn start_with(extra: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let extra: Vec<String> = extra.iter().map(|&setting| setting.to_owned()).collect();
        for _ in 0..5 {
            let port = free_port();
            let mut process = spawn(port, &extra, &folder);
            if is_up(port, &mut process) {
                return Self { port, extra, folder, process };
            }
        }
        panic!("redis-server does not start; its log is in {}", folder.keep().display());
    }

    /// Its address in settings.
    pub fn url(&self) -> String {
        url(self.port)
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }

    /// Starts it again after [`Self::kill`], empty and on the same port.
    pub fn restart(&mut self) {
        self.process = spawn(self.port, &self.extra, &self.folder);
        assert!(is_up(self.port, &mut self.process), "redis-server does not start again on port {}", self.port);
    }

    /// Lets it hang: connections stay, and nothing is answered.
    pub fn freeze(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("-CONT");
    }

    /// A command, straight to this server.
    pub fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        ask(self.port, command).expect("a reply")
    }

    /// Everything that lies there: names, and values as text with their bytes.
    pub fn everything(&self) -> Vec<(String, Vec<u8>)> {
        let keys: Vec<String> = self.ask(&["KEYS", "*"]);
        let value = |key: &String| match self.ask::<String>(&["TYPE", key]).as_str() {
            "string" => self.ask::<Vec<u8>>(&["GET", key]),
            "hash" => format!("{:?}", self.ask::<Value>(&["HGETALL", key])).into_bytes(),
            _ => format!("{:?}", self.ask::<Value>(&["ZRANGE", key, "0", "-1"])).into_bytes(),
        };
        keys.iter().map(|key| (key.clone(), value(key))).collect()
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.process.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        // It may have been killed by the test.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Three primaries and three replicas.
pub struct RedisCluster {
    pub nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts one whose replicas are in step.
    pub fn start() -> Self {
        let node = |_| {
            // The usual bus port is ten thousand higher, which may be taken or no port at all.
            let bus = free_port().to_string();
            RedisServer::start_with(&[
                "--cluster-enabled",
                "yes",
                "--cluster-node-timeout",
                "1000",
                "--cluster-port",
                &bus,
            ])
        };
        let cluster = Self { nodes: (0..6).map(node).collect() };
        let mut arguments = vec!["--cluster".to_owned(), "create".to_owned()];
        arguments.extend(cluster.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)));
        arguments.extend(["--cluster-replicas", "1", "--cluster-yes"].map(str::to_owned));
        let output = Command::new("redis-cli").args(&arguments).output().expect("redis-cli must be installed");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        wait("a cluster in step", || {
            let is_ok = |node: &RedisServer| info(node, "CLUSTER", "INFO").contains("cluster_state:ok");
            let in_step =
                cluster.nodes.iter().filter(|node| info(node, "INFO", "replication").contains("master_link_status:up"));
            cluster.nodes.iter().all(is_ok) && in_step.count() == 3
        });
        cluster
    }

    /// Addresses of some of its nodes.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }

    /// The places in `nodes` of those that run.
    pub fn living(&mut self) -> Vec<usize> {
        let is_running = |node: &mut RedisServer| matches!(node.process.try_wait(), Ok(None));
        (0..self.nodes.len()).filter(|&index| is_running(&mut self.nodes[index])).collect()
    }

    /// The places in `nodes` of the primaries that run.
    pub fn primaries(&mut self) -> Vec<usize> {
        let living = self.living();
        let is_primary = |index: &usize| info(&self.nodes[*index], "INFO", "replication").contains("role:master");
        living.into_iter().filter(is_primary).collect()
    }

    /// Whether all slots are served by nodes that run, as all of these know.
    pub fn is_whole(&mut self) -> bool {
        let (primaries, living) = (self.primaries(), self.living());
        let is_ok = |&index: &usize| info(&self.nodes[index], "CLUSTER", "INFO").contains("cluster_state:ok");
        primaries.len() == 3 && living.iter().all(is_ok)
    }

    /// The node on which budgets lie.
    pub fn holder_of_budgets(&self) -> usize {
        self.holder_of(self.nodes[0].ask(&["CLUSTER", "KEYSLOT", "{budget}"]))
    }

    /// Money that is spent and reserved.
    pub fn money(&mut self) -> i64 {
        self.sums("m")
    }

    /// Money that is spent and reserved for a client.
    pub fn money_of(&mut self, client: &str) -> i64 {
        self.sums(&format!("m:client:{client}"))
    }

    fn sums(&mut self, field: &str) -> i64 {
        let mut sum = 0;
        for index in self.primaries() {
            let port = self.nodes[index].port;
            let keys: Vec<String> = ask(port, &["KEYS", "code-agent:{budget}:*:sums"]).unwrap_or_default();
            sum += keys
                .iter()
                .filter_map(|key| ask::<Option<i64>>(port, &["HGET", key, field]).ok().flatten())
                .sum::<i64>();
        }
        sum
    }

    /// The name that a node has in its cluster.
    pub fn id(&self, node: usize) -> String {
        self.nodes[node].ask(&["CLUSTER", "MYID"])
    }

    /// The node that holds a slot, as another one says.
    pub fn holder_of(&self, slot: u16) -> usize {
        let slots: Vec<(u16, u16, Vec<Value>)> = {
            let all: Vec<Vec<Value>> = self.nodes[0].ask(&["CLUSTER", "SLOTS"]);
            let number = |value: &Value| redis::from_redis_value_ref::<u16>(value).expect("a number");
            all.iter()
                .map(|range| {
                    (number(&range[0]), number(&range[1]), redis::from_redis_value_ref(&range[2]).expect("a node"))
                })
                .collect()
        };
        let (_, _, holder) = slots.iter().find(|(first, last, _)| (first..=last).contains(&&slot)).expect("a holder");
        let port: u16 = redis::from_redis_value_ref(&holder[1]).expect("a port");
        self.nodes.iter().position(|node| node.port == port).expect("one of ours")
    }

    /// Moves a slot with what lies in it, as `redis-cli --cluster reshard` does it.
    pub fn move_slot(&self, slot: u16, from: usize, to: usize) {
        let (slot, ids) = (slot.to_string(), (self.id(from), self.id(to)));
        self.nodes[to].ask::<()>(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids.0]);
        self.nodes[from].ask::<()>(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids.1]);
        loop {
            let keys: Vec<String> = self.nodes[from].ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "10"]);
            if keys.is_empty() {
                break;
            }
            for key in keys {
                let port = self.nodes[to].port.to_string();
                self.nodes[from].ask::<Value>(&["MIGRATE", "127.0.0.1", &port, &key, "0", "5000", "REPLACE"]);
            }
        }
        for index in [to, from] {
            self.nodes[index].ask::<()>(&["CLUSTER", "SETSLOT", &slot, "NODE", &ids.1]);
        }
    }
}

/// Waits, without a runtime, for something that comes about by itself.
pub fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A command to the server on a port.
pub fn ask<T: FromRedisValue>(port: u16, command: &[&str]) -> redis::RedisResult<T> {
    let mut parts = command.iter();
    let mut built = redis::cmd(parts.next().expect("a command"));
    parts.for_each(|part| {
        built.arg(part);
    });
    built.query(&mut connect(port)?)
}

fn connect(port: u16) -> redis::RedisResult<Connection> {
    Client::open(url(port))?.get_connection_with_timeout(Duration::from_secs(10))
}

fn info(node: &RedisServer, command: &str, about: &str) -> String {
    ask(node.port, &[command, about]).unwrap_or_default()
}

fn url(port: u16) -> String {
    format!("redis://127.0.0.1:{port}")
}

/// A port that nobody uses now. It may be taken before it is used, which is tried again then.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    listener.local_addr().expect("an address").port()
}

fn spawn(port: u16, extra: &[String], folder: &TempDir) -> Child {
    let log = folder.path().join("log");
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string(), "--save", "", "--appendonly", "no"])
        .args(["--logfile", &log.to_string_lossy(), "--dir", &folder.path().to_string_lossy()])
        .args(extra)
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server must be installed: these tests run against a real one (apt-get install redis-server)")
}

fn is_up(port: u16, process: &mut Child) -> bool {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        if ask::<String>(port, &["PING"]).is_ok() {
            return true;
        }
        if !matches!(process.try_wait(), Ok(None)) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

//! A Redis, or a Redis Cluster, that several processes share: one connection, made in the background and made again when it breaks.
//!
//! Nobody waits for a connection longer than he wants to, and an address with a password in it is never shown.

pub mod address;
pub mod gate;
pub mod rate;

use address::Addresses;
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster::{ClusterClient, ClusterConfig};
use redis::cluster_async::ClusterConnection;
use redis::{Client, Cmd, FromRedisValue, RedisError, Script};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a connection may take to come about, and how long a reply may before its connection counts as lost.
const PATIENCE: Duration = Duration::from_secs(2);
/// A connection on which commands have had no reply for so long is given up.
const SILENCE: Duration = Duration::from_secs(3);
/// Attempts to connect before the next one has to be asked for.
const ATTEMPTS: usize = 3;
/// Commands that wait to be written on a connection; more of them wait for their turn.
const QUEUE: usize = 1024;

enum Server {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
}

#[derive(Clone)]
enum Connection {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

#[derive(Default)]
struct State {
    connection: Option<Connection>,
    /// When a command went out that had no reply, if none had one since.
    silent_since: Option<Instant>,
}

/// The way to a shared Redis.
pub struct Shared {
    server: Server,
    state: Mutex<State>,
}

/// A command under way. When it is dropped unheard, as whoever asked gave up, the silence is noted.
struct UnderWay<'a> {
    shared: &'a Shared,
    since: Instant,
    is_heard: bool,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if self.is_heard {
            state.silent_since = None;
        } else {
            state.silent_since.get_or_insert(self.since);
        }
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Shared")
    }
}

impl Shared {
    /// The way to these addresses. Nothing is connected yet.
    ///
    /// # Errors
    /// A sentence, without the addresses in it, if they cannot be used.
    pub fn new(addresses: &Addresses) -> Result<Arc<Self>, String> {
        let urls = addresses.urls();
        if urls.iter().any(|url| url.starts_with("rediss:")) {
            // The client asks for the provider of the whole process. One that is there already is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let problem = |error: RedisError| format!("Its address cannot be used ({}).", error.category());
        let server = if addresses.is_cluster() {
            let builder = ClusterClient::builder(urls.to_vec()).retries(4).min_retry_wait(10).max_retry_wait(200);
            Server::Cluster(Box::new(builder.build().map_err(problem)?))
        } else {
            let url = urls.first().ok_or("It has no address.")?;
            Server::Single(Box::new(Client::open(url.as_str()).map_err(problem)?))
        };
        Ok(Arc::new(Self { server, state: Mutex::default() }))
    }

    /// Sends a command and gives its reply. Dropping the future leaves the connection whole.
    pub(crate) async fn query<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        let connection = self.connection()?;
        let mut under_way = UnderWay { shared: self, since: Instant::now(), is_heard: false };
        let result = match connection {
            Connection::Single(mut connection) => command.query_async(&mut connection).await,
            Connection::Cluster(mut connection) => command.query_async(&mut connection).await,
        };
        under_way.is_heard = true;
        result
    }

    /// Runs a script by its hash, and by its text where the server does not know it. All keys must have the same hash tag.
    pub(crate) async fn script<T: FromRedisValue>(
        &self,
        script: &Script,
        code: &str,
        keys: &[String],
        arguments: &[Vec<u8>],
    ) -> Result<T, RedisError> {
        let command = |verb: &str, name: &str| {
            let mut command = redis::cmd(verb);
            command.arg(name).arg(keys.len()).arg(keys).arg(arguments);
            command
        };
        match self.query(&command("EVALSHA", script.get_hash())).await {
            Err(error) if error.code() == Some("NOSCRIPT") => self.query(&command("EVAL", code)).await,
            result => result,
        }
    }

    fn connection(&self) -> Result<Connection, RedisError> {
        let mut state = self.lock();
        // A connection that is cut without a word is told from one that works by nothing but its silence.
        if state.silent_since.is_some_and(|since| since.elapsed() > SILENCE) {
            *state = State::default();
        }
        if let Some(connection) = &state.connection {
            return Ok(connection.clone());
        }
        let made = match &self.server {
            Server::Single(client) => Connection::Single(single(client)?),
            Server::Cluster(client) => {
                let config = ClusterConfig::new().set_connection_timeout(PATIENCE).set_response_timeout(PATIENCE);
                Connection::Cluster(client.get_pending_async_connection_with_config(config))
            }
        };
        state.connection = Some(made.clone());
        Ok(made)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn single(client: &Client) -> Result<ConnectionManager, RedisError> {
    let config = ConnectionManagerConfig::new()
        .set_number_of_retries(ATTEMPTS)
        .set_max_delay(Duration::from_secs(1))
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
        .set_pipeline_buffer_size(QUEUE);
    let manager = ConnectionManager::new_lazy_with_config(client.clone(), config)?;
    let mut first = manager.clone();
    // Whoever asks gives up after a few milliseconds, and a connection may take longer than that to come about.
    tokio::spawn(async move { first.req_packed_command(&redis::cmd("PING")).await.map(drop) });
    Ok(manager)
}

//! The other end of the WebSocket: what programs on other machines connect with.

use engine::queue::{ROOM, Receiver, Sender, queue};
use futures_util::{SinkExt, StreamExt};
use rustls::ClientConfig;
use rustls_native_certs::load_native_certs;
use security::secret::Secret;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Uri};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

/// How long a service may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Bytes of a message of the service, whose answers are as long as the documents and workspaces that they are about.
const LONGEST: usize = 256 << 20;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is none.
    #[error("{url} is no address of a service; one begins with http:// or https://.")]
    Address {
        /// What was given.
        url: String,
    },
    /// A token would be readable on its way.
    #[error("{url} would send the token in the clear over the network; use https://.")]
    Clear {
        /// What was given.
        url: String,
    },
    /// Nobody is there.
    #[error("{url} cannot be reached: {reason}.")]
    Unreachable {
        /// What was given.
        url: String,
        /// What the system says.
        reason: String,
    },
    /// The token is not taken.
    #[error(
        "{url} does not take the token (status {status}); it is wrong, is over, or its role or scope does not allow this."
    )]
    Denied {
        /// What was given.
        url: String,
        /// The status of the answer.
        status: u16,
    },
    /// Something else is there.
    #[error("{url} is no service of code-agent, or one of another version (status {status}).")]
    Other {
        /// What was given.
        url: String,
        /// The status of the answer.
        status: u16,
    },
}

/// A connection. Each text is one message.
#[derive(Debug)]
pub struct Connection {
    /// What is said to the service.
    pub to_service: Sender<String>,
    /// What it says.
    pub from_service: Receiver<String>,
    /// Why it ended, in a sentence, where the service said so.
    pub ended: JoinHandle<Option<String>>,
}

/// Connects to a service by its address and a token.
///
/// # Errors
/// If there is none at the address, or it does not take the token.
pub async fn connect(url: &str, token: &Secret) -> Result<Connection, ConnectError> {
    let address = || ConnectError::Address { url: url.to_owned() };
    let (scheme, rest) = url.trim_end_matches('/').split_once("://").ok_or_else(address)?;
    let scheme = match scheme {
        "http" | "ws" => "ws",
        "https" | "wss" => "wss",
        _ => return Err(address()),
    };
    let uri: Uri = format!("{scheme}://{rest}/api/v2/ws").parse().map_err(|_| address())?;
    let host = uri.host().ok_or_else(address)?.trim_matches(['[', ']']).to_owned();
    let is_here = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if scheme == "ws" && !is_here {
        return Err(ConnectError::Clear { url: url.to_owned() });
    }
    let port = uri.port_u16().unwrap_or(if scheme == "wss" { 443 } else { 80 });
    let mut request = uri.into_client_request().map_err(|_| address())?;
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", token.expose())).map_err(|_| address())?;
    bearer.set_sensitive(true);
    request.headers_mut().insert("authorization", bearer);
    let unreachable = |reason: String| ConnectError::Unreachable {
        url: url.to_owned(),
        reason: reason.trim_end_matches('.').to_owned(),
    };
    let connecting = async {
        let stream = TcpStream::connect((host.as_str(), port)).await.map_err(Error::Io)?;
        stream.set_nodelay(true).map_err(Error::Io)?;
        let connector = if scheme == "wss" { Connector::Rustls(roots()) } else { Connector::Plain };
        let config = WebSocketConfig::default().max_message_size(Some(LONGEST)).max_frame_size(Some(LONGEST));
        client_async_tls_with_config(request, stream, Some(config), Some(connector)).await
    };
    let connected = tokio::time::timeout(PATIENCE, connecting).await;
    match connected.map_err(|_| unreachable("it took too long".to_owned()))? {
        Ok((socket, _)) => Ok(begin(socket)),
        Err(Error::Http(answer)) => {
            let (url, status) = (url.to_owned(), answer.status().as_u16());
            Err(if matches!(status, 401 | 403) {
                ConnectError::Denied { url, status }
            } else {
                ConnectError::Other { url, status }
            })
        }
        Err(error) => Err(unreachable(error.to_string())),
    }
}

/// Who signs certificates, as the system has it.
fn roots() -> Arc<ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    // One that cannot be read is no reason to trust nobody.
    roots.add_parsable_certificates(load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    // The provider has the versions that are the default.
    let builder = versions.unwrap_or_else(|_| ClientConfig::builder());
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

fn begin(socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Connection {
    let (to_service, mut outgoing) = queue::<String>(ROOM);
    let (incoming, from_service) = queue::<String>(ROOM);
    let (mut sink, mut stream) = socket.split();
    let ended = tokio::spawn(async move {
        let saying = async {
            while let Some(text) = outgoing.recv().await {
                if sink.send(Message::text(text)).await.is_err() {
                    return;
                }
            }
            // Whoever is done says goodbye.
            let _ = sink.close().await;
        };
        let hearing = async {
            while let Some(message) = stream.next().await {
                match message {
                    Ok(Message::Text(text)) => {
                        if incoming.send(text.as_str().to_owned()).await.is_err() {
                            return None;
                        }
                    }
                    Ok(Message::Close(close)) => return close.map(|close| close.reason.as_str().to_owned()),
                    Ok(_) => {}
                    Err(error) => return Some(format!("The connection broke: {error}.")),
                }
            }
            None
        };
        tokio::select! {
            () = saying => None,
            reason = hearing => reason.filter(|reason| !reason.is_empty()),
        }
    });
    Connection { to_service, from_service, ended }
}

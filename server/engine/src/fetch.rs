//! HTTP for what is no question to a model: a provider of sign-ins, or a service that somebody signs in to.
//!
//! It goes by the connections that models are asked by. Every answer is bounded in size and time, no redirect is followed, and nothing is sent where
//! somebody on the way could hear it: only TLS, or this machine.

pub use crate::config::check::is_private;
pub use llm::pool::Method;
use llm::pool::{Content, Pool};
use security::secret::Secret;
use std::sync::Arc;
use std::time::Duration;

/// How long an answer may take, from the connection to its last byte.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const LONGEST: usize = 512 << 10;
/// How an address is named in failures of connections.
const WHO: &str = "the address";

/// Asks.
#[derive(Clone, Default)]
pub struct Fetcher {
    pool: Arc<Pool>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The HTTP status.
    pub status: u16,
    /// The whole body.
    pub body: Vec<u8>,
}

/// Why nothing came back, one sentence each. None shows what was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// Others could hear it.
    #[error("{0} is no address to send secrets to: it has to begin with https://, or with http:// on this machine.")]
    NotPrivate(String),
    /// It took too long.
    #[error("{0} did not answer within 10 seconds.")]
    Late(String),
    /// It is too large.
    #[error("What {0} answered is longer than an answer of this kind can be.")]
    TooLong(String),
    /// There is no connection, or it broke.
    #[error("{0} cannot be reached: {1}.")]
    Away(String, String),
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Fetcher").finish_non_exhaustive()
    }
}

impl Fetcher {
    /// Sends a request, with a form where there is one, and reads the whole answer.
    ///
    /// # Errors
    /// [`FetchError`], and none for a status: what that means is for whoever asks.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&'static str, Secret)],
        form: Option<&str>,
    ) -> Result<Fetched, FetchError> {
        let shown = || url.split(['?', '#']).next().unwrap_or_default().to_owned();
        if !is_private(url.split('?').next().unwrap_or_default()) {
            return Err(FetchError::NotPrivate(shown()));
        }
        let content = form.map(|form| Content {
            kind: "application/x-www-form-urlencoded",
            bytes: form.as_bytes().to_vec().into(),
            beforehand: 0,
        });
        let away = |error: llm::error::LlmError| FetchError::Away(shown(), plain(&error.detail));
        let whole = async {
            let mut reply = self.pool.send(method, WHO, url, headers, content, false).await.map_err(away)?;
            let mut body = Vec::new();
            while let Some(bytes) = reply.bytes(WHO).await.map_err(away)? {
                if body.len() + bytes.len() > LONGEST {
                    return Err(FetchError::TooLong(shown()));
                }
                body.extend_from_slice(&bytes);
            }
            Ok(Fetched { status: reply.status(), body })
        };
        tokio::time::timeout(PATIENCE, whole).await.unwrap_or_else(|_elapsed| Err(FetchError::Late(shown())))
    }
}

/// A reason inside of a sentence.
fn plain(detail: &str) -> String {
    detail.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[tokio::test]
    async fn nothing_is_sent_where_others_could_hear_it() {
        let fetcher = Fetcher::default();
        for url in [
            "http://example.org/token",
            "http://127.0.0.1.example.org/",
            "http://user@127.0.0.1/",
            "https://user@example.org/",
            "ftp://127.0.0.1/",
            "https://",
            "",
        ] {
            let error = fetcher.send(Method::GET, url, &[], None).await.unwrap_err();
            assert_eq!(error, FetchError::NotPrivate(url.to_owned()), "{url}");
        }
    }

    #[tokio::test]
    async fn who_is_not_there_is_named_without_what_was_sent() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys?secret=1", listener.local_addr().unwrap());
        drop(listener);
        let error =
            Fetcher::default().send(Method::POST, &url, &[], Some("code=geheim")).await.unwrap_err().to_string();
        assert!(
            error.contains("/keys cannot be reached") && !error.contains("geheim") && !error.contains("secret"),
            "{error}"
        );
    }

    /// A server that answers once.
    fn answers(answer: Vec<u8>) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let _ = stream.read(&mut [0; 4096]);
            // Whoever has read enough goes away.
            let _ = stream.write_all(&answer);
        });
        url
    }

    #[tokio::test]
    async fn an_answer_is_read_up_to_its_bound_and_a_redirect_is_only_told() {
        let answer = |bytes: usize| {
            let head =
                format!("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: {bytes}\r\n\r\n");
            answers([head.into_bytes(), vec![b'x'; bytes]].concat())
        };
        let fetched = Fetcher::default().send(Method::GET, &answer(LONGEST), &[], None).await.unwrap();
        assert_eq!((fetched.status, fetched.body.len()), (302, LONGEST));
        let url = answer(LONGEST + 1);
        let error = Fetcher::default().send(Method::GET, &url, &[], None).await.unwrap_err();
        assert_eq!(error, FetchError::TooLong(url));
    }
}

//! The certificate that the service shows, read again when its files change: whoever renews certificates restarts nothing.
//!
//! Files that cannot be used are told, and those that were in use stay. The key is shown to nobody.

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// Where the certificate lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain in PEM, the service's own certificate first.
    pub certificate: PathBuf,
    /// Its key in PEM.
    pub key: PathBuf,
    /// Who signs certificates of clients, in PEM. Where it is set, only clients with such a certificate are let in.
    pub client_authority: Option<PathBuf>,
}

/// Why there is no TLS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {reason}.")]
    File {
        /// Which.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// What is in it is not what has to be.
    #[error("{path} cannot be used for TLS: {reason}.")]
    Content {
        /// Which.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

/// What connections with TLS begin with. Cloning it gives another handle to the same one.
#[derive(Clone)]
pub struct Tls {
    current: Arc<ArcSwap<ServerConfig>>,
}

/// What the files hold.
#[derive(PartialEq, Eq)]
struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_authority: Option<Vec<u8>>,
}

impl Tls {
    /// Reads the files, and looks at them from now on for as long as there is a handle.
    ///
    /// # Errors
    /// If they cannot be read, or are not what they have to be.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let contents = Contents::read(&files)?;
        let current = Arc::new(ArcSwap::from_pointee(configured(&files, &contents)?));
        let watched = Arc::downgrade(&current);
        tokio::spawn(async move {
            let mut known = contents;
            loop {
                tokio::time::sleep(LOOK).await;
                let Some(current) = watched.upgrade() else { return };
                // Small files on a disk of this machine.
                let found = match Contents::read(&files) {
                    Ok(found) if found != known => found,
                    // While they are being replaced one of them may not be there.
                    _ => continue,
                };
                match configured(&files, &found) {
                    Ok(config) => {
                        current.store(Arc::new(config));
                        tracing::info!("The certificate was read again.");
                    }
                    Err(error) => tracing::warn!(%error, "The new certificate is not used; the old one stays."),
                }
                known = found;
            }
        });
        Ok(Self { current })
    }

    /// The handshake of a connection.
    ///
    /// # Errors
    /// If the client breaks it off, or shows no certificate that is wanted.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsAcceptor::from(self.current.load_full()).accept(stream).await
    }
}

impl Contents {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            std::fs::read(path)
                .map_err(|error| TlsError::File { path: path.display().to_string(), reason: error.to_string() })
        };
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
            client_authority: files.client_authority.as_deref().map(read).transpose()?,
        })
    }
}

fn certificates(path: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |reason: String| TlsError::Content { path: path.display().to_string(), reason };
    let found: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() { Err(wrong("there is no certificate in it".to_owned())) } else { Ok(found) }
}

fn configured(files: &TlsFiles, contents: &Contents) -> Result<ServerConfig, TlsError> {
    let wrong = |path: &Path, reason: String| TlsError::Content { path: path.display().to_string(), reason };
    let chain = certificates(&files.certificate, &contents.certificate)?;
    let key = PrivateKeyDer::from_pem_slice(&contents.key)
        .map_err(|_| wrong(&files.key, "there is no private key in it".to_owned()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&files.certificate, error.to_string()))?;
    let builder = match (&files.client_authority, &contents.client_authority) {
        (Some(path), Some(pem)) => {
            let mut roots = RootCertStore::empty();
            for certificate in certificates(path, pem)? {
                roots.add(certificate).map_err(|error| wrong(path, error.to_string()))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| wrong(path, error.to_string()))?)
        }
        _ => builder.with_no_client_auth(),
    };
    let config = builder.with_single_cert(chain, key).map_err(|error| wrong(&files.certificate, error.to_string()));
    let mut config = config?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

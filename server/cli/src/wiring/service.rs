//! Builds the service for teams: the core, what it keeps and what talks.

use super::Wish;
use crate::commands::Failure;
use engine::ServerCore;
use engine::config::sections::{OidcSettings, ServiceSettings};
use engine::mode::EditorMode;
use engine::store::Store;
use engine::workspace::files::DiskFiles;
use gateway::{Gateway, OidcConfig, Served, Tls, TlsFiles};
use llm::config::KeySource;
use security::secret::Secret;
use std::path::PathBuf;
use std::sync::Arc;

/// What a service is made of.
pub struct Service {
    /// How it is set.
    pub settings: ServiceSettings,
    /// What does the work.
    pub core: ServerCore,
    /// What is kept.
    pub store: Store,
    /// What talks.
    pub gateway: Gateway,
    /// What connections with TLS begin with, where it is set.
    pub tls: Option<Tls>,
}

/// The parts of a service. `store` stands over the settings.
pub async fn service(wish: Wish, store: Option<&str>) -> Result<Service, Failure> {
    let config = super::quiet_settings(wish)?;
    let settings = config.settings().service.clone();
    match settings.traces.as_str() {
        "" => super::log(&config.settings().log),
        collector => super::log_with_traces(&config.settings().log, collector)?,
    }
    if let Some(argument) = store {
        engine::config::check_store_argument(argument).map_err(Failure)?;
    }
    let state = || engine::config::state_dir().map_err(|error| Failure(error.to_string()));
    let url = match store.unwrap_or(&settings.store) {
        "" => format!("sqlite:{}", state()?.join("service.db").display()),
        named => match named.strip_prefix("env:") {
            Some(name) => {
                let source = KeySource::Env(name.to_owned());
                let url = engine::config::keys::read_key(&DiskFiles, &source);
                url.map_err(|problem| Failure(format!("`service.store`: {}.", problem.trim_end_matches('.'))))?
                    .expose()
                    .to_owned()
            }
            None => named.to_owned(),
        },
    };
    let signing_key = match settings.signing_key.as_str() {
        "" => state()?.join("signing-key.pem"),
        path => PathBuf::from(path),
    };
    let tls = tls(&settings)?;
    let core = super::core(config, Arc::new(EditorMode));
    let store = Store::open(&url).await.map_err(|error| Failure(error.to_string()))?;
    let max_body = usize::try_from(settings.max_body).unwrap_or(usize::MAX);
    let config = gateway::Config {
        signing_key,
        max_body,
        metrics: settings.metrics,
        proxies: settings.proxies.into(),
        public_url: settings.public_url.clone(),
        is_tls: tls.is_some(),
        oidc: provider(&settings.oidc)?,
    };
    let gateway = Gateway::new(core.clone(), store.clone(), config).await;
    let gateway = gateway.map_err(|error| Failure(error.to_string()))?;
    if !settings.traces.is_empty() {
        gateway.set_joiner(super::traces::join);
    }
    gateway.set_language_server(Arc::new(|core, from_client, to_client| {
        Box::pin(async {
            let outcome = lsp::serve_messages(core, from_client, to_client).await;
            tracing::debug!(?outcome, "A language server over the network ended.");
            match outcome {
                lsp::Outcome::Clean | lsp::Outcome::Unclean => Served::Over,
                lsp::Outcome::Unread => Served::TooSlow,
            }
        })
    }));
    Ok(Service { settings, core, store, gateway, tls })
}

/// The provider by whom people sign in, where the settings have one.
fn provider(settings: &OidcSettings) -> Result<Option<OidcConfig>, Failure> {
    if settings.issuer.is_empty() {
        return Ok(None);
    }
    if settings.client_id.is_empty() {
        return Err(Failure(
            "`service.oidc.issuer` needs a `service.oidc.client-id`: how the provider calls this service.".to_owned(),
        ));
    }
    let read = |source: &KeySource| engine::config::keys::read_key(&DiskFiles, source);
    let client_secret = settings.client_secret.as_ref().map(read).transpose().map_err(|problem| {
        Failure(format!("`service.oidc.client-secret`: {}", problem.replace("Its key", "The secret")))
    })?;
    if client_secret.as_ref().is_some_and(Secret::is_empty) {
        return Err(Failure("`service.oidc.client-secret` names a place where nothing is.".to_owned()));
    }
    Ok(Some(OidcConfig { settings: settings.clone(), client_secret }))
}

/// What connections with TLS begin with, where the settings have a certificate.
fn tls(settings: &ServiceSettings) -> Result<Option<Tls>, Failure> {
    let ServiceSettings { tls_certificate: certificate, tls_key: key, tls_client_authority: authority, .. } = settings;
    match (certificate.as_str(), key.as_str()) {
        ("", "") if authority.is_empty() => Ok(None),
        ("", _) | (_, "") => Err(Failure(
            "`service.tls-certificate` and `service.tls-key` go together; set both of them, or neither and no `service.tls-client-authority`."
                .to_owned(),
        )),
        (certificate, key) => {
            let client_authority = Some(authority).filter(|path| !path.is_empty()).map(PathBuf::from);
            let files = TlsFiles { certificate: certificate.into(), key: key.into(), client_authority };
            Tls::open(files).map(Some).map_err(|error| Failure(error.to_string()))
        }
    }
}

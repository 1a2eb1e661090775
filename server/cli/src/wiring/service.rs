//! Builds the service for teams: the core, what it keeps and what talks.

use super::Wish;
use crate::commands::Failure;
use engine::ServerCore;
use engine::config::sections::ServiceSettings;
use engine::mode::EditorMode;
use engine::store::Store;
use engine::workspace::files::DiskFiles;
use gateway::Gateway;
use llm::config::KeySource;
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
}

/// The parts of a service. `store` stands over the settings.
pub async fn service(wish: Wish, store: Option<&str>) -> Result<Service, Failure> {
    let config = super::settings(wish)?;
    let settings = config.settings().service.clone();
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
    let core = super::core(config, Arc::new(EditorMode));
    let store = Store::open(&url).await.map_err(|error| Failure(error.to_string()))?;
    let max_body = usize::try_from(settings.max_body).unwrap_or(usize::MAX);
    let config = gateway::Config { signing_key, max_body, proxies: settings.proxies.into() };
    let gateway = Gateway::new(core.clone(), store.clone(), config).await;
    let gateway = gateway.map_err(|error| Failure(error.to_string()))?;
    Ok(Service { settings, core, store, gateway })
}

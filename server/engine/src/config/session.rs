//! Settings for one connection to a service: those of the service, with what its client may set for itself laid over them.

use super::{ConfigurationManager, Layer, Layers};
use arc_swap::ArcSwap;
use serde_json::{Map, Value, json};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use workspace::files::MemoryFiles;

/// What a client sets for itself: sections, and of those with a list only these keys. Nothing of it costs, reads or starts anything.
const OWN: [(&str, &[&str]); 5] = [
    ("analysis", &[]),
    ("docs", &[]),
    ("editor", &[]),
    ("completion", &["enabled"]),
    ("actions", &["confirm", "preview", "translate-to"]),
];

impl ConfigurationManager {
    /// Settings that begin as these are and then go their own way: no file is read for them, and no program is named by them.
    pub fn for_session(&self, may_ask_models: bool) -> Self {
        let mut base = serde_json::to_value(&*self.settings()).unwrap_or_default();
        // Formatters and verifiers are meant for the files of this machine.
        if let Some(actions) = base.get_mut("actions").and_then(Value::as_object_mut) {
            actions.remove("format");
            actions.remove("verify");
        }
        let mut layers = Layers::default();
        if let Some(slot) = layers.values.get_mut(Layer::User as usize) {
            *slot = base;
        }
        if !may_ask_models && let Some(slot) = layers.values.get_mut(Layer::Flags as usize) {
            *slot = json!({ "models": { "target": [] }, "completion": { "enabled": false } });
        }
        let settings = layers.merged();
        Self {
            file_system: Arc::new(MemoryFiles::default()),
            user_file: None,
            layers: Mutex::new(layers),
            current: ArcSwap::from_pointee(settings),
            generation: AtomicU64::new(0),
            watchers: Mutex::default(),
            is_of_session: true,
        }
    }

    /// Names what of an editor's settings is left out here, in a sentence.
    pub(crate) fn left_out(&self, settings: &Value) -> Option<String> {
        if !self.is_of_session {
            return None;
        }
        let kept = own(settings.clone());
        let is_set = |value: &Value| !value.is_null() && value.as_object().is_none_or(|keys| !keys.is_empty());
        let mut names = Vec::new();
        for (section, content) in settings.as_object()? {
            match content.as_object() {
                Some(keys) => {
                    let is_left = |key: &&String| keys.get(*key).is_some_and(is_set) && kept[section][*key].is_null();
                    names.extend(keys.keys().filter(is_left).map(|key| format!("`{section}.{key}`")));
                }
                None if is_set(content) && kept[section].is_null() => names.push(format!("`{section}`")),
                None => {}
            }
        }
        (!names.is_empty()).then(|| {
            format!("Whoever runs the service sets {}; what your editor says of it is left out.", names.join(", "))
        })
    }
}

/// The part of an editor's settings that is its own business.
pub(super) fn own(settings: Value) -> Value {
    let Value::Object(mut sections) = settings else { return Value::Null };
    let mut own = Map::new();
    for (name, keys) in OWN {
        let Some(mut content) = sections.remove(name) else { continue };
        if !keys.is_empty()
            && let Value::Object(content) = &mut content
        {
            content.retain(|key, _| keys.contains(&key.as_str()));
        }
        own.insert(name.to_owned(), content);
    }
    Value::Object(own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn service() -> ConfigurationManager {
        let flags = json!({
            "models": { "target": [{ "name": "a", "provider": "ollama", "model": "m" }] },
            "actions": { "format": ["black", "{file}"], "verify": ["ruff", "{file}"] },
            "docs": { "width": 72 },
        });
        let (manager, errors) = ConfigurationManager::new(Sources { flags, ..Sources::none() });
        assert!(errors.is_empty(), "{errors:?}");
        manager
    }

    #[test]
    fn a_session_begins_with_the_settings_of_the_service_and_without_its_programs() {
        let session = service().for_session(true);
        let settings = session.settings();
        assert_eq!(settings.docs.width, 72);
        assert_eq!(settings.models.target.len(), 1);
        assert!(settings.actions.format.is_empty() && settings.actions.verify.is_empty());
        assert!(service().for_session(false).settings().models.target.is_empty());
    }

    #[test]
    fn a_client_sets_what_is_its_own_business_and_nothing_else() {
        let service = service();
        let session = service.for_session(false);
        let wanted = json!({
            "docs": { "width": 60 },
            "models": { "target": [{ "name": "evil", "provider": "ollama", "model": "m", "base-url": "http://evil.example" }] },
            "actions": { "format": ["sh"], "preview": true },
            "completion": { "enabled": true, "max-tokens": 1000 },
            "limits": { "max-file-size": 1_u64 << 40 },
            "cache": {},
            "log": null,
        });
        let said = session.left_out(&wanted).unwrap();
        for name in ["models.target", "actions.format", "completion.max-tokens", "limits.max-file-size"] {
            assert!(said.contains(&format!("`{name}`")), "{name}: {said}");
        }
        assert!(!said.contains("`cache`") && !said.contains("`log`") && !said.contains("docs"), "{said}");
        session.set_editor(wanted.clone()).unwrap();
        let settings = session.settings();
        assert_eq!((settings.docs.width, settings.actions.preview), (60, true));
        assert!(
            settings.models.target.is_empty() && settings.actions.format.is_empty() && !settings.completion.enabled
        );
        assert_eq!(settings.limits, service.settings().limits);
        assert_eq!(service.settings().docs.width, 72, "the service itself stays as it is");
        // An editor on this machine may set all of it but programs, so the filter is what keeps them out.
        assert_eq!(service.left_out(&wanted), None);
    }
}

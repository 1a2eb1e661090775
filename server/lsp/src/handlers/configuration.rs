//! Settings from the editor: pulled where the client answers, taken from the notification where it does not.

use crate::server::Server;
use lsp_types::{ConfigurationItem, DidChangeConfigurationParams};
use serde_json::Value;

/// The section of an editor's settings that is ours.
const SECTION: &str = "code-agent";

/// `workspace/didChangeConfiguration`. Many clients send nothing of use with it and want to be asked.
pub(crate) async fn did_change(server: &Server, params: DidChangeConfigurationParams) {
    if server.profile().configuration {
        pull(server);
    } else {
        apply(server, params.settings);
    }
}

/// Asks the client for its settings, beside the loop; what it says after its answer waits until they hold, for a moment at most.
pub(crate) fn pull(server: &Server) {
    if !server.profile().configuration {
        return;
    }
    let asker = server.clone();
    server.jobs.push(async move {
        let item = ConfigurationItem { scope_uri: None, section: Some(SECTION.to_owned()) };
        match asker.client.configuration(vec![item]).await {
            Ok(values) => {
                if let Some(settings) = values.into_iter().next() {
                    match own_section(settings) {
                        // No settings of ours are there any more, so that those from the start count again, if there were any.
                        Value::Null => asker.core.set_editor_settings(asker.shared.initial_settings()),
                        settings => asker.core.set_editor_settings(settings),
                    }
                }
            }
            Err(error) => tracing::warn!(%error, "The client did not give its settings."),
        }
        asker.shared.settings_taken();
    });
}

/// Takes the settings that came with `initialize`. Clients without a section of ours answer `null` when asked, and mean these.
pub(crate) fn apply_initial(server: &Server, settings: Value) {
    let settings = own_section(settings);
    if !settings.is_null() {
        server.shared.set_initial_settings(settings.clone());
        server.core.set_editor_settings(settings);
    }
}

/// Hands settings to the core, which tells by an event what is wrong with them.
pub(crate) fn apply(server: &Server, settings: Value) {
    let settings = own_section(settings);
    if settings.is_null() {
        return;
    }
    server.core.set_editor_settings(settings);
}

/// Our section, if the settings hold several.
fn own_section(mut settings: Value) -> Value {
    for name in [SECTION, "codeAgent"] {
        if let Some(section) = settings.get_mut(name) {
            return section.take();
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn our_section_is_found_or_is_the_whole() {
        assert_eq!(own_section(json!({ "code-agent": { "a": 1 }, "other": 2 })), json!({ "a": 1 }));
        assert_eq!(own_section(json!({ "a": 1 })), json!({ "a": 1 }));
        assert_eq!(own_section(Value::Null), Value::Null);
    }
}

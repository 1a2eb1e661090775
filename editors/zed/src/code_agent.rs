//! Tells Zed how the server is started and which settings it gets. Downloads nothing.

use zed_extension_api::{
    self as zed, Command, LanguageServerId, Result, Worktree, serde_json::Value, settings::LspSettings,
};

/// The program's name on the `PATH`.
const PROGRAM: &str = "code-agent";

/// What is said where there is no program to start.
const MISSING: &str = "code-agent was not found: put it on the PATH, or name it in the settings of Zed, \
                       lsp.code-agent.binary.path.";

struct CodeAgent;

/// The settings of the server; the name of its section may stand around them, as in other editors.
fn own_section(settings: Option<Value>) -> Option<Value> {
    let settings = settings?;
    Some(settings.get(PROGRAM).cloned().unwrap_or(settings))
}

impl zed::Extension for CodeAgent {
    fn new() -> Self {
        Self
    }

    fn language_server_command(&mut self, id: &LanguageServerId, worktree: &Worktree) -> Result<Command> {
        let binary = LspSettings::for_worktree(id.as_ref(), worktree).ok().and_then(|settings| settings.binary);
        let (path, arguments, environment) = match binary {
            Some(binary) => (binary.path, binary.arguments, binary.env),
            None => (None, None, None),
        };
        let command = path.or_else(|| worktree.which(PROGRAM)).ok_or(MISSING)?;
        let args = arguments.unwrap_or_else(|| vec!["lsp".to_owned()]);
        let mut env = worktree.shell_env();
        env.extend(environment.into_iter().flatten());
        Ok(Command { command, args, env })
    }

    fn language_server_initialization_options(
        &mut self,
        id: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<Value>> {
        let settings = LspSettings::for_worktree(id.as_ref(), worktree)?;
        Ok(settings.initialization_options.or_else(|| own_section(settings.settings)))
    }

    fn language_server_workspace_configuration(
        &mut self,
        id: &LanguageServerId,
        worktree: &Worktree,
    ) -> Result<Option<Value>> {
        let settings = LspSettings::for_worktree(id.as_ref(), worktree)?.settings;
        // Zed answers a question for our section with what lies below its name.
        Ok(own_section(settings).map(|settings| zed::serde_json::json!({ PROGRAM: settings })))
    }
}

zed::register_extension!(CodeAgent);

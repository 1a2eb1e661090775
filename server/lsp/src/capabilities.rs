//! What the client can do, read once, and what we offer it in return.
//!
//! Everything else in this room asks the [`ClientProfile`]; nobody looks into the client's raw capabilities twice.

use crate::commands;
use engine::ask::SCHEME;
use engine::syntax::text::PositionEncoding;
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeLensOptions, CompletionOptions, DiagnosticOptions, DiagnosticsCapabilities,
    DocumentSymbolOptions, ExecuteCommandOptions, InitializeParams, InsertTextMode, MarkupKind, PositionEncodingKind,
    ResourceOperationKind, Save, SaveOptions, ServerCapabilities, TextDocumentContentOptions, TextDocumentSyncKind,
    TextDocumentSyncOptions, TraceValue, WorkDoneProgressOptions, WorkspaceFoldersServerCapabilities, WorkspaceOptions,
    WorkspaceSymbolOptions,
};

/// The kind of the action that mends all that can be mended safely.
pub(crate) const FIX_ALL: &str = "source.fixAll.code-agent";
/// The kind of actions that change nothing and answer something.
pub(crate) const EXPLAIN: &str = "code-agent.explain";
/// Characters after which a documentation comment may be drafted.
const TRIGGERS: [&str; 4] = ["\"", "/", "*", "#"];

/// What one client can do. The default is a client that can do nothing but the protocol's minimum.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientProfile {
    /// The unit of columns agreed on.
    pub(crate) encoding: PositionEncoding,
    /// It pulls diagnostics, so that nothing is pushed.
    pub(crate) pulls_diagnostics: bool,
    /// It asks for the workspace's diagnostics again and again, so that an answer without news is held back.
    pub(crate) polls_workspace: bool,
    /// Which parts of a diagnostic it understands.
    pub(crate) diagnostics: DiagnosticParts,
    /// Pushed diagnostics may say which version they belong to.
    pub(crate) versioned_push: bool,
    /// It can be told to pull again.
    pub(crate) refreshes_diagnostics: bool,
    /// It can be told to ask for lenses again.
    pub(crate) refreshes_lenses: bool,
    /// Edits are sent as versioned document changes.
    pub(crate) document_changes: bool,
    /// Edits may hold tab stops.
    pub(crate) snippet_edits: bool,
    /// Edits may be labelled.
    pub(crate) change_annotations: bool,
    /// Edits may say that they are a refactoring.
    pub(crate) edit_metadata: bool,
    /// The server may ask for an edit to be applied.
    pub(crate) applies_edits: bool,
    /// Code actions may be objects; otherwise they are bare commands.
    pub(crate) action_objects: bool,
    /// The edit of a code action may be left to `codeAction/resolve`.
    pub(crate) resolves_action_edits: bool,
    /// Disabled code actions are shown with their reason.
    pub(crate) disabled_actions: bool,
    /// Completions may hold tab stops.
    pub(crate) snippet_completions: bool,
    /// Completions may say that their white space is to be left alone.
    pub(crate) keeps_whitespace: bool,
    /// Hovers may be Markdown.
    pub(crate) markdown_hovers: bool,
    /// Symbols may be nested.
    pub(crate) nested_symbols: bool,
    /// The server may begin progress of its own.
    pub(crate) server_progress: bool,
    /// Settings can be asked for.
    pub(crate) configuration: bool,
    /// Watching files may be registered.
    pub(crate) registers_watchers: bool,
    /// Changes of settings may be registered.
    pub(crate) registers_configuration: bool,
    /// It shows which actions are written by a model.
    pub(crate) marks_generated: bool,
    /// Documents of the server's own can be shown.
    pub(crate) takes_content: bool,
    /// A document can be brought before the user.
    pub(crate) shows_documents: bool,
    /// An edit may make a file.
    pub(crate) creates_files: bool,
    /// It shows code that is suggested at the cursor by itself.
    pub(crate) inline_completions: bool,
    /// It cannot cancel and gives up soon, so that a long command is answered at once and goes on.
    pub(crate) is_impatient: bool,
    /// It counts versions by one and may send a change before those that come before it.
    pub(crate) overtakes_itself: bool,
}

/// Which parts of a diagnostic a client understands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct DiagnosticParts {
    pub(crate) related: bool,
    pub(crate) tags: bool,
    pub(crate) link: bool,
    pub(crate) data: bool,
}

impl DiagnosticParts {
    /// What is understood by either way. A diagnostic is shown by the same code however it came, and many clients that pull
    /// name its parts only where they speak of pushed ones.
    fn or(self, other: Self) -> Self {
        Self {
            related: self.related || other.related,
            tags: self.tags || other.tags,
            link: self.link || other.link,
            data: self.data || other.data,
        }
    }
}

impl ClientProfile {
    /// Reads the client's capabilities.
    pub(crate) fn new(params: &InitializeParams) -> Self {
        let capabilities = &params.capabilities;
        let workspace = capabilities.workspace.clone().unwrap_or_default();
        let document = capabilities.text_document.clone().unwrap_or_default();
        let window = capabilities.window.unwrap_or_default();
        let edit = workspace.workspace_edit.unwrap_or_default();
        let action = document.code_action.unwrap_or_default();
        let completion = document.completion.and_then(|completion| completion.completion_item).unwrap_or_default();
        let push = document.publish_diagnostics.unwrap_or_default();
        let offered = capabilities.general.as_ref().and_then(|general| general.position_encodings.as_deref());
        let takes_markdown =
            |kinds: &Option<Vec<MarkupKind>>| kinds.as_ref().is_some_and(|kinds| kinds.contains(&MarkupKind::Markdown));
        let pull = document.diagnostic;
        let is_helix = params.client_info.as_ref().is_some_and(|client| client.name.eq_ignore_ascii_case("helix"));
        Self {
            encoding: agree_on_encoding(offered.unwrap_or_default()),
            polls_workspace: pull.is_some()
                && params.client_info.as_ref().is_some_and(|client| is_polling(&client.name)),
            diagnostics: read_parts(&push.diagnostics_capabilities)
                .or(pull.as_ref().map(|pull| read_parts(&pull.diagnostics_capabilities)).unwrap_or_default()),
            pulls_diagnostics: pull.is_some(),
            versioned_push: push.version_support == Some(true),
            refreshes_diagnostics: workspace.diagnostics.and_then(|refresh| refresh.refresh_support) == Some(true),
            refreshes_lenses: workspace.code_lens.and_then(|refresh| refresh.refresh_support) == Some(true),
            document_changes: edit.document_changes == Some(true),
            snippet_edits: edit.document_changes == Some(true) && edit.snippet_edit_support == Some(true),
            change_annotations: edit.document_changes == Some(true) && edit.change_annotation_support.is_some(),
            edit_metadata: edit.metadata_support == Some(true),
            applies_edits: workspace.apply_edit == Some(true),
            action_objects: action.code_action_literal_support.is_some(),
            resolves_action_edits: action.data_support == Some(true)
                && action.resolve_support.is_some_and(|resolve| resolve.properties.iter().any(|name| name == "edit")),
            disabled_actions: action.disabled_support == Some(true),
            snippet_completions: completion.snippet_support == Some(true),
            keeps_whitespace: completion
                .insert_text_mode_support
                .is_some_and(|modes| modes.value_set.contains(&InsertTextMode::AsIs)),
            markdown_hovers: document.hover.is_some_and(|hover| takes_markdown(&hover.content_format)),
            nested_symbols: document
                .document_symbol
                .is_some_and(|symbols| symbols.hierarchical_document_symbol_support == Some(true)),
            server_progress: window.work_done_progress == Some(true),
            configuration: workspace.configuration == Some(true),
            marks_generated: action.tag_support.is_some(),
            takes_content: workspace.text_document_content.is_some(),
            shows_documents: window.show_document.is_some_and(|show| show.support),
            creates_files: edit.document_changes == Some(true)
                && edit.resource_operations.is_some_and(|kinds| kinds.contains(&ResourceOperationKind::Create)),
            inline_completions: document.inline_completion.is_some(),
            is_impatient: is_helix,
            overtakes_itself: is_helix,
            registers_watchers: workspace.did_change_watched_files.and_then(|watch| watch.dynamic_registration)
                == Some(true),
            registers_configuration: workspace.did_change_configuration.and_then(|config| config.dynamic_registration)
                == Some(true),
        }
    }

    /// Whether a code action can be carried out: by its own edit, or by a command that has the client apply one.
    pub(crate) fn takes_actions(&self) -> bool {
        self.action_objects || self.applies_edits
    }

    /// What the server offers to this client.
    pub(crate) fn server_capabilities(&self) -> ServerCapabilities {
        let progress = WorkDoneProgressOptions { work_done_progress: Some(true) };
        let mut capabilities = ServerCapabilities {
            position_encoding: Some(encoding_kind(self.encoding)),
            text_document_sync: Some(
                TextDocumentSyncOptions {
                    open_close: Some(true),
                    change: Some(TextDocumentSyncKind::Incremental),
                    save: Some(Save::SaveOptions(SaveOptions { include_text: Some(false) })),
                    ..TextDocumentSyncOptions::default()
                }
                .into(),
            ),
            completion_provider: Some(CompletionOptions {
                trigger_characters: Some(TRIGGERS.map(str::to_owned).to_vec()),
                ..CompletionOptions::default()
            }),
            // Told at once: some clients that have it take no later registration of it.
            inline_completion_provider: self.inline_completions.then(|| true.into()),
            hover_provider: Some(true.into()),
            document_symbol_provider: Some(
                DocumentSymbolOptions { label: Some("code-agent".to_owned()), ..DocumentSymbolOptions::default() }
                    .into(),
            ),
            code_action_provider: self.takes_actions().then(|| {
                CodeActionOptions {
                    code_action_kinds: Some(vec![
                        CodeActionKind::QuickFix,
                        CodeActionKind::RefactorRewrite,
                        CodeActionKind::RefactorExtract,
                        CodeActionKind::Source,
                        CodeActionKind::Custom(EXPLAIN.into()),
                        CodeActionKind::Custom(FIX_ALL.into()),
                    ]),
                    resolve_provider: Some(true),
                    ..CodeActionOptions::default()
                }
                .into()
            }),
            code_lens_provider: self
                .applies_edits
                .then(|| CodeLensOptions { resolve_provider: Some(true), ..CodeLensOptions::default() }),
            workspace_symbol_provider: Some(WorkspaceSymbolOptions::default().into()),
            execute_command_provider: Some(ExecuteCommandOptions {
                commands: commands::names(self.applies_edits),
                work_done_progress_options: progress,
            }),
            workspace: Some(WorkspaceOptions {
                workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                    supported: Some(true),
                    change_notifications: Some(true.into()),
                }),
                text_document_content: self
                    .takes_content
                    .then(|| TextDocumentContentOptions { schemes: vec![SCHEME.to_owned()] }.into()),
                ..WorkspaceOptions::default()
            }),
            ..ServerCapabilities::default()
        };
        if self.pulls_diagnostics {
            let options = DiagnosticOptions {
                identifier: Some("code-agent".to_owned()),
                inter_file_dependencies: false,
                workspace_diagnostics: true,
                work_done_progress_options: progress,
            };
            capabilities.diagnostic_provider = Some(options.into());
        }
        capabilities
    }
}

/// The encoding that costs least among those that the client offers; a client that offers none speaks UTF-16.
fn agree_on_encoding(offered: &[PositionEncodingKind]) -> PositionEncoding {
    [PositionEncoding::Utf8, PositionEncoding::Utf16, PositionEncoding::Utf32]
        .into_iter()
        .find(|&encoding| offered.contains(&encoding_kind(encoding)))
        .unwrap_or(PositionEncoding::Utf16)
}

fn encoding_kind(encoding: PositionEncoding) -> PositionEncodingKind {
    match encoding {
        PositionEncoding::Utf8 => PositionEncodingKind::UTF8,
        PositionEncoding::Utf16 => PositionEncodingKind::UTF16,
        PositionEncoding::Utf32 => PositionEncodingKind::UTF32,
    }
}

/// VS Code and its children ask for the workspace's diagnostics every other second.
fn is_polling(name: &str) -> bool {
    ["Visual Studio Code", "Code - OSS", "VSCodium", "Cursor", "Windsurf", "code-server"]
        .iter()
        .any(|known| name.starts_with(known))
}

fn read_parts(parts: &DiagnosticsCapabilities) -> DiagnosticParts {
    DiagnosticParts {
        related: parts.related_information == Some(true),
        tags: parts.tag_support.is_some(),
        link: parts.code_description_support == Some(true),
        data: parts.data_support == Some(true),
    }
}

/// Whether the client wants to be told what the server does.
pub(crate) fn trace_level(value: Option<&TraceValue>) -> u8 {
    match value {
        Some(TraceValue::Messages) => 1,
        Some(TraceValue::Verbose) => 2,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn profile(capabilities: serde_json::Value) -> ClientProfile {
        let params = json!({ "capabilities": capabilities, "clientInfo": { "name": "Visual Studio Code" } });
        ClientProfile::new(&serde_json::from_value(params).unwrap())
    }

    #[test]
    fn the_cheapest_offered_encoding_is_taken() {
        for (offered, expected) in [
            (json!(["utf-16", "utf-8"]), PositionEncoding::Utf8),
            (json!(["utf-32", "utf-16"]), PositionEncoding::Utf16),
            (json!(["utf-32"]), PositionEncoding::Utf32),
            (json!(["utf-7"]), PositionEncoding::Utf16),
            (json!([]), PositionEncoding::Utf16),
        ] {
            let profile = profile(json!({ "general": { "positionEncodings": offered } }));
            assert_eq!(profile.encoding, expected, "{offered}");
        }
        assert_eq!(profile(json!({})).encoding, PositionEncoding::Utf16);
    }

    #[test]
    fn a_client_that_can_nothing_is_offered_no_pull_and_sent_nothing_it_did_not_name() {
        let profile = profile(json!({}));
        assert!(!profile.pulls_diagnostics && !profile.polls_workspace && !profile.document_changes);
        assert_eq!(profile.diagnostics, DiagnosticParts::default());
        assert_eq!(profile.server_capabilities().diagnostic_provider, None);
    }

    #[test]
    fn parts_of_a_diagnostic_are_understood_wherever_the_client_names_them() {
        let parts = |push: serde_json::Value, pull: serde_json::Value| {
            profile(json!({ "textDocument": { "publishDiagnostics": push, "diagnostic": pull } })).diagnostics
        };
        let all = json!({ "relatedInformation": true, "tagSupport": { "valueSet": [1, 2] },
            "codeDescriptionSupport": true, "dataSupport": true });
        let expected = DiagnosticParts { related: true, tags: true, link: true, data: true };
        assert_eq!(parts(all.clone(), json!({})), expected);
        assert_eq!(parts(json!({}), all.clone()), expected);
        assert_eq!(parts(all, serde_json::Value::Null), expected);
        let both = parts(json!({ "dataSupport": true }), json!({ "relatedInformation": true, "dataSupport": false }));
        assert_eq!(both, DiagnosticParts { related: true, data: true, ..DiagnosticParts::default() });
    }

    #[test]
    fn actions_are_only_resolved_later_where_the_client_sends_the_data_back() {
        let support = |data: bool| {
            json!({ "textDocument": { "codeAction": {
                "codeActionLiteralSupport": { "codeActionKind": { "valueSet": [] } },
                "dataSupport": data, "resolveSupport": { "properties": ["edit"] } } } })
        };
        assert!(profile(support(true)).resolves_action_edits);
        assert!(!profile(support(false)).resolves_action_edits);
        assert!(profile(support(false)).action_objects);
    }
}

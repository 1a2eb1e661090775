//! One file for each request or family of notifications. Handlers are thin: they turn protocol into plain data, ask the core, and turn back.
//!
//! None of them computes, and none awaits before it has taken its snapshot or made its change.

pub(crate) mod ask;
pub(crate) mod chat;
pub(crate) mod code_action;
pub(crate) mod code_lens;
pub(crate) mod completion;
pub(crate) mod configuration;
pub(crate) mod diagnostics;
pub(crate) mod execute_command;
pub(crate) mod files;
pub(crate) mod hover;
pub(crate) mod inline_completion;
pub(crate) mod life_cycle;
pub(crate) mod pages;
pub(crate) mod symbols;
pub(crate) mod text_sync;

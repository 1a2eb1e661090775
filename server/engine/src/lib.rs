//! Keeps the core in: one façade, [`ServerCore`], that every door calls, and the parts it stands on.
//!
//! Knows no protocol and no vendor. Doors import only this room: what they need of the floors below is named here.

mod act;
pub mod answers;
pub mod ask;
pub mod batch;
pub mod chat;
mod commands;
pub mod config;
#[cfg(feature = "service")]
pub mod converse;
mod diagnose;
mod diagnose_workspace;
pub mod error;
pub mod events;
mod facts;
pub mod fetch;
pub mod health;
pub mod inline;
#[cfg(feature = "service")]
pub mod jobs;
pub mod login;
mod look;
pub mod metrics;
pub mod mode;
pub mod model_offers;
mod models;
pub mod notes;
mod offered;
mod progress;
pub mod queries;
pub mod queue;
#[cfg(feature = "service")]
pub mod quotas;
pub mod recovery;
pub mod server_core;
#[cfg(feature = "service")]
mod service;
mod session;
pub mod tasks;
#[cfg(feature = "service")]
pub mod texts;
mod view;

pub use server_core::{Parts, ServerCore};
#[cfg(feature = "service")]
pub use service::{ModelFigures, ModelStep, ModelSteps};

pub use llm::tape;

pub use actions;
pub use analysis;
#[cfg(feature = "service")]
pub use store;
pub use syntax;
pub use workspace;

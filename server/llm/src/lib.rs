//! Keeps the way to language models in: [`LlmManager`] is the only one who talks to any. Knows no document, no editor and no action.
//!
//! Nothing leaves but a [`prompt::Prompt`], which has no secrets in it; nothing comes back that is more than text, or the wish of a model to have
//! a tool called that whoever asked has offered.

mod attempt;
#[cfg(any(test, feature = "scripted"))]
pub mod bench;
pub mod best_of_two;
pub mod breaker;
pub mod budget;
pub mod bulk;
pub mod cache;
mod calls;
pub mod coalesce;
pub mod config;
mod echo;
pub mod error;
pub mod events;
pub mod fallback;
mod gathered;
pub mod health;
pub mod hedge;
pub mod incidents;
pub mod journal;
pub mod limit;
pub mod manager;
pub mod measures;
pub mod pool;
pub mod prompt;
pub mod providers;
mod reading;
mod remembered;
mod repair;
pub mod request;
mod revalidate;
pub mod router;
#[cfg(any(test, feature = "scripted"))]
pub mod scripted;
pub mod shared;
mod splice;
pub mod sse;
mod stack;
pub mod strategy;
pub mod tape;
#[cfg(test)]
mod tests;
pub mod tools;

pub use manager::{LlmManager, Spending, TargetReport};

//! The list of routes, one file for each part of the service. A route stands here and in the document, or nowhere.

pub(crate) mod accounts;
mod actions;
pub(crate) mod audit;
pub(crate) mod devices;
pub(crate) mod documents;
pub(crate) mod factors;
pub(crate) mod invitations;
pub(crate) mod jobs;
pub(crate) mod models;
mod oauth;
mod openai;
mod search;
pub(crate) mod service;
pub(crate) mod sessions;
mod socket;
pub(crate) mod tokens;

pub(crate) use audit::LogPart;
pub(crate) use jobs::Wanted;
pub(crate) use openai::{ErrorAnswer, Places};

use crate::error::{Kind, Problem};
use crate::openapi::Document;
use crate::page::docs;
use crate::state::Gateway;
use serde::{Deserialize, Serialize};
use std::time::{Duration, UNIX_EPOCH};
use utoipa::{OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The version of the interface, which all of its paths begin with.
const PREFIX: &str = "/api/v2";
/// Where models may be asked for long.
pub(crate) const RUN_ACTION: &str = "/api/v2/actions/run";

/// All routes, with the document that they make.
pub(crate) fn all() -> OpenApiRouter<Gateway> {
    let routes = OpenApiRouter::new()
        .routes(routes!(service::live))
        .routes(routes!(service::ready))
        .routes(routes!(service::document))
        .routes(routes!(docs::docs))
        .routes(routes!(service::schema))
        .routes(routes!(service::config))
        .routes(routes!(service::set_up))
        .routes(routes!(sessions::sign_in, sessions::end_others))
        .routes(routes!(sessions::refresh))
        .routes(routes!(sessions::sign_out))
        .routes(routes!(sessions::step_up))
        .routes(routes!(devices::decide))
        .routes(routes!(accounts::me))
        .routes(routes!(accounts::change_password))
        .routes(routes!(factors::begin, factors::remove))
        .routes(routes!(factors::confirm))
        .routes(routes!(factors::new_recovery_codes))
        .routes(routes!(factors::remove_of_another))
        .routes(routes!(sessions::end_of_another))
        .routes(routes!(invitations::invite, invitations::end))
        .routes(routes!(invitations::accept))
        .routes(routes!(accounts::list, accounts::create))
        .routes(routes!(accounts::show, accounts::change))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(documents::diagnostics))
        .routes(routes!(documents::symbols))
        .routes(routes!(documents::write))
        .routes(routes!(documents::update))
        .routes(routes!(actions::offers))
        .routes(routes!(actions::run))
        .routes(routes!(search::symbols))
        .routes(routes!(jobs::list, jobs::create))
        .routes(routes!(jobs::show, jobs::cancel))
        .routes(routes!(jobs::events))
        .routes(routes!(models::list))
        .routes(routes!(models::usage))
        .routes(routes!(models::incidents))
        .routes(routes!(audit::list))
        .routes(routes!(socket::open));
    OpenApiRouter::with_openapi(Document::openapi())
        .nest(PREFIX, routes)
        .routes(routes!(service::metrics))
        .routes(routes!(oauth::metadata))
        .routes(routes!(oauth::token))
        .routes(routes!(devices::begin))
        .routes(routes!(openai::models))
        .routes(routes!(openai::model))
        .routes(routes!(openai::chat))
}

/// Which part of a list is wanted.
#[derive(Debug, Default, Deserialize, ToSchema, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Part {
    /// The `next` of the part before; the first part where it is left out.
    #[schema(pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
    #[param(
        pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        example = "0192f0c1-7d5e-7000-8000-000000000000"
    )]
    after: Option<String>,
    /// How many are wanted.
    #[schema(minimum = 1, maximum = 200)]
    #[param(minimum = 1, maximum = 200, example = 20)]
    limit: Option<u32>,
}

impl Part {
    fn limit(&self) -> u32 {
        self.limit.unwrap_or(50)
    }

    fn after(&self) -> Option<&str> {
        self.after.as_deref().filter(|after| !after.is_empty())
    }
}

/// A part of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct List<T> {
    /// The things, in order.
    items: Vec<T>,
    /// What to ask for as `after` to read on; missing at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Somebody tried too often.
pub(crate) fn too_many(seconds: u64) -> Problem {
    Problem::new(Kind::TooManyRequests, format!("That was tried too often; try again in {seconds} seconds."))
        .retry_after(seconds)
}

/// Milliseconds since 1970 as RFC 3339 has it, in UTC.
pub(crate) fn time(ms: i64) -> String {
    // Up to the end of the year 9999, which is as far as the format goes.
    let ms = u64::try_from(ms).unwrap_or(0).min(253_402_300_799_999);
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(ms)).to_string()
}

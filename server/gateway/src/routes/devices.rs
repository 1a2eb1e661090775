//! Devices that somebody lets in: a program asks for codes, its owner types one of them in a browser, and the program gets tokens (RFC 8628).
//!
//! The service is its own authorization server here; where it has a provider of sign-ins, the owner signs in by that one on the way to the page.

use crate::auth::outcome::note;
use crate::auth::{Principal, Via, factors, secrets};
use crate::deed::carried_through;
use crate::error::{Kind, Problem, ProblemBody};
use crate::extract::{ClientAddress, Filled, PublicUrl, Valid, is_own_origin};
use crate::routes::oauth::{CLIENT, Complaint, ComplaintBody, client_is_known};
use crate::routes::too_many;
use crate::state::Gateway;
use axum::extract::State;
use axum::http::{HeaderMap, Uri, header};
use axum::{Extension, Json};
use engine::store::now_ms;
use engine::store::tokens::Device;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How long the codes are good, in seconds.
const GOOD_FOR: i64 = 600;
/// What lies between two questions of a device, in seconds.
const WAIT: i64 = 5;
/// The policy that the audit log names.
pub(super) const POLICY: &str = "device";

/// A program that wants to be let in.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = DeviceAuthorization, example = json!({ "client_id": "code-agent", "device_name": "laptop" }))]
pub(crate) struct Wish {
    /// Which program it is; `code-agent` for all of them.
    #[schema(min_length = 1, max_length = 64, example = "code-agent")]
    client_id: String,
    /// How the machine is called, for its owner to read.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._ -]+$", example = "laptop")]
    device_name: Option<String>,
}

/// The codes of a device.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeviceCodes)]
pub(crate) struct Codes {
    /// What the device asks with.
    device_code: String,
    /// What its owner types.
    #[schema(example = "BCDF-GHJK")]
    user_code: String,
    /// Where he types it.
    #[schema(example = "https://team.example/device")]
    verification_uri: String,
    /// The same with the code in it.
    verification_uri_complete: String,
    /// Seconds that the codes are good for.
    #[schema(example = 600)]
    expires_in: i64,
    /// Seconds between two questions.
    #[schema(example = 5)]
    interval: i64,
}

/// What is decided about a device.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = DeviceDecision, example = json!({ "user_code": "BCDF-GHJK", "let_in": true }))]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// The code that it shows.
    #[schema(min_length = 1, max_length = 20, example = "BCDF-GHJK")]
    user_code: String,
    /// Whether it is let in.
    let_in: bool,
}

/// A device that was decided about.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Device)]
pub(crate) struct DeviceView {
    /// What it calls itself.
    #[schema(example = "laptop")]
    name: String,
    /// Where it asked from.
    #[schema(example = "192.0.2.7")]
    address: String,
}

/// Begins to let a device in (RFC 8628): gives it the code that its owner types at `/device`.
#[utoipa::path(post, path = "/oauth/device_authorization", tag = "sessions", operation_id = "devices.begin", security(()),
    request_body(content = Wish, content_type = "application/x-www-form-urlencoded"), responses(
    (status = 200, description = "Its codes", body = Codes),
    (status = 400, description = "Not as it has to be", body = ComplaintBody),
    (status = 413, description = "Too large", body = ComplaintBody),
    (status = 415, description = "No form", body = ComplaintBody),
    (status = 429, description = "Too many tries", body = ComplaintBody),
    (status = 503, description = "Not just now", body = ComplaintBody)))]
pub(crate) async fn begin(
    State(gateway): State<Gateway>,
    from: ClientAddress,
    base: Result<PublicUrl, Problem>,
    uri: Uri,
    headers: HeaderMap,
    wish: Result<Filled<Wish>, Problem>,
) -> Result<Json<Codes>, Complaint> {
    // Programs name no origin, and browsers do: else a page of others could use up the places of all devices that wait, by the browsers of whoever reads it.
    let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("?"));
    if origin.is_some_and(|origin| !is_own_origin(origin, &gateway.config().public_url, &uri, &headers)) {
        let said = "A device asks for itself, and no page of another site for it.";
        return Err(Problem::new(Kind::Forbidden, said).into());
    }
    let (base, Filled(wish)) = (base?.0, wish?);
    client_is_known(Some(&wish.client_id))?;
    gateway.tries().take_waiting(&from.0).map_err(too_many)?;
    let (code, typed) = (secrets::device_code()?, secrets::typed_code()?);
    let device = Device {
        name: wish.device_name.unwrap_or_else(|| CLIENT.to_owned()),
        address: from.0,
        expires_at: now_ms() + GOOD_FOR * 1000,
    };
    let typed_hash = gateway.keys().hash_of_typed(&typed);
    let is_taken = gateway.store().add_device(&device, &code.hash, &typed_hash, WAIT * 1000).await;
    if !is_taken.map_err(Problem::from)? {
        let said = "Too many devices wait to be let in just now; try again later.";
        return Err(Problem::new(Kind::Unavailable, said).retry_after(60).into());
    }
    let (first, second) = typed.split_at_checked(typed.len() / 2).unwrap_or((&typed, ""));
    let user_code = format!("{first}-{second}");
    Ok(Json(Codes {
        device_code: code.secret,
        verification_uri: format!("{base}/device"),
        verification_uri_complete: format!("{base}/device?user_code={user_code}"),
        user_code,
        expires_in: GOOD_FOR,
        interval: WAIT,
    }))
}

/// The device that shows this code, for its owner to look at before he decides. It counts as a try, as deciding does.
///
/// # Errors
/// If none waits with it, or too many codes were tried.
pub(crate) async fn waiting(
    gateway: &Gateway,
    principal: &Principal,
    Valid(decision): Valid<Decision>,
) -> Result<DeviceView, Problem> {
    let account = &principal.account.id;
    gateway.tries().take_device(account).map_err(too_many)?;
    let hash = gateway.keys().hash_of_typed(&secrets::as_typed(&decision.user_code));
    match gateway.store().device(&hash).await? {
        Some(device) => Ok(DeviceView { name: device.name, address: device.address }),
        None => Err(none_waits(gateway, account).await?),
    }
}

/// Writes down that a code was tried which no device has, and says it.
async fn none_waits(gateway: &Gateway, account: &str) -> Result<Problem, Problem> {
    note(gateway, factors::POLICY, account, "devices.decide", "", false, "no device waits with this code").await?;
    Ok(Problem::new(Kind::NotFound, "No device waits with this code; it may be over.").at("/user_code"))
}

/// Lets the device in that shows this code, or refuses it.
#[utoipa::path(post, path = "/devices", tag = "sessions", operation_id = "devices.decide",
    extensions(("x-group" = json!("me.write")), ("x-step-up" = json!(true))), request_body = Decision, responses(
    (status = 200, description = "The device", body = DeviceView),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in, or not lately (`step-up-needed`)", body = ProblemBody),
    (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 404, description = "No device waits with this code", body = ProblemBody),
    (status = 415, description = "No JSON", body = ProblemBody),
    (status = 429, description = "Too many tries", body = ProblemBody)))]
pub(crate) async fn decide(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Valid(decision): Valid<Decision>,
) -> Result<Json<DeviceView>, Problem> {
    carried_through(&gateway.clone(), async move {
        let Via::Session { id: session, .. } = &principal.via else {
            return Err(Problem::new(Kind::Forbidden, "Only who signed in lets a device in."));
        };
        let account = &principal.account.id;
        gateway.tries().take_device(account).map_err(too_many)?;
        let hash = gateway.keys().hash_of_typed(&secrets::as_typed(&decision.user_code));
        let Some(device) = gateway.store().decide_device(&hash, session, decision.let_in).await? else {
            return Err(none_waits(&gateway, account).await?);
        };
        let outcome =
            format!("{} {} at {}", if decision.let_in { "let in:" } else { "refused:" }, device.name, device.address);
        note(&gateway, POLICY, account, "devices.decide", session, true, &outcome).await?;
        Ok(Json(DeviceView { name: device.name, address: device.address }))
    })
    .await
}

//! The door of the WebSocket: whoever is let in talks there from then on.

use crate::auth::Principal;
use crate::error::{Kind, Problem, ProblemBody};
use crate::socket::{self, Bounds, Carrier};
use crate::state::Gateway;
use axum::Extension;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;

/// Opens a WebSocket (RFC 6455) for the language server and for events; each text is one JSON-RPC 2.0 message.
///
/// `service/subscribe` with `Subscription` as its parameters asks for events. They come as `service/event` with an `id`, a `topic` and `data`; the id of
/// the last one, given as `after`, goes on behind it after a drop, on another replica too. What is kept no longer is told by `service/lost`.
/// All other methods are those of the Language Server Protocol: `initialize` begins a session that knows only the documents that are opened in it.
/// Closed with 4001 when the token is good no more, 4008 when the client reads too slowly, 1001 when the service ends.
#[utoipa::path(get, path = "/ws", tag = "socket", operation_id = "socket.open",
    extensions(("x-group" = json!("socket.read"))), responses(
    (status = 101, description = "It is a WebSocket from now on"),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 426, description = "Not asked for as a WebSocket", body = ProblemBody),
    (status = 503, description = "Too many are connected", body = ProblemBody)))]
pub(crate) async fn open(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade
        .map_err(|rejection| Problem::new(Kind::UpgradeRequired, format!("This is a WebSocket: {rejection}.")))?;
    let Ok(place) = gateway.places().try_acquire_owned() else {
        let said = "Too many are connected; come again in a moment, or to another replica.";
        return Err(Problem::new(Kind::Unavailable, said).retry_after(5));
    };
    let bounds = Bounds { message: gateway.config().max_body, ..Bounds::default() };
    Ok(Carrier::prepare(upgrade, bounds).on_upgrade(move |socket| async move {
        socket::converse(gateway, principal, Carrier::new(socket, bounds)).await;
        drop(place);
    }))
}

//! Says back whatever it hears by WebSocket, over the same carrier as the service: what suites that test the protocol itself talk to.
//!
//! `cargo run -p gateway --example echo` prints the address; the path is `/`.

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::routing::get;
use gateway::{Bounds, Carrier, Incoming};
use std::io::Write;
use tokio::net::TcpListener;

/// The largest messages of the suites.
const BOUNDS: Bounds = Bounds {
    message: 64 << 20,
    heartbeat: std::time::Duration::from_secs(20),
    patience: std::time::Duration::from_secs(10),
};

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let app = Router::new().route(
        "/",
        get(async |upgrade: WebSocketUpgrade| {
            Carrier::prepare(upgrade, BOUNDS).on_upgrade(async |socket| echo(Carrier::new(socket, BOUNDS)).await)
        }),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut out = std::io::stdout();
    writeln!(out, "{}", listener.local_addr()?)?;
    out.flush()?;
    axum::serve(listener, app).await
}

async fn echo(mut carrier: Carrier) {
    loop {
        let said = match carrier.next().await {
            Incoming::Text(text) => carrier.say(text).await,
            Incoming::Binary(bytes) => carrier.send(bytes).await,
            Incoming::Gone | Incoming::TooLarge => return,
        };
        if said.is_err() {
            return;
        }
    }
}

//! Room for the bodies of this door: with pictures they are larger than any other, so that only a few of those are taken at a time.
//!
//! Whoever wants more than the usual room says before how much. Nothing here reads what is in a body.

use super::wire::ChatRequest;
use crate::error::{Kind, Problem};
use crate::extract::Valid;
use crate::state::Gateway;
use axum::body::{Body, HttpBody};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::response::Response;
use engine::converse::PicturesSetting;
use futures_util::StreamExt;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// Bytes of the largest body.
const LARGEST: usize = 32 << 20;
/// Large bodies at a time; each is in memory a few times over while it is read and sent on.
pub(crate) const PLACES: usize = 8;
/// How long a large body waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a large body may take to come, since others wait for its place.
const COMING: Duration = Duration::from_secs(120);

/// What is asked, with the place of a large body: whoever answers holds it until the answer has gone out, since until then the pictures are there.
#[derive(Debug)]
pub(crate) struct Roomy {
    /// What is asked.
    pub body: ChatRequest,
    /// The place; nothing for a body of the usual size.
    pub place: Option<OwnedSemaphorePermit>,
}

impl FromRequest<Gateway> for Roomy {
    type Rejection = Problem;

    async fn from_request(mut request: Request<Body>, gateway: &Gateway) -> Result<Self, Problem> {
        let size = request.body().size_hint().exact().unwrap_or(0);
        let usual = gateway.config().max_body as u64;
        // What is larger than all is refused as everywhere.
        if size <= usual || size > LARGEST as u64 || sends_none(gateway) {
            return read(request, gateway).await.map(|body| Self { body, place: None });
        }
        let busy = || {
            let said = "Too many large questions are being read just now; try again in a moment.";
            Problem::new(Kind::Unavailable, said).retry_after(1)
        };
        let turn = tokio::time::timeout(PATIENCE, gateway.large_bodies().acquire_owned()).await;
        let place = turn.map_err(|_elapsed| busy())?.map_err(|_closed| busy())?;
        DefaultBodyLimit::max(LARGEST).apply(&mut request);
        let slow = |_elapsed| Problem::new(Kind::Timeout, "The body took too long to come.");
        let body = tokio::time::timeout(COMING, read(request, gateway)).await.map_err(slow)??;
        Ok(Self { body, place: Some(place) })
    }
}

async fn read(request: Request<Body>, gateway: &Gateway) -> Result<ChatRequest, Problem> {
    let Valid(body) = <Valid<ChatRequest> as FromRequest<Gateway>>::from_request(request, gateway).await?;
    Ok(body)
}

/// An answer that goes out piece by piece, and holds a place until its last one went out or nobody waits for it any more.
pub(super) fn holding(answer: Response, place: Option<OwnedSemaphorePermit>) -> Response {
    let Some(place) = place else { return answer };
    answer.map(|body| {
        let pieces = body.into_data_stream().inspect(move |_| {
            let _held = &place;
        });
        Body::from_stream(pieces)
    })
}

/// Whether the settings let no picture through.
pub(super) fn sends_none(gateway: &Gateway) -> bool {
    gateway.core("service").config().settings().models.pictures == PicturesSetting::Refuse
}

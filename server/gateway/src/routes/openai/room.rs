//! Room for the bodies of this door: with pictures they are larger than any other, so that only a few of those are taken at a time.
//!
//! Whoever wants more than the usual room says before how much, has no more than his share of the places, and keeps none of them waiting. Nothing
//! here looks at a picture.

use super::wire::ChatRequest;
use crate::auth::Principal;
use crate::error::{Kind, Problem};
use crate::extract::{check_json, read, shape, whole};
use crate::state::Gateway;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::response::Response;
use engine::converse::PicturesSetting;
use futures_util::StreamExt;
use rustc_hash::FxHashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

/// Bytes of the largest body.
const LARGEST: usize = 32 << 20;
/// Values in a body: each is many times as large when it is read, and no conversation has so many.
const MOST_VALUES: usize = 200_000;
/// A body of more bytes is read away from the threads that talk.
const SOON_READ: usize = 1 << 20;
/// Large bodies at a time; each is in memory a few times over while it is read and sent on.
const PLACES: usize = 8;
/// How many of these one account may have, so that nobody has all.
const PLACES_OF_ONE: usize = 2;
/// How long a large body waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a large body may take to come, since others wait for its place.
const COMING: Duration = Duration::from_secs(120);
/// How long an answer keeps the place from its beginning on. Who reads it more slowly than that keeps nobody else waiting.
const GOING: Duration = Duration::from_secs(120);
/// How long it may take to begin.
const BEGINNING: Duration = Duration::from_secs(10);
/// Bytes a second that have to come from then on.
const LEAST_RATE: f64 = 65_536.0;

/// The places of large bodies.
#[derive(Debug)]
pub(crate) struct Places {
    all: Arc<Semaphore>,
    /// Those of each account that has one or waits for one.
    of_accounts: Mutex<FxHashMap<String, Arc<Semaphore>>>,
}

impl Default for Places {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(PLACES)), of_accounts: Mutex::default() }
    }
}

/// A place; it is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    _of_account: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    /// Waits for a place for an account. Who has all of his own takes none from others while he waits.
    pub async fn take(&self, account: &str) -> Result<Place, Problem> {
        let (own, all) = (self.of(account), self.all.clone());
        let turn = async {
            let of_account = own.acquire_owned().await.ok()?;
            Some(Place { _of_account: of_account, _of_all: all.acquire_owned().await.ok()? })
        };
        let place = tokio::time::timeout(PATIENCE, turn).await.ok().flatten();
        place.ok_or_else(|| {
            let said = "Too many large questions are being read just now; try again in a moment.";
            Problem::new(Kind::Unavailable, said).retry_after(1)
        })
    }

    /// How many are free.
    #[cfg(test)]
    pub fn free(&self) -> usize {
        self.all.available_permits()
    }

    /// The places of an account. Those of accounts that have none and wait for none are forgotten.
    fn of(&self, account: &str) -> Arc<Semaphore> {
        let mut accounts = self.of_accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.retain(|_, places| Arc::strong_count(places) > 1);
        accounts.entry(account.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(PLACES_OF_ONE))).clone()
    }
}

/// What is asked, with the place of a large body: whoever answers holds it while the answer goes out, since until then the pictures are there, and
/// no longer than two minutes.
#[derive(Debug)]
pub(crate) struct Roomy {
    /// What is asked.
    pub body: ChatRequest,
    /// The place; nothing for a body of the usual size.
    pub place: Option<Place>,
}

impl FromRequest<Gateway> for Roomy {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, gateway: &Gateway) -> Result<Self, Problem> {
        check_json(&request)?;
        let size = request.body().size_hint().exact().unwrap_or(0);
        let usual = gateway.config().max_body as u64;
        // What is larger than all is refused as everywhere.
        if size <= usual || size > LARGEST as u64 || sends_none(gateway) {
            let body = understood(whole(request, gateway).await?, gateway).await?;
            return Ok(Self { body, place: None });
        }
        let account = request.extensions().get::<Principal>().map(|principal| principal.account.id.clone());
        let place = gateway.large_bodies().take(&account.unwrap_or_default()).await?;
        let bytes = coming(request.into_body()).await?;
        Ok(Self { body: understood(bytes.into(), gateway).await?, place: Some(place) })
    }
}

/// What a body says.
async fn understood(bytes: Bytes, gateway: &Gateway) -> Result<ChatRequest, Problem> {
    let usual = gateway.config().max_body;
    let is_large = bytes.len() > SOON_READ;
    let work = move || {
        check(&bytes, usual)?;
        read(&bytes)
    };
    if is_large { gateway.core("service").apart("read", work).await? } else { work() }
}

/// Refuses a body that is large because of anything else than pictures.
fn check(bytes: &[u8], usual: usize) -> Result<(), Problem> {
    let shape = shape(bytes);
    if bytes.len() - shape.pictures > usual {
        let said = format!("The body has more than the {usual} bytes that are allowed besides its pictures.");
        return Err(Problem::new(Kind::TooLarge, said));
    }
    if shape.values > MOST_VALUES {
        let said = format!("The body has more than {MOST_VALUES} values in its arrays and objects.");
        return Err(Problem::new(Kind::Refused, said));
    }
    Ok(())
}

/// All bytes of a large body, if they come soon enough.
async fn coming(body: Body) -> Result<Vec<u8>, Problem> {
    let began = Instant::now();
    let (mut pieces, mut bytes) = (body.into_data_stream(), Vec::new());
    loop {
        let patience = BEGINNING + Duration::from_secs_f64(bytes.len() as f64 / LEAST_RATE);
        let next = tokio::time::timeout_at(began + patience.min(COMING), pieces.next()).await;
        let slow =
            "The body comes too slowly: a large one has to come at 64 KiB a second or more, and within two minutes.";
        let Some(piece) = next.map_err(|_elapsed| Problem::new(Kind::TooSlow, slow))? else { return Ok(bytes) };
        let piece = piece.map_err(|_| Problem::new(Kind::Invalid, "The body could not be read to its end."))?;
        if bytes.len() + piece.len() > LARGEST {
            return Err(Problem::new(Kind::TooLarge, "The body has more bytes than are allowed."));
        }
        bytes.extend_from_slice(&piece);
    }
}

/// An answer that goes out piece by piece, and holds a place until its last one went out, nobody waits for it any more, or it has had it for long
/// enough: who does not read leaves the answer where it is, and is not to have the place for that.
pub(super) fn holding(answer: Response, place: Option<Place>) -> Response {
    let Some(place) = place else { return answer };
    let (going, gone) = oneshot::channel::<()>();
    tokio::spawn(async move {
        // Nothing is ever sent: it ends with the answer.
        let _ = tokio::time::timeout(GOING, gone).await;
        drop(place);
    });
    answer.map(|body| {
        let pieces = body.into_data_stream().inspect(move |_| {
            let _held = &going;
        });
        Body::from_stream(pieces)
    })
}

/// Whether the settings let no picture through.
pub(super) fn sends_none(gateway: &Gateway) -> bool {
    gateway.core("service").config().settings().models.pictures == PicturesSetting::Refuse
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    /// A body of so many pieces of 64 KiB, with so long before each, which then says nothing any more or ends.
    fn body(pieces: usize, pause: Duration, ends: bool) -> Body {
        let piece = move |number: usize| async move {
            tokio::time::sleep(pause).await;
            if number == pieces && !ends {
                std::future::pending::<()>().await;
            }
            (number < pieces).then(|| (Ok::<_, Infallible>(vec![b' '; 65_536]), number + 1))
        };
        Body::from_stream(futures_util::stream::unfold(0, piece))
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_has_to_come_at_a_least_rate() {
        let second = Duration::from_secs(1);
        assert_eq!(coming(body(40, second, true)).await.unwrap().len(), 40 * 65_536);
        for slow in [body(40, second * 2, true), body(3, Duration::ZERO, false), body(0, second, false)] {
            let began = Instant::now();
            let problem = coming(slow).await.unwrap_err();
            assert_eq!(problem.told().kind.facts().0.as_u16(), 408);
            assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
        }
        // Enough comes all the time, and not all of it in time.
        assert!(coming(body(500, Duration::from_millis(500), true)).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_keeps_its_place_until_its_end_and_no_longer_than_two_minutes() {
        let (places, second) = (Places::default(), Duration::from_secs(1));
        let endless = || Response::new(Body::from_stream(futures_util::stream::pending::<Result<Bytes, Infallible>>()));
        let unread = holding(endless(), Some(places.take("a").await.unwrap()));
        let left = holding(endless(), Some(places.take("a").await.unwrap()));
        let whole = holding(Response::new(Body::from("all of it")), Some(places.take("b").await.unwrap()));
        tokio::time::sleep(second).await;
        assert_eq!(places.free(), PLACES - 3);
        drop(left);
        assert_eq!(axum::body::to_bytes(whole.into_body(), 1 << 10).await.unwrap(), "all of it");
        tokio::time::sleep(second).await;
        assert_eq!(places.free(), PLACES - 1);
        tokio::time::sleep(GOING - second * 3).await;
        assert_eq!(places.free(), PLACES - 1, "it may still be read");
        tokio::time::sleep(second * 2).await;
        assert_eq!(places.free(), PLACES, "it has had its time");
        drop(unread);
    }

    #[test]
    fn only_pictures_make_a_body_large() {
        let refused = |body: &str, usual: usize| {
            let problem = check(body.as_bytes(), usual).err();
            problem.map_or(200, |problem| problem.told().kind.facts().0.as_u16())
        };
        let picture = format!("[\"data:image/png;base64,{}\"]", "A".repeat(5000));
        assert_eq!((refused(&picture, 1000), refused(&picture.replace("data", "dada"), 1000)), (200, 413));
        assert_eq!(refused(&format!("{picture}{}", " ".repeat(1000)), 1000), 413);
        let zeros = |count: usize| format!("[{}]", vec!["0"; count].join(","));
        assert_eq!((refused(&zeros(MOST_VALUES - 1), 1 << 20), refused(&zeros(MOST_VALUES), 1 << 20)), (200, 422));
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_has_its_share_of_the_places_and_no_more() {
        let places = Places::default();
        let mut taken = vec![places.take("a").await.unwrap(), places.take("a").await.unwrap()];
        assert!(places.take("a").await.is_err(), "it has waited");
        assert_eq!(places.free(), PLACES - PLACES_OF_ONE);
        for account in ["b", "c", "d"] {
            taken.extend([places.take(account).await.unwrap(), places.take(account).await.unwrap()]);
        }
        assert!(places.take("e").await.is_err(), "there are no more");
        drop(taken.remove(0));
        assert!(places.take("e").await.is_ok());
        taken.clear();
        assert_eq!(places.free(), PLACES);
        assert!(places.take("f").await.is_ok());
        assert_eq!(places.of_accounts.lock().unwrap().len(), 1, "whoever has none is forgotten");
    }
}

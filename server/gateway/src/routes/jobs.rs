//! Jobs: work that is kept until it is done. A job is in the store before its answer leaves.

mod following;

use crate::auth::{Principal, check};
use crate::error::{Kind, Problem, ProblemBody};
use crate::extract::{Asked, Id, Valid};
use crate::quotas;
use crate::routes::actions::permit_model;
use crate::routes::documents::{FileName, check_size, name_of};
use crate::routes::{List, time};
use crate::state::Gateway;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use engine::jobs::{JobFile, JobInput, JobKind, MOST_FILES};
use engine::store::accounts::Role;
use engine::store::idempotency::Once;
use engine::store::jobs::{Job, JobEvent, JobFilter, JobState, NewJob};
use engine::store::now_ms;
use following::Following;
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::convert::Infallible;
use utoipa::ToSchema;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = JobKind)]
pub(crate) enum KindName {
    /// Says what is wrong.
    Check,
    /// Writes the documentation that is missing.
    Document,
    /// Makes documentation true again.
    UpdateDocs,
    /// Has a model remark on what changed.
    Review,
}

impl From<KindName> for JobKind {
    fn from(kind: KindName) -> Self {
        match kind {
            KindName::Check => Self::Check,
            KindName::Document => Self::Document,
            KindName::UpdateDocs => Self::UpdateDocs,
            KindName::Review => Self::Review,
        }
    }
}

/// How far a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = JobState)]
pub(crate) enum StateName {
    /// It waits.
    Queued,
    /// It is being done.
    Running,
    /// It is done.
    Succeeded,
    /// It cannot be done.
    Failed,
    /// Somebody ended it.
    Cancelled,
    /// It was tried as often as is allowed.
    Dead,
}

impl From<JobState> for StateName {
    fn from(state: JobState) -> Self {
        match state {
            JobState::Queued => Self::Queued,
            JobState::Running => Self::Running,
            JobState::Succeeded => Self::Succeeded,
            JobState::Failed => Self::Failed,
            JobState::Cancelled => Self::Cancelled,
            JobState::Dead => Self::Dead,
        }
    }
}

impl From<StateName> for JobState {
    fn from(state: StateName) -> Self {
        match state {
            StateName::Queued => Self::Queued,
            StateName::Running => Self::Running,
            StateName::Succeeded => Self::Succeeded,
            StateName::Failed => Self::Failed,
            StateName::Cancelled => Self::Cancelled,
            StateName::Dead => Self::Dead,
        }
    }
}

/// A text of a job.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "path": "src/orders.py", "text": "def total(prices):\n    return sum(prices)\n" }))]
pub(crate) struct JobText {
    /// The name of the file.
    path: FileName,
    /// What is in it.
    #[schema(max_length = 2_000_000, example = "def total(prices):\n    return sum(prices)\n")]
    text: String,
    /// What was in it before, for a review, which is of what changed since; left out where the file is new. No other job looks at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 2_000_000, example = "def total(prices):\n    return 0\n")]
    before: Option<String>,
}

impl JobText {
    /// Refuses what no job can be done with. `place` is where the text stands in the body.
    fn check(&self, gateway: &Gateway, place: &str) -> Result<(), Problem> {
        name_of(gateway, &self.path, &self.text, place)?;
        check_size(gateway, self.before.as_deref().unwrap_or_default(), &format!("{place}/before"))
    }
}

/// What is to be done.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "kind": "check", "files": [{ "path": "src/orders.py", "text": "def total(prices):\n    return sum(prices)\n" }] }))]
pub(crate) struct JobRequest {
    /// What.
    kind: KindName,
    /// With which texts.
    #[schema(min_items = 1, max_items = 500)]
    files: Vec<JobText>,
    /// Among those of the same account, higher ones are done first; 0 where it is left out.
    #[schema(minimum = -10, maximum = 10)]
    priority: Option<i64>,
}

/// A job.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobView {
    /// Its id.
    id: String,
    /// What is done.
    kind: String,
    /// Whose it is.
    account: String,
    /// How far it is.
    state: StateName,
    /// In a hundred.
    #[schema(minimum = 0, maximum = 100)]
    progress: i64,
    /// What is being done.
    message: String,
    /// How often it was begun.
    attempts: i64,
    /// What came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Value>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// When it was asked for.
    #[schema(format = "date-time")]
    created_at: String,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    finished_at: Option<String>,
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        Self {
            id: job.id,
            kind: job.kind,
            account: job.account,
            state: job.state.into(),
            progress: job.progress,
            message: job.message,
            attempts: job.attempts,
            result: job.result,
            error: job.error,
            created_at: time(job.created_at),
            finished_at: job.finished_at.map(time),
        }
    }
}

/// Which jobs are wanted.
#[derive(Debug, Deserialize, ToSchema, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only those that are so far.
    #[param(example = "succeeded")]
    state: Option<StateName>,
    /// Only those that do this.
    #[param(example = "check")]
    kind: Option<KindName>,
    /// The `next` of the part before.
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

/// Jobs, the newest first: mine, or all where the role sees them. Results are left out; ask for the job.
#[utoipa::path(get, path = "/jobs", tag = "jobs", operation_id = "jobs.list",
    extensions(("x-group" = json!("jobs.read"))), params(Wanted), responses(
    (status = 200, description = "A part of them", body = List<JobView>),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody)))]
pub(crate) async fn list(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<List<JobView>>, Problem> {
    let sees_all = sees_all(&principal);
    let filter = JobFilter {
        account: (!sees_all).then(|| principal.account.id.clone()),
        state: wanted.state.map(Into::into),
        kind: wanted.kind.map(|kind| JobKind::from(kind).name().to_owned()),
    };
    let after = wanted.after.as_deref().filter(|after| !after.is_empty());
    let page = gateway.store().jobs(filter, after, wanted.limit.unwrap_or(50)).await?;
    let short = |job: Job| JobView { result: None, ..JobView::from(job) };
    Ok(Json(List { items: page.items.into_iter().map(short).collect(), next: page.next }))
}

/// Asks for a job. The same `Idempotency-Key` with the same body gives the same job, for a day.
///
/// A `review` asks a model, on behalf of the account, for each file whose `text` is another than its `before`, and for each that has none, for it is new: only
/// who may ask models gets it, and a token needs the scope `models` too. A change of more than 48 KiB with its line numbers is refused. The result has for each
/// file the `remarks`, each with a `range`, a `severity` and a `message`, or why there is none (`why_none`, and in words `problem` where it was refused); which
/// remarks of the model were left out, and why (`left_out`); and which model it was (`model`).
#[utoipa::path(post, path = "/jobs", tag = "jobs", operation_id = "jobs.create",
    extensions(("x-group" = json!("jobs.write"))),
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes it safe to ask again", min_length = 1, max_length = 128, pattern = "^[!-~]+$", example = "the-build-of-today")),
    request_body = JobRequest, responses(
    (status = 202, description = "The job; it is kept from now on", body = JobView, headers(("Location" = String, description = "Where it is"))),
    (status = 400, description = "Not as it has to be", body = ProblemBody),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 409, description = "The key stands for another body, or for what is kept no longer", body = ProblemBody),
    (status = 413, description = "Too large", body = ProblemBody), (status = 415, description = "No JSON", body = ProblemBody)))]
pub(crate) async fn create(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    headers: HeaderMap,
    Valid(body): Valid<JobRequest>,
) -> Result<Response, Problem> {
    if body.files.len() > MOST_FILES {
        return Err(Problem::new(Kind::Invalid, format!("A job has {MOST_FILES} files at most.")).at("/files"));
    }
    if body.kind == KindName::Review {
        permit_model(&gateway, &principal, "jobs", "A review").await?;
    }
    for (number, file) in body.files.iter().enumerate() {
        file.check(&gateway, &format!("/files/{number}"))?;
    }
    let account = &principal.account.id;
    let key = match headers.get("idempotency-key").map(|key| key.to_str()) {
        None => None,
        // Blanks around it are none of it, as HTTP has it; those within it would be.
        Some(Ok(key)) if (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Some(key.to_owned())
        }
        Some(_) => return Err(Problem::new(Kind::Invalid, "An `Idempotency-Key` has 1 to 128 visible characters.")),
    };
    // Only where there is a key does anybody ask whether the request is the same.
    let key = key.map(|key| (key, blake3::hash(&serde_json::to_vec(&body).unwrap_or_default()).to_hex().to_string()));
    let new = wanted(account, body)?;
    let most_waiting = quotas::waiting_jobs(&gateway);
    let job = match key {
        None => gateway.store().create_job(new, most_waiting).await?,
        Some((key, hash)) => match gateway.store().create_job_once(new, &key, &hash, now_ms(), most_waiting).await? {
            Once::Made(job) | Once::Same(job) => job,
            Once::Gone => {
                let said = "What was made with this `Idempotency-Key` is kept no longer.";
                return Err(Problem::new(Kind::Conflict, said));
            }
            Once::Mismatch => {
                let said = "This `Idempotency-Key` was used with another body.";
                return Err(Problem::new(Kind::Conflict, said));
            }
        },
    };
    gateway.tell_of_a_job();
    let view = JobView::from(job);
    let place = format!("/api/v2/jobs/{}", view.id);
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, place)], Json(view)).into_response())
}

/// What the store is to keep.
fn wanted(account: &str, body: JobRequest) -> Result<NewJob, Problem> {
    let file = |file: JobText| JobFile { path: file.path.0, text: file.text, before: file.before };
    let input = serde_json::to_value(JobInput { files: body.files.into_iter().map(file).collect() })
        .map_err(|error| Problem::new(Kind::Internal, format!("A job could not be written down: {error}.")))?;
    let kind = JobKind::from(body.kind);
    Ok(NewJob {
        kind: kind.name().to_owned(),
        account: account.to_owned(),
        priority: body.priority.unwrap_or(0),
        input,
        max_attempts: kind.tries(),
        run_at: None,
    })
}

/// A job that the principal may see or end, with what it was given and what came of it.
pub(crate) async fn of(gateway: &Gateway, principal: &Principal, operation: &str, id: &str) -> Result<Job, Problem> {
    let job = gateway.store().job(id).await?;
    permitted(gateway, principal, operation, id, job).await
}

/// The same without either, for whoever shows neither.
async fn short_of(gateway: &Gateway, principal: &Principal, operation: &str, id: &str) -> Result<Job, Problem> {
    let job = gateway.store().job_in_short(id).await?;
    permitted(gateway, principal, operation, id, job).await
}

async fn permitted(
    gateway: &Gateway,
    principal: &Principal,
    operation: &str,
    id: &str,
    job: Option<Job>,
) -> Result<Job, Problem> {
    let job = job.ok_or_else(|| Problem::missing("job", id))?;
    // Whoever may not see it learns nothing of it.
    check(gateway, principal, operation, id, &job.account)
        .await
        .map_err(|problem| if problem.is_denial() { Problem::missing("job", id) } else { problem })?;
    Ok(job)
}

/// A job, with what came of it.
#[utoipa::path(get, path = "/jobs/{id}", tag = "jobs", operation_id = "jobs.show",
    extensions(("x-group" = json!("jobs.read"))),
    params(("id" = String, Path, description = "The job", format = "uuid", example = "0192f0c1-7d5e-7000-8000-000000000000")), responses(
    (status = 200, description = "The job", body = JobView),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 404, description = "Not there", body = ProblemBody)))]
pub(crate) async fn show(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Id(id): Id,
) -> Result<Json<JobView>, Problem> {
    let job = gateway.store().job_without_input(&id).await?;
    permitted(&gateway, &principal, "jobs.show", &id, job).await.map(|job| Json(job.into()))
}

/// Ends a job: at once where it waits, soon where it is being done. One that has ended stays as it is.
#[utoipa::path(delete, path = "/jobs/{id}", tag = "jobs", operation_id = "jobs.cancel",
    extensions(("x-group" = json!("jobs.write"))),
    params(("id" = String, Path, description = "The job", format = "uuid", example = "0192f0c1-7d5e-7000-8000-000000000000")), responses(
    (status = 202, description = "The job as it is now", body = JobView),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 404, description = "Not there", body = ProblemBody)))]
pub(crate) async fn cancel(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Id(id): Id,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    short_of(&gateway, &principal, "jobs.cancel", &id).await?;
    gateway.store().cancel_job(&id).await?;
    let job = gateway.store().job_without_input(&id).await?.ok_or_else(|| Problem::missing("job", &id))?;
    Ok((StatusCode::ACCEPTED, Json(job.into())))
}

/// What happens to a job, as server-sent events, until it has ended. `Last-Event-ID` goes on behind that event.
#[utoipa::path(get, path = "/jobs/{id}/events", tag = "jobs", operation_id = "jobs.events",
    extensions(("x-group" = json!("jobs.read"))),
    params(("id" = String, Path, description = "The job", format = "uuid", example = "0192f0c1-7d5e-7000-8000-000000000000")), responses(
    (status = 200, description = "Events named `job`, each with the job's state, progress and message", body = String, content_type = "text/event-stream"),
    (status = 401, description = "Not signed in", body = ProblemBody), (status = 403, description = "Not allowed", body = ProblemBody),
    (status = 404, description = "Not there", body = ProblemBody)))]
pub(crate) async fn events(
    State(gateway): State<Gateway>,
    Extension(principal): Extension<Principal>,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    short_of(&gateway, &principal, "jobs.events", &id).await?;
    let from = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).unwrap_or(0);
    let following = Following::begin(&gateway, &principal, id, from).await?;
    let events = futures_util::stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok(told(&event)), following))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

/// Whether somebody sees to the jobs of all.
pub(crate) fn sees_all(principal: &Principal) -> bool {
    matches!(principal.account.role, Role::Maintainer | Role::Admin)
}

/// What is said of an event.
pub(crate) fn event_data(event: &JobEvent) -> serde_json::Value {
    let state = StateName::from(event.state);
    serde_json::json!({ "job": event.job, "state": state, "progress": event.progress, "message": event.message })
}

/// An event as it is sent.
fn told(event: &JobEvent) -> Event {
    Event::default().event("job").id(event.seq.to_string()).data(event_data(event).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::Service;
    use serde_json::json;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_job_is_shown_and_cancelled_without_a_look_at_its_input() {
        let service = Service::new().await;
        let token = service.account("dev", Role::Developer).await;
        let store = service.gateway.store();
        let account = store.account_by_name("dev").await.unwrap().unwrap().id;
        // Nested deeper than JSON is read.
        let input = (0..200).fold(Value::Null, |inner, _| json!([inner]));
        let new = NewJob { kind: "check".to_owned(), account, priority: 0, input, max_attempts: 3, run_at: None };
        let id = store.create_job(new, None).await.unwrap().id;
        assert!(store.job(&id).await.is_err(), "the control: whoever reads it fails");
        let place = format!("/api/v2/jobs/{id}");
        for (method, state) in [("GET", "queued"), ("DELETE", "cancelled")] {
            let told = service.send(method, &place, &token, None).await;
            assert!(told.status.is_success() && told.json()["state"] == state, "{told:?}");
        }
    }
}

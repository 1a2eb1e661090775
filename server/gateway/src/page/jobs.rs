//! Jobs: those there are, a new one from typed text or chosen files, one as it goes, and what came of it.

use super::render::{may, page, with_problem};
use super::{Form, Visitor, differences};
use crate::auth::secrets;
use crate::error::{Kind, Problem};
use crate::extract::{Asked, Id, fitting};
use crate::routes::jobs::{self, JobView};
use crate::routes::{Wanted, time};
use crate::state::Gateway;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use engine::jobs::JobInput;
use engine::store::jobs::Job;
use serde_json::{Value, json};

/// Files of a job that are shown; the interface has all.
const MOST_SHOWN: usize = 100;
/// Lines of differences, and findings, that are shown of all files together: more nobody reads, and a browser takes long for it.
const MOST_LINES: usize = 3000;
/// Bytes of new texts that are shown whole, of all files together.
const MOST_TEXT: usize = 500_000;

/// Jobs, the newest first.
pub(super) async fn list(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    RawQuery(query): RawQuery,
    wanted: Asked<Wanted>,
) -> Result<Response, Problem> {
    let list = jobs::list(State(gateway.clone()), Extension(visitor.principal.clone()), wanted).await?.0;
    let mut context = json!(list);
    context["may_create"] = json!(may(&gateway, &visitor, "jobs.create"));
    context["is_first"] = json!(query.is_none_or(|query| query.is_empty()));
    Ok(page(&gateway, Some(&visitor), "jobs.html", "/jobs", context))
}

/// The form for a new one.
pub(super) async fn new_form(State(gateway): State<Gateway>, Extension(visitor): Extension<Visitor>) -> Response {
    let context = json!({ "once": secrets::number(), "kind": "update-docs", "path": "", "text": "" });
    page(&gateway, Some(&visitor), "job_new.html", "/jobs", context)
}

/// Asks for one. A form that is sent twice makes one job.
pub(super) async fn create(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Extension(form): Extension<Form>,
) -> Response {
    match created(&gateway, &visitor, &form).await {
        Ok(place) => Redirect::to(&place).into_response(),
        Err(problem) => {
            let context = json!({
                "once": secrets::number(), "kind": form.text("kind"), "path": form.text("path"), "text": form.text("text"),
            });
            with_problem(&gateway, Some(&visitor), "job_new.html", "/jobs", context, &problem)
        }
    }
}

async fn created(gateway: &Gateway, visitor: &Visitor, form: &Form) -> Result<String, Problem> {
    let mut files: Vec<Value> = form.files.iter().map(|(path, text)| json!({ "path": path, "text": text })).collect();
    if let Some(text) = form.typed("text") {
        let path = form.typed("path").ok_or_else(|| {
            Problem::new(
                Kind::Invalid,
                "Say how the file of the text is called; its ending says which language it is in.",
            )
            .at("/path")
        })?;
        // Browsers send the ends of lines of a text field as CR and LF.
        files.push(json!({ "path": path.trim(), "text": text.replace("\r\n", "\n") }));
    }
    if files.is_empty() {
        return Err(Problem::new(Kind::Invalid, "Type a text or choose files.").at("/text"));
    }
    for file in &files {
        let path = file["path"].as_str().unwrap_or_default();
        if engine::syntax::language::Language::from_path(path.as_ref()).is_none() {
            let detail = format!(
                "The file `{path}` is in no language that is understood here; its ending says which one it is."
            );
            return Err(Problem::new(Kind::Invalid, detail).at("/path"));
        }
    }
    let body = fitting(json!({ "kind": form.text("kind"), "files": files }))?;
    let mut headers = HeaderMap::new();
    if let Some(Ok(once)) = form.typed("once").map(str::parse) {
        headers.insert("idempotency-key", once);
    }
    let principal = Extension(visitor.principal.clone());
    let made = jobs::create(State(gateway.clone()), principal, headers, body).await?;
    let bytes = axum::body::to_bytes(made.into_body(), usize::MAX).await;
    let made: Value = bytes.ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    Ok(format!("/jobs/{}", made["id"].as_str().unwrap_or_default()))
}

/// One, with what came of it.
pub(super) async fn show(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id,
) -> Result<Response, Problem> {
    let job = jobs::of(&gateway, &visitor.principal, "jobs.show", &id).await?;
    let files = files_of(&gateway, &visitor, &job).await?;
    let is_over = job.state.is_final();
    let is_of_another = job.account != visitor.principal.account.id;
    let started_at = job.started_at.map(time);
    let context = json!({
        "job": JobView::from(Job { result: None, ..job }), "files": files.0, "more_files": files.1, "is_over": is_over, "started_at": started_at,
        "is_of_another": is_of_another, "may_cancel": !is_over && may(&gateway, &visitor, "jobs.cancel"),
    });
    Ok(page(&gateway, Some(&visitor), "job.html", "/jobs", context))
}

/// What came of each file, with the differences to what was given, and how many files are not shown.
async fn files_of(gateway: &Gateway, visitor: &Visitor, job: &Job) -> Result<(Vec<Value>, usize), Problem> {
    let done = job.result.as_ref().and_then(|result| result["files"].as_array()).map(Vec::as_slice).unwrap_or_default();
    let given = serde_json::from_value::<JobInput>(job.input.clone()).map(|input| input.files).unwrap_or_default();
    let core = gateway.core(&visitor.principal.account.id);
    let (mut lines, mut bytes) = (MOST_LINES, MOST_TEXT);
    let mut files = Vec::new();
    for (number, file) in done.iter().take(MOST_SHOWN).enumerate() {
        let mut shown = json!({ "path": file["path"], "problem": file["problem"], "written": file["written"], "mended": file["mended"] });
        if let Some(findings) = file["diagnostics"].as_array() {
            shown["diagnostics"] = findings.iter().take(lines).cloned().collect();
            shown["is_cut"] = json!(findings.len() > lines);
            lines = lines.saturating_sub(findings.len());
        } else if let Some(remarks) = file["remarks"].as_array() {
            shown["remarks"] = remarks.iter().take(lines).cloned().collect();
            shown["is_cut"] = json!(remarks.len() > lines);
            shown["why_none"] = file["why_none"].clone();
            lines = lines.saturating_sub(remarks.len());
        } else if let (Some(after), Some(before)) = (file["text"].as_str(), given.get(number)) {
            shown["is_changed"] = json!(true);
            if lines > 0 {
                let difference = differences::between(&core, before.text.clone(), after.to_owned(), lines).await?;
                lines = lines.saturating_sub(difference["lines"].as_array().map_or(0, Vec::len));
                shown["difference"] = difference;
            }
            if after.len() <= bytes {
                bytes -= after.len();
                shown["text"] = json!(after);
            }
        }
        files.push(shown);
    }
    Ok((files, done.len().saturating_sub(MOST_SHOWN)))
}

/// Ends one.
pub(super) async fn cancel(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    Id(id): Id,
) -> Result<Redirect, Problem> {
    let place = format!("/jobs/{id}");
    let _ended = jobs::cancel(State(gateway), Extension(visitor.principal), Id(id)).await?;
    Ok(Redirect::to(&place))
}

/// What happens to one, for the script of its page.
pub(super) async fn events(
    State(gateway): State<Gateway>,
    Extension(visitor): Extension<Visitor>,
    id: Id,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    jobs::events(State(gateway), Extension(visitor.principal), id, headers).await.map(IntoResponse::into_response)
}

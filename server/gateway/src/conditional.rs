//! Answers that a client may have already: each JSON that is read gets a strong ETag, which is a hash of its bytes, and who shows it again is
//! told that it still holds.
//!
//! Never keeps anything, and never holds back what comes piece by piece or is too large to be looked at.

use axum::body::{Body, HttpBody};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;

/// Bytes of an answer that is looked at.
const LARGEST: u64 = 8 << 20;

/// What a request says of answers that its client has.
#[derive(Debug)]
pub(crate) struct Known(Vec<HeaderValue>);

impl Known {
    /// Reads it; `None` where the request does not only read.
    pub fn of(method: &Method, headers: &HeaderMap) -> Option<Self> {
        // To HEAD no bytes are sent that could be hashed.
        (method == Method::GET).then(|| Self(headers.get_all(header::IF_NONE_MATCH).iter().cloned().collect()))
    }

    /// Whether one of them is this answer. They are compared weakly, as RFC 9110 wants it for reading.
    fn has(&self, tag: &str) -> bool {
        let lines = self.0.iter().filter_map(|line| line.to_str().ok());
        lines
            .flat_map(|line| line.split(','))
            .map(str::trim)
            .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
    }
}

/// The answer with its ETag, or only the news that it still holds. `is_private` says whether it is for whoever asked alone.
pub(crate) async fn conditional(known: &Known, is_private: bool, response: Response) -> Response {
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let is_bounded = response.body().size_hint().upper().is_some_and(|size| size <= LARGEST);
    if response.status() != StatusCode::OK || !is_json || !is_bounded {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = match axum::body::to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        // A body in memory cannot fail; one that does is sent as what is left of it, without a tag.
        Err(_) => return Response::from_parts(parts, Body::empty()),
    };
    let tag = format!("\"{}\"", blake3::hash(&bytes).to_hex().get(..32).unwrap_or_default());
    if let Ok(value) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, value);
    }
    // It may be kept, and is asked for anew each time.
    let (kept, vary) = match is_private {
        true => ("private, no-cache", Some("authorization")),
        false => ("no-cache", None),
    };
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(kept));
    if let Some(vary) = vary {
        parts.headers.append(header::VARY, HeaderValue::from_static(vary));
    }
    if known.has(&tag) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(known: &str, kind: &'static str, body: Body) -> Response {
        let mut headers = HeaderMap::new();
        if !known.is_empty() {
            headers.append(header::IF_NONE_MATCH, known.parse().unwrap());
        }
        let known = Known::of(&Method::GET, &headers).unwrap();
        let response = Response::builder().header(header::CONTENT_TYPE, kind).body(body).unwrap();
        conditional(&known, true, response).await
    }

    #[tokio::test]
    async fn who_has_it_is_told_so_and_who_has_another_gets_it() {
        let first = asked("", "application/json", Body::from("{}")).await;
        assert_eq!(
            (first.status(), &first.headers()[header::CACHE_CONTROL]),
            (StatusCode::OK, &HeaderValue::from_static("private, no-cache"))
        );
        let tag = first.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert!(tag.len() == 34 && tag.starts_with('"'), "{tag}");
        for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}"), "*".to_owned()] {
            let again = asked(&known, "application/json", Body::from("{}")).await;
            assert_eq!(
                (again.status(), again.headers().get(header::CONTENT_TYPE)),
                (StatusCode::NOT_MODIFIED, None),
                "{known}"
            );
            assert_eq!(again.headers()[header::ETAG], tag.as_str());
            assert!(axum::body::to_bytes(again.into_body(), 9).await.unwrap().is_empty());
        }
        for known in [tag.trim_matches('"').to_owned(), "\"x\"".to_owned(), format!("w/{tag}")] {
            assert_eq!(asked(&known, "application/json", Body::from("{}")).await.status(), StatusCode::OK, "{known}");
        }
        assert_eq!(asked(&tag, "application/json", Body::from("{} ")).await.status(), StatusCode::OK, "another body");
    }

    #[tokio::test]
    async fn what_is_no_json_or_has_no_end_is_left_as_it_is() {
        let endless = Body::from_stream(futures_util::stream::repeat(Ok::<_, std::convert::Infallible>("x")));
        for (kind, body) in [("text/event-stream", Body::from("data")), ("application/json", endless)] {
            let response = asked("*", kind, body).await;
            assert_eq!((response.status(), response.headers().get(header::ETAG)), (StatusCode::OK, None), "{kind}");
        }
        assert!(
            Known::of(&Method::POST, &HeaderMap::new()).is_none()
                && Known::of(&Method::HEAD, &HeaderMap::new()).is_none()
        );
    }
}

//! The document of the interface as a page to read and to try things out: Scalar, which this program brings along, so that nothing is fetched from
//! anywhere else. Its styles are written by its script, which is all that this page allows more than the others.

use super::assets;
use super::render::protect;
use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};

/// Only what is ours is run and asked. Scalar writes styles into the page, and shows fonts and pictures that it has in itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; \
                      connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// This document, to be read in a browser.
#[utoipa::path(get, path = "/docs", tag = "service", operation_id = "service.docs", security(()),
    responses((status = 200, description = "A page", body = String, content_type = "text/html")))]
pub(crate) async fn docs() -> Response {
    let (scalar, start) = (assets::scalar(), assets::docs());
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>code-agent: the interface</title>\n</head>\n<body>\n\
         <div id=\"app\"></div>\n\
         <noscript><p>This page needs JavaScript; <a href=\"/api/v2/openapi.json\">the document itself</a> does not.</p></noscript>\n\
         <script src=\"{scalar}\"></script>\n<script src=\"{start}\"></script>\n</body>\n</html>\n"
    );
    let mut answer = Html(page).into_response();
    protect(answer.headers_mut());
    answer.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    answer
}

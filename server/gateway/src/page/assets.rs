//! What pages need beside their text: one style sheet and one script, both our own, and for the document of the interface Scalar, as its crate
//! brings it. Their names hold a hash of them, so that browsers may keep them.

use crate::error::{Kind, Problem};
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;

const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");
const DOCS: &str = include_str!("assets/docs.js");

struct Asset {
    path: String,
    mark: String,
}

fn asset_of(name: &str, kind: &str, text: &[u8]) -> Asset {
    let hash = blake3::hash(text).to_hex();
    let hash = hash.get(..16).unwrap_or_default();
    Asset { path: format!("/assets/{name}-{hash}.{kind}"), mark: format!("\"{hash}\"") }
}

static STYLE_ASSET: LazyLock<Asset> = LazyLock::new(|| asset_of("page", "css", STYLE.as_bytes()));
static SCRIPT_ASSET: LazyLock<Asset> = LazyLock::new(|| asset_of("page", "js", SCRIPT.as_bytes()));
static DOCS_ASSET: LazyLock<Asset> = LazyLock::new(|| asset_of("docs", "js", DOCS.as_bytes()));
/// Scalar itself; empty if its crate has none, which a test would see. Its crate copies megabytes whenever it is asked; so it is asked once, when somebody
/// first wants them, and all who read them share one copy.
static SCALAR: LazyLock<Bytes> =
    LazyLock::new(|| scalar_api_reference::get_asset("scalar.js").unwrap_or_default().into());
static SCALAR_ASSET: LazyLock<Asset> = LazyLock::new(|| asset_of("scalar", "js", &SCALAR));

/// The path of what starts Scalar.
pub(super) fn docs() -> &'static str {
    &DOCS_ASSET.path
}

/// The path of Scalar.
pub(super) fn scalar() -> &'static str {
    &SCALAR_ASSET.path
}

/// The path of the style sheet.
pub(super) fn style() -> &'static str {
    &STYLE_ASSET.path
}

/// The path of the script.
pub(super) fn script() -> &'static str {
    &SCRIPT_ASSET.path
}

/// An asset, unless the browser has it.
pub(super) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let is = |asset: &Asset| asset.path.strip_prefix("/assets/") == Some(&name);
    let own = [
        (&STYLE_ASSET, STYLE, "text/css; charset=utf-8"),
        (&SCRIPT_ASSET, SCRIPT, "text/javascript; charset=utf-8"),
        (&DOCS_ASSET, DOCS, "text/javascript; charset=utf-8"),
    ];
    if let Some((asset, text, kind)) = own.into_iter().find(|(asset, _, _)| is(asset)) {
        return Ok(unless_known(asset, kind, &headers, || Body::from(text)));
    }
    // Asked last, so that nobody else waits for its hash.
    if name.starts_with("scalar-") && is(&SCALAR_ASSET) {
        return Ok(unless_known(&SCALAR_ASSET, "text/javascript; charset=utf-8", &headers, || {
            Body::from(SCALAR.clone())
        }));
    }
    Err(Problem::new(Kind::NotFound, "There is no such file."))
}

fn unless_known(asset: &Asset, kind: &'static str, headers: &HeaderMap, body: impl FnOnce() -> Body) -> Response {
    let kept = [(header::ETAG, asset.mark.as_str()), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    let has_it = headers.get(header::IF_NONE_MATCH).is_some_and(|mark| mark.as_bytes() == asset.mark.as_bytes());
    match has_it {
        true => (StatusCode::NOT_MODIFIED, kept).into_response(),
        false => (kept, [(header::CONTENT_TYPE, kind)], body()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_who_read_scalar_share_its_bytes() {
        let read = async || {
            let name = scalar().strip_prefix("/assets/").unwrap().to_owned();
            let reply = asset(Path(name), HeaderMap::new()).await.unwrap();
            axum::body::to_bytes(reply.into_body(), usize::MAX).await.unwrap()
        };
        let (one, another) = (read().await, read().await);
        assert!(one.len() > 1 << 20 && one == another, "the control: {}", one.len());
        assert_eq!(one.as_ptr(), another.as_ptr());
    }
}

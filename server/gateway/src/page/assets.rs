//! What pages need beside their text: one style sheet and one script, both our own. Their names hold a hash of them, so that browsers may keep them.

use crate::error::{Kind, Problem};
use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::sync::LazyLock;

const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");

struct Asset {
    path: String,
    mark: String,
}

fn asset_of(name: &str, kind: &str, text: &str) -> Asset {
    let hash = blake3::hash(text.as_bytes()).to_hex();
    let hash = hash.get(..16).unwrap_or_default();
    Asset { path: format!("/assets/{name}-{hash}.{kind}"), mark: format!("\"{hash}\"") }
}

static STYLE_ASSET: LazyLock<Asset> = LazyLock::new(|| asset_of("page", "css", STYLE));
static SCRIPT_ASSET: LazyLock<Asset> = LazyLock::new(|| asset_of("page", "js", SCRIPT));

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
    let all =
        [(&STYLE_ASSET, STYLE, "text/css; charset=utf-8"), (&SCRIPT_ASSET, SCRIPT, "text/javascript; charset=utf-8")];
    let found = all.into_iter().find(|(asset, _, _)| asset.path.strip_prefix("/assets/") == Some(&name));
    let (asset, text, kind) = found.ok_or_else(|| Problem::new(Kind::NotFound, "There is no such file."))?;
    let kept = [(header::ETAG, asset.mark.as_str()), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    let has_it = headers.get(header::IF_NONE_MATCH).is_some_and(|mark| mark.as_bytes() == asset.mark.as_bytes());
    Ok(match has_it {
        true => (StatusCode::NOT_MODIFIED, kept).into_response(),
        false => (kept, [(header::CONTENT_TYPE, kind)], text).into_response(),
    })
}

//! What a handler gets of a request: bodies and queries that were held against their JSON Schema first.
//!
//! The schema is the one of the OpenAPI document, so that what is documented and what is accepted cannot differ.

use crate::error::{Kind, Problem};
use crate::state::{Config, Gateway};
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use jsonschema::Validator;
use rustc_hash::FxHashMap;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};
use utoipa::ToSchema;

/// Arrays and objects in each other; deeper bodies are refused before they are read.
const DEEPEST: usize = 32;

/// A JSON body that fulfils its schema.
#[derive(Debug)]
pub struct Valid<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + ToSchema> FromRequest<S> for Valid<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, state: &S) -> Result<Self, Problem> {
        check_json(&request)?;
        read(&whole(request, state).await?).map(Self)
    }
}

/// Refuses a body that does not say that it is JSON.
pub(crate) fn check_json(request: &Request<Body>) -> Result<(), Problem> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    match kind.eq_ignore_ascii_case("application/json") {
        true => Ok(()),
        false => Err(Problem::new(Kind::UnsupportedMediaType, "The body has to be JSON (`application/json`).")),
    }
}

/// All bytes of a body.
pub(crate) async fn whole<S: Send + Sync>(request: Request<Body>, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status().as_u16() {
        413 => Problem::new(Kind::TooLarge, "The body has more bytes than are allowed."),
        _ => Problem::new(Kind::Invalid, "The body could not be read to its end."),
    })
}

/// Reads a body.
pub(crate) fn read<T: DeserializeOwned + ToSchema>(bytes: &[u8]) -> Result<T, Problem> {
    if shape(bytes).deepest > DEEPEST {
        return Err(Problem::new(
            Kind::Invalid,
            format!("The body has more than {DEEPEST} arrays and objects in each other."),
        ));
    }
    let value: Value = serde_json::from_slice(bytes)
        .map_err(|error| Problem::new(Kind::Invalid, format!("The body is no JSON: {}.", place(&error))))?;
    held_against(&T::name(), value)
}

/// A query that fulfils its schema: numbers are read as numbers.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + ToSchema> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let query = parts.uri.query().unwrap_or("");
        let mut values = serde_json::Map::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let value = match value.parse::<i64>() {
                Ok(number) if number.to_string() == value => json!(number),
                _ => json!(value),
            };
            let name = name.into_owned();
            if values.insert(name.clone(), value).is_some() {
                return Err(
                    Problem::new(Kind::Invalid, format!("`{name}` stands twice in the query.")).at(format!("/{name}"))
                );
            }
        }
        held_against(&T::name(), Value::Object(values)).map(Self)
    }
}

/// A part of a path that is an id.
#[derive(Debug)]
pub struct Id(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let id = parts.uri.path().split('/').rfind(|part| part.contains('-') && part.len() == 36).unwrap_or("");
        let is_id = |id: &str| id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if id.is_empty() || !is_id(id) {
            return Err(Problem::new(Kind::NotFound, "There is nothing of this name; ids are UUIDs."));
        }
        Ok(Self(id.to_ascii_lowercase()))
    }
}

/// Where a request comes from: the address of the client, past the proxies that the settings name.
#[derive(Clone, Debug)]
pub struct ClientAddress(pub String);

impl FromRequestParts<Gateway> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Infallible> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip().to_string());
        let peer = peer.unwrap_or_else(|| "unknown".to_owned());
        Ok(Self(forwarded(&parts.headers, gateway.config().proxies).unwrap_or(peer)))
    }
}

/// How people reach the service, without a slash at the end: as the settings say, or by the host that the request names.
#[derive(Clone, Debug)]
pub struct PublicUrl(pub String);

impl FromRequestParts<Gateway> for PublicUrl {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Problem> {
        let config = gateway.config();
        if !config.public_url.is_empty() {
            return Ok(Self(config.public_url.trim_end_matches('/').to_owned()));
        }
        let host = host_of(&parts.uri, &parts.headers);
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
        if host.is_empty() || host.len() > 255 || !host.bytes().all(is_plain) {
            return Err(Problem::new(Kind::Invalid, "The request does not name the host of this service."));
        }
        Ok(Self(format!("{}://{host}", if config.is_tls { "https" } else { "http" })))
    }
}

impl PublicUrl {
    /// Whether it may be another one for others: it is of the host by which this request came, which may be a tunnel from this very machine, and a proxy
    /// may stand before this service, which serves no TLS itself.
    pub fn is_guessed(&self, config: &Config) -> bool {
        config.public_url.is_empty() && (!config.is_tls || self.is_of_this_machine())
    }

    fn is_of_this_machine(&self) -> bool {
        let rest = self.0.split_once("://").map_or(self.0.as_str(), |(_, rest)| rest);
        let host = match rest.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => rest.split(':').next().unwrap_or_default(),
        };
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

/// The host by which a request came; `?` where it is no text, and empty where the request names none.
fn host_of<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> &'a str {
    // With HTTP/2 the host stands before the path, and in no header.
    let named = headers.get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    uri.authority().map(Authority::as_str).or(named).unwrap_or_default()
}

/// Whether an origin that a browser names is of this service: of the host by which the request came, or of the public address, since a proxy before the service
/// may name another host to it.
pub(crate) fn is_own_origin(origin: &str, public_url: &str, uri: &Uri, headers: &HeaderMap) -> bool {
    let is_of_host = origin.split_once("://").is_some_and(|(_, host)| host.eq_ignore_ascii_case(host_of(uri, headers)));
    let is_public = !public_url.is_empty() && as_origin(public_url.trim_end_matches('/')) == as_origin(origin);
    is_of_host || is_public
}

/// An origin as browsers write it: in small letters, and without the port that its scheme has anyway.
fn as_origin(url: &str) -> String {
    let url = url.to_ascii_lowercase();
    let port = if url.starts_with("https://") { ":443" } else { ":80" };
    url.strip_suffix(port).unwrap_or(&url).to_owned()
}

/// A form that fulfils its schema (`application/x-www-form-urlencoded`): all of it are texts. What the schema does not know is passed over, as OAuth
/// wants it.
#[derive(Debug)]
pub struct Filled<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + ToSchema> FromRequest<S> for Filled<T> {
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            let said = "The body has to be a form (`application/x-www-form-urlencoded`).";
            return Err(Problem::new(Kind::UnsupportedMediaType, said));
        }
        let bytes = whole(request, state).await?;
        let mut values = serde_json::Map::new();
        let known = &crate::openapi::document_value()["components"]["schemas"][T::name().as_ref()]["properties"];
        for (name, value) in form_urlencoded::parse(&bytes) {
            // What is not known means nothing, however often it stands there.
            if known[name.as_ref()].is_null() {
                continue;
            }
            if values.insert(name.clone().into_owned(), json!(value)).is_some() {
                return Err(Problem::new(Kind::Invalid, "A field stands twice in the form."));
            }
        }
        held_against(&T::name(), Value::Object(values)).map(Self)
    }
}

/// What the outermost of our own proxies saw. What stands further left can be written by anybody.
fn forwarded(headers: &HeaderMap, proxies: usize) -> Option<String> {
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let all: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let address = all.get(all.len().checked_sub(proxies)?)?;
    address.parse::<IpAddr>().ok().map(|address| address.to_string())
}

/// What a body would be if it were built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    /// How deep arrays and objects stand in each other.
    deepest: usize,
    /// Values, or more than there are.
    pub values: usize,
    /// Bytes of all texts that are attached pictures.
    pub pictures: usize,
}

/// The shape of a body, found without building anything.
pub(crate) fn shape(bytes: &[u8]) -> Shape {
    let (mut depth, mut at) = (0usize, 0);
    // One value stands there without anything around it; each other one stands behind a bracket or a comma.
    let mut shape = Shape { values: 1, ..Shape::default() };
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => {
                let rest = bytes.get(at..).unwrap_or_default();
                let length = length_of_string(rest);
                if is_picture(rest) {
                    shape.pictures += length;
                }
                at += length;
            }
            b'[' | b'{' => {
                depth += 1;
                shape.deepest = shape.deepest.max(depth);
                shape.values += 1;
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            b',' => shape.values += 1,
            _ => {}
        }
    }
    shape
}

/// Whether a string, after its first quotation mark, is an attached picture. Some programs write no slash without an escape.
fn is_picture(text: &[u8]) -> bool {
    const SCHEME: &[u8] = b"data:image";
    const SLASHES: [&[u8]; 3] = [b"/", b"\\/", b"\\u002f"];
    let begins =
        |text: &[u8], with: &[u8]| text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with));
    let rest = text.get(SCHEME.len()..).unwrap_or_default();
    begins(text, SCHEME) && SLASHES.into_iter().any(|slash| begins(rest, slash))
}

/// The bytes of a string after its first quotation mark, with its last one. Texts are most of a body, so they are leapt over.
fn length_of_string(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(next) = bytes.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        match bytes.get(at + next) {
            Some(b'"') => return at + next + 1,
            _ => at += next + 2,
        }
    }
    bytes.len()
}

fn place(error: &serde_json::Error) -> String {
    format!("{error}").trim_end_matches('.').to_owned()
}

/// The validators of the document's schemas, made when they are first wanted.
static VALIDATORS: LazyLock<RwLock<FxHashMap<String, Option<Arc<Validator>>>>> = LazyLock::new(RwLock::default);

fn validator(name: &str) -> Option<Arc<Validator>> {
    if let Some(known) = VALIDATORS.read().unwrap_or_else(PoisonError::into_inner).get(name) {
        return known.clone();
    }
    let mut known = VALIDATORS.write().unwrap_or_else(PoisonError::into_inner);
    known
        .entry(name.to_owned())
        .or_insert_with(|| {
            let mut schema = json!({ "$ref": format!("#/components/schemas/{name}") });
            schema["components"] = crate::openapi::document_value()["components"].clone();
            jsonschema::draft202012::new(&schema).ok().map(Arc::new)
        })
        .clone()
}

/// A value as its type, held against the schema of that first: for what did not come as JSON.
pub(crate) fn fitting<T: DeserializeOwned + ToSchema>(value: Value) -> Result<Valid<T>, Problem> {
    held_against(&T::name(), value).map(Valid)
}

/// A value that fulfils the schema of this name, as its type.
fn held_against<T: DeserializeOwned>(name: &str, mut value: Value) -> Result<T, Problem> {
    let Some(validator) = validator(name) else {
        return Err(Problem::new(Kind::Internal, format!("The schema `{name}` is missing.")));
    };
    // Nearly all fulfil it; where and why one does not costs more to find out than that.
    if !validator.is_valid(&value)
        && let Some(error) = validator.iter_errors(&value).next()
    {
        // The value itself may be a password.
        let pointer = error.instance_path().to_string();
        return Err(
            Problem::new(Kind::Invalid, format!("{}.", error.masked().to_string().trim_end_matches('.'))).at(pointer)
        );
    }
    // `3.0` is an integer to JSON Schema.
    make_whole(&mut value);
    serde_json::from_value(value).map_err(|error| Problem::new(Kind::Invalid, format!("{}.", place(&error))))
}

fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(float) = number.as_f64()
                && float.fract() == 0.0
                && float.abs() < 9e15
            {
                *value = json!(float as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(make_whole),
        Value::Object(fields) => fields.values_mut().for_each(make_whole),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_that_of_the_structure_and_not_of_strings() {
        assert_eq!(shape(br#"{"a": [[1], "[[[[\"[["]}"#).deepest, 3);
        assert_eq!(shape("[".repeat(100_000).as_bytes()).deepest, 100_000);
        assert_eq!(shape(b"]]]]").deepest, 0);
    }

    #[test]
    fn values_and_pictures_are_counted_and_what_stands_in_strings_is_not() {
        let values = |json: &str| shape(json.as_bytes()).values;
        assert!((4..8).contains(&values(r#"{"a": [1, 2, 3]}"#)) && values("7") == 1);
        assert_eq!(values(&format!("[{}]", vec!["0"; 1000].join(","))), 1001);
        assert_eq!(values(r#"",,,,[[[[\",,,,""#), 1);
        let pictures = |json: &str| shape(json.as_bytes()).pictures;
        assert_eq!(pictures(r#"["data:image/png;base64,AAAA", "see data:image/png", "DATA:image/x"]"#), 27 + 13);
        assert_eq!(pictures(r#"[1, "data:imag"#), 0);
        assert_eq!(pictures(r#"["data:image\/png;base64,AA\/A", "data:image\u002Fx"]"#), 29 + 18);
        assert_eq!(pictures(r#"["data:image\\/png", "data:image\u002e", "data:imagex/"]"#), 0);
    }

    #[test]
    fn an_address_is_taken_from_our_own_proxies_and_from_nobody_else() {
        let mut headers = HeaderMap::new();
        assert_eq!(forwarded(&headers, 1), None);
        headers.append("x-forwarded-for", "6.6.6.6, 1.1.1.1".parse().unwrap());
        headers.append("x-forwarded-for", "2.2.2.2".parse().unwrap());
        assert_eq!(forwarded(&headers, 0), None);
        assert_eq!(forwarded(&headers, 1).as_deref(), Some("2.2.2.2"));
        assert_eq!(forwarded(&headers, 2).as_deref(), Some("1.1.1.1"));
        assert_eq!(forwarded(&headers, 4), None);
        headers.append("x-forwarded-for", "evil".parse().unwrap());
        assert_eq!(forwarded(&headers, 1), None);
    }

    #[test]
    fn an_address_of_the_request_may_be_wrong_for_others_where_something_may_stand_before_the_service() {
        let config = |public_url: &str, is_tls: bool| Config {
            signing_key: "key.pem".into(),
            max_body: 1,
            metrics: engine::config::sections::MetricsAccess::default(),
            proxies: 0,
            public_url: public_url.to_owned(),
            is_tls,
            oidc: None,
        };
        for (is_guessed, url, public_url, is_tls) in [
            (true, "http://team.example:7420", "", false),
            (true, "http://10.0.0.1", "", false),
            (true, "http://[2001:db8::1]:7420", "", false),
            (true, "http://localhost.example", "", false),
            (true, "", "", false),
            (true, "http://127.0.0.1:7420", "", false),
            (true, "https://localhost:7420", "", true),
            (true, "https://127.0.0.1:7420", "", true),
            (true, "https://[::1]:7420", "", true),
            (false, "https://localhost.example", "", true),
            (false, "https://team.example", "", true),
            (false, "https://team.example", "https://team.example/", false),
        ] {
            assert_eq!(PublicUrl(url.to_owned()).is_guessed(&config(public_url, is_tls)), is_guessed, "{url}");
        }
    }

    #[test]
    fn whole_numbers_are_integers() {
        let mut value = json!({ "a": [3.0, 2.5, 1e300] });
        make_whole(&mut value);
        assert_eq!(value, json!({ "a": [3, 2.5, 1e300] }));
    }
}

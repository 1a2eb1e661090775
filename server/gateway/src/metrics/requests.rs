//! Counts requests by the route that they matched, never by the path that was asked for: paths are without number.

use crate::state::Gateway;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::response::Response;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::gauge::Gauge;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span};

/// The methods that are told apart, as OpenTelemetry's conventions want it; all others are the last one.
pub(super) const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "_OTHER"];

/// A request and its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    http_request_method: &'static str,
    /// Empty where no route matched.
    http_route: Arc<str>,
    http_response_status_code: u16,
}

/// A request without its answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct MethodLabels {
    pub http_request_method: &'static str,
}

fn name_of(method: &Method) -> &'static str {
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

/// Counts a request and times its answer. Whoever goes away before the answer begins is not counted.
pub(crate) async fn counted<F: Future<Output = Response>>(
    gateway: &Gateway,
    request: Request,
    next: impl FnOnce(Request) -> F,
) -> Response {
    let began = Instant::now();
    let method = name_of(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let route: Arc<str> = route.into();
    let measures = gateway.measures();
    let active = Active::begin(measures.active.get_or_create_owned(&MethodLabels { http_request_method: method }));
    let span = span_of(gateway, &request, method, &route);
    let response = next(request).instrument(span.clone()).await;
    let status = response.status();
    // A signed number, which stays one on its way to the collector.
    span.record("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        span.record("error.type", status.as_str());
        span.record("otel.status_code", "ERROR");
    }
    let labels = RequestLabels {
        http_request_method: method,
        http_route: route,
        http_response_status_code: response.status().as_u16(),
    };
    measures.request(&labels, began.elapsed());
    response.map(|body| Body::new(Counted { body, _active: active }))
}

/// What a request is in a trace, as OpenTelemetry's conventions have it: by its route, and without a word of its own.
fn span_of(gateway: &Gateway, request: &Request, method: &'static str, route: &Arc<str>) -> Span {
    let span = tracing::info_span!(
        "http",
        otel.name = %Name(method, route),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = method,
        http.route = %route,
        http.response.status_code = Empty,
        error.type = Empty,
        code_agent.correlation = Empty,
    );
    let parent = request.headers().get("traceparent").and_then(|parent| parent.to_str().ok());
    if let (Some(join), Some(parent)) = (gateway.joiner(), parent) {
        join(&span, parent);
    }
    span
}

/// The name of a span: the method, and the route where there is one.
struct Name<'a>(&'static str, &'a str);

impl std::fmt::Display for Name<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(method, route) = self;
        if route.is_empty() { formatter.write_str(method) } else { write!(formatter, "{method} {route}") }
    }
}

/// A request that is under way, until it is dropped.
struct Active(Gauge);

impl Active {
    fn begin(gauge: Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// A body whose request is under way as long as it is sent.
struct Counted {
    body: Body,
    _active: Active,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

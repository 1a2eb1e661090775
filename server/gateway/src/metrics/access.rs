//! Who may read the figures without a token. They tell what models cost, so that is a program on this machine, or whoever the settings let in.
//!
//! A request that a proxy hands on comes from this machine too, and may be anybody's. So whatever tells of a proxy counts as one, and the name that
//! was asked for has to be one of this machine, which a web page that points its own name here cannot have.

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, header};
use engine::config::sections::MetricsAccess;
use std::net::{IpAddr, SocketAddr};

/// What proxies add, besides all that begins with `x-forwarded-`.
const OF_PROXIES: [&str; 8] = [
    "forwarded",
    "via",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "true-client-ip",
    "cf-connecting-ip",
];

/// Whether a request needs no token. One that shows a token is judged by it.
pub(crate) fn needs_no_token(access: MetricsAccess, request: &Request) -> bool {
    if request.headers().contains_key(header::AUTHORIZATION) {
        return false;
    }
    match access {
        MetricsAccess::Open => true,
        MetricsAccess::Token => false,
        MetricsAccess::Local => {
            let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
            let host = request.uri().host().or_else(|| request.headers().get(header::HOST)?.to_str().ok());
            peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback())
                && host.is_some_and(names_this_machine)
                && !tells_of_a_proxy(request.headers())
        }
    }
}

fn tells_of_a_proxy(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| OF_PROXIES.contains(&name.as_str()) || name.as_str().starts_with("x-forwarded-"))
}

fn names_this_machine(host: &str) -> bool {
    // Without the port, and an address of version 6 without its brackets.
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.split(':').next().unwrap_or(""),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

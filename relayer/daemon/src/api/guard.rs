//! Who may ask, and for how long: the outermost layer of every request.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use causeway_adapter_hosted::tls::Role;

use super::{App, Problem, app::Access, page, serve::Caller};
use crate::metrics;

/// Addresses that answer anyone.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];
/// Acts of those who watch, not of those who transfer.
const OVERSIGHT: [&str; 4] = [
    page::ACKNOWLEDGE,
    "/v1/alarms/{id}/acknowledge",
    "/v1/lanes/{chain}/{lane}/pause",
    "/v1/lanes/{chain}/{lane}/unpause",
];
/// Acts of those who run devices and feeds, and of members.
const OF_DEVICES: [&str; 13] = [
    "/v1/devices",
    "/v1/devices/{did}/rekey",
    "/v1/devices/{did}/revoke",
    "/v1/devices/{did}/slash",
    "/v1/devices/{did}/exit",
    "/v1/devices/{did}/withdraw",
    "/v1/market",
    "/v1/market/purchases",
    "/v1/market/funds",
    "/v1/market/earnings",
    "/v1/feeds/{feed}/request",
    "/v1/feeds/{feed}/mark-stale",
    "/v1/sessions",
];
/// Says which readings were useful, for money that is others'.
const OF_OPERATORS: [&str; 1] = ["/v1/market/rewards"];
/// Votes of organisations, with a certificate that speaks for one.
const OF_MEMBERS: [&str; 4] = [
    "/v1/sealed/keys",
    "/v1/members/proposals",
    "/v1/members/proposals/{number}/vote",
    "/v1/members/proposals/{number}/execute",
];
/// Have their own life time.
const STREAMS: [&str; 2] = ["/v1/events", "/v1/log/events"];

pub(super) async fn guard(
    State(app): State<Arc<App>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    // The pattern, not the address: the number of metrics stays bounded.
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("none", MatchedPath::as_str);
    let route = route.to_owned();
    let response = match allowed(&app, &caller, &request, &route) {
        Err(problem) => page::refused(request.uri(), request.headers(), problem),
        Ok(()) => run(&app, &route, request, next).await,
    };
    let response = hardened(response);
    metrics::request(route, response.status().as_u16(), began.elapsed());
    response
}

async fn run(app: &App, route: &str, request: Request, next: Next) -> Response {
    if STREAMS.contains(&route) {
        return next.run(request).await;
    }
    let limit = app.limits.request_timeout;
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("the request took longer than {limit:?}");
            let what = "look whether it had an effect before repeating it; a start with an Idempotency-Key can be repeated";
            Problem::new(StatusCode::GATEWAY_TIMEOUT, "timeout", detail, what).into_response()
        }
    }
}

fn allowed(app: &App, caller: &Caller, request: &Request, route: &str) -> Result<(), Problem> {
    let path = request.uri().path();
    match app.access {
        Access::Loopback => same_machine(request.headers()),
        Access::Certificates if OPEN.contains(&path) => Ok(()),
        Access::Certificates => {
            in_role(app, caller, request.method(), route)?;
            same_site(request)
        }
    }
}

/// A web page of another origin can make a browser send requests here, and with DNS rebinding even read the answers. Such
/// requests carry a foreign `Host` or `Origin`.
fn same_machine(headers: &HeaderMap) -> Result<(), Problem> {
    let what = "use http://127.0.0.1 or http://localhost from this machine; outside the local profile use a certificate";
    let refused =
        |detail: String| Problem::new(StatusCode::FORBIDDEN, "foreign-origin", detail, what);
    let host = headers
        .get(header::HOST)
        .and_then(|v| v.to_str().ok())
        .unwrap_or_default();
    if !is_loopback(host) {
        return Err(refused("the Host header is not this machine".into()));
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = origin.to_str().unwrap_or_default();
    match origin.strip_prefix("http://") {
        // The very same origin: host and port.
        Some(authority) if authority == host => Ok(()),
        _ => Err(refused("the Origin header is another web page's".into())),
    }
}

fn is_loopback(authority: &str) -> bool {
    let name = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    matches!(name, "127.0.0.1" | "localhost" | "::1")
}

/// A browser sends its certificate with whatever any web page makes it send; a page of another site shows in `Origin`.
fn same_site(request: &Request) -> Result<(), Problem> {
    if is_reading(request.method()) {
        return Ok(());
    }
    let text = |name| {
        request
            .headers()
            .get(name)
            .map(|v| v.to_str().unwrap_or_default())
    };
    let host = text(header::HOST).unwrap_or_default();
    match text(header::ORIGIN) {
        None => Ok(()),
        Some(origin) if origin.strip_prefix("https://") == Some(host) => Ok(()),
        Some(_) => {
            let detail = "the Origin header is another web page's";
            let what = "send the request from a page of this daemon, or from no page at all";
            Err(Problem::new(
                StatusCode::FORBIDDEN,
                "foreign-origin",
                detail,
                what,
            ))
        }
    }
}

fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn in_role(app: &App, caller: &Caller, method: &Method, route: &str) -> Result<(), Problem> {
    let Some(peer) = &caller.peer else {
        let detail = caller
            .refused
            .clone()
            .unwrap_or_else(|| "no client certificate was sent".into());
        let what =
            "connect with a certificate of the configured CA; `causeway key issue` makes one";
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "no-certificate",
            detail,
            what,
        ));
    };
    if app.barred.has(peer.fingerprint) {
        let detail = format!(
            "the certificate of {} was revoked, or its organisation removed, by the members",
            peer.name
        );
        let what = "ask the members; GET /v1/members lists whose certificates count";
        return Err(Problem::new(
            StatusCode::FORBIDDEN,
            "certificate-barred",
            detail,
            what,
        ));
    }
    // Checking a file changes nothing.
    let reads = is_reading(method) || route == page::CHECK;
    if reads || may(peer.role, route) {
        return Ok(());
    }
    let detail = format!(
        "{} has the role {}, which may not do this",
        peer.name, peer.role
    );
    let what = if OVERSIGHT.contains(&route) {
        "ask an operator, regulator or admin"
    } else if OF_DEVICES.contains(&route) {
        "ask a member, operator or admin"
    } else if OF_OPERATORS.contains(&route) {
        "ask an operator or admin"
    } else if OF_MEMBERS.contains(&route) {
        "ask a member, regulator or admin"
    } else {
        "ask a member or admin"
    };
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "wrong-role",
        detail,
        what,
    ))
}

/// Who may change something. What moves assets is the members' business, what watches over them is not.
pub(super) fn may(role: Role, route: &str) -> bool {
    match role {
        Role::Admin => true,
        Role::Member => !OVERSIGHT.contains(&route) && !OF_OPERATORS.contains(&route),
        Role::Operator => {
            OVERSIGHT.contains(&route)
                || OF_DEVICES.contains(&route)
                || OF_OPERATORS.contains(&route)
        }
        Role::Regulator => OVERSIGHT.contains(&route) || OF_MEMBERS.contains(&route),
        // A role that came after this was written.
        _ => false,
    }
}

fn hardened(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let pairs = [
        ("x-content-type-options", "nosniff"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
    ];
    for (name, value) in pairs {
        let name = HeaderName::from_static(name);
        // A page has a policy of its own, its files may be kept.
        let value = HeaderValue::from_static(value);
        headers.entry(name).or_insert(value);
    }
    response
}

//! What is decided about an HTTP request before it is read as JSON-RPC: origin, host, certificate.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use jsonrpsee::server::HttpBody;
use serde_json::json;

use super::Origins;

/// How long a browser may remember a preflight, seconds.
const PREFLIGHT_AGE: &str = "600";

/// Rules for the requests of one server.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) origins: Origins,
    /// Whether the host a request names must be this machine: a page of another host whose name resolves to this
    /// address (DNS rebinding) is then refused.
    pub(crate) loopback_host: bool,
}

impl Front {
    /// The answer to a request that goes no further.
    pub(crate) fn answer<B>(&self, request: &http::Request<B>) -> Option<Response<HttpBody>> {
        if self.loopback_host
            && !request
                .headers()
                .get(header::HOST)
                .is_some_and(names_this_machine)
        {
            return Some(refusal(
                StatusCode::FORBIDDEN,
                "this port answers to localhost alone",
            ));
        }
        let origin = request.headers().get(header::ORIGIN);
        if let Some(origin) = origin
            && !self.admits(origin)
        {
            return Some(refusal(
                StatusCode::FORBIDDEN,
                "pages of this origin are not allowed here",
            ));
        }
        if request.method() == Method::OPTIONS {
            let mut response = Response::new(HttpBody::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            self.mark(origin, response.headers_mut());
            let headers = response.headers_mut();
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_METHODS,
                HeaderValue::from_static("POST, GET, OPTIONS"),
            );
            headers.insert(
                header::ACCESS_CONTROL_ALLOW_HEADERS,
                HeaderValue::from_static("content-type"),
            );
            headers.insert(
                header::ACCESS_CONTROL_MAX_AGE,
                HeaderValue::from_static(PREFLIGHT_AGE),
            );
            return Some(response);
        }
        None
    }

    /// Tells the browser that the page may read the answer.
    pub(crate) fn mark(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let Some(origin) = origin else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
    }

    fn admits(&self, origin: &HeaderValue) -> bool {
        match &self.origins {
            Origins::Any => true,
            Origins::Only(list) => list
                .iter()
                .any(|allowed| allowed.as_bytes() == origin.as_bytes()),
        }
    }
}

/// A refusal in a form that JSON-RPC clients show to their user.
pub(crate) fn refusal(status: StatusCode, message: &str) -> Response<HttpBody> {
    let body =
        json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32000, "message": message } });
    let mut response = Response::new(HttpBody::from(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

fn names_this_machine(host: &HeaderValue) -> bool {
    let Ok(host) = host.to_str() else {
        return false;
    };
    let Ok(authority) = host.parse::<http::uri::Authority>() else {
        return false;
    };
    let name = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(host: &str, origin: Option<&str>) -> http::Request<()> {
        let mut request = http::Request::new(());
        request
            .headers_mut()
            .insert(header::HOST, host.parse().expect("a header"));
        if let Some(origin) = origin {
            request
                .headers_mut()
                .insert(header::ORIGIN, origin.parse().expect("a header"));
        }
        request
    }

    #[test]
    fn a_rebound_name_is_refused_on_a_loopback_port() {
        let front = Front {
            origins: Origins::Any,
            loopback_host: true,
        };

        for fine in ["localhost:8545", "127.0.0.1:8545", "[::1]:8545"] {
            assert!(front.answer(&request(fine, None)).is_none(), "{fine}");
        }
        assert!(front.answer(&request("evil.example:8545", None)).is_some());
    }

    #[test]
    fn a_foreign_origin_is_refused_and_a_tool_without_one_is_not() {
        let front = Front {
            origins: Origins::Only(vec!["https://wallet.example".into()]),
            loopback_host: false,
        };

        assert!(front.answer(&request("node", None)).is_none());
        assert!(
            front
                .answer(&request("node", Some("https://wallet.example")))
                .is_none()
        );
        assert!(
            front
                .answer(&request("node", Some("https://evil.example")))
                .is_some()
        );
    }
}

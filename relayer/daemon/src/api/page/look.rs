//! Who looks at a page, and how: the frame of every page, and the response around its HTML.

use std::sync::Arc;

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use causeway_adapter_hosted::tls::Role;
use causeway_console::{Frame, Lang, Markup, Place, Who, assets, pages::problem, parts};

use super::{ACKNOWLEDGE, PLACES};
use crate::{
    api::{App, Problem, app::Access, guard::may, serve::Caller},
    metrics,
};

/// Longest query that a page reads.
const MAX_QUERY: usize = 2_048;
/// Seconds for which a browser keeps the language.
const KEPT: u32 = 31_536_000;

/// A request for a page.
pub(in crate::api) struct Look {
    /// The frame of the answer.
    pub(super) frame: Frame,
    /// A language that was just chosen.
    chosen: Option<Lang>,
    is_person: bool,
    is_too_long: bool,
}

impl FromRequestParts<Arc<App>> for Look {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Self, Self::Rejection> {
        let caller = parts.extensions.get::<ConnectInfo<Caller>>();
        let caller = caller.map(|ConnectInfo(caller)| caller);
        let who = who(app, caller);
        let token = app.token(caller);
        Ok(Self::of(&parts.uri, &parts.headers, who, token))
    }
}

impl Look {
    fn of(uri: &Uri, headers: &HeaderMap, who: Who, token: String) -> Self {
        let is_too_long = uri.query().is_some_and(|query| query.len() > MAX_QUERY);
        let query = uri.query().filter(|_| !is_too_long).unwrap_or_default();
        let asked = query
            .split('&')
            .rev()
            .find_map(|part| part.strip_prefix("lang="));
        let text = |name| {
            headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        let cookies = text(header::COOKIE).unwrap_or_default();
        let kept = cookies
            .split(';')
            .find_map(|cookie| cookie.trim().strip_prefix("lang="));
        let accepted = text(header::ACCEPT_LANGUAGE);
        let path = path(uri.path(), query);
        let place = PLACES
            .into_iter()
            .rev()
            .find(|place| is_in(*place, uri.path()));
        Self {
            frame: Frame {
                lang: Lang::choose(asked, kept, accepted),
                path,
                place,
                places: PLACES.to_vec(),
                who,
                token,
                now: metrics::unix_seconds(),
            },
            chosen: asked.and_then(Lang::named),
            is_person: text(header::ACCEPT).is_some_and(|accept| accept.contains("text/html")),
            is_too_long,
        }
    }

    /// The page, or what is wrong as a page.
    pub(super) fn show(self, page: impl FnOnce(&Frame) -> Result<Markup, Problem>) -> Response {
        if self.is_too_long {
            let detail = format!("a query of more than {MAX_QUERY} bytes");
            let problem = Problem::new(
                StatusCode::URI_TOO_LONG,
                "query-too-long",
                detail,
                "ask for less at once",
            );
            return self.refuse(problem);
        }
        match page(&self.frame) {
            Ok(page) => self.answer(StatusCode::OK, page),
            Err(problem) => self.refuse(problem),
        }
    }

    /// An error: as a page for people, as a document for programs.
    pub(super) fn refuse(self, problem: Problem) -> Response {
        if !self.is_person {
            return problem.into_response();
        }
        let status =
            StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let view = problem::Problem {
            title: problem.title,
            detail: problem.detail,
            what_to_do: problem.what_to_do,
        };
        let page = problem::page(&self.frame, &view);
        self.answer(status, page)
    }

    /// A page with the headers it needs. The policy allows own files alone; `same-origin` lets the forms of the page say
    /// where they come from, and tells no other site anything.
    pub(super) fn answer(self, status: StatusCode, page: Markup) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, assets::POLICY),
            (header::REFERRER_POLICY, "same-origin"),
            (header::CONTENT_LANGUAGE, self.frame.lang.tag()),
            (header::VARY, "accept-language, cookie"),
        ];
        let mut response = (status, headers, page.into_string()).into_response();
        if let Some(lang) = self.chosen {
            let cookie = format!(
                "lang={}; Path=/; Max-Age={KEPT}; SameSite=Strict; HttpOnly",
                lang.code()
            );
            if let Ok(cookie) = HeaderValue::from_str(&cookie) {
                response.headers_mut().insert(header::SET_COOKIE, cookie);
            }
        }
        response
    }
}

/// What the guard refused, for whoever asked: it must not run a loader.
pub(in crate::api) fn refused(uri: &Uri, headers: &HeaderMap, problem: Problem) -> Response {
    let mut look = Look::of(uri, headers, Who::default(), String::new());
    look.frame.places.clear();
    look.refuse(problem)
}

fn who(app: &App, caller: Option<&Caller>) -> Who {
    let peer = caller.and_then(|caller| caller.peer.as_ref());
    Who {
        name: peer.map(|peer| peer.name.clone()),
        role: peer.map(|peer| peer.role.to_string()),
        may_act: match app.access {
            Access::Loopback => true,
            Access::Certificates => {
                peer.is_some_and(|peer| matches!(peer.role, Role::Member | Role::Admin))
            }
        },
        may_oversee: match app.access {
            Access::Loopback => true,
            Access::Certificates => peer.is_some_and(|peer| may(peer.role, ACKNOWLEDGE)),
        },
    }
}

/// The address without the language, so that another can be appended.
fn path(path: &str, query: &str) -> String {
    let kept = query
        .split('&')
        .filter(|part| !part.is_empty() && !part.starts_with("lang="));
    let kept: Vec<&str> = kept.collect();
    // A path that begins with two slashes would be read as another host.
    let path = format!("/{}", path.trim_start_matches('/'));
    if kept.is_empty() {
        return path;
    }
    format!("{path}?{}", kept.join("&"))
}

fn is_in(place: Place, path: &str) -> bool {
    match place {
        Place::Overview => path == "/",
        other => {
            let rest = path.strip_prefix(other.path());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
    }
}

/// The address of a page of a list: `query` and an offset.
pub(super) fn page_at(path: &str, query: &[(&str, &str)], offset: u64) -> String {
    let kept = query.iter().filter(|(_, value)| !value.is_empty());
    let mut pairs: Vec<String> = kept
        .map(|(key, value)| format!("{key}={}", parts::segment(value)))
        .collect();
    if offset > 0 {
        pairs.push(format!("offset={offset}"));
    }
    match pairs.is_empty() {
        true => path.to_owned(),
        false => format!("{path}?{}", pairs.join("&")),
    }
}

//! Forms: who sends them. A browser that has a certificate, or reaches the loopback address, sends requests for any site that
//! asks it to. So a form must say that it comes from this very origin, and carry a token that no other site can read.

use alloy_primitives::hex;
use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest as _, Sha256};

use crate::api::{App, Problem, serve::Caller};

impl App {
    /// The token of the forms of a caller: bound to this run of the daemon and to the caller's certificate.
    pub(super) fn token(&self, caller: Option<&Caller>) -> String {
        let peer = caller.and_then(|caller| caller.peer.as_ref());
        let mut digest = Sha256::new();
        digest.update(self.page.key);
        digest.update(b"causeway form");
        digest.update(peer.map(|peer| peer.fingerprint).unwrap_or_default());
        hex::encode(digest.finalize())
    }

    /// Refuses a form that another site may have sent.
    pub(super) fn own_form(
        &self,
        headers: &HeaderMap,
        caller: &Caller,
        token: &str,
    ) -> Result<(), Problem> {
        own_origin(headers)?;
        if self.page.key == [0; 32] || !same(token.as_bytes(), self.token(Some(caller)).as_bytes())
        {
            return Err(foreign(
                "the form carries no token of this daemon, or an old one",
            ));
        }
        Ok(())
    }
}

/// Whether the request says that it comes from a page of this very origin.
pub(super) fn own_origin(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    let Some(origin) = text(header::ORIGIN) else {
        return Err(foreign("the form does not say from which page it comes"));
    };
    match origin.split_once("://") {
        Some(("http" | "https", authority)) if !host.is_empty() && authority == host => Ok(()),
        _ => Err(foreign("the form comes from another web page")),
    }
}

fn foreign(detail: &str) -> Problem {
    let what = "open the page anew and send its form from there";
    Problem::new(StatusCode::FORBIDDEN, "foreign-form", detail, what)
}

/// Compares without telling by its time how far two texts agree.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

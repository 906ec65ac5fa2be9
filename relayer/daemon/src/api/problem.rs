//! Errors as problem documents (RFC 9457).

use axum::{
    Json,
    extract::rejection::{JsonRejection, PathRejection, QueryRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use causeway_core::swap::Why;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    crossing::{CrossingError, peg::PegError},
    drive::DriveError,
    oracle::feeds::FeedsError,
    relay::RelayError,
    supply::SupplyError,
};

/// An error, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of problem, as a stable URN.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened this time.
    pub detail: String,
    /// What to do now.
    pub what_to_do: String,
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        kind: &str,
        detail: impl ToString,
        what_to_do: &str,
    ) -> Self {
        Self {
            kind: format!("urn:causeway:problem:{kind}"),
            title: kind.replace('-', " "),
            status: status.as_u16(),
            detail: detail.to_string(),
            what_to_do: what_to_do.into(),
        }
    }

    pub(crate) fn bad_request(detail: impl ToString) -> Self {
        let what = "correct the request; /openapi.json describes every field";
        Self::new(StatusCode::BAD_REQUEST, "bad-request", detail, what)
    }

    pub(crate) fn not_found(detail: impl ToString, what_to_do: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", detail, what_to_do)
    }

    pub(crate) fn unavailable(detail: impl ToString) -> Self {
        let what = "try again in a few seconds; /readyz says when";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail, what)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response
    }
}

impl From<DriveError> for Problem {
    fn from(error: DriveError) -> Self {
        let text = error.to_string();
        match error {
            DriveError::PeerUnknownTransfer(_) => {
                Self::not_found(text, "list transfers at /v1/transfers")
            }
            DriveError::PeerNotNow { source, .. } => {
                let what = match source.why {
                    Why::Ended => "nothing is left to do",
                    Why::PointOfNoReturn => {
                        "wait: the transfer completes, or its locks return after their deadlines"
                    }
                    _ => "ask /v1/transfers/{id}/explain what can be done",
                };
                Self::new(StatusCode::CONFLICT, "not-now", text, what)
            }
            DriveError::Margin(_) => {
                let what =
                    "lower transfers.outage_budget_seconds or wait until the chains are quicker";
                Self::new(StatusCode::CONFLICT, "margin-too-thin", text, what)
            }
            DriveError::PeerUnknownChain { .. }
            | DriveError::PeerSameChain(_)
            | DriveError::PeerZeroAmount
            | DriveError::PeerZeroCounterparty
            | DriveError::ConfigUnknownAccount { .. } => Self::bad_request(text),
            DriveError::ChainSilent(_) | DriveError::Stopped => Self::unavailable(text),
            _ => {
                tracing::error!(error = text, "a request failed");
                let what = "see the log of the daemon; `causeway doctor` looks for the cause";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text, what)
            }
        }
    }
}

impl From<CrossingError> for Problem {
    fn from(error: CrossingError) -> Self {
        let text = error.to_string();
        match error {
            CrossingError::Drive(error) => error.into(),
            CrossingError::Relay(error) => error.into(),
            CrossingError::PeerUnknownTransfer(id) => DriveError::PeerUnknownTransfer(id).into(),
            CrossingError::PeerNotNow { id, source } => {
                DriveError::PeerNotNow { id, source }.into()
            }
            CrossingError::Chain(_) => Self::unavailable(text),
            _ => {
                tracing::error!(error = text, "a request failed");
                let what = "see the log of the daemon; `causeway doctor` looks for the cause";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text, what)
            }
        }
    }
}

impl From<FeedsError> for Problem {
    fn from(error: FeedsError) -> Self {
        let text = error.to_string();
        match error {
            FeedsError::PeerUnknownFeed(_) | FeedsError::PeerUnknownEnd { .. } => {
                Self::not_found(text, "GET /v1/feeds lists the feeds and their chains")
            }
            FeedsError::PeerContractRefused(_) => {
                let what =
                    "GET /v1/feeds/{feed} says how the feed stands; nothing may be left to do";
                Self::new(StatusCode::CONFLICT, "refused", text, what)
            }
            FeedsError::NotYet(_) | FeedsError::Chain(_) => Self::unavailable(text),
            _ => {
                tracing::error!(error = text, "a request failed");
                let what = "see the log of the daemon; `causeway doctor` looks for the cause";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text, what)
            }
        }
    }
}

impl From<SupplyError> for Problem {
    fn from(error: SupplyError) -> Self {
        let text = error.to_string();
        match error {
            SupplyError::PeerUnknownPeg(_) => {
                let what = "GET /v1/supply lists the pegs";
                Self::new(StatusCode::NOT_FOUND, "unknown-peg", text, what)
            }
            SupplyError::Chain(_) | SupplyError::Client(_) | SupplyError::NotYet { .. } => {
                Self::unavailable(text)
            }
            _ => {
                tracing::error!(error = text, "a request failed");
                let what = "see the log of the daemon; `causeway doctor` looks for the cause";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text, what)
            }
        }
    }
}

impl From<PegError> for Problem {
    fn from(error: PegError) -> Self {
        let text = error.to_string();
        let conflict = |kind, what| Self::new(StatusCode::CONFLICT, kind, &text, what);
        match error {
            PegError::Crossing(error) => error.into(),
            PegError::Margin(_) => conflict(
                "margin-too-thin",
                "leave window_seconds out, or make it at least as long as the detail says",
            ),
            PegError::PeerAboveCapacity { .. } => conflict(
                "above-capacity",
                "send less at once; /v1/chains names the port, whose limits() tells",
            ),
            PegError::PeerTooPoor { .. } => {
                conflict("too-poor", "give the account more, or send less")
            }
            PegError::PortPaused(_) => conflict(
                "port-paused",
                "wait until the port's administrator ends the pause",
            ),
            PegError::ClientFrozen { .. } => conflict(
                "client-frozen",
                "nothing can be done here: the validators of that chain have signed two blocks of one height",
            ),
            _ => Self::bad_request(text),
        }
    }
}

impl From<RelayError> for Problem {
    fn from(error: RelayError) -> Self {
        let text = error.to_string();
        match error {
            RelayError::PeerUnknownMessage(_) => {
                Self::not_found(text, "list messages at /v1/messages")
            }
            RelayError::PeerNotNow { .. } => {
                let what = "only a message that failed, or a sender's failed hook, is retried";
                Self::new(StatusCode::CONFLICT, "not-now", text, what)
            }
            RelayError::PeerRefused(_) => {
                let what = "correct the message; docs/messages.md says what a gateway takes";
                Self::new(StatusCode::CONFLICT, "refused", text, what)
            }
            RelayError::PeerContractRefused(_) => {
                let what = "correct the request: the contract's words say what it does not take";
                Self::new(StatusCode::CONFLICT, "refused", text, what)
            }
            RelayError::PeerUnknownChain(_)
            | RelayError::PeerNoLane { .. }
            | RelayError::ConfigUnknownAccount { .. } => Self::bad_request(text),
            RelayError::NotYet | RelayError::Chain(_) => Self::unavailable(text),
            _ => {
                tracing::error!(error = text, "a request failed");
                let what = "see the log of the daemon; `causeway doctor` looks for the cause";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text, what)
            }
        }
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let status = rejection.status();
        let what = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "send a smaller body; api.max_body_bytes is the limit",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "set the header content-type: application/json",
            _ => "correct the body; /openapi.json describes every field",
        };
        Self::new(status, "bad-body", rejection.body_text(), what)
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(rejection.body_text())
    }
}

pub(super) async fn no_such_route() -> Problem {
    Problem::not_found("there is nothing here", "see /api for all addresses")
}

pub(super) async fn no_such_method() -> Problem {
    let what = "see /api for the methods of each address";
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "no-such-method",
        "this address has no such method",
        what,
    )
}

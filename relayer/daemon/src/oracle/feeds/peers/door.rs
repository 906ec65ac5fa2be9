//! `POST /v1/feed/messages` of one operator.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use alloy_primitives::{Address, B256};
use axum::{
    Json, Router,
    extract::{ConnectInfo, DefaultBodyLimit, FromRequest as _, Request, State},
    http::StatusCode,
    routing::post,
};
use causeway_adapter_hosted::tls::Role;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, mpsc, oneshot},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info};

use super::{Envelope, Letter, MAX_MESSAGE, Taken, WAITING};
use crate::{
    api::{
        Problem,
        serve::{Caller, Door},
    },
    metrics,
};

/// What an operator's endpoint knows.
pub(super) struct Endpoint {
    operator: String,
    /// Who may send, by the name in the certificate, with what of theirs may wait.
    senders: BTreeMap<String, (Address, Arc<Semaphore>)>,
    inboxes: BTreeMap<B256, mpsc::Sender<Letter>>,
}

impl Endpoint {
    pub(super) fn new(
        operator: String,
        names: BTreeMap<String, Address>,
        inboxes: BTreeMap<B256, mpsc::Sender<Letter>>,
    ) -> Arc<Self> {
        let places = |(name, account)| (name, (account, Arc::new(Semaphore::new(WAITING))));
        Arc::new(Self {
            senders: names.into_iter().map(places).collect(),
            operator,
            inboxes,
        })
    }

    /// Serves until it is stopped.
    pub(super) async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        addr: SocketAddr,
        acceptor: TlsAcceptor,
        stop: CancellationToken,
    ) {
        let operator = self.operator.clone();
        info!(operator, %addr, "messages of operators are taken");
        let router = Router::new()
            .route("/v1/feed/messages", post(take))
            .layer(DefaultBodyLimit::max(MAX_MESSAGE))
            .with_state(self);
        let door = Door::open(listener, addr, Some(acceptor));
        let service = router.into_make_service_with_connect_info::<Caller>();
        let served =
            axum::serve(door, service).with_graceful_shutdown(stop.clone().cancelled_owned());
        let grace = async {
            stop.cancelled().await;
            tokio::time::sleep(GRACE).await;
        };
        tokio::select! {
            served = served.into_future() => if let Err(error) = served {
                tracing::error!(operator, %error, "the endpoint of an operator has stopped");
            },
            () = grace => {}
        }
    }
}

/// Takes a message of another operator and answers whether it changed anything.
async fn take(
    State(endpoint): State<Arc<Endpoint>>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    request: Request,
) -> Result<Json<Taken>, Problem> {
    let taken = endpoint.take(&caller, request).await;
    let outcome = match &taken {
        Ok(Json(Taken { taken: true, .. })) => "taken",
        Ok(_) => "known",
        Err(problem) => {
            let detail = &problem.detail;
            debug!(
                operator = endpoint.operator,
                detail, "a message was refused"
            );
            problem.kind.rsplit(':').next().unwrap_or_default()
        }
    };
    metrics::feed_message(&endpoint.operator, outcome.to_owned());
    taken
}

impl Endpoint {
    async fn take(&self, caller: &Caller, request: Request) -> Result<Json<Taken>, Problem> {
        let (from, places) = self.sender(caller)?;
        // Before the body is read: who floods waits outside.
        let place = Arc::clone(places).try_acquire_owned();
        let place = place.map_err(|_| busy())?;
        let body = tokio::time::timeout(BODY, Json::<Envelope>::from_request(request, &()));
        let Json(envelope) = body.await.map_err(|_| {
            let detail = format!("the message did not arrive within {BODY:?}");
            Problem::new(
                StatusCode::REQUEST_TIMEOUT,
                "timeout",
                detail,
                "send it whole",
            )
        })??;
        let inbox = self.inboxes.get(&envelope.feed).ok_or_else(|| {
            let detail = format!("this operator takes no part in feed {}", envelope.feed);
            Problem::not_found(detail, "compare the feeds of both configurations")
        })?;
        let (reply, answer) = oneshot::channel();
        let letter = Letter {
            from,
            message: envelope.message,
            reply,
            _place: place,
        };
        inbox.try_send(letter).map_err(|_| busy())?;
        let answered = tokio::time::timeout(ANSWER, answer).await;
        let Ok(Ok(answered)) = answered else {
            let detail = "the operator has not answered";
            return Err(Problem::unavailable(detail));
        };
        answered.map(Json).map_err(|detail| {
            let what = "correct what is named; docs/oracle.md says what operators send each other";
            Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad-message",
                detail,
                what,
            )
        })
    }

    fn sender(&self, caller: &Caller) -> Result<(Address, &Arc<Semaphore>), Problem> {
        let refused = |detail: String| {
            let what =
                "connect with the certificate of an operator that this one's configuration names";
            Problem::new(StatusCode::FORBIDDEN, "unknown-operator", detail, what)
        };
        let Some(peer) = &caller.peer else {
            let why = caller.refused.clone();
            return Err(refused(
                why.unwrap_or_else(|| "no client certificate".into()),
            ));
        };
        if peer.role != Role::Operator {
            let detail = format!("{} has the role {}, not operator", peer.name, peer.role);
            return Err(refused(detail));
        }
        let sender = self.senders.get(&peer.name);
        let (account, places) =
            sender.ok_or_else(|| refused(format!("{} is no operator here", peer.name)))?;
        Ok((*account, places))
    }
}

fn busy() -> Problem {
    let detail = format!("{WAITING} messages of this sender, or too many of all, wait already");
    let what = "send again after a pause; what is due is said again anyway (F3)";
    Problem::new(StatusCode::TOO_MANY_REQUESTS, "busy", detail, what)
}

/// Longest a body takes to arrive.
const BODY: Duration = Duration::from_secs(10);
/// Longest an operator takes to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// How long open connections may take to finish when the endpoint stops.
const GRACE: Duration = Duration::from_secs(2);

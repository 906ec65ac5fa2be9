//! HTTPS with mutual TLS 1.3: `POST /v1/readings`, one reading or a batch.

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::{counter, gauge};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Ingest,
    answer::{Accepted, Answer, Problem},
};
use crate::{
    check::Peer,
    directory::Fingerprint,
    ledger::whole,
    refusal::{Refusal, Refused},
    wire::{DecodeError, Form, MAX_BYTES},
};

/// What a connection may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpsLimits {
    /// Connections at once.
    pub connections: usize,
    /// Handshakes under way at once.
    pub handshakes: usize,
    /// Time for a handshake.
    pub handshake: Duration,
    /// Time for the head of the next request: a device that is silent for longer connects again.
    pub idle: Duration,
    /// Time for the body of a request.
    pub body: Duration,
    /// Time that open requests get when the server stops.
    pub grace: Duration,
}

impl Default for HttpsLimits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            handshakes: 256,
            handshake: Duration::from_secs(10),
            idle: Duration::from_secs(180),
            body: Duration::from_secs(10),
            grace: Duration::from_secs(3),
        }
    }
}

/// A running server.
#[derive(Debug)]
pub struct HttpsServer {
    addr: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
    grace: Duration,
}

impl HttpsServer {
    /// Listens and serves.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn start(
        listen: SocketAddr,
        tls: Arc<rustls::ServerConfig>,
        ingest: Arc<Ingest>,
        limits: HttpsLimits,
    ) -> io::Result<Self> {
        Self::over(std::net::TcpListener::bind(listen)?, tls, ingest, limits)
    }

    /// Serves on a listener that is there. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the listener cannot be used.
    pub fn over(
        listener: std::net::TcpListener,
        tls: Arc<rustls::ServerConfig>,
        ingest: Arc<Ingest>,
        limits: HttpsLimits,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        let addr = listener.local_addr()?;
        let server = Server {
            ingest,
            acceptor: TlsAcceptor::from(tls),
            limits,
            connections: Arc::new(Semaphore::new(limits.connections)),
            handshakes: Arc::new(Semaphore::new(limits.handshakes)),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let (stop, tasks) = (server.stop.clone(), server.tasks.clone());
        tasks.spawn(server.accept(listener));
        tracing::info!(%addr, "readings are taken over HTTPS");
        let grace = limits.grace;
        Ok(Self {
            addr,
            stop,
            tasks,
            grace,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes no more requests and lets those under way finish within the grace time.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(self.grace, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                open = self.tasks.len(),
                "device connections were still open at the end of the grace time"
            );
        }
    }
}

/// Everything a connection needs.
#[derive(Clone)]
struct Server {
    ingest: Arc<Ingest>,
    acceptor: TlsAcceptor,
    limits: HttpsLimits,
    connections: Arc<Semaphore>,
    handshakes: Arc<Semaphore>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Server {
    async fn accept(self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            let socket = match accepted {
                Ok((socket, _)) => socket,
                Err(error) => {
                    // Out of descriptors, most likely: those of finished connections come back.
                    tracing::warn!(%error, "cannot accept a device's connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Ok(permit) = Arc::clone(&self.connections).try_acquire_owned() else {
                counter!("causeway_device_connections_refused_total").increment(1);
                tracing::warn!(
                    limit = self.limits.connections,
                    "a device's connection was refused: there are as many as may be"
                );
                continue;
            };
            let server = self.clone();
            self.tasks.spawn(async move {
                gauge!("causeway_device_connections").increment(1.0);
                server.connection(socket).await;
                gauge!("causeway_device_connections").decrement(1.0);
                drop(permit);
            });
        }
    }

    async fn connection(&self, socket: TcpStream) {
        // Small answers go out at once; failing to ask for it costs time, not correctness.
        let _ = socket.set_nodelay(true);
        let Ok(slot) = self.handshakes.acquire().await else {
            return;
        };
        let shaken =
            tokio::time::timeout(self.limits.handshake, self.acceptor.accept(socket)).await;
        drop(slot);
        let stream = match shaken {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                counter!("causeway_device_handshakes_refused_total").increment(1);
                tracing::info!(%error, "a device's TLS handshake was refused");
                return;
            }
            Err(_) => {
                counter!("causeway_device_handshakes_refused_total").increment(1);
                tracing::info!("a device's TLS handshake took too long");
                return;
            }
        };
        let certificate = stream
            .get_ref()
            .1
            .peer_certificates()
            .and_then(<[_]>::first);
        // The handshake demands a certificate.
        let Some(certificate) = certificate else {
            return;
        };
        let peer = Peer::Certificate(Fingerprint::of(certificate));
        let service = service_fn(move |request| {
            let peer = peer.clone();
            async move { Ok::<_, Infallible>(self.request(peer, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.idle)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            if error.is_timeout() {
                counter!("causeway_device_connections_cut_total").increment(1);
                tracing::info!("a device's connection was cut: no whole request in time");
            } else {
                tracing::debug!(%error, "a device's connection ended early");
            }
        }
    }

    async fn request(&self, peer: Peer, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/v1/readings") => {}
            (_, "/v1/readings") => {
                let text = "POST readings here";
                return turned_away("method_wrong", StatusCode::METHOD_NOT_ALLOWED, text);
            }
            _ => {
                let text = "readings are posted to /v1/readings";
                return turned_away("path_unknown", StatusCode::NOT_FOUND, text);
            }
        }
        let media = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok());
        let Some(form) = media.and_then(Form::of_media_type) else {
            return turned_away(
                "media_type_unknown",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "content-type is application/senml+json, application/senml+cbor, application/cose or application/cbor-seq",
            );
        };
        let bytes = match self.body(request.into_body()).await {
            Ok(bytes) => bytes,
            Err(response) => return *response,
        };
        let outcome = self.ingest.take(peer, form, bytes).await;
        respond(outcome)
    }

    async fn body(&self, body: Incoming) -> Result<Bytes, Box<Response<Full<Bytes>>>> {
        let announced = body.size_hint().lower();
        let too_large = |size| respond(Err(whole(DecodeError::TooLarge(size).into())));
        if announced > MAX_BYTES as u64 {
            let size = usize::try_from(announced).unwrap_or(usize::MAX);
            return Err(Box::new(closing(too_large(size))));
        }
        let reading = Limited::new(body, MAX_BYTES).collect();
        match tokio::time::timeout(self.limits.body, reading).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                Err(Box::new(closing(too_large(MAX_BYTES.saturating_add(1)))))
            }
            Ok(Err(_)) => Err(Box::new(turned_away(
                "body_broken",
                StatusCode::BAD_REQUEST,
                "the body could not be read",
            ))),
            Err(_) => Err(Box::new(closing(turned_away(
                "body_slow",
                StatusCode::REQUEST_TIMEOUT,
                "the body did not arrive in time",
            )))),
        }
    }
}

fn respond(outcome: Result<usize, Refused>) -> Response<Full<Bytes>> {
    let (status, retry, answer) = match outcome {
        Ok(accepted) => {
            count_accepted("https", accepted);
            let sequence = None;
            (
                StatusCode::OK,
                None,
                Answer::Accepted(Accepted { accepted, sequence }),
            )
        }
        Err(refused) => {
            count_refused("https", &refused.refusal);
            tracing::info!(
                reason = refused.refusal.code(),
                index = refused.index,
                "readings were refused"
            );
            let refusal = &refused.refusal;
            let answer = Answer::Refused(Problem::of(&refused));
            (refusal.status(), refusal.retry_after(), answer)
        }
    };
    let mut response = Response::new(Full::from(answer.to_json()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Some(seconds) = retry {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// What is left of the request is not read: the connection ends with the answer.
fn closing(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    response
        .headers_mut()
        .insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// No readings, so no answer about readings.
fn turned_away(
    reason: &'static str,
    status: StatusCode,
    text: &'static str,
) -> Response<Full<Bytes>> {
    counter!("causeway_device_refused_total", "transport" => "https", "reason" => reason)
        .increment(1);
    tracing::info!(reason, "a request was refused");
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    response
}

/// Readings that were stored.
pub(super) fn count_accepted(transport: &'static str, accepted: usize) {
    counter!("causeway_device_readings_total", "transport" => transport).increment(accepted as u64);
}

/// A batch that was refused.
pub(super) fn count_refused(transport: &'static str, refusal: &Refusal) {
    counter!("causeway_device_refused_total", "transport" => transport, "reason" => refusal.code())
        .increment(1);
}

const MAX_HEAD: usize = 16 * 1024;
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

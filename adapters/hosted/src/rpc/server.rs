//! Accepting connections and serving HTTP and WebSocket on them.

use std::{convert::Infallible, sync::Arc};

use http::{Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use jsonrpsee::{
    core::middleware::RpcServiceBuilder,
    server::{
        BatchRequestConfig, HttpBody, Methods, PingConfig, ServerBuilder, ServerConfig, StopHandle,
        TowerServiceBuilder, ws,
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::{
    Layer, Service,
    layer::util::{Identity, Stack},
};

use super::{
    Access, RpcConfig, RpcLimits,
    context::Caller,
    front::{Front, refusal},
    observe::{Observe, Rules, Transport},
    stall::{Cut, NoStall},
    subscriptions::HexIds,
};
use crate::tls::{Peer, PeerError};

/// Largest head of a request, bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Everything a connection needs; cloned for each.
#[derive(Clone)]
pub(crate) struct Server {
    builder: TowerServiceBuilder<Stack<ObserveLayer, Identity>, Identity>,
    methods: Methods,
    stop: StopHandle,
    front: Arc<Front>,
    access: Access,
    limits: RpcLimits,
    connections: Arc<Semaphore>,
    chain: Arc<str>,
    cut: CancellationToken,
}

#[derive(Clone)]
pub(crate) struct ObserveLayer(Arc<Rules>);

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, service: S) -> Observe<S> {
        Observe {
            service,
            rules: self.0.clone(),
        }
    }
}

impl Server {
    pub(crate) fn new(chain: &str, methods: Methods, config: &RpcConfig, stop: StopHandle) -> Self {
        let limits = config.limits;
        let server = ServerConfig::builder()
            .max_request_body_size(limits.request_bytes)
            .max_response_body_size(limits.response_bytes)
            // Connections are counted where they are accepted; this counts requests under way.
            .max_connections(limits.connections.saturating_mul(16))
            .max_subscriptions_per_connection(limits.subscriptions)
            .set_batch_request_config(BatchRequestConfig::Limit(limits.batch))
            .set_message_buffer_capacity(limits.unread_messages)
            .set_id_provider(HexIds)
            .enable_ws_ping(
                PingConfig::new()
                    .ping_interval(limits.ping_interval)
                    .inactive_limit(limits.ping_interval * 3),
            )
            .build();
        let rules = Arc::new(Rules {
            chain: chain.to_owned(),
            methods: methods.method_names().collect(),
            timeout: limits.request_time,
            barred: config.barred.clone(),
        });
        let builder = ServerBuilder::new()
            .set_config(server)
            .set_rpc_middleware(RpcServiceBuilder::new().layer(ObserveLayer(rules)))
            .to_service_builder();
        let loopback_host = matches!(config.access, Access::LocalMember(_));
        Self {
            builder,
            methods,
            stop,
            front: Arc::new(Front {
                origins: config.origins.clone(),
                loopback_host,
            }),
            access: config.access.clone(),
            limits,
            connections: Arc::new(Semaphore::new(limits.connections as usize)),
            chain: chain.into(),
            cut: CancellationToken::new(),
        }
    }

    /// Cuts every connection when it is cancelled.
    pub(crate) fn cut(&self) -> CancellationToken {
        self.cut.clone()
    }

    /// Accepts connections until told to stop, then waits for those that are open.
    pub(crate) async fn run(self, listener: TcpListener) {
        let open = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = self.stop.clone().shutdown() => break,
                accepted = listener.accept() => accepted,
            };
            let socket = match accepted {
                Ok((socket, _)) => socket,
                Err(error) => {
                    // Out of descriptors, most likely: those of finished connections come back.
                    tracing::warn!(chain = %self.chain, %error, "cannot accept a connection");
                    tokio::time::sleep(self.limits.accept_pause).await;
                    continue;
                }
            };
            let Ok(permit) = self.connections.clone().try_acquire_owned() else {
                tracing::warn!(chain = %self.chain, max = self.limits.connections, "connection refused: too many are open");
                continue;
            };
            open.spawn(self.clone().connection(socket, permit));
        }
        drop(listener);
        open.close();
        if tokio::time::timeout(self.limits.stop_grace, open.wait())
            .await
            .is_err()
        {
            tracing::warn!(chain = %self.chain, open = open.len(), "connections are cut off at the end of the grace time");
            self.cut.cancel();
        }
    }

    async fn connection(self, socket: TcpStream, permit: OwnedSemaphorePermit) {
        // Small answers go out at once; failing to ask for it costs time, not correctness.
        let _ = socket.set_nodelay(true);
        let cut = Cut(self.cut.child_token());
        let socket = NoStall::new(socket, self.limits.stall, &cut);
        let access = self.access.clone();
        let mut connection = Connection {
            server: self,
            caller: Ok(Caller(None)),
            cut,
            _permit: permit,
        };
        match access {
            Access::Open => connection.serve(socket).await,
            Access::LocalMember(peer) => {
                connection.caller = Ok(Caller(Some(Arc::new(peer))));
                connection.serve(socket).await;
            }
            Access::MutualTls(config) => {
                if let Some((stream, caller)) = connection.server.handshake(config, socket).await {
                    connection.caller = caller;
                    connection.serve(stream).await;
                }
            }
        }
    }

    /// Learns who is there. A client without a certificate of the CA, or with one out of date, is told so by TLS itself.
    async fn handshake(
        &self,
        config: Arc<rustls::ServerConfig>,
        socket: NoStall,
    ) -> Option<(TlsStream<NoStall>, Result<Caller, PeerError>)> {
        let handshake = TlsAcceptor::from(config).accept(socket);
        let stream = match tokio::time::timeout(self.limits.handshake, handshake).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::info!(chain = %self.chain, %error, "TLS handshake refused");
                return None;
            }
            Err(_) => {
                tracing::info!(chain = %self.chain, "TLS handshake not done in time");
                return None;
            }
        };
        let certificate = stream
            .get_ref()
            .1
            .peer_certificates()
            .and_then(<[_]>::first);
        let peer = certificate
            .ok_or(PeerError::Missing)
            .and_then(Peer::from_certificate);
        if let Err(error) = &peer {
            tracing::info!(chain = %self.chain, %error, "client certificate refused");
        }
        Some((stream, peer.map(|peer| Caller(Some(Arc::new(peer))))))
    }
}

/// One connection, as its requests share it. A WebSocket outlives the task that accepted it and keeps this alive.
struct Connection {
    server: Server,
    caller: Result<Caller, PeerError>,
    cut: Cut,
    _permit: OwnedSemaphorePermit,
}

/// Rides on a WebSocket's extensions, so that its connection stays counted while it is open.
#[derive(Clone)]
struct KeepAlive {
    _connection: Arc<Connection>,
}

impl Connection {
    async fn serve<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let this = Arc::new(self);
        let service = service_fn({
            let this = this.clone();
            move |request| {
                let this = this.clone();
                async move { Ok::<_, Infallible>(this.request(request).await) }
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(this.server.limits.head)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = this.server.stop.clone().shutdown() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(chain = %this.server.chain, %error, "a connection ended early");
        }
    }

    async fn request(self: Arc<Self>, mut request: Request<Incoming>) -> Response<HttpBody> {
        let server = &self.server;
        if let Some(answer) = server.front.answer(&request) {
            return answer;
        }
        let caller = match &self.caller {
            Ok(caller) => caller.clone(),
            Err(error) => return refusal(StatusCode::FORBIDDEN, &error.to_string()),
        };
        let origin = request.headers().get(header::ORIGIN).cloned();
        let websocket = ws::is_upgrade_request(&request);
        let extensions = request.extensions_mut();
        extensions.insert(caller);
        extensions.insert(self.cut.clone());
        extensions.insert(if websocket {
            Transport::WebSocket
        } else {
            Transport::Http
        });
        if websocket {
            extensions.insert(KeepAlive {
                _connection: self.clone(),
            });
        }
        let mut service = server
            .builder
            .clone()
            .build(server.methods.clone(), server.stop.clone());
        // Reading the body counts: a client that sends a byte a minute is not waited for.
        let time = server.limits.request_time * 2;
        let mut response = match tokio::time::timeout(time, service.call(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                tracing::debug!(chain = %server.chain, %error, "a request could not be read");
                refusal(StatusCode::BAD_REQUEST, "the request could not be read")
            }
            Err(_) => refusal(
                StatusCode::REQUEST_TIMEOUT,
                "the request did not arrive or was not done in time",
            ),
        };
        server.front.mark(origin.as_ref(), response.headers_mut());
        response
    }
}

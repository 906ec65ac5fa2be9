//! Ethereum JSON-RPC over HTTP and WebSocket, on one port, in front of a [`Node`].
//!
//! Only final blocks are shown: `latest`, `safe` and `finalized` are one block, and `pending` is that block with the nonces
//! of the pool counted in. Nothing shown is ever taken back. docs/rpc.md lists the methods and what differs from
//! go-ethereum.
//!
//! Nobody behind the port is trusted. Every size, count, range and wait has a bound ([`RpcLimits`]); a bound that is met
//! is an error that states it. Neither raw transactions nor parameters are ever logged.

mod accounts;
mod calls;
mod causeway;
mod chain;
mod context;
mod error;
mod fees;
mod filters;
mod front;
mod general;
mod history;
mod logs;
mod methods;
mod observe;
mod params;
mod server;
mod shape;
mod simulate;
mod stall;
mod subscriptions;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use jsonrpsee::{core::RegisterMethodError, server::stop_channel};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use self::{context::Context, server::Server};
use crate::{
    node::Node,
    tls::{Barred, Peer},
};

/// What [`start`] needs.
#[derive(Clone, Debug)]
pub struct RpcConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who may connect.
    pub access: Access,
    /// Which web pages may.
    pub origins: Origins,
    /// Certificates that are refused.
    pub barred: Arc<Barred>,
    /// Bounds.
    pub limits: RpcLimits,
}

impl RpcConfig {
    /// Default bounds and no web pages.
    pub fn new(listen: SocketAddr, access: Access) -> Self {
        Self {
            listen,
            access,
            origins: Origins::Only(Vec::new()),
            barred: Arc::default(),
            limits: RpcLimits::default(),
        }
    }
}

/// Who may connect.
#[derive(Clone, Debug)]
pub enum Access {
    /// Anyone, in plain text: a public chain, behind whatever its operator puts in front.
    Open,
    /// Holders of a certificate, by mutual TLS; see [`crate::tls::server_config`].
    MutualTls(Arc<rustls::ServerConfig>),
    /// Anyone on this machine, in the name of this peer, in plain text. For the local profile alone: [`start`] refuses it
    /// on an address that is not loopback.
    LocalMember(Peer),
}

/// Which web pages may read answers. Programs, which send no `Origin`, are not concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// Every page: what browser wallets of the local profile need.
    Any,
    /// Pages of these origins, as browsers write them: `https://wallet.example`.
    Only(Vec<String>),
}

/// Bounds of one server. The defaults suit a machine that also runs validators.
#[derive(Clone, Copy, Debug)]
pub struct RpcLimits {
    /// Largest request, bytes.
    pub request_bytes: u32,
    /// Largest answer, bytes.
    pub response_bytes: u32,
    /// Most requests of one batch.
    pub batch: u32,
    /// Most open connections.
    pub connections: u32,
    /// Most subscriptions of one connection.
    pub subscriptions: u32,
    /// Most messages a WebSocket client leaves unread before its subscriptions end.
    pub unread_messages: u32,
    /// Most open filters.
    pub filters: usize,
    /// How long a filter lives that nobody asks.
    pub filter_lifetime: Duration,
    /// Most gas of `eth_call`.
    pub call_gas: u64,
    /// Most blocks of one log query without addresses.
    pub log_blocks: u64,
    /// Most blocks of one log query with addresses, which an index serves.
    pub log_blocks_by_address: u64,
    /// Most logs of one answer.
    pub logs: usize,
    /// Expensive requests running at once.
    pub heavy_calls: usize,
    /// How long an expensive request waits for its turn.
    pub heavy_wait: Duration,
    /// Longest a request or batch runs.
    pub request_time: Duration,
    /// Longest a TLS handshake takes.
    pub handshake: Duration,
    /// Longest the head of a request takes, and longest an idle connection is kept.
    pub head: Duration,
    /// Longest a peer may not read what is sent to it.
    pub stall: Duration,
    /// Time between pings of a WebSocket; three unanswered close it.
    pub ping_interval: Duration,
    /// Pause after a connection could not be accepted.
    pub accept_pause: Duration,
    /// How long open connections may take to finish when the server stops.
    pub stop_grace: Duration,
}

impl Default for RpcLimits {
    fn default() -> Self {
        Self {
            request_bytes: 2 << 20,
            response_bytes: 32 << 20,
            batch: 1000,
            connections: 512,
            subscriptions: 64,
            unread_messages: 1024,
            filters: 1024,
            filter_lifetime: Duration::from_secs(300),
            call_gas: 50_000_000,
            log_blocks: 5_000,
            log_blocks_by_address: 1_000_000,
            logs: 10_000,
            heavy_calls: 4,
            heavy_wait: Duration::from_secs(10),
            request_time: Duration::from_secs(30),
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            ping_interval: Duration::from_secs(30),
            accept_pause: Duration::from_millis(100),
            stop_grace: Duration::from_secs(3),
        }
    }
}

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RpcStartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {listen}: {source}; choose another port or stop what uses it")]
    Listen {
        /// Which.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A port without certificates would be reachable from outside.
    #[error(
        "{listen} is not a loopback address: a port that stands in for {name} without a certificate must be 127.0.0.1 or ::1"
    )]
    NotLoopback {
        /// Where it would listen.
        listen: SocketAddr,
        /// For whom it would stand in.
        name: String,
    },
    /// Two methods of one name.
    #[error("a method is registered twice")]
    Methods(#[from] RegisterMethodError),
}

/// A running server. Dropping it stops the server without waiting.
#[derive(Debug)]
pub struct RpcHandle {
    /// Where it listens.
    pub addr: SocketAddr,
    stop: jsonrpsee::server::ServerHandle,
    accepting: Option<JoinHandle<()>>,
    cut: CancellationToken,
    grace: Duration,
}

impl RpcHandle {
    /// Takes no more connections, lets requests under way finish within the grace time, cuts off the rest, and returns.
    pub async fn stop(mut self) {
        // An error means that it stopped already.
        let _ = self.stop.stop();
        if let Some(accepting) = self.accepting.take() {
            // A panic of the accepting task was reported when it happened.
            let _ = accepting.await;
        }
        // WebSockets are tasks of their own; each holds a stop handle until it is closed.
        let closed = tokio::time::timeout(self.grace, self.stop.clone().stopped());
        if closed.await.is_err() {
            tracing::warn!(addr = %self.addr, "WebSockets are cut off at the end of the grace time");
        }
        self.cut.cancel();
    }
}

impl Drop for RpcHandle {
    fn drop(&mut self) {
        // An error means that it stopped already.
        let _ = self.stop.stop();
    }
}

/// Starts serving `node`. Needs a tokio runtime.
///
/// # Errors
/// See [`RpcStartError`].
pub async fn start(node: Node, config: RpcConfig) -> Result<RpcHandle, RpcStartError> {
    let listen = config.listen;
    if let Access::LocalMember(peer) = &config.access
        && !listen.ip().is_loopback()
    {
        return Err(RpcStartError::NotLoopback {
            listen,
            name: peer.name.clone(),
        });
    }
    let failed = |source| RpcStartError::Listen { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    let chain = node.spec().name.clone();
    let module = methods::module(Arc::new(Context::new(node, config.limits)))?;
    let (stopped, stop) = stop_channel();
    let server = Server::new(&chain, module.into(), &config, stopped);
    let cut = server.cut();
    tracing::info!(chain, %addr, tls = matches!(config.access, Access::MutualTls(_)), "JSON-RPC is open");
    let accepting = Some(tokio::spawn(server.run(listener)));
    Ok(RpcHandle {
        addr,
        stop,
        accepting,
        cut,
        grace: config.limits.stop_grace,
    })
}

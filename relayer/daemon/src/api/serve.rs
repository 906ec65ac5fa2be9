//! Accepting connections, plain on loopback or by mutual TLS.

use std::{
    io,
    net::SocketAddr,
    path::Path,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    extract::connect_info::Connected,
    serve::{IncomingStream, Listener},
};
use causeway_adapter_hosted::tls::{Peer, PeerError, TlsError};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    task::JoinHandle,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::App;
use crate::{
    config::{Config, Tls},
    daemon::StartError,
    local::LocalPorts,
};

/// Longest a TLS handshake takes.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes under way at once.
const HANDSHAKES: usize = 64;
/// How long open connections may take to finish when the server stops.
const GRACE: Duration = Duration::from_secs(3);

/// A running API server.
pub struct Server {
    /// Where it listens.
    pub addr: SocketAddr,
    app: Arc<App>,
    task: JoinHandle<()>,
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    /// By certificate.
    pub(crate) peer: Option<Peer>,
    /// Why a certificate that was sent names nobody.
    pub(crate) refused: Option<String>,
}

impl Server {
    /// Listens and serves. In the local profile another port is taken where the wanted one is used.
    ///
    /// # Errors
    /// [`StartError::Listen`], [`StartError::Tls`].
    pub async fn start(config: &Config, app: Arc<App>) -> Result<Self, StartError> {
        let listen = config.api.listen;
        let failed = |source| StartError::Listen { listen, source };
        let listener = if config.profile.is_local() {
            let ports = LocalPorts::new(&config.data_dir, config.local_port_shift);
            let std = ports.bind(listen).map_err(failed)?;
            std.set_nonblocking(true).map_err(failed)?;
            TcpListener::from_std(std).map_err(failed)?
        } else {
            TcpListener::bind(listen).await.map_err(failed)?
        };
        let addr = listener.local_addr().map_err(failed)?;
        let acceptor = config
            .api
            .tls
            .as_ref()
            .map(server_config)
            .transpose()?
            .map(TlsAcceptor::from);
        let door = Door::open(listener, addr, acceptor);
        let service =
            super::router(Arc::clone(&app)).into_make_service_with_connect_info::<Caller>();
        let mut stopping = app.stopping.subscribe();
        let stopped = async move { drop(stopping.wait_for(|stop| *stop).await) };
        let task = tokio::spawn(async move {
            let served = axum::serve(door, service)
                .with_graceful_shutdown(stopped)
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "the API has stopped");
            }
        });
        tracing::info!(%addr, tls = config.api.tls.is_some(), "API is open");
        Ok(Self { addr, app, task })
    }

    /// Takes no more requests, ends event streams, and lets the rest finish within a grace time.
    pub async fn stop(mut self) {
        self.app.stopping.send_replace(true);
        if tokio::time::timeout(GRACE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

/// Accepted connections whose handshake is over.
pub(crate) struct Door {
    addr: SocketAddr,
    ready: mpsc::Receiver<(Stream, Caller)>,
}

impl Door {
    /// Begins to accept connections, over TLS where there is an acceptor.
    pub(crate) fn open(
        listener: TcpListener,
        addr: SocketAddr,
        acceptor: Option<TlsAcceptor>,
    ) -> Self {
        let (send, ready) = mpsc::channel(1);
        tokio::spawn(accept(listener, acceptor, send));
        Self { addr, ready }
    }
}

impl Listener for Door {
    type Io = Stream;
    type Addr = Caller;

    async fn accept(&mut self) -> (Stream, Caller) {
        match self.ready.recv().await {
            Some(accepted) => accepted,
            // The accepting task ends only with this listener.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Caller> {
        Ok(Caller {
            peer: None,
            refused: None,
        })
    }
}

impl Connected<IncomingStream<'_, Door>> for Caller {
    fn connect_info(stream: IncomingStream<'_, Door>) -> Self {
        stream.remote_addr().clone()
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Door({})", self.addr)
    }
}

/// One slow handshake must not hold up others: each runs by itself, a bounded number at once.
async fn accept(
    listener: TcpListener,
    acceptor: Option<TlsAcceptor>,
    ready: mpsc::Sender<(Stream, Caller)>,
) {
    let slots = Arc::new(Semaphore::new(HANDSHAKES));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = ready.closed() => return,
        };
        let tcp = match accepted {
            Ok((tcp, _)) => tcp,
            Err(error) => {
                tracing::warn!(%error, "a connection to the API could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let (acceptor, ready) = (acceptor.clone(), ready.clone());
        tokio::spawn(async move {
            let shaken = tokio::time::timeout(HANDSHAKE, shake(acceptor, tcp)).await;
            drop(slot);
            match shaken {
                // An error means that the server is stopping.
                Ok(Ok(accepted)) => drop(ready.send(accepted).await),
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake with the API failed"),
                Err(_) => tracing::debug!("a TLS handshake with the API took too long"),
            }
        });
    }
}

async fn shake(acceptor: Option<TlsAcceptor>, tcp: TcpStream) -> io::Result<(Stream, Caller)> {
    let Some(acceptor) = acceptor else {
        return Ok((
            Stream::Plain(tcp),
            Caller {
                peer: None,
                refused: None,
            },
        ));
    };
    let tls = acceptor.accept(tcp).await?;
    let certificate = tls.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let peer = certificate.map_or(Err(PeerError::Missing), Peer::from_certificate);
    let caller = match peer {
        Ok(peer) => Caller {
            peer: Some(peer),
            refused: None,
        },
        Err(error) => Caller {
            peer: None,
            refused: Some(error.to_string()),
        },
    };
    Ok((Stream::Tls(Box::new(tls)), caller))
}

/// A connection.
pub(crate) enum Stream {
    /// On loopback.
    Plain(TcpStream),
    /// With certificates.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_read(cx, buf),
            Self::Tls(io) => Pin::new(io).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_write(cx, buf),
            Self::Tls(io) => Pin::new(io).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_flush(cx),
            Self::Tls(io) => Pin::new(io).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(io) => Pin::new(io).poll_shutdown(cx),
            Self::Tls(io) => Pin::new(io).poll_shutdown(cx),
        }
    }
}

/// Mutual TLS in which a client without a certificate still reaches health; the guard refuses it the rest.
fn server_config(files: &Tls) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&files.client_ca_file)? {
        roots
            .add(certificate)
            .map_err(|e| TlsError::Ca(e.to_string()))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .map_err(|e| TlsError::Ca(e.to_string()))?;
    let key = PrivateKeyDer::from_pem_file(&files.key_file)
        .map_err(|e| pem(&files.key_file, "private key", &e))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Identity)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(&files.certificate_file)?, key)
        .map_err(TlsError::Identity)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|e| pem(path, "certificate", &e))?
        .collect();
    found.map_err(|e| pem(path, "certificate", &e))
}

fn pem(path: &Path, expected: &'static str, problem: &dyn std::fmt::Display) -> TlsError {
    TlsError::Pem {
        path: path.into(),
        expected,
        problem: problem.to_string(),
    }
}

//! A connection that can be cut: by us, or because its peer stops reading.

use std::{
    future::Future,
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// Cuts the connection a request came by; rides on the request.
#[derive(Clone, Debug)]
pub(crate) struct Cut(pub(crate) CancellationToken);

/// A socket on which a write that makes no progress for `limit` fails.
///
/// Without it a subscriber that never reads would keep its connection, and everything queued for it, for as long as it
/// likes: writes have no time-out of their own.
pub(crate) struct NoStall {
    socket: TcpStream,
    limit: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    /// One for each direction: they are polled by different tasks.
    cut: [Pin<Box<WaitForCancellationFutureOwned>>; 2],
}

impl NoStall {
    pub(crate) fn new(socket: TcpStream, limit: Duration, cut: &Cut) -> Self {
        let cut = [(); 2].map(|()| Box::pin(cut.0.clone().cancelled_owned()));
        Self {
            socket,
            limit,
            stalled: None,
            cut,
        }
    }

    fn check<T>(&mut self, cx: &mut Context<'_>, done: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if done.is_ready() {
            self.stalled = None;
            return done;
        }
        if self.cut[1].as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let limit = self.limit;
        let timer = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "the peer does not read",
            ))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncRead for NoStall {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.cut[0].as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }
}

impl AsyncWrite for NoStall {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.socket).poll_write(cx, buf);
        self.check(cx, progress)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.socket).poll_flush(cx);
        self.check(cx, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.socket).poll_shutdown(cx);
        self.check(cx, progress)
    }
}

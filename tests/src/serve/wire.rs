//! The connection under HTTP, so that it can be reset, or speak something else.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What a server that isn't one says.
const NOISE: &[u8] = b"\x16\x03\x01 220 ready when you are\r\n";

/// How a connection ends. The request that decides it and the connection share this.
#[derive(Debug, Default)]
pub(super) struct Ending(AtomicU8);

const RESET: u8 = 1;
const GARBAGE: u8 = 2;

impl Ending {
    /// From now on dropping the connection resets it.
    pub(super) fn reset(&self) {
        self.0.store(RESET, Ordering::Relaxed);
    }

    /// Whatever is written from now on is noise, and the end.
    pub(super) fn garbage(&self) {
        self.0.store(GARBAGE, Ordering::Relaxed);
    }

    fn is(&self, what: u8) -> bool {
        self.0.load(Ordering::Relaxed) == what
    }
}

/// A connection with an [`Ending`].
pub(super) struct Wire {
    stream: TcpStream,
    ending: Arc<Ending>,
    /// How much of the noise is out.
    noise: usize,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, ending: Arc<Ending>) -> Self {
        Self {
            stream,
            ending,
            noise: 0,
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.ending.is(RESET) {
            // Closing a connection that doesn't linger discards what is in flight and sends RST.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if !self.ending.is(GARBAGE) {
            return Pin::new(&mut self.stream).poll_write(cx, bytes);
        }
        while let Some(left) = NOISE.get(self.noise..).filter(|left| !left.is_empty()) {
            let sent = std::task::ready!(Pin::new(&mut self.stream).poll_write(cx, left))?;
            self.noise += sent;
        }
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

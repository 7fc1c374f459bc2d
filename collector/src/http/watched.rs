//! The bytes of a connection: counted, and ended when none move any more. HTTP/1 has times of its own for heads and bodies; HTTP/2, and a
//! client that falls silent after its handshake, have none, and would hold their places for as long as they like.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::metrics::Traffic;

/// Longer than any answer takes: a query of the private listener has ten seconds, an asset of the demo five.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// How often a connection is looked at within this time: it ends up to one such part late. A byte then costs no look at the clock.
const LOOKS: u32 = 4;

/// To its reader, the other side has left after [`IDLE_TIMEOUT`] without a byte in either direction.
#[derive(Debug)]
pub struct Watched<S> {
    stream: S,
    traffic: Arc<Traffic>,
    /// Looks in a row, at the end of [`timer`](Self::timer), between which nothing moved.
    idle_looks: u32,
    timer: Pin<Box<Sleep>>,
}

impl<S> Watched<S> {
    pub fn new(stream: S, traffic: Arc<Traffic>) -> Watched<S> {
        Watched {
            stream,
            traffic,
            idle_looks: 0,
            timer: Box::pin(sleep(IDLE_TIMEOUT / LOOKS)),
        }
    }

    fn poll_idle(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(context).is_ready() {
            if self.idle_looks == LOOKS {
                return Poll::Ready(());
            }
            self.idle_looks += 1;
            self.timer
                .as_mut()
                .reset(Instant::now() + IDLE_TIMEOUT / LOOKS);
        }
        Poll::Pending
    }

    fn wrote(&mut self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = &polled {
            self.idle_looks = 0;
            let bytes = *written.as_ref().unwrap_or(&0) as u64;
            self.traffic.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            self.idle_looks = 0;
            let bytes = (buffer.filled().len() - before) as u64;
            self.traffic
                .received_bytes
                .fetch_add(bytes, Ordering::Relaxed);
            return Poll::Ready(read);
        }
        self.poll_idle(context).map(Ok) // nothing was read: the end
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.wrote(polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.wrote(polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_nothing_moves_and_not_before() {
        let (stream, mut other) = duplex(64);
        let traffic = Arc::new(Traffic::default());
        let mut watched = Watched::new(stream, traffic.clone());
        let began = Instant::now();
        for _ in 0..5 {
            tokio::time::sleep(IDLE_TIMEOUT / 2).await;
            other.write_all(b"x").await.expect("it is open");
            assert_eq!(watched.read_u8().await.expect("a byte"), b'x');
            tokio::time::sleep(IDLE_TIMEOUT / 2).await;
            watched.write_all(b"y").await.expect("it is open");
        }
        let moved = Instant::now();
        assert_eq!(moved - began, IDLE_TIMEOUT * 5);
        assert_eq!(watched.read(&mut [0]).await.expect("an end"), 0);
        let waited = Instant::now() - moved;
        assert!(
            waited >= IDLE_TIMEOUT && waited < IDLE_TIMEOUT * 2,
            "{waited:?}"
        );
        let count = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        assert_eq!(count(&traffic.received_bytes), 5);
        assert_eq!(count(&traffic.sent_bytes), 5);
    }
}

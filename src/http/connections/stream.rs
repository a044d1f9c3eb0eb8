use std::{
    io,
    net::Shutdown,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
};

use actix_web::rt::net::TcpStream;
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use super::{
    progress::{Progress, Reading},
    refusal,
    registry::Connection,
};

/// A socket that notes each byte that moves, and ends for its reader where the connection has to end.
#[derive(Debug)]
pub(super) struct Stream {
    tcp: Rc<TcpStream>,
    connection: Arc<Connection>,
}

impl Stream {
    pub(super) fn new(tcp: Rc<TcpStream>, connection: Arc<Connection>) -> Self {
        Self { tcp, connection }
    }

    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }

    /// Sends our own words in place of the parser's refusal of a head, which has none.
    fn refuse_head(&self, answer: &[u8]) -> bool {
        let Some(refused) = refusal::of_a_head(answer) else { return false };
        let peer = self.tcp.peer_addr().ok().map(|peer| peer.to_string());
        tracing::info!(peer, code = refused.reason(), "refused the head of a request");
        send(&self.tcp, &refusal::raw(&refused));
        true
    }
}

/// Sends what fits into the socket's buffer, without waiting: the last words of a connection.
pub(super) fn send(tcp: &TcpStream, bytes: &[u8]) {
    if let Err(error) = SockRef::from(tcp).send(bytes) {
        tracing::debug!(%error, "a client is gone before its refusal");
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.connection.ask(Progress::reading) {
            Reading::Open => {}
            Reading::Paused => {
                self.connection.wake_when_answered(context.waker());
                return Poll::Pending;
            }
            // Nothing read is the end of the stream.
            Reading::Over => return Poll::Ready(Ok(())),
        }
        let read = loop {
            ready!(self.tcp.poll_read_ready(context))?;
            match self.tcp.try_read(buffer.initialize_unfilled()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                other => break other?,
            }
        };
        if let Some(bytes) = buffer.initialize_unfilled().get(..read)
            && !bytes.is_empty()
        {
            self.connection.update(|progress| progress.read(bytes, Instant::now()));
        }
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.connection.ask(Progress::is_refusing_a_head) && self.refuse_head(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        loop {
            match self.tcp.poll_write_ready(context)? {
                Poll::Pending => {
                    self.connection.update(|progress| progress.write_blocked(Instant::now()));
                    return Poll::Pending;
                }
                Poll::Ready(()) => {}
            }
            match self.tcp.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
                Ok(written) => {
                    self.connection.update(|progress| progress.wrote(Instant::now()));
                    return Poll::Ready(Ok(written));
                }
            }
        }
    }

    /// Called once everything has been written.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.connection.update(Progress::flushed);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.tcp).shutdown(Shutdown::Write))
    }
}

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
    progress::{ConnectionProgress, Reading},
    refusal,
    registry::Connection,
};
use crate::http::api::error::ApiError;

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

    /// Sends our own refusal of a head in place of the parser's, which has no body.
    fn refuse_head(&self, refused: &ApiError) {
        let peer = self.tcp.peer_addr().ok().map(|peer| peer.to_string());
        tracing::info!(peer, code = refused.reason(), "refused the head of a request");
        send(&self.tcp, &refusal::raw(refused));
    }

    /// Our refusal, if `answer` is the parser's refusal of a head.
    fn refusal(&self, answer: &[u8]) -> Option<ApiError> {
        let is_refusing = self.connection.ask(ConnectionProgress::is_refusing_a_head);
        is_refusing.then(|| refusal::of_a_head(answer)).flatten()
    }
}

/// Sends the last words of a connection, as far as they fit into the socket's buffer, which has little else in it.
pub(super) fn send(tcp: &TcpStream, bytes: &[u8]) {
    if let Err(error) = tcp.try_write(bytes) {
        tracing::debug!(%error, "a client is gone before its refusal");
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.connection.ask(ConnectionProgress::reading) {
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
        loop {
            match self.tcp.poll_write_ready(context)? {
                Poll::Pending => {
                    self.connection.update(|progress| progress.write_blocked(Instant::now()));
                    return Poll::Pending;
                }
                Poll::Ready(()) => {}
            }
            if let Some(refused) = self.refusal(bytes) {
                self.refuse_head(&refused);
                return Poll::Ready(Ok(bytes.len()));
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
        self.connection.update(ConnectionProgress::flushed);
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(&*self.tcp).shutdown(Shutdown::Write))
    }
}

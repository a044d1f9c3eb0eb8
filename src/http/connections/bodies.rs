use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev::Payload,
    error::PayloadError,
    web::Bytes,
};
use futures_util::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{progress::ConnectionProgress, registry::Connection};

/// Time that a body may stand still.
const STALL_WAIT: Duration = Duration::from_secs(10);
/// Time that a body may take in all, before a second is added for each [`BYTES_A_SECOND`] that arrived.
const BODY_WAIT: Duration = Duration::from_secs(60);
/// The slowest that a long body may come.
const BYTES_A_SECOND: u64 = 1024;

/// A request's body with a deadline: it ends with [`io::ErrorKind::TimedOut`] when it stands still or is too slow. Dropping it
/// before its end refuses the rest.
pub(super) struct RequestBody {
    payload: Payload,
    connection: Arc<Connection>,
    began: Instant,
    bytes: u64,
    /// Set while the client is waited for.
    wait: Option<Pin<Box<Sleep>>>,
    is_over: bool,
}

impl RequestBody {
    pub(super) fn new(payload: Payload, connection: Arc<Connection>, now: Instant) -> Self {
        Self { payload, connection, began: now, bytes: 0, wait: None, is_over: false }
    }

    fn deadline(&self, now: Instant) -> Instant {
        let earned = Duration::from_secs(self.bytes / BYTES_A_SECOND);
        (now + STALL_WAIT).min(self.began + BODY_WAIT + earned)
    }

    fn set_waiting(&mut self, is_waiting: bool) {
        let now = Instant::now();
        if is_waiting != self.wait.is_some() {
            self.connection.update(|progress| progress.wait_for_body(is_waiting, now));
        }
        if !is_waiting {
            self.wait = None;
        } else if self.wait.is_none() {
            self.wait = Some(Box::pin(sleep_until(self.deadline(now))));
        }
    }
}

impl Stream for RequestBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.payload).poll_next(context);
        this.set_waiting(polled.is_pending());
        match &polled {
            Poll::Ready(Some(Ok(bytes))) => this.bytes += bytes.len() as u64,
            Poll::Ready(None) => this.is_over = true,
            Poll::Ready(Some(Err(_))) => {}
            Poll::Pending => {
                let is_late = this.wait.as_mut().is_some_and(|wait| wait.as_mut().poll(context).is_ready());
                if is_late {
                    this.set_waiting(false);
                    let late = io::Error::from(io::ErrorKind::TimedOut);
                    return Poll::Ready(Some(Err(PayloadError::Io(late))));
                }
            }
        }
        polled
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        self.set_waiting(false);
        let mut context = Context::from_waker(Waker::noop());
        // What has arrived already costs nothing, and if it is all, the connection can go on.
        while !self.is_over {
            match Pin::new(&mut self.payload).poll_next(&mut context) {
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(None) => self.is_over = true,
                Poll::Ready(Some(Err(_))) | Poll::Pending => {
                    return self.connection.update(ConnectionProgress::close_to_reading);
                }
            }
        }
    }
}

/// An answer's body, which says when it is complete.
pub(super) struct AnswerBody {
    body: BoxBody,
    connection: Arc<Connection>,
}

impl AnswerBody {
    pub(super) fn new(body: BoxBody, connection: Arc<Connection>) -> Self {
        Self { body, connection }
    }
}

impl MessageBody for AnswerBody {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        tracing::trace!("body sent");
        self.connection.answered(Instant::now());
    }
}

//! The one place that asks for the time. Everything else gets it as an argument.

use std::{pin::Pin, time::Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::units::Millis;

/// A source of time.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment of this process; never goes back.
    fn monotonic(&self) -> Millis;

    /// Resolves once this clock has gone on by `span`.
    fn sleep(&self, span: Millis) -> Sleep;
}

/// The end of a span of time.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The machine's clock.
#[derive(Debug)]
pub struct SystemClock {
    started: Instant,
}

impl SystemClock {
    /// The machine's clock, with its monotonic origin at this call.
    pub fn start() -> Self {
        Self { started: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Millis {
        Millis::from_duration_ceil(self.started.elapsed())
    }

    fn sleep(&self, span: Millis) -> Sleep {
        Box::pin(tokio::time::sleep(span.into()))
    }
}

/// A clock that stands still until a test moves it.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<(Timestamp, Millis)>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { now: watch::Sender::new((now, Millis::ZERO)) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, span: Millis) {
        let millis = i64::try_from(span.get()).unwrap_or(i64::MAX);
        self.now.send_modify(|(wall, monotonic)| {
            *wall = wall.checked_add(jiff::SignedDuration::from_millis(millis)).unwrap_or(Timestamp::MAX);
            *monotonic = monotonic.saturating_add(span);
        });
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.now.borrow().0
    }

    fn monotonic(&self) -> Millis {
        self.now.borrow().1
    }

    fn sleep(&self, span: Millis) -> Sleep {
        let end = self.monotonic().saturating_add(span);
        let mut now = self.now.subscribe();
        Box::pin(async move {
            if now.wait_for(|(_, monotonic)| *monotonic >= end).await.is_err() {
                // The clock is gone, and with it its time.
                std::future::pending::<()>().await;
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manual_clock_wakes_who_sleeps_when_it_has_gone_far_enough() {
        let clock = ManualClock::at(Timestamp::UNIX_EPOCH);
        let mut sleep = clock.sleep(Millis::new(1000));
        clock.advance(Millis::new(999));
        let still = tokio::select! {
            biased;
            () = &mut sleep => false,
            () = std::future::ready(()) => true,
        };
        assert!(still);
        clock.advance(Millis::new(1));
        sleep.await;
    }
}

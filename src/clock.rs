//! The one place that asks what time it is. Everything else is told.

use std::{sync::Mutex, time::Instant};

use jiff::Timestamp;

use crate::units::Millis;

/// A source of time.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// Time since some fixed moment of this process; never goes back.
    fn monotonic(&self) -> Millis;
}

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
}

/// A clock that stands still until it is told to move, for tests.
#[derive(Debug)]
pub struct ManualClock {
    now: Mutex<(Timestamp, Millis)>,
}

impl ManualClock {
    /// A clock that stands at `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { now: Mutex::new((now, Millis::ZERO)) }
    }

    /// Moves the clock forward.
    pub fn advance(&self, span: Millis) {
        let mut now = self.now.lock().unwrap_or_else(|e| e.into_inner());
        let millis = i64::try_from(span.get()).unwrap_or(i64::MAX);
        now.0 = now.0.checked_add(jiff::SignedDuration::from_millis(millis)).unwrap_or(Timestamp::MAX);
        now.1 = now.1.saturating_add(span);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.now.lock().unwrap_or_else(|e| e.into_inner()).0
    }

    fn monotonic(&self) -> Millis {
        self.now.lock().unwrap_or_else(|e| e.into_inner()).1
    }
}

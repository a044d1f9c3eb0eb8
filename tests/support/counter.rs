//! An energy counter as a card has one: it ticks, it cannot always be read, and the driver is reloaded once.

use std::sync::{
    Arc, Mutex, MutexGuard,
    atomic::{AtomicU32, Ordering},
};

use tintype::{clock::Clock, domain::EnergySource, meter::EnergyCounter, units::Energy};

/// It counts what a CPU is taken to draw, so that metered and estimated work cost the same.
const WATTS: u64 = 65;
/// Between two ticks nothing is counted, and work shorter than that is estimated.
const TICK_MILLIS: u64 = 20;
/// A working day of it, more than any work can be owed.
const CATCH_UP: u64 = 24 * 3_600_000 * WATTS;
/// What the counter stands at in the beginning.
const START: u64 = 1_000_000_000;
/// Readings that fail. The first work is under way at the second.
const UNREADABLE: [u32; 2] = [2, 6];
/// The reading before which the driver is reloaded.
const RELOAD: u32 = 3;

/// One run of the counter, from one beginning to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub start: u64,
    /// What was read last.
    pub last: u64,
}

/// What a counter has reported.
#[derive(Clone)]
pub struct Trace {
    device: String,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

struct State {
    /// By the clock, in milliseconds.
    began: u64,
    readings: u32,
    /// What the counter stood at when it began.
    start: u64,
    caught_up: bool,
    runs: Vec<Run>,
}

impl Trace {
    /// A counter of a device of its own.
    pub fn begin(clock: &Arc<dyn Clock>) -> Self {
        static DEVICES: AtomicU32 = AtomicU32::new(0);
        let device = format!("GPU-{}", DEVICES.fetch_add(1, Ordering::Relaxed));
        let began = clock.monotonic().get();
        let state = State { began, readings: 0, start: START, caught_up: false, runs: Vec::new() };
        Self { device, clock: Arc::clone(clock), state: Arc::new(Mutex::new(state)) }
    }

    pub fn counter(&self) -> Box<dyn EnergyCounter> {
        Box::new(self.clone())
    }

    pub fn device(&self) -> &str {
        &self.device
    }

    /// Its runs, each as far as it was read.
    pub fn runs(&self) -> Vec<Run> {
        self.state().runs.clone()
    }

    /// Whatever was too short for a tick is counted from now on, and every reading succeeds.
    pub fn catch_up(&self) {
        self.state().caught_up = true;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic")
    }
}

impl EnergyCounter for Trace {
    fn total(&mut self) -> Option<Energy> {
        let now = self.clock.monotonic().get();
        let mut state = self.state();
        state.readings += 1;
        if UNREADABLE.contains(&state.readings) && !state.caught_up {
            return None;
        }
        let is_new = state.readings == 1;
        // Later the counter has gone so far that a reload might not be seen.
        let is_reloaded = state.readings == RELOAD && !state.caught_up;
        if is_reloaded {
            (state.began, state.start) = (now, 0);
        }
        let counted = (now - state.began) / TICK_MILLIS * TICK_MILLIS * WATTS;
        let total = state.start + counted + if state.caught_up { CATCH_UP } else { 0 };
        if is_new || is_reloaded {
            let start = if is_new { total } else { 0 };
            state.runs.push(Run { start, last: total });
        }
        state.runs.last_mut().expect("begun").last = total;
        Some(Energy::from_millijoules(total))
    }

    fn source(&self) -> EnergySource {
        EnergySource::Metered
    }

    fn device(&self) -> &str {
        &self.device
    }
}

//! Joules: what the device drew while it worked and while it waited. Every figure says how it was obtained.
//!
//! Architecture invariant: time is cut into pieces without gap or overlap, each work or idleness, and each piece has
//! the counter's difference between its ends. So the pieces of an epoch add up to what the counter counted, to the
//! millijoule.

mod counter;
mod nvml;

use std::sync::Arc;

use uuid::Uuid;

pub use self::{
    counter::EnergyCounter,
    nvml::{Card, Driver},
};
use crate::{
    clock::Clock,
    domain::{EnergySource, Usage},
    units::{Energy, Millis, Power},
};

/// Returns the next epoch's number for a device, how its energy is counted, and the total with which the epoch begins;
/// none if sums are not kept.
pub type BeginEpoch = Box<dyn FnMut(&str, EnergySource, Energy) -> Option<u32> + Send>;

/// Measures one device.
pub struct Meter {
    clock: Arc<dyn Clock>,
    /// Drawn while it works and while it waits, if there is no counter.
    powers: Powers,
    counting: Option<Counting>,
    /// Where the last piece ended.
    last: Millis,
    /// Idleness that nobody has asked for yet, a piece for each epoch and source.
    idle: Vec<Usage>,
}

/// Power of a device, as far as it is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Powers {
    /// While it works.
    pub busy: Power,
    /// While it waits.
    pub idle: Power,
}

struct Counting {
    counter: Box<dyn EnergyCounter>,
    begin_epoch: BeginEpoch,
    /// One run of the counter, from one beginning to the next.
    epoch: Option<u32>,
    last: Energy,
    /// Energy that was estimated, because a piece was shorter than the counter's tick, and that the next pieces owe.
    owed: Energy,
}

/// A piece of work that has begun.
#[derive(Debug)]
#[must_use = "a window is closed by Meter::close"]
pub struct Window(());

impl Meter {
    /// A meter that takes the device to draw `powers`.
    pub fn estimating(powers: Powers, clock: Arc<dyn Clock>) -> Self {
        let last = clock.monotonic();
        Self { clock, powers, counting: None, last, idle: Vec::new() }
    }

    /// A meter that reads `counter`, and estimates by `powers` what is too short for it. `begin_epoch` is asked at
    /// once, and whenever the counter has restarted.
    pub fn counting(
        mut counter: Box<dyn EnergyCounter>,
        mut begin_epoch: BeginEpoch,
        powers: Powers,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let counting = counter.total().map(|last| {
            let epoch = begin_epoch(counter.device(), counter.source(), last);
            Counting { counter, begin_epoch, epoch, last, owed: Energy::from_millijoules(0) }
        });
        Self { counting, ..Self::estimating(powers, clock) }
    }

    /// The meter of the NVIDIA card that the driver knows by `card`, if it reports its energy; else, and for a CPU, one
    /// that estimates.
    pub fn of_device(
        card: Option<Uuid>,
        begin_epoch: BeginEpoch,
        powers: Powers,
        clock: Arc<dyn Clock>,
    ) -> Self {
        match card.and_then(|card| nvml::counter(card, &clock)) {
            Some(counter) => Self::counting(counter, begin_epoch, powers, clock),
            None => Self::estimating(powers, clock),
        }
    }

    /// The power by which work is foreseen.
    pub fn power(&self) -> Power {
        self.powers.busy
    }

    /// How energy is obtained.
    pub fn source(&self) -> EnergySource {
        self.counting.as_ref().map_or(EnergySource::Estimated, |counting| counting.counter.source())
    }

    /// The time by which it measures.
    pub fn now(&self) -> Millis {
        self.clock.monotonic()
    }

    /// Begins a piece of work; what was before it was idleness.
    pub fn open(&mut self) -> Window {
        self.rest();
        Window(())
    }

    /// Ends a piece of work. Work is never free: what is too short for the clock counts as a millisecond, and what is
    /// too short for the counter is estimated.
    pub fn close(&mut self, Window(()): Window) -> Usage {
        self.piece(true)
    }

    /// Ends a piece of idleness, which joins the idleness before it.
    pub fn rest(&mut self) {
        let piece = self.piece(false);
        if piece.duration == Millis::ZERO && piece.energy == Energy::from_millijoules(0) {
            return;
        }
        match self.idle.last_mut() {
            Some(idle) if (idle.epoch, idle.source) == (piece.epoch, piece.source) => {
                *idle = idle.plus(piece);
            }
            _ => self.idle.push(piece),
        }
    }

    /// The idleness since it was asked for last.
    pub fn take_idle(&mut self) -> Vec<Usage> {
        std::mem::take(&mut self.idle)
    }

    /// How long the idleness is that nobody has asked for yet.
    pub fn idle_for(&self) -> Millis {
        self.idle.iter().fold(Millis::ZERO, |sum, idle| sum.saturating_add(idle.duration))
    }

    fn piece(&mut self, is_work: bool) -> Usage {
        let now = self.clock.monotonic();
        let span = now.get().saturating_sub(self.last.get());
        let duration = Millis::new(if is_work { span.max(1) } else { span });
        self.last = now;
        let power = if is_work { self.powers.busy } else { self.powers.idle };
        let estimate =
            || Usage { duration, energy: power.over(duration), source: EnergySource::Estimated, epoch: None };
        match &mut self.counting {
            None => estimate(),
            Some(counting) => match counting.difference() {
                None => estimate(),
                Some(energy) => {
                    let epoch = counting.epoch;
                    let is_unread = is_work && energy == Energy::from_millijoules(0);
                    if is_unread {
                        counting.owed = counting.owed.plus(estimate().energy).unwrap_or(Energy::MAX);
                        return Usage { epoch, ..estimate() };
                    }
                    Usage { duration, energy, source: counting.counter.source(), epoch }
                }
            },
        }
    }
}

impl Counting {
    /// What the counter has counted since it was last read, less what is owed.
    fn difference(&mut self) -> Option<Energy> {
        let total = self.counter.total()?;
        let before = if total >= self.last {
            self.last.as_millijoules()
        } else {
            // A reload of the driver: the counter began at 0 again, and what it lost is not known.
            let zero = Energy::from_millijoules(0);
            self.epoch = (self.begin_epoch)(self.counter.device(), self.counter.source(), zero);
            self.owed = zero;
            0
        };
        self.last = total;
        let counted = total.as_millijoules() - before;
        let paid = counted.min(self.owed.as_millijoules());
        self.owed = Energy::from_millijoules(self.owed.as_millijoules() - paid);
        Some(Energy::from_millijoules(counted - paid))
    }
}

#[cfg(test)]
mod tests;

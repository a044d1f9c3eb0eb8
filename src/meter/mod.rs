//! Joules: what the device drew while it worked. For now from configured watts; every figure says how it was obtained.

use std::sync::Arc;

use crate::{
    clock::Clock,
    domain::{EnergySource, Usage},
    units::{Millis, Power},
};

/// Measures windows of work on one device.
#[derive(Clone)]
pub struct Meter {
    power: Power,
    clock: Arc<dyn Clock>,
}

/// A window that has been opened.
#[derive(Debug)]
#[must_use = "a window is closed by Meter::close"]
pub struct Window {
    opened: Millis,
}

impl Meter {
    /// A meter that takes the device to draw `power` while it works.
    pub fn estimating(power: Power, clock: Arc<dyn Clock>) -> Self {
        Self { power, clock }
    }

    /// The power that an estimate goes by.
    pub fn power(&self) -> Power {
        self.power
    }

    /// Opens a window of work.
    pub fn open(&self) -> Window {
        Window { opened: self.clock.monotonic() }
    }

    /// Closes a window. Work shorter than the clock's millisecond counts as one: it was not free.
    pub fn close(&self, window: Window) -> Usage {
        let now = self.clock.monotonic().get();
        let duration = Millis::new(now.saturating_sub(window.opened.get()).max(1));
        Usage { duration, energy: self.power.over(duration), source: EnergySource::Estimated }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::{clock::ManualClock, units::Energy};

    #[test]
    fn watts_and_time_make_joules() {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let meter = Meter::estimating(Power::from_watts(450), clock.clone());
        let window = meter.open();
        clock.advance(Millis::new(15_000));
        let usage = meter.close(window);
        assert_eq!(usage.energy, Energy::from_millijoules(6_750_000));
        assert_eq!(usage.source, EnergySource::Estimated);
    }

    #[test]
    fn work_too_short_for_the_clock_is_not_free() {
        let clock = Arc::new(ManualClock::at(Timestamp::UNIX_EPOCH));
        let meter = Meter::estimating(Power::from_watts(65), clock);
        assert_eq!(meter.close(meter.open()).energy, Energy::from_millijoules(65));
    }
}

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::units::{Energy, Millis};

/// How far back live work counts.
const SPAN: u64 = 3_600_000;

/// What live requests took of the devices in the last hour.
#[derive(Debug, Default)]
pub(super) struct LiveLoad(Mutex<VecDeque<(Millis, Millis)>>);

impl LiveLoad {
    /// Notes at `now` that a live request took `spent` of a device.
    pub(super) fn note(&self, now: Millis, spent: Millis) {
        let mut recent = self.0.lock();
        recent.push_back((now, spent));
        forget(&mut recent, now);
    }

    /// The share of the time of so many devices that live requests took in the hour before `now`, in percent.
    pub(super) fn percent(&self, now: Millis, devices: usize) -> u32 {
        let mut recent = self.0.lock();
        forget(&mut recent, now);
        let spent: u64 = recent.iter().map(|(_, spent)| spent.get()).fold(0, u64::saturating_add);
        let whole = SPAN.saturating_mul(devices.max(1) as u64);
        u32::try_from((spent.saturating_mul(100) / whole).min(100)).unwrap_or(100)
    }
}

/// What this process has settled since its start.
#[derive(Debug, Default)]
pub(super) struct SettledWork(Mutex<(u64, Energy)>);

impl SettledWork {
    /// Adds an image that took `energy`.
    pub(super) fn note(&self, energy: Energy) {
        let mut settled = self.0.lock();
        *settled = (settled.0 + 1, settled.1.plus(energy).unwrap_or(Energy::MAX));
    }

    /// Images, and their energy.
    pub(super) fn sums(&self) -> (u64, Energy) {
        *self.0.lock()
    }
}

fn forget(recent: &mut VecDeque<(Millis, Millis)>, now: Millis) {
    while recent.front().is_some_and(|(at, _)| now.get().saturating_sub(at.get()) > SPAN) {
        recent.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_of_live_work_counts_for_the_devices_there_are() {
        let load = LiveLoad::default();
        let minutes = |minutes: u64| Millis::new(minutes * 60_000);
        load.note(minutes(0), minutes(18));
        load.note(minutes(30), minutes(18));
        assert_eq!([1, 2].map(|devices| load.percent(minutes(60), devices)), [60, 30]);
        assert_eq!(load.percent(minutes(61), 1), 30, "the first is longer ago");
        assert_eq!(load.percent(minutes(91), 1), 0);
        load.note(minutes(100), minutes(90));
        assert_eq!(load.percent(minutes(100), 1), 100);
    }
}

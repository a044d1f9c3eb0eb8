use std::sync::atomic::{AtomicU64, Ordering};

use crate::units::Millis;

/// Pixel-steps of the unit in which pace is kept: a megapixel-step.
const UNIT: u64 = 1_000_000;
/// Pixel-steps of a job that counts as much as everything before it: 512² in 8 steps. Smaller jobs count less, since
/// what they take is mostly not theirs.
const HALF_WEIGHT: u64 = 2_097_152;
/// Microseconds a megapixel-step before anything was measured: 15 s for 1024² in 8 steps, an RTX 4090 in early 2026.
const FIRST_GUESS_MICROS: u64 = 1_800_000;

/// A pace this many times another is not the same device's at the same work.
const FAR: u128 = 16;

/// One over a pace is a speed in this unit.
const SPEED: u128 = 1_000_000_000_000_000_000_000_000;

fn micros_per_unit(pixel_steps: u64, duration: Millis) -> u128 {
    u128::from(duration.get()) * 1000 * u128::from(UNIT) / u128::from(pixel_steps.max(1))
}

/// How fast a device generates: a moving average over finished jobs.
#[derive(Debug)]
pub(super) struct Pace {
    micros_per_unit: AtomicU64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { micros_per_unit: AtomicU64::new(FIRST_GUESS_MICROS) }
    }
}

impl Pace {
    /// Microseconds a megapixel-step.
    pub(super) fn micros(&self) -> u64 {
        self.micros_per_unit.load(Ordering::Relaxed)
    }

    /// Goes on from a pace that was measured before.
    pub(super) fn resume(&self, micros: u64) {
        self.micros_per_unit.store(micros.max(1), Ordering::Relaxed);
    }

    /// Takes in the first work since the start. A pace from before that is far from it was another machine's, or an image's
    /// over which the machine slept: it is forgotten.
    pub(super) fn observe_first(&self, pixel_steps: u64, duration: Millis) {
        let measured = micros_per_unit(pixel_steps, duration);
        let before = u128::from(self.micros());
        if measured.saturating_mul(FAR) < before || before.saturating_mul(FAR) < measured {
            self.resume(u64::try_from(measured).unwrap_or(u64::MAX));
        } else {
            self.observe(pixel_steps, duration);
        }
    }

    /// Takes a finished job into the average, by its size.
    pub(super) fn observe(&self, pixel_steps: u64, duration: Millis) {
        let micros = micros_per_unit(pixel_steps, duration);
        let before = u128::from(self.micros_per_unit.load(Ordering::Relaxed));
        let (old, new) = (u128::from(HALF_WEIGHT), u128::from(pixel_steps));
        let average = before.saturating_mul(old).saturating_add(micros.saturating_mul(new)) / (old + new);
        self.micros_per_unit.store(u64::try_from(average).unwrap_or(u64::MAX).max(1), Ordering::Relaxed);
    }

    /// The pace of devices that share their work.
    pub(super) fn together<'a>(paces: impl IntoIterator<Item = &'a Self>) -> Self {
        let of_each = paces.into_iter().map(|pace| u128::from(pace.micros_per_unit.load(Ordering::Relaxed)));
        let speeds: u128 = of_each.map(|micros| SPEED / micros.max(1)).sum();
        let micros = (SPEED / speeds.max(1)).max(1);
        Self { micros_per_unit: AtomicU64::new(u64::try_from(micros).unwrap_or(u64::MAX)) }
    }

    /// The time for `pixel_steps`, rounded up.
    pub(super) fn time_for(&self, pixel_steps: u64) -> Millis {
        let pace = u128::from(self.micros_per_unit.load(Ordering::Relaxed));
        let millis = (u128::from(pixel_steps) * pace).div_ceil(u128::from(UNIT) * 1000);
        Millis::new(u64::try_from(millis).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_guess_is_fifteen_seconds_for_a_megapixel_in_eight_steps() {
        let time = Pace::default().time_for(1024 * 1024 * 8);
        assert_eq!(time.as_secs_ceil(), 16);
    }

    #[test]
    fn the_pace_follows_what_is_measured() {
        let pace = Pace::default();
        for _ in 0..30 {
            pace.observe(8 * UNIT, Millis::new(80));
        }
        assert_eq!(pace.time_for(8 * UNIT), Millis::new(80));
    }

    #[test]
    fn a_pace_from_before_that_cannot_be_is_forgotten_at_the_first_work() {
        let first_after = |before| {
            let pace = Pace::default();
            pace.resume(before);
            pace.observe_first(UNIT / 10, Millis::new(10));
            pace.micros()
        };
        assert_eq!([first_after(u64::MAX), first_after(0), first_after(20 * 100_000)], [100_000; 3]);
        assert!((100_001..300_000).contains(&first_after(300_000)), "a usual difference is averaged");
    }

    #[test]
    fn devices_that_share_their_work_are_as_fast_as_the_sum_of_them() {
        let of = |micros| Pace { micros_per_unit: AtomicU64::new(micros) };
        let time = |paces: &[Pace]| Pace::together(paces).time_for(100 * UNIT).get();
        assert_eq!(time(&[of(30_000)]), 3_000, "alone as before");
        assert_eq!(time(&[of(30_000), of(30_000)]), 1_500);
        assert_eq!(time(&[of(30_000), of(60_000)]), 2_000, "two thirds of it are the faster one's");
    }

    #[test]
    fn a_tiny_job_hardly_moves_the_pace() {
        let pace = Pace::default();
        pace.observe(16 * 16, Millis::new(130));
        let foreseen = pace.time_for(1024 * 1024 * 8).as_secs_ceil();
        assert!((15..=17).contains(&foreseen), "{foreseen}");
    }
}

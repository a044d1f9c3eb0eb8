use crate::{
    domain::EnergySource,
    units::{Energy, Millis},
};

/// Something that counts the energy of a device from some moment on.
pub trait EnergyCounter: Send {
    /// Energy since then; none if it cannot be read now. It falls when the counter restarts, as after a reload of
    /// the driver.
    fn total(&mut self) -> Option<Energy>;

    /// How it counts.
    fn source(&self) -> EnergySource;

    /// The device, by a name that stays: an NVIDIA card's UUID.
    fn device(&self) -> &str;
}

/// Sums samples of power into energy, by trapezoids. Keeps what is less than a millijoule for the next sample.
#[derive(Debug, Default)]
pub(super) struct Integral {
    total: u64,
    /// Microjoules, half of which is below a millijoule.
    rest: u64,
    last: Option<(Millis, u32)>,
}

impl Integral {
    /// Takes in a sample of `milliwatts` at `now`.
    pub(super) fn sample(&mut self, now: Millis, milliwatts: u32) {
        if let Some((before, last)) = self.last {
            let span = now.get().saturating_sub(before.get());
            // Milliwatts × milliseconds are microjoules; the mean of two samples is half their sum.
            let twice = u64::from(last) + u64::from(milliwatts);
            let microjoules = twice.saturating_mul(span) / 2 + self.rest;
            self.total = self.total.saturating_add(microjoules / 1000);
            self.rest = microjoules % 1000;
        }
        self.last = Some((now, milliwatts));
    }

    /// Everything so far.
    pub(super) fn total(&self) -> Energy {
        Energy::from_millijoules(self.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_power_make_energy() {
        let mut integral = Integral::default();
        // The last span is 3 ms at 200 W on average.
        for (at, watts) in [(0, 100), (1000, 300), (1500, 300), (1503, 100)] {
            integral.sample(Millis::new(at), watts * 1000);
        }
        // 200 J + 150 J + 0.6 J
        assert_eq!(integral.total(), Energy::from_millijoules(350_600));
    }
}

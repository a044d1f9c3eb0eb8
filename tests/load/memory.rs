//! The server's resident memory over the load.

use std::time::{Duration, Instant};

use crate::process_memory::memory_kib;

/// How much higher the last quarter's peak may be than the second's. The first is the server warming up.
const GROWTH_PERCENT_MAX: u64 = 20;

pub struct Memory {
    /// KiB, one a second.
    samples: Vec<u64>,
}

impl Memory {
    /// Takes a sample a second for `duration`. The sleeps are the measurement's interval; nothing waits on them.
    pub fn watch(pid: u32, duration: Duration) -> Self {
        let began = Instant::now();
        let mut samples = Vec::new();
        while began.elapsed() < duration {
            samples.push(memory_kib(pid, "VmRSS"));
            std::thread::sleep(Duration::from_secs(1));
        }
        Self { samples }
    }

    /// The peak of quarter 1 to 4.
    fn peak(&self, quarter: usize) -> u64 {
        let bound = |quarter: usize| self.samples.len() * quarter / 4;
        self.samples[bound(quarter - 1)..bound(quarter)].iter().copied().max().unwrap_or(0)
    }

    pub fn table(&self) -> String {
        #[expect(clippy::cast_precision_loss, reason = "figures for people")]
        let peaks: Vec<_> =
            (1..=4).map(|quarter| format!("{:.1}", self.peak(quarter) as f64 / 1024.0)).collect();
        format!("resident MiB, peak of each quarter: {}\n", peaks.join(" | "))
    }

    pub fn check(&self) {
        let (before, after) = (self.peak(2), self.peak(4));
        assert!(
            after * 100 <= before * (100 + GROWTH_PERCENT_MAX),
            "memory grew from {before} KiB to {after} KiB: {:?}",
            self.samples
        );
    }
}

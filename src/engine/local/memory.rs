use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde::{Deserialize, Serialize};

use crate::{
    domain::ImageSize,
    engine::shape::Shape,
    pipeline::{proc_bytes, usable_bytes},
};

/// Extrapolate from a measured shape only to shapes with at most this many times its pixels.
const FORESIGHT: u64 = 4;

/// What batches of a shape took, as a file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PeakProfile {
    #[serde(flatten)]
    shape: Shape,
    /// Bytes of a batch of 1, 2, …
    peak_bytes: Vec<u64>,
}

/// What batches took of the memory on their way through the steps, measured, by shape: the table that limits the next
/// ones. What decoding takes is not included: it adapts to the room there is.
///
/// A batch grows by one image at a time: two are tried once one was measured and a second as large fits.
#[derive(Debug, Default)]
pub(super) struct MemoryTable {
    /// Bytes of a batch of 1, 2, …, beyond what the model itself holds.
    peaks: BTreeMap<Shape, Vec<u64>>,
    /// Shapes of which all that is known is from before the start.
    resumed: BTreeSet<Shape>,
    /// Batches that did not fit.
    too_many: BTreeMap<Shape, usize>,
}

impl MemoryTable {
    /// Adds the peak of a batch of `images`.
    pub(super) fn observe(&mut self, shape: Shape, images: usize, peak: u64) {
        let peaks = self.peaks.entry(shape).or_default();
        if self.resumed.remove(&shape) {
            // What was measured before may have been another's doing; what is measured now counts.
            peaks.truncate(images.saturating_sub(1));
        }
        if images >= 1 && images <= peaks.len() + 1 {
            peaks.resize(peaks.len().max(images), 0);
            let known = &mut peaks[images - 1];
            *known = peak.max(*known);
        }
    }

    /// What was measured. Batches that did not fit are no part of it: another time there may be room.
    pub(super) fn profile(&self) -> Vec<PeakProfile> {
        let peak =
            |(shape, peaks): (&Shape, &Vec<u64>)| PeakProfile { shape: *shape, peak_bytes: peaks.clone() };
        self.peaks.iter().map(peak).collect()
    }

    /// Goes on from what was measured before.
    pub(super) fn resume(&mut self, profile: Vec<PeakProfile>) {
        for PeakProfile { shape, peak_bytes } in profile {
            if !peak_bytes.is_empty() {
                self.peaks.insert(shape, peak_bytes);
                self.resumed.insert(shape);
            }
        }
    }

    /// Notes that a batch of `images` did not fit.
    pub(super) fn forbid(&mut self, shape: Shape, images: usize) {
        self.too_many.insert(shape, images);
    }

    /// Images of a batch that has not failed yet: half of one that did not fit, or any.
    pub(super) fn allowed(&self, shape: Shape) -> usize {
        self.too_many.get(&shape).map_or(usize::MAX, |images| (images / 2).max(1))
    }

    /// Images of a shape that fit into `free` bytes together; 1 while nothing is known.
    pub(super) fn batch_max(&self, shape: Shape, free: u64) -> usize {
        let Some(peaks) = self.peaks.get(&shape) else { return 1 };
        let usable = usable_bytes(free);
        let fitting = peaks.iter().take_while(|peak| **peak <= usable).count();
        let tried_all = fitting == peaks.len();
        let next = match peaks.as_slice() {
            [.., before, last] => last.saturating_add(last.saturating_sub(*before)),
            [only] => only.saturating_mul(2),
            [] => return 1,
        };
        (fitting + usize::from(tried_all && next <= usable)).clamp(1, self.allowed(shape))
    }

    /// Whether one image of `shape` is known not to fit into `free` bytes. Memory grows with pixels (attention runs in
    /// blocks), so a shape is judged by the largest measured one below it, unless that is much smaller.
    pub(super) fn is_too_large(&self, shape: Shape, free: u64) -> bool {
        self.foresee(shape).is_some_and(|peak| peak > usable_bytes(free))
    }

    /// The largest square of a shape like `like` that is known to fit, in steps of `factor` pixels a side.
    pub(super) fn largest_square(&self, like: Shape, factor: u32, free: u64) -> Option<ImageSize> {
        let measured = self.peaks.iter().filter(|(shape, _)| shape.is_like(like));
        let (shape, peak) = measured
            .filter_map(|(shape, peaks)| Some((shape, *peaks.first()?)))
            .rfind(|(_, peak)| *peak <= usable_bytes(free))?;
        let room = usable_bytes(free) / peak.max(1);
        let pixels = shape.pixels.saturating_mul(room.clamp(1, FORESIGHT));
        let side = u32::try_from(pixels.isqrt()).ok()?;
        ImageSize::new(side - side % factor, side - side % factor).ok()
    }

    fn foresee(&self, shape: Shape) -> Option<u64> {
        if let Some(peak) = self.peaks.get(&shape).and_then(|peaks| peaks.first()) {
            return Some(*peak);
        }
        let below = self.peaks.range(..shape).rev().find(|(known, _)| known.is_like(shape));
        let (known, peaks) = below?;
        let near = known.pixels.saturating_mul(FORESIGHT) >= shape.pixels;
        let peak = u128::from(*peaks.first()?) * u128::from(shape.pixels) / u128::from(known.pixels.max(1));
        near.then(|| u64::try_from(peak).unwrap_or(u64::MAX))
    }
}

/// The memory in which a device works.
#[derive(Debug)]
pub struct DeviceMemory {
    /// Bytes that work may take, by configuration.
    limit: Option<u64>,
    is_host: bool,
    is_watched: bool,
}

impl DeviceMemory {
    /// The memory of a device: the host's, for a CPU.
    pub fn new(is_host: bool, limit: Option<u64>) -> Self {
        Self { limit, is_host, is_watched: is_host }
    }

    /// The same, where others work in it too, so that nobody can tell what one of them took.
    pub(super) fn unwatched(self) -> Self {
        Self { is_watched: false, ..self }
    }

    /// Whether the system reports what is free and what a batch takes.
    pub(super) fn is_known(&self) -> bool {
        self.is_host
    }

    /// Bytes that a batch may take where so many are free on the device: those, or the configured limit where that is
    /// less.
    pub(super) fn free(&self, on_device: Option<u64>) -> u64 {
        [on_device, self.limit].into_iter().flatten().min().unwrap_or(u64::MAX)
    }

    /// Begins to watch what is taken from now on. None if the system cannot tell: then no batch is ever measured,
    /// and none grows.
    pub fn watch(&self) -> Option<Watch> {
        if !self.is_watched {
            return None;
        }
        // proc(5): writing 5 sets the peak back to what is resident now.
        fs::write("/proc/self/clear_refs", "5").ok()?;
        Some(Watch { before: proc_bytes("/proc/self/status", "VmRSS:")? })
    }
}

/// Memory as it was when a batch began.
#[derive(Debug)]
pub struct Watch {
    before: u64,
}

impl Watch {
    /// Bytes that the process took at most since, whoever in it took them.
    pub fn peak(&self) -> Option<u64> {
        Some(self.peak_in_all()?.saturating_sub(self.before))
    }

    /// Bytes that the process held at most since, the model among them.
    pub fn peak_in_all(&self) -> Option<u64> {
        proc_bytes("/proc/self/status", "VmHWM:")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { pixels: 512 * 512, passes: 1, is_edit: false };

    #[test]
    fn a_batch_grows_by_one_as_far_as_it_was_measured_to_fit() {
        let mut table = MemoryTable::default();
        assert_eq!(table.batch_max(SHAPE, 1000), 1, "nothing is known");
        table.observe(SHAPE, 1, 300);
        assert_eq!(table.batch_max(SHAPE, 1000), 2);
        table.observe(SHAPE, 2, 500);
        assert_eq!(table.batch_max(SHAPE, 1000), 3);
        table.observe(SHAPE, 3, 950);
        assert_eq!(table.batch_max(SHAPE, 1000), 2, "three took more than was usable");
        assert_eq!(table.batch_max(SHAPE, 10), 1, "one is always tried");
        table.forbid(SHAPE, 2);
        assert_eq!((table.batch_max(SHAPE, 1000), table.allowed(SHAPE)), (1, 1), "two were tried and failed");
    }

    #[test]
    fn what_a_file_has_of_it_limits_the_next_batches() {
        let mut table = MemoryTable::default();
        table.observe(SHAPE, 1, 300);
        table.observe(SHAPE, 2, 500);
        table.forbid(SHAPE, 3);
        let json = serde_json::to_string(&table.profile()).expect("JSON");
        let mut again = MemoryTable::default();
        again.resume(serde_json::from_str(&json).expect("what was written"));
        assert_eq!(again.profile(), table.profile());
        assert_eq!((again.batch_max(SHAPE, 1000), table.batch_max(SHAPE, 1000)), (3, 1), "another try");
        again.observe(SHAPE, 1, 200);
        assert_eq!(again.peaks[&SHAPE], [200], "what is measured now counts");
        again.resume(vec![PeakProfile { shape: SHAPE, peak_bytes: vec![u64::MAX; 2] }]);
        assert_eq!(again.batch_max(SHAPE, 1000), 1, "numbers that cannot be do no harm");
    }

    #[test]
    fn a_size_is_judged_by_the_measured_one_below_it() {
        let mut table = MemoryTable::default();
        let double = Shape { pixels: SHAPE.pixels * 2, ..SHAPE };
        assert!(!table.is_too_large(double, 1), "nothing is known");
        table.observe(SHAPE, 1, 100);
        assert!(table.is_too_large(double, 200) && !table.is_too_large(double, 300));
        let far = Shape { pixels: SHAPE.pixels * 5, ..SHAPE };
        assert!(!table.is_too_large(far, 200), "too far away to tell");
        let guided = Shape { passes: 2, ..double };
        assert!(!table.is_too_large(guided, 200), "another kind of work");
        assert!(!table.is_too_large(Shape { is_edit: true, ..double }, 200), "an edit is encoded first");
        let largest = table.largest_square(SHAPE, 16, 300).expect("one fits");
        assert_eq!(largest, ImageSize::square(720), "twice the pixels of 512², in steps of 16");
        assert_eq!(table.largest_square(SHAPE, 16, 50), None);
    }

    #[test]
    fn a_batch_may_take_what_is_free_or_the_limit_where_that_is_less() {
        let (unlimited, limited) = (DeviceMemory::new(true, None), DeviceMemory::new(true, Some(5)));
        assert_eq!((unlimited.free(Some(7)), limited.free(Some(7)), limited.free(Some(3))), (7, 5, 3));
        assert_eq!((unlimited.free(None), limited.free(None)), (u64::MAX, 5), "the free memory is unknown");
    }
}

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use crate::{
    domain::{EnergySource, ImageSize, RenderSpec, Usage},
    pipeline::SizeLimits,
    units::{Energy, Millis, Power},
};

/// Kinds of images that are remembered. Clients choose them; if there are more, the kind generated longest ago is
/// dropped.
const KINDS_MAX: usize = 256;
/// Batches of a kind that are remembered.
const BATCHES_MAX: usize = 8;

/// What one image is expected to take of the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Foreseen {
    /// Its time and energy, in no epoch.
    pub usage: Usage,
    /// Whether images of its kind were measured; else the time comes from the pace of others, the energy from the
    /// power.
    pub is_measured: bool,
}

/// What decides an image's time, beside the few percent of its prompt's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Kind {
    #[serde(with = "as_text")]
    size: ImageSize,
    steps: u32,
    passes: u64,
    /// Looks on the way.
    partials: u32,
    /// Whether a source is encoded first. What was written before there were edits has none.
    #[serde(default)]
    is_edit: bool,
}

/// What the last batches of a kind took, as a file has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KindProfile {
    #[serde(flatten)]
    kind: Kind,
    batches: Vec<BatchProfile>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct BatchProfile {
    images: u64,
    millis: u64,
    millijoules: u64,
    #[serde(with = "as_text")]
    source: EnergySource,
}

/// What has a text form is written in it.
mod as_text {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'a, D: Deserializer<'a>, T>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
    {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// What the last images of each kind took, since the start or before it.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<Kinds>);

#[derive(Debug, Default)]
struct Kinds {
    by_kind: HashMap<Kind, Recent>,
    /// Batches that were observed.
    batches: u64,
}

#[derive(Debug, Default)]
struct Recent {
    /// The last batches, each with its images.
    batches: VecDeque<(Usage, u64)>,
    /// Which of all batches was the last of this kind.
    last: u64,
}

impl Kind {
    /// The kind of an image of `spec` that is shown on its way `partials` times at most. An edit has the size that is
    /// generated for it.
    pub(super) fn of(spec: &RenderSpec, partials: u32, limits: SizeLimits) -> Self {
        let is_edit = spec.edit.is_some();
        let size = if is_edit { limits.generated(spec) } else { spec.size };
        Self { size, steps: spec.steps_run(), passes: spec.passes(), partials, is_edit }
    }
}

impl History {
    /// Adds what a batch of `images` of one kind took.
    pub(super) fn observe(&self, kind: Kind, usage: Usage, images: usize) {
        let mut kinds = self.0.lock();
        let Kinds { by_kind, batches } = &mut *kinds;
        let oldest = by_kind.iter().min_by_key(|(_, recent)| recent.last).map(|(kind, _)| *kind);
        if let Some(oldest) = oldest.filter(|_| by_kind.len() >= KINDS_MAX && !by_kind.contains_key(&kind)) {
            by_kind.remove(&oldest);
        }
        *batches += 1;
        let recent = by_kind.entry(kind).or_default();
        recent.last = *batches;
        recent.batches.push_back((usage, images as u64));
        if recent.batches.len() > BATCHES_MAX {
            recent.batches.pop_front();
        }
    }

    /// What is remembered, the kind generated longest ago first.
    pub(super) fn profile(&self) -> Vec<KindProfile> {
        let kinds = self.0.lock();
        let mut recent: Vec<_> = kinds.by_kind.iter().collect();
        recent.sort_by_key(|(_, recent)| recent.last);
        let batch = |(usage, images): &(Usage, u64)| BatchProfile {
            images: *images,
            millis: usage.duration.get(),
            millijoules: usage.energy.as_millijoules(),
            source: usage.source,
        };
        let kind = |(kind, recent): (&Kind, &Recent)| KindProfile {
            kind: *kind,
            batches: recent.batches.iter().map(batch).collect(),
        };
        recent.into_iter().map(kind).collect()
    }

    /// Goes on from what was remembered before. Estimated energy is estimated again, by the power that is
    /// configured now.
    pub(super) fn resume(&self, profile: Vec<KindProfile>, power: Power) {
        for KindProfile { kind, batches } in profile {
            for BatchProfile { images, millis, millijoules, source } in batches {
                let duration = Millis::new(millis);
                let energy = match source {
                    EnergySource::Estimated => power.over(duration),
                    _ => Energy::from_millijoules(millijoules),
                };
                let images = usize::try_from(images).unwrap_or(1);
                self.observe(kind, Usage { duration, energy, source, epoch: None }, images);
            }
        }
    }

    /// What an image of `kind` took on average, rounded up; none if none is remembered.
    pub(super) fn mean_of(&self, kind: Kind) -> Option<Usage> {
        let kinds = self.0.lock();
        let batches = &kinds.by_kind.get(&kind)?.batches;
        let whole = batches.iter().map(|(usage, _)| *usage).reduce(Usage::plus)?;
        let images = batches.iter().map(|(_, images)| *images).fold(0, u64::saturating_add).max(1);
        Some(Usage {
            duration: Millis::new(whole.duration.get().div_ceil(images)),
            energy: Energy::from_millijoules(whole.energy.as_millijoules().div_ceil(images)),
            source: whole.source,
            epoch: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::EnergySource;

    fn spec(side: u32, steps: u32, guidance_scale: f64) -> RenderSpec {
        let size = ImageSize::new(side, side).expect("a size");
        RenderSpec { guidance_scale, ..RenderSpec::new("x", size, steps) }
    }

    fn kind(spec: &RenderSpec, partials: u32) -> Kind {
        Kind::of(spec, partials, SizeLimits { factor: 16, side_max: 2048, native: None })
    }

    fn plain(side: u32, steps: u32) -> Kind {
        kind(&spec(side, steps, 0.0), 0)
    }

    fn usage(millis: u64, millijoules: u64) -> Usage {
        let (duration, energy) = (Millis::new(millis), Energy::from_millijoules(millijoules));
        Usage { duration, energy, source: EnergySource::Metered, epoch: Some(3) }
    }

    #[test]
    fn an_image_is_expected_to_take_what_the_last_of_its_kind_took() {
        let history = History::default();
        assert_eq!(history.mean_of(plain(64, 8)), None);
        history.observe(plain(64, 8), usage(100, 5_000), 1);
        history.observe(plain(64, 8), usage(301, 12_000), 2);
        let expected = Usage { epoch: None, ..usage(134, 5_667) };
        assert_eq!(history.mean_of(plain(64, 8)), Some(expected), "rounded up, in no epoch");
        let of_another_prompt = RenderSpec { prompt: "y".into(), ..spec(64, 8, 0.0) };
        assert_eq!(history.mean_of(kind(&of_another_prompt, 0)), Some(expected));
        let shown = kind(&spec(64, 8, 0.0), 1);
        for other in [plain(80, 8), plain(64, 9), kind(&spec(64, 8, 4.0), 0), shown] {
            assert_eq!(history.mean_of(other), None, "{other:?}");
        }
    }

    #[test]
    fn what_a_file_has_of_it_is_what_it_was() {
        let history = History::default();
        for (side, millis) in [(64, 100), (32, 40), (64, 301), (16, 9)] {
            history.observe(plain(side, 8), usage(millis, 5_000), 2);
        }
        let json = serde_json::to_string(&history.profile()).expect("JSON");
        let again = History::default();
        let power = Power::from_watts(100);
        again.resume(serde_json::from_str(&json).expect("what was written"), power);
        assert_eq!(again.profile(), history.profile());
        assert_eq!(again.mean_of(plain(64, 8)), history.mean_of(plain(64, 8)));
        let estimated = Usage { source: EnergySource::Estimated, ..usage(1_000, 5_000) };
        history.observe(plain(80, 8), estimated, 1);
        let again = History::default();
        again.resume(history.profile(), power);
        let energy = |kind| again.mean_of(kind).map(|mean| mean.energy.as_millijoules());
        assert_eq!(
            (energy(plain(80, 8)), energy(plain(16, 8))),
            (Some(100_000), Some(2_500)),
            "as configured now"
        );
        assert!(
            json.find("32x32") < json.find("64x64"),
            "the kind generated last is remembered longest: {json}"
        );
    }

    #[test]
    fn what_was_slow_is_forgotten_after_eight_batches() {
        let history = History::default();
        history.observe(plain(64, 8), usage(9_000, 90_000), 1);
        for _ in 0..8 {
            history.observe(plain(64, 8), usage(100, 5_000), 1);
        }
        assert_eq!(history.mean_of(plain(64, 8)).map(|mean| mean.duration), Some(Millis::new(100)));
    }

    #[test]
    fn no_client_fills_the_memory_with_kinds() {
        let history = History::default();
        for steps in 1..=300 {
            history.observe(plain(64, steps), usage(100, 5_000), 1);
            history.observe(plain(32, 1), usage(1, 1), 1);
        }
        assert_eq!(history.0.lock().by_kind.len(), KINDS_MAX);
        assert_eq!(history.mean_of(plain(64, 1)), None, "generated longest ago");
        assert!(history.mean_of(plain(32, 1)).is_some() && history.mean_of(plain(64, 300)).is_some());
    }
}

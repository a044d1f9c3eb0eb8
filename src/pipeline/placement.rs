//! Where a model is held, and in how many bits: how it fits into the memory that there is.

use candle_core::DType;

use super::{
    devices::DeviceChoice,
    fused::KernelChoice,
    linear::Format,
    lora::LoraChoice,
    precision::Precision,
    source::{Part, Parts},
    stack::Residence,
};

/// Where and how a model is to be held.
#[derive(Debug, Clone, Default)]
pub struct Placement {
    /// Where it runs.
    pub device: DeviceChoice,
    /// The number format of its weights.
    pub precision: Precision,
    /// How much of it stays on the device.
    pub memory: MemoryTier,
    /// Whose kernels compute its transformer and its text encoder.
    pub kernels: KernelChoice,
    /// Bytes of the device's memory that work may take beyond the weights; none: what is free.
    pub work_bytes_max: Option<u64>,
    /// LoRAs that are merged into copies of the layers that they change, each by itself.
    pub merged: Vec<LoraChoice>,
}

impl Placement {
    /// On `device` in `precision`, all of it resident.
    pub fn resident(device: DeviceChoice, precision: Precision) -> Self {
        Self { device, precision, memory: MemoryTier::Resident, ..Self::default() }
    }
}

/// How much of a model stays on the device between images, from the fastest to the smallest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MemoryTier {
    /// The first of resident, offload, 8bit and low for which there is room.
    #[default]
    Auto,
    /// Everything.
    Resident,
    /// The text encoder comes layer by layer for a prompt, and leaves again.
    Offload,
    /// As offload, and the transformer's matrices are held in 8 bits. Images change by what rounding to
    /// bf16 changes.
    EightBit,
    /// As offload, and the transformer's matrices are held in 4 bits. Images change a little.
    FourBit,
    /// The transformer's layers, too, come one by one, at every step.
    Low,
}

crate::domain::words!(
    MemoryTier, "a memory tier":
    Auto = "auto", Resident = "resident", Offload = "offload", EightBit = "8bit", FourBit = "4bit", Low = "low"
);

impl MemoryTier {
    /// Those that can be chosen: all but `auto`.
    pub(super) const CHOSEN: [Self; 5] =
        [Self::Resident, Self::Offload, Self::EightBit, Self::FourBit, Self::Low];

    /// Whether an image is the same in `other`.
    pub fn generates_as(self, other: Self) -> bool {
        self.plan().format == other.plan().format
    }

    /// Bits of a number of the transformer's matrices; none if they are held in the number format of the rest.
    pub fn layer_bits(self) -> Option<u32> {
        match self.plan().format {
            Format::Dense => None,
            Format::EightBit => Some(8),
            Format::FourBit => Some(4),
        }
    }

    /// What it means for each part. `Auto` is everything resident.
    pub(super) const fn plan(self) -> Plan {
        use Residence::{Resident, Streamed};
        let (text_encoder, transformer, format) = match self {
            Self::Auto | Self::Resident => (Resident, Resident, Format::Dense),
            Self::Offload => (Streamed, Resident, Format::Dense),
            Self::EightBit => (Streamed, Resident, Format::EightBit),
            Self::FourBit => (Streamed, Resident, Format::FourBit),
            Self::Low => (Streamed, Streamed, Format::Dense),
        };
        Plan { text_encoder, transformer, format }
    }

    /// Whether layers come from the mapped files while images are generated.
    pub fn streams(self) -> bool {
        self.plan().text_encoder == Residence::Streamed
    }

    /// Bytes that decoding may take; none if all that is free may be taken.
    pub(super) fn decoding_room(self) -> Option<u64> {
        self.streams().then_some(WORK_BYTES)
    }

    /// The same, with a line in the log if the model does not stay in memory whole.
    pub(super) fn resolve_and_warn(self, size: ModelSize, free: Option<u64>) -> Self {
        let memory = self.resolve(size, free);
        if self == Self::Auto && memory != Self::Resident {
            let (free_mib, needed_mib) = (free.unwrap_or(0) >> 20, size.needed(Self::Resident) >> 20);
            tracing::warn!(
                free_mib,
                needed_mib,
                "the model does not stay in memory whole: memory is {memory}"
            );
        }
        memory
    }

    /// The tier to use for a model of `size` where `free` bytes are: this one, or for `Auto` the first that fits.
    ///
    /// Never 4 bits: that loss should be chosen.
    pub(super) fn resolve(self, size: ModelSize, free: Option<u64>) -> Self {
        match (self, free) {
            (Self::Auto, None) => Self::Resident,
            (Self::Auto, Some(free)) => [Self::Resident, Self::Offload, Self::EightBit]
                .into_iter()
                .find(|tier| size.needed(*tier) <= free)
                .unwrap_or(Self::Low),
            (chosen, _) => chosen,
        }
    }
}

crate::units::deserialize_from_str!(MemoryTier);

/// What a tier means for each part of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    pub(super) text_encoder: Residence,
    pub(super) transformer: Residence,
    /// Of the matrices in the transformer's layers.
    pub(super) format: Format,
}

/// Bytes of a model's parts in its number format.
#[derive(Debug, Clone, Copy)]
pub(super) struct ModelSize {
    pub(super) text_encoder: u64,
    pub(super) transformer: u64,
    pub(super) vae: u64,
    /// Bytes of a number.
    pub(super) of_number: u64,
}

/// Room that work is given where it is decided what stays. Z-Image's decoder at 1024² likes twice that, and takes a
/// tenth longer in it (docs/decisions/0009-decoding-in-strips.md).
const WORK_BYTES: u64 = 3 << 29;
/// Small models need less: at most this part of their weights.
const WORK_PART: u64 = 8;

impl ModelSize {
    pub(super) fn of(parts: &Parts, dtype: DType) -> Self {
        let of_number = dtype.size_in_bytes() as u64;
        let bytes = |part: &Part| part.weights.numbers() * of_number;
        Self {
            text_encoder: bytes(&parts.text_encoder),
            transformer: bytes(&parts.transformer),
            vae: bytes(&parts.vae),
            of_number,
        }
    }

    /// Bytes that a tier keeps on the device, and room for work.
    pub(super) fn needed(self, tier: MemoryTier) -> u64 {
        let Plan { text_encoder, transformer, format } = tier.plan();
        let kept = |bytes: u64, residence| if residence == Residence::Resident { bytes } else { 0 };
        // Embedders, norms and modulations stay dense; they are under a twentieth.
        let transformer_bytes = match format.bits() {
            None => self.transformer,
            Some(bits) => {
                let numbers = self.transformer / self.of_number;
                numbers * u64::from(bits) / 8 + self.transformer / 20
            }
        };
        let all = self.text_encoder + self.transformer + self.vae;
        kept(self.text_encoder, text_encoder)
            + kept(transformer_bytes, transformer)
            + self.vae
            + WORK_BYTES.min(all / WORK_PART)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Z-Image-Turbo in 16 bits.
    const Z_IMAGE: ModelSize = ModelSize {
        text_encoder: 8_000_000_000,
        transformer: 12_300_000_000,
        vae: 200_000_000,
        of_number: 2,
    };

    #[test]
    fn the_first_tier_that_fits_is_taken() {
        let tier = |gb: u64| MemoryTier::Auto.resolve(Z_IMAGE, Some(gb * 1_000_000_000));
        // Free memory of cards of 24, 16, 12 and 8 GB with nothing else on them.
        assert_eq!(
            [23, 15, 11, 7].map(tier),
            [MemoryTier::Resident, MemoryTier::Offload, MemoryTier::EightBit, MemoryTier::Low]
        );
        assert_eq!(MemoryTier::Auto.resolve(Z_IMAGE, None), MemoryTier::Resident, "unknown");
    }

    #[test]
    fn a_tier_that_was_chosen_is_used() {
        for tier in MemoryTier::ALL.into_iter().filter(|tier| *tier != MemoryTier::Auto) {
            assert_eq!(tier.resolve(Z_IMAGE, Some(0)), tier);
            assert_eq!(tier.as_str().parse(), Ok(tier));
        }
        assert!("tiny".parse::<MemoryTier>().is_err_and(|error| error.contains("8bit")));
    }

    #[test]
    fn bits_change_images_and_places_do_not() {
        use MemoryTier::{EightBit, FourBit, Low, Offload, Resident};
        assert!(
            Resident.generates_as(Offload) && Low.generates_as(Resident) && FourBit.generates_as(FourBit)
        );
        assert!(!Resident.generates_as(EightBit) && !EightBit.generates_as(FourBit));
    }

    #[test]
    fn a_small_model_stays_on_a_small_machine() {
        let size = ModelSize { text_encoder: 6 << 20, transformer: 30 << 20, vae: 2 << 20, of_number: 4 };
        assert_eq!(MemoryTier::Auto.resolve(size, Some(64 << 20)), MemoryTier::Resident);
    }
}

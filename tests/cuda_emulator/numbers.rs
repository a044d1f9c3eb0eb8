//! 16-bit numbers as the kernels hold them.

use half::{bf16, f16};

use super::launch::Half;

/// Both kinds.
pub const HALVES: [Half; 2] = [Half::F16, Half::Bf16];

/// The bits of the nearest number.
pub fn narrow(half: Half, x: f32) -> u16 {
    match half {
        Half::F16 => f16::from_f32(x).to_bits(),
        Half::Bf16 => bf16::from_f32(x).to_bits(),
    }
}

/// The number of some bits.
pub fn widen(half: Half, bits: u16) -> f64 {
    match half {
        Half::F16 => f16::from_bits(bits).to_f64(),
        Half::Bf16 => bf16::from_bits(bits).to_f64(),
    }
}

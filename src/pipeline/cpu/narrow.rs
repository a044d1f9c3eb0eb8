use half::bf16;
use pulp::{Simd, WithSimd};

use super::vectors::arch;

/// The nearest bf16 of each number, ties to even; NaN stays NaN.
pub fn narrow_bf16(wide: &[f32], narrow: &mut [bf16]) {
    arch().dispatch(NarrowAll { wide, narrow });
}

struct NarrowAll<'a> {
    wide: &'a [f32],
    narrow: &'a mut [bf16],
}

impl WithSimd for NarrowAll<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        // By integers and without a branch, so that the compiler makes vectors of it.
        for (narrow, wide) in self.narrow.iter_mut().zip(self.wide) {
            let bits = wide.to_bits();
            let is_nan = bits & 0x7fff_ffff > 0x7f80_0000;
            let nearest = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
            let high = if is_nan { bits | 0x0040_0000 } else { nearest };
            let [_, _, low, top] = high.to_le_bytes();
            *narrow = bf16::from_le_bytes([low, top]);
        }
    }
}

#[cfg(test)]
mod tests {
    use half::slice::HalfFloatSliceExt;

    use super::*;

    #[test]
    fn the_nearest_numbers_are_those_of_the_library() {
        // Each exponent and sign, with what is below a half, a half, and above it, beside an even and an odd number.
        let bits = (0..=u16::MAX)
            .flat_map(|high| [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff].map(|low| u32::from(high) << 16 | low));
        let wide: Vec<f32> = bits.map(f32::from_bits).collect();
        let [mut ours, mut library] = [(); 2].map(|()| vec![bf16::ZERO; wide.len()]);
        narrow_bf16(&wide, &mut ours);
        library.convert_from_f32_slice(&wide);
        let bits = |numbers: &[bf16]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&ours), bits(&library));
    }
}

//! Functions over vectors of f32, as wide as the CPU has them.

use pulp::Simd;

/// Numbers at `at` and after it, as many as a vector holds; zeros beyond the end.
#[inline(always)]
pub(super) fn load<S: Simd>(simd: S, numbers: &[f32], at: usize) -> S::f32s {
    let rest = &numbers[at..];
    match S::as_simd_f32s(rest).0.first() {
        Some(full) => *full,
        None => simd.partial_load_f32s(rest),
    }
}

/// Writes `values` from `at` on, up to the end of `numbers`.
#[inline(always)]
pub(super) fn store<S: Simd>(simd: S, numbers: &mut [f32], at: usize, values: S::f32s) {
    let rest = &mut numbers[at..];
    if rest.len() < S::F32_LANES {
        simd.partial_store_f32s(rest, values);
    } else {
        S::as_mut_simd_f32s(&mut rest[..S::F32_LANES]).0[0] = values;
    }
}

/// eˣ, off by at most 2 units in the last place; NaN stays NaN. The polynomial is that of Cephes.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    /// 1.5 · 2²³: what is added to it is rounded to an integer, which its low bits hold.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first exact in few bits.
    const LN2: (f32, f32) = (355.0 / 512.0, -2.121_944_4e-4);
    const TERMS: [f32; 6] =
        [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5];
    /// Beyond these the power of two leaves f32's range.
    const RANGE: (f32, f32) = (-87.0, 88.0);
    let splat = |value| simd.splat_f32s(value);
    let (low, high) = (splat(RANGE.0), splat(RANGE.1));
    let x = simd.select_f32s(simd.less_than_f32s(x, low), low, x);
    let x = simd.select_f32s(simd.greater_than_f32s(x, high), high, x);
    let rounded = simd.mul_add_e_f32s(x, splat(std::f32::consts::LOG2_E), splat(ROUND));
    let power = simd.sub_f32s(rounded, splat(ROUND));
    let rest = simd.mul_add_e_f32s(power, splat(-LN2.0), x);
    let rest = simd.mul_add_e_f32s(power, splat(-LN2.1), rest);
    let mut sum = splat(TERMS[0]);
    for term in &TERMS[1..] {
        sum = simd.mul_add_e_f32s(sum, rest, splat(*term));
    }
    let sum = simd.mul_add_e_f32s(simd.mul_f32s(sum, rest), rest, simd.add_f32s(rest, splat(1.0)));
    // The exponent of 2^power, moved to its place.
    let biased = simd
        .add_u32s(simd.transmute_u32s_f32s(rounded), simd.splat_u32s(127u32.wrapping_sub(ROUND.to_bits())));
    let scale = simd.transmute_f32s_u32s(simd.wrapping_dyn_shl_u32s(biased, simd.splat_u32s(23)));
    simd.mul_f32s(sum, scale)
}

/// x · σ(x).
#[inline(always)]
pub(super) fn silu<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    let one = simd.splat_f32s(1.0);
    simd.div_f32s(x, simd.add_f32s(one, exp(simd, simd.neg_f32s(x))))
}

/// Σ f(x) over a row.
#[inline(always)]
pub(super) fn sum<S: Simd>(simd: S, row: &[f32], f: impl Fn(S::f32s) -> S::f32s) -> f32 {
    // Four sums that do not wait for each other.
    let mut sums = [simd.splat_f32s(0.0); 4];
    let (body, tail) = S::as_simd_f32s(row);
    let mut blocks = body.chunks_exact(4);
    for block in &mut blocks {
        for (sum, x) in sums.iter_mut().zip(block) {
            *sum = simd.add_f32s(*sum, f(*x));
        }
    }
    for x in blocks.remainder() {
        sums[0] = simd.add_f32s(sums[0], f(*x));
    }
    if !tail.is_empty() {
        sums[1] = simd.add_f32s(sums[1], f(simd.partial_load_f32s(tail)));
    }
    let halves = (simd.add_f32s(sums[0], sums[1]), simd.add_f32s(sums[2], sums[3]));
    simd.reduce_sum_f32s(simd.add_f32s(halves.0, halves.1))
}

/// Puts f(x) in the place of every x of a row.
#[inline(always)]
pub(super) fn map<S: Simd>(simd: S, row: &mut [f32], f: impl Fn(S::f32s) -> S::f32s) {
    let (body, tail) = S::as_mut_simd_f32s(row);
    for x in body {
        *x = f(*x);
    }
    if !tail.is_empty() {
        let x = f(simd.partial_load_f32s(tail));
        simd.partial_store_f32s(tail, x);
    }
}

#[cfg(test)]
mod tests {
    use pulp::{Arch, WithSimd};

    use super::*;

    struct Each<'a>(&'a mut [f32]);

    impl WithSimd for Each<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            map(
                simd,
                self.0,
                #[inline(always)]
                |x| exp(simd, x),
            );
        }
    }

    fn exponentials(mut numbers: Vec<f32>) -> Vec<f32> {
        Arch::new().dispatch(Each(&mut numbers));
        numbers
    }

    #[test]
    fn exponentials_are_exact_to_two_units_in_the_last_place() {
        #[expect(clippy::cast_precision_loss, reason = "numbers are small")]
        let numbers: Vec<f32> = (-8_700..=8_800).map(|i| i as f32 / 100.0 + 0.001_3).collect();
        for (x, e) in numbers.iter().zip(exponentials(numbers.clone())) {
            let exact = f64::from(x.clamp(-87.0, 88.0)).exp();
            assert!((f64::from(e) / exact - 1.0).abs() < 2.4e-7, "e^{x} is {e}");
        }
    }

    #[test]
    fn exponentials_leave_the_range_softly_and_keep_what_is_no_number() {
        let numbers = exponentials(vec![f32::NEG_INFINITY, -1e30, f32::NAN, 0.0, 1e30]);
        assert!(numbers[0] < 1e-37 && numbers[1] < 1e-37 && numbers[2].is_nan());
        assert!(numbers[3] == 1.0 && numbers[4].is_finite());
    }

    #[test]
    fn a_sum_takes_every_number_of_a_row_of_any_length() {
        struct RowSum<'a>(&'a [f32]);
        impl WithSimd for RowSum<'_> {
            type Output = f32;

            #[inline(always)]
            fn with_simd<S: Simd>(self, simd: S) -> f32 {
                sum(
                    simd,
                    self.0,
                    #[inline(always)]
                    |x| x,
                )
            }
        }
        for length in 0..200u16 {
            let row: Vec<f32> = (1..=length).map(f32::from).collect();
            assert_eq!(Arch::new().dispatch(RowSum(&row)), f32::from(length) * f32::from(length + 1) / 2.0);
        }
    }
}

//! Products of bf16 by an instruction of the CPU, AVX-512 BF16's VDPBF16PS.
//!
//! By Intel's manual (SDM, volume 2, VDPBF16PS), each lane of 32 bits holds a pair of numbers, and to its sum in f32 are
//! added the product of the pair's second numbers and then that of its first ones. Each is a fused multiply-add that
//! rounds to the nearest, ties to even, whatever MXCSR says. Two bf16 have an exact product in f32, so that is one
//! rounding of 2⁻²⁴, relative, for each term, as in f32. Subnormal numbers, and subnormal sums in between, count as
//! zeros: a sum loses at most 2⁻¹²⁶ at each term to that, and a factor below 2⁻¹²⁶ what it stands for. Infinities and NaN
//! go through as in any multiply-add. AMD's CPUs do the same to the bit; the tests below hold them to it.

use half::bf16;
use pulp::Arch;

/// Sums of one vector.
pub(super) const LANES: usize = 16;
/// Rows of a strip. Beside their sums of four vectors each, 32 registers hold the factors and one pair.
const STRIP: usize = 6;
/// Rows of a strip where a block is one vector or two wide.
const LONG_STRIP: usize = 12;

/// Two terms of each of [`LANES`] outputs, the first one in the low half.
pub(super) type Pairs = [u32; LANES];

/// Two terms.
pub(super) fn pair([first, second]: [bf16; 2]) -> u32 {
    u32::from(first.to_bits()) | u32::from(second.to_bits()) << 16
}

/// Rows of bf16 inside a slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct NarrowRows<'a> {
    pub(super) numbers: &'a [bf16],
    pub(super) count: usize,
    /// Numbers from one row to the next.
    pub(super) stride: usize,
    /// Numbers of a row.
    pub(super) terms: usize,
}

impl NarrowRows<'_> {
    /// `P` rows from `first` on; beyond the last one, that one again.
    #[inline(always)]
    fn strip<const P: usize>(&self, first: usize) -> [&[bf16]; P] {
        std::array::from_fn(|i| &self.numbers[(first + i).min(self.count - 1) * self.stride..][..self.terms])
    }
}

/// The right-hand factor's outputs of a block, [half of the terms, vectors of outputs]; an odd last term beside a zero.
#[derive(Debug, Clone, Copy)]
pub(super) enum PairBlock<'a> {
    One(&'a [[Pairs; 1]]),
    Two(&'a [[Pairs; 2]]),
    Four(&'a [[Pairs; 4]]),
}

/// Says that this CPU multiplies bf16.
#[derive(Debug, Clone, Copy)]
pub struct Bf16Dots(Proof);

#[cfg(target_arch = "x86_64")]
type Proof = pulp::x86::V4;
#[cfg(not(target_arch = "x86_64"))]
type Proof = std::convert::Infallible;

impl Bf16Dots {
    /// The products of a CPU that computes with the vectors of `arch`; none if it has none.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn beside(arch: Arch) -> Option<Self> {
        match arch {
            Arch::V4(v4) if std::arch::is_x86_feature_detected!("avx512bf16") => Some(Self(v4)),
            _ => None,
        }
    }

    /// None: this is another kind of CPU.
    #[cfg(not(target_arch = "x86_64"))]
    pub(super) fn beside(_: Arch) -> Option<Self> {
        None
    }

    /// Writes `x` · `block` to each row of `out`, from the output `first` of it on, up to its end.
    ///
    /// A sum is one chain from its first pair of terms to its last. Its bits depend on its row and its column alone.
    pub(super) fn multiply(
        self,
        x: NarrowRows<'_>,
        block: PairBlock<'_>,
        first: usize,
        out: &mut [&mut [f32]],
    ) {
        match block {
            PairBlock::One(block) => self.multiply_block::<1, LONG_STRIP>(x, block, first, out),
            PairBlock::Two(block) => self.multiply_block::<2, LONG_STRIP>(x, block, first, out),
            PairBlock::Four(block) => self.multiply_block::<4, STRIP>(x, block, first, out),
        }
    }

    #[cfg(target_arch = "x86_64")]
    fn multiply_block<const V: usize, const P: usize>(
        self,
        x: NarrowRows<'_>,
        block: &[[Pairs; V]],
        first: usize,
        out: &mut [&mut [f32]],
    ) {
        assert!(x.terms.div_ceil(2) == block.len(), "as many terms in both factors");
        for from in (0..x.count).step_by(P) {
            #[expect(
                unsafe_code,
                reason = "the compiler does not know what `self` says: the CPU has the instruction"
            )]
            let sums = unsafe { x86::sums(x.strip::<P>(from), block) };
            for (out, sums) in out[from..].iter_mut().zip(&sums) {
                for (out, sums) in out[first..].chunks_mut(LANES).zip(sums) {
                    out.copy_from_slice(&sums[..out.len()]);
                }
            }
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn multiply_block<const V: usize, const P: usize>(
        self,
        _: NarrowRows<'_>,
        _: &[[Pairs; V]],
        _: usize,
        _: &mut [&mut [f32]],
    ) {
        match self.0 {}
    }
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{__m512bh, _mm512_dpbf16_ps, _mm512_set1_epi32, _mm512_setzero_ps};

    use half::bf16;
    use pulp::cast;

    use super::{LANES, Pairs, pair};

    /// The products of `rows`, all of one length, with `block`.
    ///
    /// They are returned, since where they are written to slices from here, the compiler keeps the sums in memory and not
    /// in registers: twice the time.
    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) fn sums<const V: usize, const P: usize>(
        rows: [&[bf16]; P],
        block: &[[Pairs; V]],
    ) -> [[[f32; LANES]; V]; P] {
        let odd = rows.map(|row| row.as_chunks::<2>().1);
        let pairs = rows.map(|row| row.as_chunks::<2>().0);
        let (whole, last) = block.split_at(pairs[0].len());
        // All of one length, which is known where they are read.
        let pairs = pairs.map(|row| &row[..whole.len()]);
        let mut sums = [[_mm512_setzero_ps(); V]; P];
        for (i, factors) in whole.iter().enumerate() {
            let factors = factors.map(cast::<Pairs, __m512bh>);
            for (sums, row) in sums.iter_mut().zip(&pairs) {
                let terms = cast::<_, __m512bh>(_mm512_set1_epi32(pair(row[i]).cast_signed()));
                for (sum, factor) in sums.iter_mut().zip(&factors) {
                    *sum = _mm512_dpbf16_ps(*sum, terms, *factor);
                }
            }
        }
        if let [factors] = last {
            let factors = factors.map(cast::<Pairs, __m512bh>);
            for (sums, row) in sums.iter_mut().zip(&odd) {
                let terms = pair([row[0], bf16::ZERO]);
                let terms = cast::<_, __m512bh>(_mm512_set1_epi32(terms.cast_signed()));
                for (sum, factor) in sums.iter_mut().zip(&factors) {
                    *sum = _mm512_dpbf16_ps(*sum, terms, *factor);
                }
            }
        }
        sums.map(|sums| sums.map(cast))
    }
}

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use proptest::prelude::*;

    use super::{super::paired::Paired, *};

    /// By Intel's manual, step by step.
    fn by_the_manual(x: &[bf16], weight: &[bf16]) -> f32 {
        let flushed = |x: f32| if x.is_subnormal() { 0f32.copysign(x) } else { x };
        let term = |x: &[bf16], i: usize| flushed(x.get(i).map_or(0.0, |x| x.to_f32()));
        let added = |sum: f32, i: usize| flushed(term(x, i).mul_add(term(weight, i), sum));
        (0..x.len()).step_by(2).fold(0.0, |sum, i| added(added(sum, i + 1), i))
    }

    /// x · weightᵀ, both of rows of `terms` numbers; none where the CPU has no such products.
    fn product(x: &[bf16], weight: &[bf16], terms: usize) -> Option<Vec<f32>> {
        let (rows, outputs) = (x.len() / terms, weight.len() / terms);
        let dots = Bf16Dots::beside(Arch::new())?;
        let factor =
            Paired::from_columns(dots, (terms, outputs), |output| &weight[output * terms..][..terms]);
        let mut out = vec![f32::NAN; rows * outputs];
        factor.multiply(NarrowRows { numbers: x, count: rows, stride: terms, terms }, &mut out, outputs);
        Some(out)
    }

    /// Calls `check` with each row of `x`, each row of `weight`, and the sum of their product.
    fn for_each_sum(x: &[bf16], weight: &[bf16], terms: usize, check: impl Fn(&[bf16], &[bf16], f32)) {
        let Some(sums) = product(x, weight, terms) else { return };
        let pairs = x.chunks_exact(terms).flat_map(|x| weight.chunks_exact(terms).map(move |w| (x, w)));
        pairs.zip(sums).for_each(|((x, weight), sum)| check(x, weight, sum));
    }

    /// Numbers of every kind, mostly such that no sum overflows.
    fn number() -> impl Strategy<Value = bf16> {
        let bits = prop_oneof![
            8 => 0x3d00..0x4200u16,
            1 => 0x0000..0x0100u16, // zero, subnormal, the smallest
            1 => 0x1f00..0x2000u16, // with products that are subnormal
            1 => 0x7f00..0x7f90u16, // the largest, infinite, NaN
        ];
        (bits, any::<bool>()).prop_map(|(bits, sign)| bf16::from_bits(bits | u16::from(sign) << 15))
    }

    /// (terms, x, weight) of any size, tails of every kind included.
    fn factors(
        number: impl Strategy<Value = bf16> + Clone,
    ) -> impl Strategy<Value = (usize, Vec<bf16>, Vec<bf16>)> {
        (1..40usize, 1..15usize, 1..140usize).prop_flat_map(move |(terms, rows, outputs)| {
            let numbers = |count| prop::collection::vec(number.clone(), count);
            (Just(terms), numbers(rows * terms), numbers(outputs * terms))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn sums_are_the_manuals_to_the_bit((terms, x, weight) in factors(number().boxed())) {
            for_each_sum(&x, &weight, terms, |x, weight, sum| {
                let expected = by_the_manual(x, weight);
                let is_same = sum.to_bits() == expected.to_bits() || sum.is_nan() && expected.is_nan();
                assert!(is_same, "{sum:e} and not {expected:e}: {x:?} {weight:?}");
            });
        }

        #[test]
        fn sums_are_within_a_rounding_and_a_flush_for_each_term(
            (terms, x, weight) in factors((0x0000..0x4400u16, any::<bool>())
                .prop_map(|(bits, sign)| bf16::from_bits(bits | u16::from(sign) << 15)).boxed()),
        ) {
            for_each_sum(&x, &weight, terms, |x, weight, sum| {
                let tiny = f64::from(f32::MIN_POSITIVE);
                let (mut exact, mut bound) = (0f64, 0f64);
                for (x, weight) in x.iter().zip(weight).map(|(x, weight)| (f64::from(*x), f64::from(*weight))) {
                    exact += x * weight;
                    // Of each term: terms + 1 roundings of 2⁻²⁴; a sum that is flushed; a factor that is.
                    let roundings = f64::from(u16::try_from(terms).expect("few")) + 1.0;
                    bound += (x * weight).abs() * roundings * 2f64.powi(-24) + tiny * (1.0 + x.abs() + weight.abs());
                }
                assert!((f64::from(sum) - exact).abs() <= bound, "{sum:e}, {exact:e} ± {bound:e}");
            });
        }
    }

    #[test]
    fn what_is_no_number_stays_in_its_row_and_column() {
        let [zero, one, infinite, nan] = [bf16::ZERO, bf16::ONE, bf16::INFINITY, bf16::NAN];
        // Three terms: one pair, and one beside a zero that must not meet the infinite.
        let x = [one, one, infinite, one, one, one, nan, one, one, infinite, one, one];
        let weight = [one, one, one, one, zero, zero, -infinite, one, one];
        let Some(sums) = product(&x, &weight, 3) else { return };
        let kinds = sums.iter().map(|sum| if sum.is_nan() { 0.5 } else { *sum });
        let inf = f32::INFINITY;
        assert_eq!(kinds.collect::<Vec<_>>(), [inf, 0.5, 0.5, 3.0, 1.0, -inf, 0.5, 0.5, 0.5, inf, inf, -inf]);
    }

    #[test]
    fn subnormal_factors_and_sums_are_zeros() {
        let [smallest, subnormal] = [0x0080, 0x007f].map(bf16::from_bits);
        let one_and_less = [bf16::ONE, bf16::from_f32(0.5)];
        // The smallest number times 1 and times a half, and a subnormal number times 1.
        let Some(sums) = product(&[smallest, subnormal], &one_and_less, 1) else { return };
        assert_eq!(sums, [f32::MIN_POSITIVE, 0.0, 0.0, 0.0]);
    }
}

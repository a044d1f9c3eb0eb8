//! Tests of `attention.cu`: attention against its definition in f64.

use tintype::{domain::Seed, pipeline::standard_normal};

use super::{
    emulator::{Argument, run},
    launch::{Half, Launch},
    numbers::{HALVES, narrow, widen},
};

/// Items of a batch, tokens and heads.
const SIZES: [[usize; 3]; 6] = [[1, 1, 1], [2, 5, 3], [2, 33, 1], [1, 64, 3], [2, 100, 1], [2, 160, 3]];
const NAN: u16 = 0x7fff;
const INFINITY: [u16; 2] = [0x7c00, 0x7f80];

#[expect(clippy::cast_possible_truncation, reason = "it was an f32")]
fn float(x: f64) -> f32 {
    x as f32
}

#[derive(Clone)]
struct Case {
    half: Half,
    batch: usize,
    tokens: usize,
    heads: usize,
    head_dim: usize,
    q: Vec<u16>,
    k: Vec<u16>,
    v: Vec<u16>,
    v_scale: Vec<f32>,
}

impl Case {
    fn random(half: Half, [batch, tokens, heads, head_dim]: [usize; 4]) -> Self {
        let count = batch * tokens * heads * head_dim;
        let numbers = |seed: u64| {
            let numbers = standard_normal(Seed::new(seed), count);
            numbers.iter().map(|x| narrow(half, 2.0 * x)).collect()
        };
        let (q, k, v, v_scale) = (numbers(1), numbers(2), numbers(3), vec![1.0; batch * tokens]);
        Self { half, batch, tokens, heads, head_dim, q, k, v, v_scale }
    }

    /// Where the numbers of a token's head begin.
    fn at(&self, token: usize, head: usize) -> usize {
        (token * self.heads + head) * self.head_dim
    }

    #[expect(clippy::cast_precision_loss, reason = "head widths are small")]
    fn factor(&self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt()
    }

    /// What the kernel gives: numbers of 16 bits, and their rows' scales.
    fn launched(&self) -> (Vec<u16>, Vec<f32>) {
        let size = [self.batch, self.tokens, self.heads, self.head_dim];
        let [batch, tokens, heads, head_dim] = size.map(|count| u32::try_from(count).expect("a small count"));
        let launch = Launch::attention(self.half, batch, tokens, heads, head_dim).expect("a kernel");
        let (mut out, mut scale) = (vec![0; self.q.len()], vec![0.0; self.v_scale.len()]);
        run(
            &launch,
            &mut [
                Argument::Halves(&self.q),
                Argument::Halves(&self.k),
                Argument::Halves(&self.v),
                Argument::Floats(&self.v_scale),
                Argument::Count(tokens),
                Argument::Count(heads),
                Argument::Number(self.factor()),
                Argument::HalvesOut(&mut out),
                Argument::FloatsOut(&mut scale),
            ],
        )
        .expect("a launch without a fault");
        (out, scale)
    }

    /// The true values of what the kernel gives, which all have the scale of their item.
    fn attended(&self) -> Vec<f64> {
        let (out, scale) = self.launched();
        for (scales, v_scales) in scale.chunks(self.tokens).zip(self.v_scale.chunks(self.tokens)) {
            let largest = v_scales.iter().copied().fold(1.0, f32::max);
            assert_eq!(scales, vec![largest; self.tokens]);
        }
        let row = self.heads * self.head_dim;
        out.iter().enumerate().map(|(i, bits)| widen(self.half, *bits) * f64::from(scale[i / row])).collect()
    }

    /// The same as it is written in books.
    fn by_definition(&self) -> Vec<f64> {
        let [q, k, v] = [&self.q, &self.k, &self.v]
            .map(|numbers| numbers.iter().map(|bits| widen(self.half, *bits)).collect::<Vec<_>>());
        let mut out = vec![0.0; q.len()];
        for query in 0..self.batch * self.tokens {
            let first = query / self.tokens * self.tokens;
            for head in 0..self.heads {
                let place = |token| self.at(token, head)..self.at(token, head) + self.head_dim;
                let score = |key| {
                    let pairs = q[place(query)].iter().zip(&k[place(key)]);
                    f64::from(self.factor()) * pairs.map(|(q, k)| q * k).sum::<f64>()
                };
                let scores: Vec<f64> = (first..first + self.tokens).map(score).collect();
                let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let weights: Vec<f64> = scores.iter().map(|score| (score - top).exp()).collect();
                let sum: f64 = weights.iter().sum();
                for (key, weight) in (first..).zip(weights) {
                    let part = weight / sum * f64::from(self.v_scale[key]);
                    for (out, v) in out[place(query)].iter_mut().zip(&v[place(key)]) {
                        *out += part * v;
                    }
                }
            }
        }
        out
    }

    /// Asserts that what is finite is near the definition, and that nothing else is finite.
    #[track_caller]
    fn agrees(&self) {
        let (attended, definition) = (self.attended(), self.by_definition());
        let finite = |numbers: &[f64]| numbers.iter().map(|x| x.is_finite()).collect::<Vec<_>>();
        let shape = (self.half, self.batch, self.tokens, self.heads, self.head_dim);
        assert!(finite(&attended) == finite(&definition), "{shape:?}: not finite elsewhere");
        let pairs = || attended.iter().zip(&definition).filter(|(_, x)| x.is_finite());
        let difference: f64 = pairs().map(|(a, b)| (a - b).powi(2)).sum();
        let whole: f64 = pairs().map(|(_, b)| b.powi(2)).sum();
        let bound = if self.half == Half::F16 { 4e-4 } else { 3e-3 };
        assert!(difference.sqrt() <= bound * whole.sqrt(), "{shape:?}: {}", (difference / whole).sqrt());
    }
}

#[test]
fn attention_is_the_values_mean_by_the_softmax_of_the_scores() {
    for half in HALVES {
        for head_dim in [64, 128] {
            for [batch, tokens, heads] in SIZES {
                Case::random(half, [batch, tokens, heads, head_dim]).agrees();
            }
        }
    }
}

#[test]
fn scores_may_grow_from_key_to_key_until_one_has_all_the_weight() {
    for half in HALVES {
        for head_dim in [64, 128] {
            let mut case = Case::random(half, [1, 270, 1, head_dim]);
            for (i, k) in case.k.iter_mut().enumerate() {
                #[expect(clippy::cast_precision_loss, reason = "tokens are few")]
                let token = (i / head_dim) as f32;
                *k = narrow(half, float(widen(half, *k)) * token / 30.0);
            }
            case.agrees();
        }
    }
}

#[test]
fn values_beyond_f16_come_with_scales_and_leave_with_the_largest_of_their_item() {
    for head_dim in [64, 128] {
        let mut case = Case::random(Half::F16, [3, 150, 2, head_dim]);
        // The first item needs none, the second for a few tokens, the last for all: one of them, alone, 2¹⁶.
        for (token, scale) in case.v_scale.iter_mut().enumerate().skip(150) {
            let power = match token {
                150..300 => i32::from(token % 40 == 7),
                420 => 16,
                _ => i32::try_from(1 + token * 7 % 15).expect("a small number"),
            };
            *scale = 2_f32.powi(power);
            let row = 2 * head_dim;
            for v in &mut case.v[token * row..][..row] {
                *v = narrow(Half::F16, 4096.0 * float(widen(Half::F16, *v)));
            }
        }
        case.agrees();
    }
}

#[test]
fn what_is_not_finite_spreads_as_the_definition_has_it() {
    for (half, infinity) in HALVES.into_iter().zip(INFINITY) {
        for head_dim in [64, 128] {
            let good = Case::random(half, [1, 70, 2, head_dim]);
            let at = good.at(66, 1) + 5;
            for bits in [NAN, infinity, infinity | 0x8000] {
                for part in [|case| &mut case.q, |case| &mut case.k, |case| &mut case.v] as [Part; 3] {
                    let mut case = good.clone();
                    part(&mut case)[at] = bits;
                    case.agrees();
                }
            }
        }
    }
}

type Part = fn(&mut Case) -> &mut Vec<u16>;

#[test]
fn a_query_that_has_no_finite_score_gives_nan() {
    for (half, infinity) in HALVES.into_iter().zip(INFINITY) {
        let mut case = Case::random(half, [1, 40, 2, 128]);
        for token in 0..40 {
            let at = case.at(token, 0);
            case.q[at] = narrow(half, 1.0);
            case.k[at] = infinity | 0x8000;
        }
        assert!(case.attended()[..128].iter().all(|x| x.is_nan()));
        case.agrees();
    }
}

#[test]
fn heads_that_are_not_64_or_128_wide_have_no_kernel() {
    assert_eq!(Launch::attention(Half::F16, 1, 10, 2, 96), None);
}

//! Tests of `prompt.cu`: the text encoder's passes and its attention, against their definitions in f64.

use tintype::{domain::Seed, pipeline::standard_normal};

use super::{
    emulator::{Argument, run},
    launch::{Half, Launch},
    numbers::{HALVES, narrow, widen},
};

const EPS: f32 = 1e-6;
/// What 4 numbers at a time can do and cannot, and rows wider than what the kernels keep in registers.
const WIDTHS: [usize; 6] = [1, 6, 256, 1027, 2560, 4100];

fn count(x: usize) -> u32 {
    x.try_into().expect("a count")
}

fn random(seed: u64, count: usize, factor: f32) -> Vec<f32> {
    standard_normal(Seed::new(seed), count).iter().map(|x| factor * x).collect()
}

fn weight(seed: u64, width: usize) -> Vec<f32> {
    random(seed, width, 0.3).iter().map(|x| 1.0 + x).collect()
}

fn scales(rows: usize) -> Vec<f32> {
    (0..rows).map(|row| [1.0, 8.0, 1024.0, 2.0][row % 4]).collect()
}

fn normed(x: &[f64], weight: &[f32]) -> Vec<f64> {
    #[expect(clippy::cast_precision_loss, reason = "rows are short")]
    let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
    x.iter().zip(weight).map(|(x, weight)| x / (mean + f64::from(EPS)).sqrt() * f64::from(*weight)).collect()
}

/// Asserts that a row of 16 bits, times its scale, is `expected`: to half a unit in the last place and f32's own error.
#[track_caller]
fn is_near(half: Half, row: &[u16], scale: f32, expected: &[f64]) {
    let (relative, least) = match half {
        Half::F16 => (0.5_f64.powi(11), 0.5_f64.powi(25)),
        Half::Bf16 => (0.5_f64.powi(8), 0.5_f64.powi(134)),
    };
    let largest = expected.iter().map(|x| x.abs()).fold(0.0, f64::max);
    let scale = f64::from(scale);
    for (i, (bits, expected)) in row.iter().zip(expected).enumerate() {
        let stored = widen(half, *bits) * scale;
        let allowed = (relative + 2e-6) * expected.abs() + least * scale + 1e-6 * largest;
        assert!((stored - expected).abs() <= allowed, "{half:?} number {i}: {stored} is not {expected}");
    }
}

#[test]
fn sums_are_added_and_the_result_normed_in_place_or_not() {
    for (rows, width) in WIDTHS.into_iter().flat_map(|width| [1, 5].map(|rows| (rows, width))) {
        let (sums, scales, weight) = (random(1, rows * width, 1.0), scales(rows), weight(2, width));
        let x = random(3, rows * width, 3.0);
        let expected: Vec<f64> = (0..rows * width)
            .map(|at| f64::from(x[at]) + f64::from(sums[at]) * f64::from(scales[at / width]))
            .collect();
        let (mut out, mut in_place) = (vec![0.0; x.len()], x.clone());
        let given = || [&sums, &scales].map(|x| Argument::Floats(x)).into_iter();
        let mut arguments: Vec<_> = given()
            .chain([Argument::Count(count(width)), Argument::Floats(&x), Argument::FloatsOut(&mut out)])
            .collect();
        run(&Launch::add(count(rows)), &mut arguments).expect("a launch");
        for (out, expected) in out.iter().zip(&expected) {
            assert!((f64::from(*out) - expected).abs() <= 1e-6 * expected.abs() + 1e-4, "{out} {expected}");
        }
        for half in HALVES {
            in_place.copy_from_slice(&x);
            let (mut next, mut next_scale) = (vec![0; x.len()], vec![0.0; rows]);
            let mut arguments: Vec<_> = given()
                .chain([
                    Argument::Floats(&weight),
                    Argument::Number(EPS),
                    Argument::Count(count(width)),
                    Argument::FloatsInOut(&mut in_place),
                    Argument::Again(5),
                    Argument::HalvesOut(&mut next),
                    Argument::FloatsOut(&mut next_scale),
                ])
                .collect();
            run(&Launch::add_then_norm(half, count(rows)), &mut arguments).expect("a launch");
            assert_eq!(in_place, out, "both kernels add alike");
            for (row, sum) in out.chunks_exact(width).enumerate() {
                let wide: Vec<f64> = sum.iter().map(|x| f64::from(*x)).collect();
                assert_eq!(next_scale[row], 1.0);
                is_near(half, &next[row * width..][..width], 1.0, &normed(&wide, &weight));
            }
        }
    }
}

/// Tokens, heads, heads of keys, and numbers of a head.
type Shape = [usize; 4];

/// A head, normed, its pairs turned: the first of a pair is in the first half.
fn turned(head: &[f64], weight: &[f32], cos: &[f32], sin: &[f32]) -> Vec<f64> {
    let normed = normed(head, weight);
    let (first, second) = normed.split_at(head.len() / 2);
    let turn = |by: fn(f64, f64, f64, f64) -> f64| {
        let pairs = first.iter().zip(second).zip(cos.iter().zip(sin));
        pairs
            .map(move |((x, y), (cos, sin))| by(*x, *y, f64::from(*cos), f64::from(*sin)))
            .collect::<Vec<_>>()
    };
    [turn(|x, y, cos, sin| x * cos - y * sin), turn(|x, y, cos, sin| x * sin + y * cos)].concat()
}

fn check_turn(half: Half, batch: usize, [tokens, heads, key_heads, head_dim]: Shape) {
    let (rows, width, key_width) = (batch * tokens, heads * head_dim, key_heads * head_dim);
    let all = width + 2 * key_width;
    let (mut qkv, scales) = (random(1, rows * all, 1.0), scales(rows));
    // A row whose values pass f16.
    qkv[(rows - 1) * all..].iter_mut().for_each(|x| *x *= 1e6);
    let (norm_q, norm_k) = (weight(2, head_dim), weight(3, head_dim));
    let (cos, sin): (Vec<f32>, Vec<f32>) =
        random(4, tokens * head_dim / 2, 1.0).iter().map(|angle| (angle.cos(), angle.sin())).unzip();
    let [mut q, mut k, mut v] = [width, key_width, key_width].map(|width| vec![0; rows * width]);
    let mut v_scale = vec![0.0; rows];
    let mut arguments: Vec<_> =
        [&qkv, &scales, &norm_q, &norm_k].map(|x| Argument::Floats(x)).into_iter().collect();
    arguments.extend([Argument::Number(EPS), Argument::Floats(&cos), Argument::Floats(&sin)]);
    arguments.extend([tokens, heads, key_heads, head_dim].map(|x| Argument::Count(count(x))));
    arguments.extend([&mut q, &mut k, &mut v].map(|x| Argument::HalvesOut(x)));
    arguments.push(Argument::FloatsOut(&mut v_scale));
    run(&Launch::turn_halves(half, count(rows)), &mut arguments).expect("a launch");
    for (row, numbers) in qkv.chunks_exact(all).enumerate() {
        let wide: Vec<f64> = numbers.iter().map(|x| f64::from(*x) * f64::from(scales[row])).collect();
        let angles = row % tokens * head_dim / 2;
        let (cos, sin) = (&cos[angles..][..head_dim / 2], &sin[angles..][..head_dim / 2]);
        for (head, numbers) in wide[..width + key_width].chunks_exact(head_dim).enumerate() {
            let (out, first, of_row, weight) = if head < heads {
                (&q, head * head_dim, width, &norm_q)
            } else {
                (&k, (head - heads) * head_dim, key_width, &norm_k)
            };
            is_near(half, &out[row * of_row + first..][..head_dim], 1.0, &turned(numbers, weight, cos, sin));
        }
        is_near(half, &v[row * key_width..][..key_width], v_scale[row], &wide[width + key_width..]);
    }
}

#[test]
fn grouped_heads_are_normed_and_turned_by_halves() {
    for half in HALVES {
        for shape in
            [[1, 1, 1, 2], [5, 4, 2, 128], [3, 6, 2, 6], [4, 6, 1, 64], [2, 9, 3, 250], [3, 32, 8, 128]]
        {
            for batch in [1, 2] {
                check_turn(half, batch, shape);
            }
        }
    }
}

/// Queries, keys and values of a batch.
struct Case {
    half: Half,
    batch: usize,
    shape: Shape,
    q: Vec<u16>,
    k: Vec<u16>,
    v: Vec<u16>,
    v_scale: Vec<f32>,
}

impl Case {
    fn random(half: Half, batch: usize, shape: Shape) -> Self {
        let [tokens, heads, key_heads, head_dim] = shape;
        let numbers = |seed, heads| {
            random(seed, batch * tokens * heads * head_dim, 2.0).iter().map(|x| narrow(half, *x)).collect()
        };
        let (q, k, v) = (numbers(1, heads), numbers(2, key_heads), numbers(3, key_heads));
        Self { half, batch, shape, q, k, v, v_scale: vec![1.0; batch * tokens] }
    }

    #[expect(clippy::cast_precision_loss, reason = "head widths are small")]
    fn factor(&self) -> f32 {
        1.0 / (self.shape[3] as f32).sqrt()
    }

    /// The true values of what the kernel gives.
    fn attended(&self) -> Vec<f64> {
        let [tokens, heads, key_heads, head_dim] = self.shape.map(count);
        let launch =
            Launch::look_back(self.half, count(self.batch), tokens, heads, head_dim).expect("a kernel");
        let (mut out, mut scale) = (vec![0; self.q.len()], vec![0.0; self.v_scale.len()]);
        let mut arguments: Vec<_> = [&self.q, &self.k, &self.v].map(|x| Argument::Halves(x)).into();
        arguments.push(Argument::Floats(&self.v_scale));
        arguments.extend([tokens, heads, key_heads].map(Argument::Count));
        arguments.push(Argument::Number(self.factor()));
        arguments.extend([Argument::HalvesOut(&mut out), Argument::FloatsOut(&mut scale)]);
        run(&launch, &mut arguments).expect("a launch without a fault");
        let row = self.shape[1] * self.shape[3];
        out.iter().enumerate().map(|(i, bits)| widen(self.half, *bits) * f64::from(scale[i / row])).collect()
    }

    /// The same as it is written in books.
    fn by_definition(&self) -> Vec<f64> {
        let [tokens, heads, key_heads, head_dim] = self.shape;
        let [q, k, v] = [&self.q, &self.k, &self.v]
            .map(|numbers| numbers.iter().map(|bits| widen(self.half, *bits)).collect::<Vec<_>>());
        let mut out = vec![0.0; q.len()];
        for (query, head) in
            (0..self.batch * tokens).flat_map(|query| (0..heads).map(move |head| (query, head)))
        {
            let place = (query * heads + head) * head_dim;
            let key_place = |key: usize| (key * key_heads + head / (heads / key_heads)) * head_dim;
            let keys = query / tokens * tokens..=query;
            let score = |key| {
                let pairs = q[place..][..head_dim].iter().zip(&k[key_place(key)..]);
                f64::from(self.factor()) * pairs.map(|(q, k)| q * k).sum::<f64>()
            };
            let scores: Vec<f64> = keys.clone().map(score).collect();
            let top = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let weights: Vec<f64> = scores.iter().map(|score| (score - top).exp()).collect();
            let sum: f64 = weights.iter().sum();
            for (key, weight) in keys.zip(weights) {
                let part = weight / sum * f64::from(self.v_scale[key]);
                for (out, v) in out[place..][..head_dim].iter_mut().zip(&v[key_place(key)..]) {
                    *out += part * v;
                }
            }
        }
        out
    }

    #[track_caller]
    fn agrees(&self) {
        let (attended, definition) = (self.attended(), self.by_definition());
        let error = relative_error(&attended, &definition);
        let bound = if self.half == Half::F16 { 4e-4 } else { 3e-3 };
        assert!(error <= bound, "{:?} {} {:?}: {error}", self.half, self.batch, self.shape);
    }
}

#[test]
fn a_query_sees_its_own_key_and_those_before_in_the_heads_of_its_group() {
    for half in HALVES {
        for head_dim in [64, 128] {
            for (batch, tokens, heads, key_heads) in
                [(1, 1, 1, 1), (2, 5, 4, 2), (1, 33, 4, 1), (2, 70, 2, 2), (1, 129, 3, 1), (2, 160, 6, 2)]
            {
                Case::random(half, batch, [tokens, heads, key_heads, head_dim]).agrees();
            }
        }
    }
}

/// ‖a − b‖ / ‖b‖.
fn relative_error(a: &[f64], b: &[f64]) -> f64 {
    let difference: f64 = a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum();
    (difference / b.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

/// But for the last bits: a warp's queries move their references together.
#[test]
fn a_key_changes_nothing_before_it() {
    for head_dim in [64, 128] {
        let mut case = Case::random(Half::F16, 1, [150, 2, 1, head_dim]);
        for token in [37, 140] {
            let before = case.attended();
            // Large enough to take all the weight of whoever sees it.
            for x in &mut case.k[token * head_dim..][..head_dim] {
                *x = narrow(Half::F16, 100.0);
            }
            let (after, first) = (case.attended(), token * 2 * head_dim);
            let error = relative_error(&after[..first], &before[..first]);
            assert!(error < 4e-4, "{token} is seen from before it: {error}");
            let change = relative_error(&after[first..], &before[first..]);
            assert!(change > 0.1, "{token} is not seen: {change}");
        }
    }
}

#[test]
fn values_come_with_scales_and_leave_with_the_largest_of_their_item() {
    let mut case = Case::random(Half::F16, 2, [140, 4, 2, 64]);
    for (token, scale) in case.v_scale.iter_mut().enumerate() {
        *scale = [1.0, 4.0, 32.0][token % 3];
    }
    case.agrees();
}

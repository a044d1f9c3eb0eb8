//! Tests of `rows.cu`: each kernel against its definition in f64, with numbers that break careless ones.

use half::{bf16, f16};
use tintype::{domain::Seed, pipeline::standard_normal};

use super::{
    emulator::{Argument, run},
    launch::{Half, Launch},
};

const EPS: f32 = 1e-5;

/// What 4 numbers at a time can do and cannot, and rows wider than what the kernels keep in registers.
const WIDTHS: [usize; 9] = [1, 3, 6, 256, 1000, 1027, 3840, 4100, 10_244];

const HALVES: [Half; 2] = [Half::F16, Half::Bf16];

fn count(x: usize) -> u32 {
    x.try_into().expect("a count")
}

fn random(seed: u64, count: usize) -> Vec<f32> {
    standard_normal(Seed::new(seed), count)
}

/// Numbers in the manner of a weight: about 1.
fn weight(seed: u64, width: usize) -> Vec<f32> {
    random(seed, width).iter().map(|x| 1.0 + 0.3 * x).collect()
}

/// Rows of random numbers: plain, past f16, all zero, tiny, one NaN, one infinity, huge.
fn rows(seed: u64, rows: usize, width: usize) -> Vec<f32> {
    let mut x = random(seed, rows * width);
    for (row, numbers) in x.chunks_exact_mut(width).enumerate() {
        let factor = [1.0, 3e5, 0.0, 1e-6, 1.0, 1.0, 1e9][row % 7];
        numbers.iter_mut().for_each(|x| *x *= factor);
        match row % 7 {
            4 => numbers[width / 2] = f32::NAN,
            5 => numbers[width / 3] = f32::NEG_INFINITY,
            _ => {}
        }
    }
    x
}

/// Powers of two, as a product's rows have them.
fn scales(rows: usize) -> Vec<f32> {
    (0..rows).map(|row| [1.0, 8.0, 1.0, 1024.0, 2.0][row % 5]).collect()
}

fn wide(x: &[f32]) -> Vec<f64> {
    x.iter().map(|x| f64::from(*x)).collect()
}

fn times(x: &[f32], factor: f32) -> Vec<f64> {
    x.iter().map(|x| f64::from(*x) * f64::from(factor)).collect()
}

fn normed(x: &[f64], weight: &[f32]) -> Vec<f64> {
    #[expect(clippy::cast_precision_loss, reason = "rows are short")]
    let mean = x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64;
    x.iter().zip(weight).map(|(x, weight)| x / (mean + f64::from(EPS)).sqrt() * f64::from(*weight)).collect()
}

/// 16-bit rows as a kernel writes them, and the scale of each.
struct Narrowed {
    half: Half,
    numbers: Vec<u16>,
    scales: Vec<f32>,
}

impl Narrowed {
    fn new(half: Half, rows: usize, width: usize) -> Self {
        Self { half, numbers: vec![0; rows * width], scales: vec![0.0; rows] }
    }

    fn row(&self, row: usize) -> Vec<f64> {
        let width = self.numbers.len() / self.scales.len();
        let widen = |bits: &u16| match self.half {
            Half::F16 => f16::from_bits(*bits).to_f64(),
            Half::Bf16 => bf16::from_bits(*bits).to_f64(),
        };
        self.numbers[row * width..][..width].iter().map(widen).collect()
    }

    /// Row `row` is `expected`: each number to half a unit in the last place and f32's own error, not finite where it
    /// is not.
    fn check(&self, row: usize, expected: &[f64], what: &str) {
        let what = format!("{what} {:?} row {row} of width {}", self.half, expected.len());
        let scale = f64::from(self.scales[row]);
        assert_eq!(scale, self.scale_of(expected), "{what}");
        // The largest rounding error, relative, and the one below the normal numbers.
        let (relative, least) = match self.half {
            Half::F16 => (0.5_f64.powi(11), 0.5_f64.powi(25)),
            Half::Bf16 => (0.5_f64.powi(8), 0.5_f64.powi(134)),
        };
        let largest = expected.iter().copied().filter(|x| x.is_finite()).map(f64::abs).fold(0.0, f64::max);
        for (i, (stored, expected)) in self.row(row).iter().zip(expected).enumerate() {
            let error = (stored * scale - expected).abs();
            let allowed = (relative + 2e-6) * expected.abs() + least * scale + 1e-6 * largest;
            let is_right = if expected.is_finite() { error <= allowed } else { !stored.is_finite() };
            assert!(is_right, "{what}, number {i}: {stored} · {scale} is not {expected}");
        }
    }

    fn scale_of(&self, expected: &[f64]) -> f64 {
        let largest = expected.iter().map(|x| x.abs()).fold(0.0, f64::max);
        match self.half {
            Half::F16 if largest.is_finite() => (largest / 32768.0).log2().ceil().max(0.0).exp2(),
            _ => 1.0,
        }
    }
}

/// Every width, with one row and with the seven kinds.
fn shapes() -> impl Iterator<Item = (usize, usize)> {
    WIDTHS.into_iter().flat_map(|width| [1, 7].map(|rows| (rows, width)))
}

#[test]
fn a_norm_is_its_definition() {
    for (count_of_rows, width) in shapes() {
        for half in HALVES {
            let (x, weight) = (rows(1, count_of_rows, width), weight(2, width));
            let mut out = Narrowed::new(half, count_of_rows, width);
            let mut arguments = [
                Argument::Floats(&x),
                Argument::Floats(&weight),
                Argument::Number(EPS),
                Argument::Count(count(width)),
                Argument::HalvesOut(&mut out.numbers),
                Argument::FloatsOut(&mut out.scales),
            ];
            run(&Launch::norm(half, count(count_of_rows)), &mut arguments).expect("a launch");
            for (row, x) in x.chunks_exact(width).enumerate() {
                out.check(row, &normed(&wide(x), &weight), "norm");
            }
        }
    }
}

/// x + norm(sums · scale) · weight, and the tolerance.
fn check_added(out: &[f32], x: &[f32], sums: &[f32], scale: f32, weight: &[f32], what: &str) {
    let added = normed(&times(sums, scale), weight);
    for (i, ((out, x), added)) in out.iter().zip(x).zip(added).enumerate() {
        let expected = f64::from(*x) + added;
        let allowed = 2e-6 * (f64::from(*x).abs() + added.abs());
        let is_right = if expected.is_finite() {
            (f64::from(*out) - expected).abs() <= allowed
        } else {
            !out.is_finite()
        };
        assert!(is_right, "{what} width {}, number {i}: {out} is not {expected}", weight.len());
    }
}

#[test]
fn a_norm_is_added_to_what_was_there_in_place_or_not() {
    for (count_of_rows, width) in shapes() {
        let (sums, scales, weight) = (rows(3, count_of_rows, width), scales(count_of_rows), weight(4, width));
        let x = random(5, count_of_rows * width);
        let (mut out, mut in_place) = (vec![0.0; x.len()], x.clone());
        let launch = Launch::add_norm(count(count_of_rows));
        let given = || {
            let numbers = [Argument::Number(EPS), Argument::Count(count(width))];
            [&sums, &scales, &weight].map(|x| Argument::Floats(x)).into_iter().chain(numbers)
        };
        let mut arguments: Vec<_> =
            given().chain([Argument::Floats(&x), Argument::FloatsOut(&mut out)]).collect();
        run(&launch, &mut arguments).expect("a launch");
        let mut arguments: Vec<_> =
            given().chain([Argument::FloatsInOut(&mut in_place), Argument::Again(5)]).collect();
        run(&launch, &mut arguments).expect("a launch");
        for (row, scale) in scales.iter().enumerate() {
            let part = row * width..(row + 1) * width;
            check_added(&out[part.clone()], &x[part.clone()], &sums[part], *scale, &weight, "add_norm");
        }
        let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&out), bits(&in_place));
    }
}

#[test]
fn a_norm_is_added_and_the_result_normed_for_the_next_product() {
    for (count_of_rows, width) in shapes() {
        for half in HALVES {
            let (sums, scales) = (rows(6, count_of_rows, width), scales(count_of_rows));
            let (weight, next_weight) = (weight(7, width), weight(8, width));
            let x = rows(9, count_of_rows, width);
            let mut out = vec![0.0; x.len()];
            let mut next = Narrowed::new(half, count_of_rows, width);
            let mut arguments = [
                Argument::Floats(&sums),
                Argument::Floats(&scales),
                Argument::Floats(&weight),
                Argument::Number(EPS),
                Argument::Count(count(width)),
                Argument::Floats(&x),
                Argument::FloatsOut(&mut out),
                Argument::Floats(&next_weight),
                Argument::HalvesOut(&mut next.numbers),
                Argument::FloatsOut(&mut next.scales),
            ];
            run(&Launch::add_norm_norm(half, count(count_of_rows)), &mut arguments).expect("a launch");
            for (row, out) in out.chunks_exact(width).enumerate() {
                let part = row * width..(row + 1) * width;
                let what = "add_norm_norm";
                check_added(out, &x[part.clone()], &sums[part], scales[row], &weight, what);
                next.check(row, &normed(&wide(out), &next_weight), what);
            }
        }
    }
}

fn gate(half: Half, gate_up: &[f32], scales: &[f32], width: usize) -> Narrowed {
    let mut out = Narrowed::new(half, scales.len(), width);
    let mut arguments = [
        Argument::Floats(gate_up),
        Argument::Floats(scales),
        Argument::Count(count(width)),
        Argument::HalvesOut(&mut out.numbers),
        Argument::FloatsOut(&mut out.scales),
    ];
    run(&Launch::gate(half, count(scales.len())), &mut arguments).expect("a launch");
    out
}

#[test]
fn a_gate_is_its_definition() {
    for (count_of_rows, width) in shapes() {
        for half in HALVES {
            let mut gate_up = rows(10, count_of_rows, 2 * width);
            // Gates that are nearly shut, and shut.
            gate_up[0] = -20.0;
            gate_up[width - 1] = -1e9;
            let scales = scales(count_of_rows);
            let out = gate(half, &gate_up, &scales, width);
            for (row, (gate_up, scale)) in gate_up.chunks_exact(2 * width).zip(scales).enumerate() {
                let gate_up = times(gate_up, scale);
                let (gates, ups) = gate_up.split_at(width);
                let gated = gates.iter().zip(ups).map(|(gate, up)| gate / (1.0 + (-gate).exp()) * up);
                out.check(row, &gated.collect::<Vec<_>>(), "gate");
            }
        }
    }
}

#[test]
fn a_scale_is_the_smallest_power_of_two_that_makes_a_row_fit() {
    let largest = [1.0, 32768.0, 32768.0_f32.next_up(), 65536.0, -65537.0, 1e30, f32::MAX, f32::INFINITY];
    // What is infinite stays so.
    let expected = [1.0, 1.0, 2.0, 2.0, 4.0, 85.0_f32.exp2(), 113.0_f32.exp2(), 1.0];
    // A gate of 128 is wide open: silu(128) is 128 in f32.
    let gate_up = largest.map(|x| [128.0, x / 128.0]).concat();
    assert_eq!(gate(Half::F16, &gate_up, &[1.0; 8], 1).scales, expected);
    assert_eq!(gate(Half::Bf16, &gate_up, &[1.0; 8], 1).scales, [1.0; 8]);
}

/// The angles' cosines and sines: \[tokens, pairs\].
fn angles(tokens: usize, pairs: usize) -> (Vec<f32>, Vec<f32>) {
    random(12, tokens * pairs).iter().map(|angle| (angle.cos(), angle.sin())).unzip()
}

struct Heads {
    tokens: usize,
    heads: usize,
    head_dim: usize,
}

/// The heads of a row of q or k, normed and turned.
fn turned(x: &[f64], weight: &[f32], (cos, sin): (&[f32], &[f32]), head_dim: usize) -> Vec<f64> {
    let heads = x.chunks_exact(head_dim).map(|head| normed(head, weight));
    heads.flat_map(|head| turned_head(&head, cos, sin)).collect()
}

fn turned_head(head: &[f64], cos: &[f32], sin: &[f32]) -> Vec<f64> {
    let pairs = head.as_chunks().0.iter().zip(cos.iter().zip(sin));
    let turn = |([x, y], (cos, sin)): (&[f64; 2], (&f32, &f32))| {
        let (cos, sin) = (f64::from(*cos), f64::from(*sin));
        [x * cos - y * sin, x * sin + y * cos]
    };
    pairs.flat_map(turn).collect()
}

fn check_turn(half: Half, batch: usize, of: &Heads) {
    let (count_of_rows, width) = (batch * of.tokens, of.heads * of.head_dim);
    let (qkv, scales) = (rows(13, count_of_rows, 3 * width), scales(count_of_rows));
    let (norm_q, norm_k) = (weight(14, of.head_dim), weight(15, of.head_dim));
    let (cos, sin) = angles(of.tokens, of.head_dim / 2);
    let [mut q, mut k, mut v] = [0; 3].map(|_| Narrowed::new(half, count_of_rows, width));
    let mut arguments = [
        Argument::Floats(&qkv),
        Argument::Floats(&scales),
        Argument::Floats(&norm_q),
        Argument::Floats(&norm_k),
        Argument::Number(EPS),
        Argument::Floats(&cos),
        Argument::Floats(&sin),
        Argument::Count(count(of.tokens)),
        Argument::Count(count(of.heads)),
        Argument::Count(count(of.head_dim)),
        Argument::HalvesOut(&mut q.numbers),
        Argument::HalvesOut(&mut k.numbers),
        Argument::HalvesOut(&mut v.numbers),
        Argument::FloatsOut(&mut v.scales),
    ];
    run(&Launch::turn(half, count(count_of_rows)), &mut arguments).expect("a launch");
    // q and k have none: a norm leaves numbers that fit.
    q.scales.fill(1.0);
    k.scales.fill(1.0);
    for (row, (qkv, scale)) in qkv.chunks_exact(3 * width).zip(scales).enumerate() {
        let qkv = times(qkv, scale);
        let part = row % of.tokens * of.head_dim / 2;
        let angles = (&cos[part..][..of.head_dim / 2], &sin[part..][..of.head_dim / 2]);
        q.check(row, &turned(&qkv[..width], &norm_q, angles, of.head_dim), "q");
        k.check(row, &turned(&qkv[width..2 * width], &norm_k, angles, of.head_dim), "k");
        v.check(row, &qkv[2 * width..], "v");
    }
}

#[test]
fn heads_are_normed_and_turned_by_the_angles_of_their_token() {
    for half in HALVES {
        for (tokens, heads, head_dim) in
            [(1, 1, 2), (5, 3, 64), (3, 3, 6), (7, 2, 128), (4, 1, 256), (5, 9, 2), (2, 30, 128), (3, 7, 250)]
        {
            for batch in [1, 2] {
                check_turn(half, batch, &Heads { tokens, heads, head_dim });
            }
        }
    }
}

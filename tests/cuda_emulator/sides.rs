//! Tests of `sides.cu`: what a LoRA adds to a product, against its definition in f64.

use tintype::{domain::Seed, pipeline::standard_normal};

use super::{
    emulator::{Argument, run},
    launch::{Half, Launch},
    numbers::{self, HALVES},
};

fn count(x: usize) -> u32 {
    x.try_into().expect("a count")
}

fn random(seed: u64, count: usize, factor: f32) -> Vec<f32> {
    standard_normal(Seed::new(seed), count).iter().map(|x| factor * x).collect()
}

fn narrow(half: Half, numbers: &[f32]) -> Vec<u16> {
    numbers.iter().map(|x| numbers::narrow(half, *x)).collect()
}

fn widen(half: Half, numbers: &[u16]) -> Vec<f64> {
    numbers.iter().map(|bits| numbers::widen(half, *bits)).collect()
}

/// a·bᵀ, `width` numbers a row of both.
fn product(a: &[f64], b: &[f64], width: usize) -> Vec<f64> {
    let row = |row: &[f64]| {
        let sums = b.chunks_exact(width).map(|b| row.iter().zip(b).map(|(a, b)| a * b).sum::<f64>());
        sums.collect::<Vec<_>>()
    };
    a.chunks_exact(width).flat_map(row).collect()
}

/// Of the whole, ‖a − b‖ / ‖b‖.
fn error(ours: &[f32], expected: &[f64]) -> f64 {
    let difference: f64 = ours.iter().zip(expected).map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
    (difference / expected.iter().map(|b| b * b).sum::<f64>()).sqrt()
}

fn down(half: Half, x: &[u16], matrix: &[u16], [rows, inputs, ranks]: [usize; 3]) -> Vec<f32> {
    let mut out = vec![0.0; rows * ranks];
    let mut arguments = [
        Argument::Halves(x),
        Argument::Halves(matrix),
        Argument::Count(count(rows)),
        Argument::Count(count(inputs)),
        Argument::Count(count(ranks)),
        Argument::FloatsOut(&mut out),
    ];
    run(&Launch::side_down(half, count(rows), count(ranks)), &mut arguments).expect("a launch");
    out
}

/// Rows, ranks, outputs, the width of y, and where among its columns the outputs begin.
type UpSize = [usize; 5];

fn up(half: Half, h: &[f32], matrix: &[u16], factor: f32, y: &mut [f32], size: UpSize) {
    let [rows, _, outputs, ..] = size.map(count);
    let mut arguments = vec![Argument::Floats(h), Argument::Halves(matrix), Argument::Number(factor)];
    arguments.extend(size.map(count).map(Argument::Count));
    arguments.push(Argument::FloatsInOut(y));
    run(&Launch::side_up(half, rows, outputs), &mut arguments).expect("a launch");
}

#[test]
fn the_way_down_is_a_product_in_32_bits() {
    for half in HALVES {
        for size in [[1, 8, 16], [32, 64, 64], [33, 200, 16], [70, 328, 80], [5, 64, 144]] {
            let [rows, inputs, ranks] = size;
            let x = narrow(half, &random(1, rows * inputs, 1.0));
            let matrix = narrow(half, &random(2, ranks * inputs, 0.1));
            let expected = product(&widen(half, &x), &widen(half, &matrix), inputs);
            let error = error(&down(half, &x, &matrix, size), &expected);
            assert!(error < 1e-6, "{half:?} {size:?}: {error}");
        }
    }
}

#[test]
fn the_way_up_is_added_to_its_columns_and_to_no_others() {
    let sizes = [
        [1, 16, 1, 1, 0],
        [64, 64, 64, 192, 64],
        [65, 16, 100, 300, 200],
        [7, 80, 33, 99, 33],
        [130, 144, 66, 70, 3],
        [3, 48, 65, 66, 0],
    ];
    for half in HALVES {
        for size in sizes {
            let [rows, ranks, outputs, width, first] = size;
            let h = random(3, rows * ranks, 1.0);
            let matrix = narrow(half, &random(4, outputs * ranks, 0.5));
            let before = random(5, rows * width, 1.0);
            let mut y = before.clone();
            up(half, &h, &matrix, 0.25, &mut y, size);
            let wide: Vec<f64> = h.iter().map(|x| f64::from(*x)).collect();
            let added = product(&wide, &widen(half, &matrix), ranks);
            let mut ours = Vec::new();
            for (at, (y, before)) in y.iter().zip(&before).enumerate() {
                if (first..first + outputs).contains(&(at % width)) {
                    ours.push((y - before) * 4.0);
                } else {
                    assert_eq!(y.to_bits(), before.to_bits(), "{size:?}: column {} is another's", at % width);
                }
            }
            let bound = if half == Half::F16 { 5e-4 } else { 4e-3 };
            let error = error(&ours, &added);
            assert!(error < bound, "{half:?} {size:?}: {error}");
        }
    }
}

#[test]
fn what_comes_down_may_pass_16_bits_in_some_rows() {
    let size @ [rows, ranks, outputs, width, _] = [9, 32, 20, 20, 0];
    let mut h = random(6, rows * ranks, 1.0);
    for (row, h) in h.chunks_exact_mut(ranks).enumerate() {
        let factor = [1.0, 1e6, 1e-3, 1e30, 0.0, 40_000.0][row % 6];
        h.iter_mut().for_each(|x| *x *= factor);
    }
    for half in HALVES {
        let matrix = narrow(half, &random(7, outputs * ranks, 1.0));
        let mut y = vec![0.0; rows * width];
        up(half, &h, &matrix, 1.0, &mut y, size);
        let wide: Vec<f64> = h.iter().map(|x| f64::from(*x)).collect();
        let expected = product(&wide, &widen(half, &matrix), ranks);
        for (row, (y, expected)) in y.chunks_exact(width).zip(expected.chunks_exact(width)).enumerate() {
            if row % 6 == 4 {
                assert_eq!(y, vec![0.0; width], "nothing is added for a row of zeros");
            } else {
                let (error, bound) = (error(y, expected), if half == Half::F16 { 1e-3 } else { 8e-3 });
                assert!(error < bound, "{half:?} row {row}: {error}");
            }
        }
    }
}

#[test]
fn what_is_not_finite_stays_in_its_row() {
    for half in HALVES {
        for bad in [f32::NAN, f32::INFINITY] {
            let (mut h, matrix) = (random(8, 4 * 16, 1.0), narrow(half, &random(9, 8 * 16, 1.0)));
            h[2 * 16 + 3] = bad;
            let mut y = vec![1.0; 4 * 8];
            up(half, &h, &matrix, 1.0, &mut y, [4, 16, 8, 8, 0]);
            for (row, y) in y.chunks_exact(8).enumerate() {
                assert!(y.iter().all(|y| y.is_finite() == (row != 2)), "{half:?} {bad} row {row}: {y:?}");
            }
        }
    }
}

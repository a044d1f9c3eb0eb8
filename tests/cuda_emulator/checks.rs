//! Tests of the emulator: it finds the faults that a CUDA device would hide.

use half::{bf16, f16};
use tintype::{domain::Seed, pipeline::standard_normal};

use super::{
    emulator::{Argument, run},
    launch::{File, Launch},
};

/// A block of 64 threads with 256 bytes of shared memory.
fn launch(name: &str) -> Launch {
    // The CPU finds kernels by their names alone.
    Launch { file: File::Rows, name: name.into(), grid: [1, 1, 1], block: 64, shared_bytes: 256 }
}

fn fault(name: &str) -> String {
    run(&launch(name), &mut [Argument::FloatsOut(&mut [0.0; 64])]).expect_err(name)
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "threads are few")]
fn threads_that_wait_for_each_other_see_what_the_others_wrote() {
    let mut out = [0.0; 64];
    run(&launch("across_waiting"), &mut [Argument::FloatsOut(&mut out)]).expect("a launch");
    assert_eq!(out.to_vec(), (0..64).rev().map(|thread| thread as f32).collect::<Vec<_>>());
}

#[test]
fn a_forgotten_wait_for_the_block_shows() {
    assert!(fault("across_not_waiting").contains("the bits depend on the order of the threads"));
}

#[test]
fn a_copy_is_there_after_its_wait_and_not_before() {
    #[expect(clippy::cast_precision_loss, reason = "numbers are small")]
    let x: Vec<f32> = (0..256).map(|i| i as f32).collect();
    let copied = |name: &str| {
        let mut out = [0.0; 256];
        let launch = Launch { shared_bytes: 1024, ..launch(name) };
        run(&launch, &mut [Argument::Floats(&x), Argument::FloatsOut(&mut out)]).expect("a launch");
        out
    };
    let waited = copied("copied_waiting");
    // Every other thread says that there is nothing to copy.
    assert_eq!(waited[..10], [0.0, 1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 8.0, 9.0]);
    assert!(copied("copied_not_waiting").iter().all(|x| x.is_nan()));
}

#[test]
fn threads_that_wait_for_others_that_never_come_are_an_error() {
    for name in ["half_of_the_block_waits", "half_of_a_warp_shuffles"] {
        assert!(fault(name).contains("deadlock"), "{}", fault(name));
    }
    assert!(fault("a_warp_does_two_things").contains("__syncwarp"));
}

#[test]
fn memory_that_is_not_the_kernels_is_an_error() {
    assert!(fault("writes_past_shared_memory").contains("a write to shared memory at byte 256 of 256"));
    assert!(fault("reads_past_shared_memory").contains("outside of shared memory"));
    assert!(fault("writes_past_its_row").contains("it wrote beside its argument 0"));
    assert!(fault("writes_past_an_array").contains("no index 63"));
}

#[test]
fn an_address_that_is_not_aligned_is_an_error() {
    let (x, mut out) = ([0.0; 80], [0.0; 256]);
    let mut arguments = [Argument::Floats(&x), Argument::FloatsOut(&mut out)];
    let error = run(&launch("reads_what_is_not_aligned"), &mut arguments).expect_err("not aligned");
    assert!(error.contains("is not aligned"), "{error}");
}

#[test]
fn a_kernel_that_is_not_there_is_an_error() {
    assert!(fault("nothing").contains("no kernel nothing"));
}

/// A 16-bit type: its suffix, and its bits from and to f32.
type Type = (&'static str, fn(f32) -> u16, fn(u16) -> f32);

const TYPES: [Type; 2] = [
    ("f16", |x| f16::from_f32(x).to_bits(), |bits| f16::from_bits(bits).to_f32()),
    ("bf16", |x| bf16::from_f32(x).to_bits(), |bits| bf16::from_bits(bits).to_f32()),
];

#[test]
fn a_warps_product_is_the_sums_by_definition() {
    for (suffix, narrow, widen) in TYPES {
        let random =
            |seed, count| standard_normal(Seed::new(seed), count).into_iter().map(narrow).collect::<Vec<_>>();
        let (a, b) = (random(1, 16 * 16), random(2, 16 * 8));
        let turned: Vec<u16> = (0..8 * 16).map(|i| b[i % 16 * 8 + i / 16]).collect();
        for (name, b_given) in [("product_transposed", &b), ("product", &turned)] {
            let mut out = [0.0; 16 * 8];
            let launch = Launch { block: 32, ..launch(&format!("{name}_{suffix}")) };
            let mut arguments =
                [Argument::Halves(&a), Argument::Halves(b_given), Argument::FloatsOut(&mut out)];
            run(&launch, &mut arguments).expect("a launch");
            for (i, out) in out.iter().enumerate() {
                let term = |k| f64::from(widen(a[i / 8 * 16 + k])) * f64::from(widen(b[k * 8 + i % 8]));
                let sum: f64 = (0..16).map(term).sum();
                assert!((f64::from(*out) - sum).abs() < 1e-5, "{name} {suffix} {i}: {out} is not {sum}");
            }
        }
    }
}

#[test]
fn numbers_are_narrowed_to_the_nearest_with_ties_to_even_and_widened_again() {
    for (suffix, narrow, widen) in TYPES {
        // Every number of the type, half way to the next, and the numbers beside that.
        let numbers = (0..u16::MAX).flat_map(|bits| {
            let half_way = widen(bits) / 2.0 + widen(bits + 1) / 2.0;
            [widen(bits), half_way.next_down(), half_way, half_way.next_up()]
        });
        let x: Vec<f32> = numbers.filter(|x| !x.is_nan()).chain([f32::MAX, f32::MIN]).collect();
        let (mut narrowed, mut packed, mut widened) =
            (vec![0; x.len()], vec![0; x.len()], vec![0.0; x.len()]);
        let mut arguments = [
            Argument::Floats(&x),
            Argument::Count(x.len().try_into().expect("few numbers")),
            Argument::HalvesOut(&mut narrowed),
            Argument::HalvesOut(&mut packed),
            Argument::FloatsOut(&mut widened),
        ];
        run(&launch(&format!("converted_{suffix}")), &mut arguments).expect("a launch");
        let expected: Vec<u16> = x.iter().map(|x| narrow(*x)).collect();
        assert!(narrowed == expected && packed == expected, "{suffix}");
        assert_eq!(widened, narrowed.iter().map(|bits| widen(*bits)).collect::<Vec<_>>(), "{suffix}");
    }
}

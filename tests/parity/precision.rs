//! bf16 and f16 stay finite and close to f32, also where f32 activations pass what f16 can hold.

use std::ops::ControlFlow;

use tintype::{
    domain::RenderSpec,
    domain::Seed,
    pipeline::{KernelChoice, Pipeline, Placement, Precision},
};

use crate::goldens::{Case, cases, device, load_as, relative_error};

/// Largest relative error of the final latents against diffusers in f32, over all cases; the measured figures are in
/// docs/decisions/0001-our-own-transformer.md.
const BF16_TOLERANCE: f32 = 0.05;
const F16_TOLERANCE: f32 = 0.01;

fn latents(pipeline: &Pipeline, spec: &RenderSpec, seed: Seed) -> candle_core::Tensor {
    let conditioning = pipeline.condition(&spec.prompt).expect("conditioning");
    let negative = (spec.guidance_scale > 0.0).then(|| {
        let prompt = spec.negative_prompt.as_deref().unwrap_or("");
        pipeline.condition(prompt).expect("conditioning")
    });
    let guidance = negative.as_ref().map(|negative| (negative, spec.guidance_scale));
    let noise = pipeline.noise(spec.size, seed).expect("noise");
    pipeline
        .denoise(noise, &conditioning, guidance, spec.steps, &mut |_| ControlFlow::Continue(()))
        .expect("latents")
}

/// The worst relative error of the final latents over the cases that `wanted` picks, by our kernels and by candle's.
fn worst_error(precision: Precision, wanted: impl Fn(&Case) -> bool) -> f32 {
    let worst_of = |kernels| worst_error_of(kernels, precision, &wanted);
    worst_of(KernelChoice::Own).max(worst_of(KernelChoice::Candle))
}

fn worst_error_of(kernels: KernelChoice, precision: Precision, wanted: impl Fn(&Case) -> bool) -> f32 {
    let placement = Placement { kernels, ..Placement::resident(device(), precision) };
    let mut worst = 0f32;
    for case in cases().iter().filter(|case| wanted(case)) {
        let pipeline = load_as(&case.model, &placement);
        let reference = &case.goldens()[&format!("latents.{}", case.steps)];
        for (i, (spec, seed)) in case.images().enumerate() {
            let ours = latents(&pipeline, &spec, seed);
            pipeline.decode(&ours).expect("a finite image");
            let error = relative_error(&ours, &reference.narrow(0, i, 1).expect("a row"));
            println!("{precision:?} {kernels:6} {:28} image {i}: relative error {error:.1e}", case.name);
            assert!(error.is_finite(), "{}, image {i}", case.name);
            worst = worst.max(error);
        }
    }
    worst
}

#[test]
fn bf16_is_finite_and_close() {
    let worst = worst_error(Precision::Bf16, |_| true);
    assert!(worst > 0.0 && worst <= BF16_TOLERANCE, "{worst:.1e}");
}

#[test]
fn f16_is_finite_and_close() {
    let worst = worst_error(Precision::F16, |case| case.model != "overflow");
    assert!(worst > 0.0 && worst <= F16_TOLERANCE, "{worst:.1e}");
}

#[test]
fn f16_holds_on_weights_made_to_overflow() {
    let worst = worst_error(Precision::F16, |case| case.model == "overflow");
    assert!(worst > 0.0 && worst <= F16_TOLERANCE, "{worst:.1e}");
}

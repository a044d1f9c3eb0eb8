//! Why the transformer and the schedule are our own: the library's, held against the same goldens.
//!
//! The day this test fails, the library has caught up: read docs/decisions/0001-our-own-transformer.md again.

use std::{collections::HashMap, fs, ops::ControlFlow, path::Path};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::z_image::{
    Config, FlowMatchEulerDiscreteScheduler, SchedulerConfig, ZImageTransformer2DModel, calculate_shift,
};
use tintype::pipeline::Precision;

use crate::{
    goldens::{Case, cases, load, relative_error},
    tiny_models,
};

/// The library's transformer for a model, where its arithmetic allows the model's width at all.
fn library_transformer(model: &Path) -> candle_core::Result<ZImageTransformer2DModel> {
    let config = fs::read(model.join("transformer/config.json")).expect("a configuration");
    let config: Config = serde_json::from_slice(&config).expect("a configuration");
    let tensors: HashMap<String, Tensor> = fs::read_dir(model.join("transformer"))
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "safetensors"))
        .flat_map(|path| candle_core::safetensors::load(path, &Device::Cpu).expect("tensors"))
        .collect();
    ZImageTransformer2DModel::new(&config, VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu))
}

/// Velocity of the first step, from the goldens: what the model said at pure noise.
fn reference_velocity(goldens: &HashMap<String, Tensor>) -> Tensor {
    let sigmas: Vec<f32> = goldens["sigmas"].to_vec1().expect("levels");
    let moved = (&goldens["latents.0"] - &goldens["latents.1"]).expect("one shape");
    (moved / f64::from(sigmas[1] - sigmas[0])).expect("a velocity")
}

fn library_velocity(transformer: &ZImageTransformer2DModel, goldens: &HashMap<String, Tensor>) -> Tensor {
    let caption = goldens["conditioning.0"].unsqueeze(0).expect("a batch");
    let mask = Tensor::ones((1, caption.dim(1).expect("tokens")), DType::U8, &Device::Cpu).expect("a mask");
    let time = Tensor::zeros(1, DType::F32, &Device::Cpu).expect("a time");
    let latents = goldens["latents.0"].unsqueeze(2).expect("a frame");
    transformer
        .forward(&latents, &time, &caption, &mask)
        .and_then(|velocity| velocity.squeeze(2))
        .expect("a velocity")
}

fn our_velocity(case: &Case, goldens: &HashMap<String, Tensor>) -> Tensor {
    let pipeline = load(&case.model, Precision::F32);
    let (spec, seed) = case.images().next().expect("an image");
    let conditioning = pipeline.condition(&spec.prompt).expect("conditioning");
    let noise = pipeline.noise(spec.size, seed).expect("noise");
    let mut first = None;
    pipeline
        .denoise(noise.clone(), &conditioning, None, case.steps, &mut |step| {
            first.get_or_insert(step.latents.clone());
            ControlFlow::Continue(())
        })
        .expect("latents");
    let sigmas: Vec<f32> = goldens["sigmas"].to_vec1().expect("levels");
    let moved = (noise - first.expect("a step")).expect("one shape");
    (moved / f64::from(sigmas[1] - sigmas[0])).expect("a velocity")
}

#[test]
fn the_librarys_transformer_leaves_pads_out() {
    println!("{:28} {:>8} {:>8}", "first velocity, error", "library", "ours");
    let (mut refused, mut wrong) = (0, 0);
    for case in cases().iter().filter(|case| case.guidance == 0.0 && case.prompts.len() == 1) {
        let goldens = case.goldens();
        let reference = reference_velocity(&goldens);
        let ours = relative_error(&our_velocity(case, &goldens), &reference);
        assert!(ours < 1e-4, "{}: {ours:.1e}", case.name);
        match library_transformer(&tiny_models::directory(&case.model)) {
            Err(_) => {
                refused += 1;
                println!("{:28} {:>8} {ours:8.1e}", case.name, "no load");
            }
            Ok(transformer) => {
                let library = relative_error(&library_velocity(&transformer, &goldens), &reference);
                println!("{:28} {library:8.1e} {ours:8.1e}", case.name);
                assert!(library > 1e-2, "{}: the library is right now ({library:.1e})", case.name);
                wrong += 1;
            }
        }
    }
    assert!(refused > 0 && wrong > 0, "{refused} models refused, {wrong} wrong");
}

#[test]
fn the_librarys_schedule_is_not_shifted() {
    let mut scheduler = FlowMatchEulerDiscreteScheduler::new(SchedulerConfig::z_image_turbo());
    scheduler.set_timesteps(8, Some(calculate_shift(4096, 256, 4096, 0.5, 1.15)));
    let ours =
        tintype::pipeline::Schedule { shift: tintype::pipeline::Shift::Static(3.0), train_timesteps: 1000.0 }
            .sigmas(8, 4096);
    println!("library {:.4?}\nours    {ours:.4?}", scheduler.sigmas);
    let off = ours.iter().zip(&scheduler.sigmas).map(|(ours, library)| (f64::from(*ours) - library).abs());
    assert!(off.fold(0.0, f64::max) > 0.1, "the library's schedule is right now");
}

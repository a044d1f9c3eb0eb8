//! The parts of an image on a CPU, ours beside candle's: `cargo bench --bench pipeline`, or `-- attention` for one
//! part.
//!
//! `tintype bench` times whole images; tools/compare-with-diffusers times them beside PyTorch.

use std::{hint::black_box, time::Duration};

use candle_core::{D, Device, Tensor};
use candle_nn::{Conv2d, Conv2dConfig, Module};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tintype::{
    domain::{ImageSize, RenderSpec, Seed},
    pipeline::{
        DeviceChoice, Item, ModelShape, Pipeline, Placement, Precision,
        cpu::{self, Method},
        standard_normal,
    },
};

fn random(seed: u64, count: usize) -> Vec<f32> {
    standard_normal(Seed::new(seed), count)
}

fn tensor(numbers: &[f32], shape: &[usize]) -> Tensor {
    Tensor::from_slice(numbers, shape, &Device::Cpu).expect("a tensor")
}

/// 3 × 3, as many channels out as in.
fn convolution(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("convolution");
    for (channels, side) in [(16, 128), (32, 64), (64, 256), (128, 256), (512, 64)] {
        let case = format!("{channels} channels, {side}²");
        let (weight, bias) = (random(1, channels * channels * 9), random(2, channels));
        let x = random(3, channels * side * side);
        let mut out = vec![0f32; x.len()];
        for (name, method) in [("direct", Method::Direct), ("Winograd", Method::Winograd)] {
            let ours = cpu::Convolution::new(&weight, bias.clone(), cpu::Scale::Same, method);
            group.bench_function(BenchmarkId::new(name, &case), |bencher| {
                bencher.iter(|| ours.apply(black_box(&x), (side, side), None, &mut out));
            });
        }
        let weight = tensor(&weight, &[channels, channels, 3, 3]);
        let config = Conv2dConfig { padding: 1, ..Default::default() };
        let candle = Conv2d::new(weight, Some(tensor(&bias, &[channels])), config);
        let x = tensor(&x, &[1, channels, side, side]);
        group.bench_function(BenchmarkId::new("candle", &case), |bencher| {
            bencher.iter(|| candle.forward(black_box(&x)).expect("a map"));
        });
    }
    group.finish();
}

/// A layer without bias: of the embedded model and of a middle-sized one.
fn product(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("product");
    for (rows, inputs, outputs) in [(96, 256, 256), (1056, 1024, 1024)] {
        let case = format!("{rows} × {inputs} × {outputs}");
        let (x, weight) = (random(1, rows * inputs), random(2, outputs * inputs));
        let ours = cpu::Linear::new(&weight, outputs, None);
        let mut out = vec![0f32; rows * outputs];
        group.bench_function(BenchmarkId::new("ours", &case), |bencher| {
            bencher.iter(|| ours.apply(black_box(&x), &mut out));
        });
        let (x, weight) = (tensor(&x, &[rows, inputs]), tensor(&weight, &[outputs, inputs]));
        let candle = || x.matmul(&weight.t()?);
        group.bench_function(BenchmarkId::new("candle", &case), |bencher| {
            bencher.iter(|| candle().expect("a tensor"));
        });
    }
    group.finish();
}

/// 8 heads of 128: an image of 512² beside a caption of 32 tokens.
fn attention(criterion: &mut Criterion) {
    let (tokens, heads, head_dim) = (1056, 8, 128);
    let [q, k, v] = [1, 2, 3].map(|seed| random(seed, tokens * heads * head_dim));
    let mut group = criterion.benchmark_group("attention");
    let mut out = vec![0f32; q.len()];
    group.bench_function("ours", |bencher| {
        bencher.iter(|| cpu::attend(black_box(&q), &k, &v, (tokens, heads), &mut out));
    });
    let by_head = |x: &[f32]| {
        let x = tensor(x, &[1, tokens, heads, head_dim]);
        x.transpose(1, 2).and_then(|x| x.contiguous()).expect("a tensor")
    };
    let (q, k, v) = (by_head(&q), by_head(&k), by_head(&v));
    #[expect(clippy::cast_precision_loss, reason = "head widths are small")]
    let candle = || {
        let scores = (q.matmul(&k.transpose(2, 3)?)? / (head_dim as f64).sqrt())?;
        candle_nn::ops::softmax(&scores, D::Minus1)?.matmul(&v)
    };
    group.bench_function("candle", |bencher| bencher.iter(|| candle().expect("a tensor")));
    group.finish();
}

/// What is done to tokens of a middle-sized model between the products.
fn rows(criterion: &mut Criterion) {
    let (tokens, width) = (1056, 1024);
    let (x, weight) = (random(1, tokens * width), random(2, width));
    let mut group = criterion.benchmark_group("rows");
    let mut out = vec![0f32; x.len()];
    group.bench_function("norm, ours", |bencher| {
        bencher.iter(|| cpu::rms_norm(black_box(&x), &weight, 1e-5, &mut out));
    });
    group.bench_function("gate, ours", |bencher| bencher.iter(|| cpu::gate(&mut out, black_box(&x))));
    let (x, weight) = (tensor(&x, &[tokens, width]), tensor(&weight, &[width]));
    group.bench_function("norm, candle", |bencher| {
        bencher.iter(|| candle_nn::ops::rms_norm(black_box(&x), &weight, 1e-5).expect("a tensor"));
    });
    let gate = || x.silu()? * &x;
    group.bench_function("gate, candle", |bencher| bencher.iter(|| gate().expect("a tensor")));
    group.finish();
}

/// A step (10 blocks) and a decoding at 512², with random weights of the middle shape.
fn model(criterion: &mut Criterion) {
    let pipeline =
        Pipeline::random(ModelShape::Middle, &Placement::resident(DeviceChoice::Cpu, Precision::F32))
            .expect("a model");
    let (prompt, size) = ("a lighthouse at dawn".to_owned(), ImageSize::square(512));
    let spec = RenderSpec::new(prompt, size, 100);
    let prepared = pipeline.prepare(&spec).expect("a prompt");
    let mut group = criterion.benchmark_group("middle model, 512²");
    group.bench_function("text", |bencher| bencher.iter(|| pipeline.prepare(&spec).expect("a prompt")));
    group.bench_function("step", |bencher| {
        let begin = || pipeline.begin(&spec, &[Item::new(&prepared, Seed::new(0))]).expect("a canvas");
        bencher.iter_batched_ref(
            begin,
            |denoising| denoising.step().expect("a step"),
            criterion::BatchSize::PerIteration,
        );
    });
    let latents = pipeline.noise(size, Seed::new(0)).expect("noise");
    group.bench_function("decode", |bencher| {
        bencher.iter(|| pipeline.decode(black_box(&latents)).expect("an image"));
    });
    group.finish();
}

criterion_group! {
    name = parts;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_secs(1));
    targets = convolution, product, attention, rows, model
}
criterion_main!(parts);

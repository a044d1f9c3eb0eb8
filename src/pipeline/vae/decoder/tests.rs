use std::ops::ControlFlow;

use candle_core::{DType, Device, Result, Shape, Tensor};
use candle_nn::{Init, VarBuilder, var_builder::SimpleBackend};

use super::*;
use crate::{
    domain::{ImageSize, Seed},
    pipeline::{
        DeviceChoice, EMBEDDED_MODEL, Pipeline, Pixels, Placement, Precision, Step, VaeEncoder,
        testing::random_tensor,
    },
};

/// Weights that are a function of their names, so that maps keep about the size of 1.
struct Drawn;

impl SimpleBackend for Drawn {
    #[expect(clippy::cast_precision_loss, reason = "dimensions are small")]
    fn get(&self, shape: Shape, name: &str, _: Init, dtype: DType, _: &Device) -> Result<Tensor> {
        let seed = name.bytes().fold(0, |seed, byte| (31 * seed + u64::from(byte)) % 1_000_003);
        let numbers = random_tensor(seed, shape.dims());
        let numbers = match shape.dims() {
            [_] if name.ends_with("bias") => numbers * 0.1,
            [_] => (numbers * 0.1)? + 1.0,
            [_, inputs @ ..] => numbers * (inputs.iter().product::<usize>() as f64).sqrt().recip(),
            [] => numbers * 1.0,
        };
        numbers?.to_dtype(dtype)
    }

    fn get_unchecked(&self, name: &str, _: DType, _: &Device) -> Result<Tensor> {
        candle_core::bail!("`{name}` was asked for without a shape")
    }

    fn contains_tensor(&self, _: &str) -> bool {
        true
    }
}

fn config(channels: &[usize], layers: usize) -> VaeConfig {
    VaeConfig {
        in_channels: 3,
        out_channels: 3,
        latent_channels: 4,
        block_out_channels: channels.to_vec(),
        layers_per_block: layers,
        scaling_factor: 0.5,
        shift_factor: 0.1,
        norm_num_groups: 4,
    }
}

fn loader(vb: VarBuilder<'_>, layout: Layout, groups: usize) -> Loader<'_> {
    Loader { vb, layout, kernels: KernelChoice::Auto, groups }
}

fn decoder(channels: &[usize], layers: usize, layout: Layout, dtype: DType) -> Result<VaeDecoder> {
    let vb = VarBuilder::from_backend(Box::new(Drawn), dtype, Device::Cpu);
    VaeDecoder::load_with(&config(channels, layers), true, &loader(vb, layout, 4), dtype)
}

/// No room, and rooms from the least that is enough to almost what whole maps take.
fn rooms(decoder: &VaeDecoder, size: (usize, usize, usize)) -> Vec<u64> {
    let whole = decoder.foreseen_bytes(size, None);
    let least = decoder.foreseen_bytes(size, Some(0));
    let between = (0..8).map(|eighth| least + whole.saturating_sub(least) * eighth / 8);
    [0].into_iter().chain(between).collect()
}

/// The largest difference, as a share of the range of `whole`.
fn difference(whole: &Tensor, strips: &Tensor) -> Result<f32> {
    let whole = whole.contiguous()?.flatten_all()?;
    let range = (whole.max(0)? - whole.min(0)?)?.to_scalar::<f32>()?;
    let largest = (whole - strips.contiguous()?.flatten_all()?)?.abs()?.max(0)?.to_scalar::<f32>()?;
    Ok(largest / range)
}

/// Channels of the blocks, resnets of a block but one, and the latents' batch, height and width.
type Case = (&'static [usize], usize, (usize, usize, usize));

/// Two to four blocks; heights that 16 rows divide and do not, even and odd; batches.
const CASES: [Case; 5] = [
    (&[8, 16], 1, (1, 33, 5)),
    (&[4, 8, 12], 1, (2, 13, 7)),
    (&[8, 8], 2, (3, 60, 1)),
    (&[8, 36, 40], 1, (1, 12, 10)),
    (&[8, 8, 16, 16], 1, (1, 7, 9)),
];

#[test]
fn strips_are_the_whole_map() -> Result<()> {
    for layout in [Layout::ChannelsLast, Layout::ChannelsFirst] {
        for (channels, layers, size) in CASES {
            let decoder = decoder(channels, layers, layout, DType::F32)?;
            let latents = random_tensor(9, &[size.0, 4, size.1, size.2]);
            let whole = decoder.decode(&latents, None)?;
            for room in rooms(&decoder, size) {
                let strips = decoder.decode(&latents, Some(room))?;
                let difference = difference(&whole, &strips)?;
                assert!(difference <= 1e-5, "{layout:?} {channels:?} {size:?} {room}: {difference}");
            }
        }
    }
    Ok(())
}

#[test]
fn strips_are_the_whole_map_in_16_bits_but_for_their_rounding() -> Result<()> {
    // f16 stands for bf16, which cards have and candle's products on a CPU do not know.
    for (channels, layers, size) in CASES {
        let decoder = decoder(channels, layers, Layout::ChannelsFirst, DType::F16)?;
        let latents = random_tensor(9, &[size.0, 4, size.1, size.2]);
        let whole = decoder.decode(&latents, None)?;
        for room in rooms(&decoder, size) {
            let difference = difference(&whole, &decoder.decode(&latents, Some(room))?)?;
            assert!(difference <= 0.002, "{channels:?} {size:?} {room}: {difference}");
        }
    }
    Ok(())
}

#[test]
fn a_plan_keeps_within_the_room_that_it_was_given() -> Result<()> {
    for layout in [Layout::ChannelsLast, Layout::ChannelsFirst] {
        for (channels, layers, size) in CASES {
            let decoder = decoder(channels, layers, layout, DType::F32)?;
            for room in rooms(&decoder, size).into_iter().skip(1) {
                let foreseen = decoder.foreseen_bytes(size, Some(room));
                assert!(foreseen <= room, "{layout:?} {channels:?} {size:?}: {foreseen} in {room}");
            }
        }
    }
    Ok(())
}

#[test]
fn what_is_laid_out_at_once_does_not_grow_with_the_image() -> Result<()> {
    let decoder = decoder(&[16, 32], 1, Layout::ChannelsFirst, DType::F32)?;
    let whole = |side| decoder.foreseen_bytes((1, side, side), None);
    // Of a place of the last convolutions: nine terms of each of 32 channels, in f32.
    let terms = |side: u64| 4 * 9 * 32 * (2 * side).pow(2);
    assert!(whole(256) > terms(256), "one band");
    assert!(whole(1024) < terms(1024), "many bands");
    for room in [0, whole(1024) / 4, whole(1024) / 2, whole(1024) - 1] {
        let room = room.max(decoder.foreseen_bytes((1, 1024, 1024), Some(0)));
        let foreseen = decoder.foreseen_bytes((1, 1024, 1024), Some(room));
        assert!(foreseen <= room, "{foreseen} in {room}");
    }
    Ok(())
}

#[test]
fn a_card_takes_for_1024_by_1024_what_the_decision_says() -> Result<()> {
    let files = ModelShape::Full.files();
    let parts = Parts::random(&files).expect("configurations");
    let config = ModelConfig::read(&files, &parts).expect("a configuration").vae;
    let vb = VarBuilder::zeros(DType::F32, &Device::Cpu);
    let loader = loader(vb, Layout::ChannelsFirst, config.norm_num_groups);
    let decoder = VaeDecoder::load_with(&config, false, &loader, DType::F32)?;
    let megabytes = |room| decoder.foreseen_bytes((1, 128, 128), room) / 1_000_000;
    assert_eq!((megabytes(None), megabytes(Some(0))), (5_368, 854));
    Ok(())
}

#[test]
fn the_more_room_there_is_the_more_is_held() -> Result<()> {
    let decoder = decoder(&[16, 32], 1, Layout::ChannelsLast, DType::F32)?;
    let incoming = Incoming {
        size: MapSize { batch: 1, height: 512, width: 512 },
        made_by: decoder.up[0].scaling.as_ref(),
        number: 4,
    };
    let demand = Demand::of_resnet(&decoder.up[1].resnets[0], incoming);
    let (_, whole) = demand.plan(None);
    let mut ways = (0..=200).map(|share| demand.plan(Some(whole * share / 200)).0).collect::<Vec<_>>();
    let rows = ways.iter().filter_map(|way| match way {
        Way::Strips(strips) => Some(strips.rows),
        Way::Whole => None,
    });
    assert!(rows.clone().all(|rows| rows % 2 == 0) && rows.clone().min() == Some(16));
    let held = |way: &Way| match way {
        Way::Strips(strips) => Some((strips.holds_made, strips.holds_hidden)),
        Way::Whole => None,
    };
    ways.dedup_by_key(|way| held(way));
    let held: Vec<_> = ways.iter().map(held).collect();
    let order = [Some((false, false)), Some((false, true)), Some((true, false)), Some((true, true)), None];
    assert_eq!(held, order);
    Ok(())
}

#[test]
fn the_embedded_models_images_are_the_same_in_strips() -> Result<()> {
    let placement = Placement::resident(DeviceChoice::Cpu, Precision::F32);
    let pipeline = Pipeline::load(&EMBEDDED_MODEL, &placement, &|_, _| {}).expect("a model");
    let conditioning = pipeline.condition("a red apple").expect("a prompt");
    let noise = pipeline.noise(ImageSize::square(128), Seed::new(1)).expect("noise");
    let on_step = &mut |_: Step<'_>| ControlFlow::Continue(());
    let generated = pipeline.denoise(noise, &conditioning, None, 2, on_step).expect("latents");
    // 272 rows of 152 pixels: no strip is a whole number of the blocks that moments are taken of.
    for latents in [generated, random_tensor(1, &[1, 16, 34, 19])] {
        let pixels = |colours: &Tensor| {
            let size = ImageSize::new(u32::try_from(colours.dims()[3])?, u32::try_from(colours.dims()[2])?);
            Pixels::from_colours(colours, size?, DType::F32).map_err(Box::<dyn std::error::Error>::from)
        };
        let (whole, strips) = (pipeline.vae.decode(&latents, None)?, pipeline.vae.decode(&latents, Some(0))?);
        let difference = difference(&whole, &strips)?;
        assert!(difference <= 1e-5, "{difference}");
        let (whole, strips) = (pixels(&whole).expect("an image"), pixels(&strips).expect("an image"));
        let pairs = || whole.rgb.iter().zip(&strips.rgb);
        let apart = pairs().filter(|(a, b)| a != b).count();
        assert!(pairs().all(|(a, b)| a.abs_diff(*b) <= 1), "{}", whole.size);
        assert!(apart * 10_000 <= whole.rgb.len(), "{}: {apart} numbers are 1/255 apart", whole.size);
    }
    Ok(())
}

fn encoder(channels: &[usize], layers: usize, layout: Layout, dtype: DType) -> Result<VaeEncoder> {
    let vb = VarBuilder::from_backend(Box::new(Drawn), dtype, Device::Cpu);
    VaeEncoder::load_with(&config(channels, layers), true, &loader(vb, layout, 4), dtype)
}

#[test]
fn an_encoders_strips_are_the_whole_map_and_keep_within_the_room_that_they_were_given() -> Result<()> {
    for layout in [Layout::ChannelsLast, Layout::ChannelsFirst] {
        for (channels, layers, (batch, height, width)) in CASES {
            let encoder = encoder(channels, layers, layout, DType::F32)?;
            let factor = 1 << (channels.len() - 1);
            let size = (batch, factor * height, factor * width);
            let colours = random_tensor(9, &[batch, 3, size.1, size.2]);
            let whole = encoder.encode(&colours, None)?;
            assert_eq!(whole.mean().dims(), [batch, 4, height, width]);
            let (most, least) = (encoder.foreseen_bytes(size, None), encoder.foreseen_bytes(size, Some(0)));
            for eighth in 0..8 {
                let room = least + most.saturating_sub(least) * eighth / 8;
                assert!(encoder.foreseen_bytes(size, Some(room)) <= room, "{layout:?} {channels:?} {room}");
                let strips = encoder.encode(&colours, Some(room))?;
                for (whole, strips) in
                    [(whole.mean(), strips.mean()), (whole.deviation(), strips.deviation())]
                {
                    let difference = difference(whole, strips)?;
                    assert!(difference <= 1e-5, "{layout:?} {channels:?} {size:?} {room}: {difference}");
                }
            }
        }
    }
    Ok(())
}

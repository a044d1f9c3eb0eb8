//! Decoding over whole maps and in strips, on the CPU, with the Flux-sized decoder and weights drawn at random:
//! `cargo bench --bench decoding`, or `-- 512` for another side than 1024 pixels.
//!
//! Each row is one decoding. The room is what maps may take, the peak what the process took at most beyond what it held
//! before; the ratio is that of processor seconds, which other programs disturb less than the wall clock; the difference
//! is the largest of all colours, as a share of the range of the first row's.

#![expect(clippy::print_stdout, reason = "a table for whoever runs it")]

use std::time::{Duration, Instant};

use candle_core::{Device, Result, Tensor};
use tintype::{
    domain::Seed,
    engine::DeviceMemory,
    pipeline::{DeviceChoice, ModelShape, Precision, VaeDecoder, standard_normal},
};

/// Of the latents.
const CHANNELS: usize = 16;
/// Pixels to a latent, of a side.
const FACTOR: usize = 8;

fn main() -> Result<()> {
    let side = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(1024) / FACTOR;
    let decoder = VaeDecoder::random(ModelShape::Full, DeviceChoice::Cpu, Precision::F32).expect("a decoder");
    let noise = standard_normal(Seed::new(0), CHANNELS * side * side);
    let latents = Tensor::from_vec(noise, (1, CHANNELS, side, side), &Device::Cpu)?;
    // Threads begin and weights come into memory.
    decoder.decode(&latents.narrow(2, 0, 1)?.contiguous()?, None)?;

    let size = (1, side, side);
    let whole = decoder.foreseen_bytes(size, None);
    let rooms = [None, Some(whole * 2 / 3), Some(whole / 2), Some(whole / 3), Some(0)];
    println!("| room MB | foreseen MB | peak MB | s | processor s | ratio | difference |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let mut first: Option<Decoding> = None;
    for room in rooms {
        let decoding = Decoding::run(&decoder, &latents, room)?;
        let room_text = room.map_or("any".into(), |room| megabytes(room).to_string());
        let whole = first.get_or_insert_with(|| decoding.clone());
        println!(
            "| {room_text} | {} | {} | {:.1} | {:.1} | {:.2} | {:.0e} |",
            megabytes(decoder.foreseen_bytes(size, room)),
            megabytes(decoding.peak_bytes),
            decoding.wall.as_secs_f64(),
            decoding.processor.as_secs_f64(),
            decoding.processor.as_secs_f64() / whole.processor.as_secs_f64(),
            difference(&whole.colours, &decoding.colours)?,
        );
    }
    Ok(())
}

/// What one decoding gave and took.
#[derive(Clone)]
struct Decoding {
    colours: Tensor,
    wall: Duration,
    processor: Duration,
    /// Beyond what was held before.
    peak_bytes: u64,
}

impl Decoding {
    fn run(decoder: &VaeDecoder, latents: &Tensor, room: Option<u64>) -> Result<Self> {
        let watch = DeviceMemory::new(true, None).watch().expect("/proc");
        let (began, processor_before) = (Instant::now(), processor_time());
        let colours = decoder.decode(latents, room)?;
        Ok(Self {
            colours,
            wall: began.elapsed(),
            processor: processor_time() - processor_before,
            peak_bytes: watch.peak().expect("/proc"),
        })
    }
}

/// Of all threads, since the program began.
fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).expect("no time before the start")
}

fn megabytes(bytes: u64) -> u64 {
    bytes / 1_000_000
}

fn difference(whole: &Tensor, other: &Tensor) -> Result<f32> {
    let range = (whole.max_all()? - whole.min_all()?)?.to_scalar::<f32>()?;
    Ok((whole - other)?.abs()?.max_all()?.to_scalar::<f32>()? / range)
}

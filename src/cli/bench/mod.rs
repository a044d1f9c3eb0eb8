//! `tintype bench`: where the time of an image goes, on the path that the server takes.

mod report;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Args;

use self::report::{Case, EditTimes, LoadTime, PartTime, Report, Sample};
use super::{CliError, ModelArgs, lora::LoraArg, progress::LoadReport};
use crate::{
    app::Progress,
    clock::Clock,
    config::Config,
    domain::{
        Edit, Encoding, FEATHER_DEFAULT, IMAGES_MAX, ImageSize, Mask, MaskMode, Pixels, RenderSpec,
        STEPS_MAX, Seed, Strength, Unchanged,
    },
    encode,
    engine::DeviceMemory,
    meter::Meter,
    pipeline::{
        CpuVectors, DeviceKind, Item, ModelShape, ModelSource, Pipeline, Placement, Sides, proc_bytes,
    },
    source_image::unchanged_in_file,
    telemetry,
};

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    /// Configuration file [default: tintype.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "TINTYPE_CONFIG")]
    config: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
    /// Draw weights at random instead of loading a model: middle or full, the shape of Z-Image
    #[arg(long, value_name = "SHAPE", conflicts_with = "model")]
    random_weights: Option<ModelShape>,
    /// Widths and heights, such as 512x512,1024x1024 [default: the model's]
    #[arg(long, value_name = "WxH", value_delimiter = ',')]
    sizes: Vec<ImageSize>,
    /// Denoising steps
    #[arg(long, value_delimiter = ',', default_value = "8",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(STEPS_MAX)))]
    steps: Vec<u32>,
    /// Images of one batch
    #[arg(long, value_delimiter = ',', default_value = "1",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(IMAGES_MAX)))]
    n: Vec<u32>,
    /// Time an edit of each size too: the middle quarter of an image is repainted
    #[arg(long)]
    edit: bool,
    /// A LoRA's file, or its name in the data directory's loras, and how strongly it is applied; repeatable
    #[arg(long, value_name = "NAME_OR_FILE[:WEIGHT]", conflicts_with = "random_weights")]
    lora: Vec<LoraArg>,
    /// Merge the LoRA into copies of the layers that it changes
    #[arg(long, requires = "lora")]
    merge: bool,
    /// Compute with these vectors instead of the best that the CPU has: avx512bf16, avx512, avx2, neon or scalar
    #[arg(long, value_name = "KIND")]
    vectors: Option<CpuVectors>,
    /// What to generate
    #[arg(long, default_value = "a lighthouse at dawn")]
    prompt: String,
    /// Batches that are generated first and not counted, for each case
    #[arg(long, default_value_t = 1)]
    warm_up: u32,
    /// Batches that are counted, for each case
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repetitions: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: BenchArgs, clock: &Arc<dyn Clock>) -> Result<(), CliError> {
    let mut config = Config::load(args.config.as_deref())?;
    telemetry::start_log(&config.log);
    if let Some(vectors) = args.vectors {
        vectors.choose().map_err(|error| CliError::Usage(format!("--vectors: {error}")))?;
    }
    args.model.apply(&mut config);
    let source = config.model.source();
    let loras = args.lora.iter().map(|lora| lora.choice(&config)).collect::<Result<Vec<_>, _>>()?;
    let merged = if args.merge { loras.clone() } else { Vec::new() };
    let placement = Placement { merged, ..config.model.placement() };
    let (pipeline, model, load) = load(&placement, &source, args.random_weights)?;
    let sides = pipeline.sides(&pipeline.read_loras(&loras)?)?;
    let sizes = match args.sizes.as_slice() {
        [] => vec![config.model.default_size(pipeline.limits())?],
        sizes => sizes.to_vec(),
    };
    let is_cpu = pipeline.device_kind() == DeviceKind::Cpu;
    let (card, powers) = (pipeline.card(), config.energy.powers(is_cpu));
    let meter = Meter::of_device(card, Box::new(|_, _, _| None), powers, Arc::clone(clock));
    let memory = DeviceMemory::new(is_cpu, None);
    let mut bench = Bench { pipeline, sides, meter, memory, counts: (args.warm_up, args.repetitions) };
    let mut cases = Vec::new();
    for size in sizes {
        bench.pipeline.limits().check(size)?;
        for &steps in &args.steps {
            for &n in &args.n {
                let (prompt, guidance_scale) =
                    (args.prompt.clone(), config.model.guidance_scale.unwrap_or_default());
                let spec = RenderSpec { guidance_scale, ..RenderSpec::new(prompt, size, steps) };
                cases.push(bench.case(&spec, n)?);
                if args.edit {
                    cases.push(bench.case(&RenderSpec { edit: Some(Arc::new(edit(size))), ..spec }, n)?);
                }
            }
        }
    }
    let report = Report {
        model,
        load,
        device: bench.pipeline.device_kind().as_str(),
        dtype: bench.pipeline.precision().as_str(),
        memory: bench.pipeline.memory_tier().as_str(),
        threads: bench.pipeline.threads(),
        vectors: is_cpu.then(|| CpuVectors::in_use().as_str()),
        energy_source: bench.meter.source().as_str(),
        warm_up: args.warm_up,
        repetitions: args.repetitions,
        cases,
    };
    if args.json { super::print_json(&report) } else { super::print(&report.to_text()) }
}

/// An edit of every step: the middle of an image without a smooth place, a quarter of it, is repainted.
fn edit(size: ImageSize) -> Edit {
    let (width, height) = size.sides();
    let is_middle = |at: usize, side: usize| (side / 4..side - side / 4).contains(&at);
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let rgb = pixels.clone().flat_map(|(x, y)| [x * 7 + y, y * 5, x * y].map(|level| level.to_le_bytes()[0]));
    let repainted = pixels.map(|(x, y)| is_middle(x, width) && is_middle(y, height));
    let levels = repainted.map(|is_repainted| if is_repainted { u8::MAX } else { 0 }).collect();
    Edit {
        source: Pixels { size, rgb: rgb.collect() },
        mask: Some(Mask { size, levels }),
        strength: Strength::MASKED_DEFAULT,
        mode: MaskMode::Exact,
        feather: FEATHER_DEFAULT,
        crop: Some(false),
    }
}

fn load(
    placement: &Placement,
    source: &ModelSource,
    random: Option<ModelShape>,
) -> Result<(Pipeline, String, Option<LoadTime>), CliError> {
    if let Some(shape) = random {
        let name = format!("random weights, {} shape", shape.as_str());
        return Ok((Pipeline::random(shape, placement)?, name, None));
    }
    let mut report = LoadReport::new();
    let files = source.files(&mut |fetched| report.fetched(fetched))?;
    let begin = Moment::now();
    let pipeline = Pipeline::load(&files, placement, report.on_load())?;
    let time = Moment::now().since(begin);
    let load = LoadTime::new(time, pipeline.weight_bytes(), proc_bytes("/proc/self/status", "VmHWM:"));
    Ok((pipeline, source.id.clone(), Some(load)))
}

struct Bench {
    pipeline: Pipeline,
    /// What LoRAs do.
    sides: Arc<Sides>,
    meter: Meter,
    memory: DeviceMemory,
    /// Batches that are not counted, and that are.
    counts: (u32, u32),
}

impl Bench {
    fn case(&mut self, spec: &RenderSpec, n: u32) -> Result<Case, CliError> {
        let (warm_up, repetitions) = self.counts;
        let watch = self.memory.watch();
        for seed in 0..u64::from(warm_up) {
            self.generate(spec, n, Seed::new(seed))?;
        }
        let window = self.meter.open();
        let samples = (0..u64::from(repetitions))
            .map(|seed| self.generate(spec, n, Seed::new(seed)))
            .collect::<Result<Vec<_>, _>>()?;
        let usage = self.meter.close(window);
        Ok(Case::new(spec, n, &samples, usage, watch.and_then(|watch| watch.peak_in_all())))
    }

    /// What the engine's worker does with a batch, and the answer's encoding after it. After each part the device is
    /// waited for.
    fn generate(&self, spec: &RenderSpec, n: u32, first_seed: Seed) -> Result<Sample, CliError> {
        let pipeline = &self.pipeline;
        let mut lap = Lap::start(pipeline);
        let tokens = pipeline.tokenise(spec)?;
        let tokenise = lap.end()?;
        let prepared = pipeline.prepare_tokens(&tokens, &self.sides)?;
        let text = lap.end()?;
        let edit = pipeline.prepare_edit(spec)?;
        let source = lap.end()?;
        let item =
            |index| Item { prepared: &prepared, edit: edit.as_ref(), seed: first_seed.for_image(index) };
        let items: Vec<_> = (0..n).map(item).collect();
        let mut denoising = pipeline.begin(spec, &items)?;
        let begin = lap.end()?;
        let mut steps = Vec::new();
        while !denoising.is_finished() {
            denoising.step()?;
            steps.push(lap.end()?);
        }
        let latents = (0..n as usize).map(|item| denoising.item(item)).collect::<Result<Vec<_>, _>>()?;
        let image = |latents| pipeline.image(latents, spec);
        let pixels = latents.iter().map(image).collect::<Result<Vec<_>, _>>()?;
        let decode = lap.end()?;
        let files = pixels.iter().map(|pixels| encode::encode(pixels, Encoding::default(), None));
        let files = files.collect::<Result<Vec<_>, _>>();
        let files = files.map_err(|error| CliError::Failed(error.to_string()))?;
        let png = lap.end()?;
        if let Some(edit) = spec.edit.as_deref() {
            let is_kept = |file: &Vec<u8>| unchanged_in_file(edit, file).is_some_and(Unchanged::is_all);
            if !files.iter().all(is_kept) {
                return Err(CliError::Failed("pixels outside the mask changed".into()));
            }
        }
        let check = lap.end()?;
        let of_edit = spec.edit.is_some().then_some(EditTimes { source, check });
        Ok(Sample { tokenise, text, begin, steps, decode, png, of_edit, whole: lap.whole() })
    }
}

/// A clock that is read after each part.
struct Lap<'a> {
    pipeline: &'a Pipeline,
    start: Moment,
    last: Moment,
}

impl<'a> Lap<'a> {
    fn start(pipeline: &'a Pipeline) -> Self {
        let start = Moment::now();
        Self { pipeline, start, last: start }
    }

    fn end(&mut self) -> Result<PartTime, CliError> {
        self.pipeline.synchronize()?;
        let now = Moment::now();
        Ok(now.since(std::mem::replace(&mut self.last, now)))
    }

    /// From the start to the last end.
    fn whole(self) -> PartTime {
        self.last.since(self.start)
    }
}

#[derive(Debug, Clone, Copy)]
struct Moment {
    wall: Instant,
    /// What this process has had of all cores, user and system.
    cpu: Duration,
}

impl Moment {
    fn now() -> Self {
        let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Self { wall: Instant::now(), cpu: cpu.try_into().unwrap_or_default() }
    }

    fn since(self, earlier: Self) -> PartTime {
        PartTime { wall: self.wall - earlier.wall, cpu: self.cpu.saturating_sub(earlier.cpu) }
    }
}

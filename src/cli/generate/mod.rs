mod destination;
mod report;

use std::{ops::ControlFlow, path::PathBuf, sync::Arc};

use clap::Args;
use jiff::tz::TimeZone;

use self::{
    destination::{Destination, DestinationArgs},
    report::{Generated, GeneratedEdit},
};
use super::{
    CliError, ModelArgs,
    edit_args::EditArgs,
    lora::LoraArg,
    output::{OutputArgs, note, print, print_json},
    progress::LoadReport,
    sheet::sheet,
};
use crate::{
    app::{Progress, WEIGHTS_FILE},
    clock::Clock,
    config::Config,
    costs::CostModel,
    domain::{
        Computation, Edit, GUIDANCE_MAX, IMAGES_MAX, ImageSize, Quality, RenderSpec, RequestId, STEPS_MAX,
        Seed, Unchanged, Usual, Variant,
    },
    encode::{self, Provenance},
    engine::Facts,
    meter::{Meter, Powers},
    pipeline::{DeviceKind, HashedWeights, Pipeline, Pixels, Prepared, RenderError, Sides, SizeLimits},
    service::ProvenanceSettings,
    source_image::unchanged_in_file,
    telemetry,
};

/// More columns than any screen shows.
const GRID_COLUMNS_MAX: i64 = 100;

#[derive(Debug, Args)]
pub(super) struct GenerateArgs {
    /// Configuration file [default: tintype.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "TINTYPE_CONFIG")]
    config: Option<PathBuf>,
    /// What to generate; several prompts make several images
    #[arg(required = true, value_name = "PROMPT")]
    prompts: Vec<String>,
    #[command(flatten)]
    model: ModelArgs,
    /// A LoRA's file, or its name in the data directory's loras, and how strongly it is applied [default: 1];
    /// repeatable
    #[arg(long, value_name = "NAME_OR_FILE[:WEIGHT]")]
    lora: Vec<LoraArg>,
    /// Width and height, such as 1024x1024 [default: the model's, or those of the image that is edited]
    #[arg(long, value_name = "WxH")]
    size: Option<ImageSize>,
    /// Denoising steps [default: 8; 28 of a Base model]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(STEPS_MAX)))]
    steps: Option<u32>,
    /// Seed of the noise [default: drawn, and printed]
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=Seed::MAX))]
    seed: Option<u64>,
    /// Classifier-free guidance, which doubles the time; Turbo models want 0 [default: 0; 4 of a Base model]
    #[arg(long, value_parser = parse_guidance)]
    guidance: Option<f64>,
    /// What to avoid; needs guidance above 0
    #[arg(long, value_name = "TEXT")]
    negative_prompt: Option<String>,
    /// Images of each prompt, with consecutive seeds
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(IMAGES_MAX)))]
    n: u32,
    #[command(flatten)]
    edit: EditArgs,
    /// All images in one file, in rows of so many
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u32).range(1..=GRID_COLUMNS_MAX))]
    grid: Option<u32>,
    #[command(flatten)]
    destination: DestinationArgs,
    /// Print the whole receipt of each image, not one line
    #[arg(short, long, conflicts_with = "json")]
    verbose: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl GenerateArgs {
    /// Whether everything about an image is printed.
    const fn shows_all(&self) -> bool {
        self.verbose || self.output.json
    }
}

fn parse_guidance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if (0.0..=GUIDANCE_MAX).contains(&scale) => Ok(scale),
        _ => Err(format!("write a number from 0 to {GUIDANCE_MAX}")),
    }
}

pub(super) fn run(args: &GenerateArgs, clock: &Arc<dyn Clock>) -> Result<(), CliError> {
    if let Some(empty) = args.prompts.iter().position(|prompt| prompt.trim().is_empty()) {
        let message = format!("prompt {} is empty; write what the image shows", empty + 1);
        return Err(CliError::Usage(message));
    }
    let mut config = Config::load(args.config.as_deref())?;
    telemetry::start_log(&config.log);
    args.model.clone().apply(&mut config);
    let images = args.n * u32::try_from(args.prompts.len()).unwrap_or(u32::MAX);
    let destination = args.destination.open(if args.grid.is_some() { 1 } else { images })?;
    if args.output.json && matches!(destination, Destination::Stdout(_)) {
        return Err(CliError::Usage("--json and -o - both write to standard output; pass -o FILE".into()));
    }
    let zone = config.zone()?;
    let today = zone.to_datetime(clock.now()).date();
    let costs = super::with_recorded_assets(&config, config.cost_model(today)?)?;
    let edit = args.edit.edit(args.size)?.map(Arc::new);
    let loras = args.lora.iter().map(|lora| lora.choice(&config)).collect::<Result<Vec<_>, _>>()?;
    let (pipeline, weights, default_size) = load(&config)?;
    let loras = pipeline.read_loras(&loras)?;
    for (lora, gap) in args.lora.iter().zip(loras.gaps()) {
        if let Some(gap) = gap {
            note(&format_args!("warning: LoRA {}: {gap}", lora.name()));
        }
    }
    let usual = config.model.usual(pipeline.is_published_shape());
    let mut spec = spec(args, usual, edit, pipeline.limits(), default_size);
    spec.loras = args.lora.iter().zip(loras.hashes()).map(|(lora, sha256)| lora.used(sha256)).collect();
    check(&spec, &pipeline, usual.variant)?;
    let session = Session {
        sides: pipeline.sides(&loras)?,
        powers: config.energy.powers(pipeline.device_kind() == DeviceKind::Cpu),
        // Whoever generates by hand owes the mark for generated content too.
        provenance: config.service_settings().provenance,
        model: config.model.source().id,
        pipeline: &pipeline,
        weights,
        destination: &destination,
        clock,
        zone,
        costs,
    };
    let generated = session.generate(args, spec)?;
    if args.output.json {
        return print_json(&generated);
    }
    let example = generated.first().filter(|image| image.example_hardware());
    let said = [report::sum(&generated), example.map(|_| EXAMPLE_HARDWARE.to_owned())];
    said.into_iter().flatten().try_for_each(|line| session.say(&line))
}

/// What is asked for, but for the prompt.
fn spec(
    args: &GenerateArgs,
    usual: Usual,
    edit: Option<Arc<Edit>>,
    limits: SizeLimits,
    default_size: ImageSize,
) -> RenderSpec {
    let size = match &edit {
        Some(edit) => limits.answered(edit),
        None => args.size.unwrap_or(default_size),
    };
    RenderSpec {
        prompt: String::new(),
        negative_prompt: args.negative_prompt.clone(),
        size,
        steps: args.steps.unwrap_or(usual.steps_of(Quality::Medium)),
        guidance_scale: args.guidance.unwrap_or(usual.guidance_scale),
        edit,
        loras: Vec::new(),
    }
}

/// Whether the model can generate it. Prints what its variant makes of the guidance.
fn check(spec: &RenderSpec, pipeline: &Pipeline, variant: Variant) -> Result<(), RenderError> {
    if let Some(warning) = variant.warning(spec) {
        note(&format_args!("warning: {warning}"));
    }
    let limits = pipeline.limits();
    limits.check(if spec.edit.is_some() { limits.generated(spec) } else { spec.size })?;
    if spec.edit.is_some() && !pipeline.can_edit() {
        return Err(RenderError::NoEncoder);
    }
    Ok(())
}

/// What the costs of every image lack.
const EXAMPLE_HARDWARE: &str = "depreciation is an example's; set [costs] in tintype.toml\n";

/// Everything that the images of a call have in common.
struct Session<'a> {
    pipeline: &'a Pipeline,
    weights: Arc<HashedWeights>,
    /// What LoRAs add.
    sides: Arc<Sides>,
    destination: &'a Destination,
    clock: &'a Arc<dyn Clock>,
    zone: TimeZone,
    costs: CostModel,
    powers: Powers,
    provenance: Option<ProvenanceSettings>,
    /// The model's id.
    model: String,
}

impl Session<'_> {
    /// Generates the images of `args`, writes each and says so.
    fn generate(&self, args: &GenerateArgs, mut spec: RenderSpec) -> Result<Vec<Generated>, CliError> {
        // No ledger, no epochs: one image's energy is asked for, not a month's.
        let (card, clock) = (self.pipeline.card(), Arc::clone(self.clock));
        let mut meter = Meter::of_device(card, Box::new(|_, _, _| None), self.powers, clock);
        let today = self.zone.to_datetime(self.clock.now()).date();
        let comparison = self.costs.compare(spec.product(Quality::default()), today);
        let first_seed = Seed::new(args.seed.unwrap_or_else(rand::random));
        let (mut seed, mut generated, mut tiles) = (first_seed, Vec::new(), Vec::new());
        let mut window = meter.open();
        for prompt in &args.prompts {
            spec.prompt.clone_from(prompt);
            // A prompt is encoded once, on its first image's account.
            let prepared = self.pipeline.prepare_tokens(&self.pipeline.tokenise(&spec)?, &self.sides)?;
            for _ in 0..args.n {
                let number = u32::try_from(generated.len() + 1).unwrap_or(u32::MAX);
                let pixels = generate(self.pipeline, &spec, &prepared, seed)?;
                let usage = meter.close(window);
                let mut unchanged = None;
                match args.grid {
                    None => unchanged = self.write(number, &pixels, &spec, seed)?,
                    Some(_) => tiles.push(pixels),
                }
                let now = self.zone.to_datetime(self.clock.now());
                let receipt = self.costs.receipt(usage, comparison.clone(), now)?;
                let sigma = self.pipeline.schedule().first_sigma(&spec, self.pipeline.limits());
                let edit = GeneratedEdit::of(&spec, sigma, unchanged);
                let file = self.destination.file(number).filter(|_| args.grid.is_none());
                let file = file.map(|file| file.display().to_string());
                let image = Generated::new(file, &spec, seed, receipt, &self.costs, edit)?;
                let image = if args.shows_all() { image.with(self.computation()) } else { image };
                if !args.output.json {
                    self.say(&if args.verbose { image.block() } else { image.line() })?;
                }
                generated.push(image);
                seed = seed.for_image(1);
                // Writing and printing are on nobody's account.
                window = meter.open();
            }
        }
        if let Some(pixels) = args.grid.and_then(|columns| sheet(&tiles, columns)) {
            let prompt = args.prompts.join(" | ");
            let whole = RenderSpec { prompt, size: pixels.size, edit: None, ..spec };
            self.write(1, &pixels, &whole, first_seed)?;
            if let (Some(file), false) = (self.destination.file(1), args.output.json) {
                self.say(&format!("{}  {}\n", file.display(), whole.size))?;
            }
        }
        Ok(generated)
    }

    /// What decides the pixels. Waits for the weights' hashes.
    fn computation(&self) -> Computation {
        Facts::of(self.pipeline).computation(self.weights.get().clone())
    }

    /// Says something of the images, if it is not taken for one.
    fn say(&self, text: &str) -> Result<(), CliError> {
        match self.destination {
            Destination::Files { .. } => print(text),
            Destination::Stdout(_) => {
                note(&text.trim_end());
                Ok(())
            }
        }
    }

    /// Writes image `number`; returns what it left unchanged outside a mask, where the format keeps every pixel.
    fn write(
        &self,
        number: u32,
        pixels: &Pixels,
        spec: &RenderSpec,
        seed: Seed,
    ) -> Result<Option<Unchanged>, CliError> {
        let provenance = self.provenance.as_ref().map(|settings| {
            let id = RequestId::new(self.clock.now(), rand::random()).to_digits();
            let provenance = settings.of(spec, seed, &self.model, format!("{id}_0"), self.clock.now());
            Provenance { computation: Some(self.computation()), ..provenance }
        });
        let encoding = self.destination.encoding();
        let file = encode::encode(pixels, encoding, provenance.as_ref())
            .map_err(|error| CliError::Failed(error.to_string()))?;
        let promised = spec.edit.as_deref().filter(|_| encoding.is_lossless());
        let unchanged = promised.and_then(|edit| unchanged_in_file(edit, &file));
        if unchanged.is_some_and(|unchanged| !unchanged.is_all()) {
            let message = format!("image {number}: pixels outside the mask changed; nothing was written");
            return Err(CliError::Failed(message));
        }
        self.destination.write(number, &file)?;
        Ok(unchanged)
    }
}

fn load(config: &Config) -> Result<(Pipeline, Arc<HashedWeights>, ImageSize), CliError> {
    let source = config.model.source();
    let mut report = LoadReport::new();
    let files = source.files(&mut |fetched| report.fetched(fetched))?;
    // A call by hand leaves no data directory behind.
    let kept = config.data_dir.is_dir().then(|| config.data_dir.join(WEIGHTS_FILE));
    let weights = HashedWeights::begin(&files, kept)?;
    let pipeline = Pipeline::load(&files, &config.model.placement(), report.on_load())?;
    let default_size = config.model.default_size(pipeline.limits())?;
    Ok((pipeline, weights, default_size))
}

fn generate(
    pipeline: &Pipeline,
    spec: &RenderSpec,
    prepared: &Prepared,
    seed: Seed,
) -> Result<Pixels, CliError> {
    let bar = super::progress::step_bar(spec.steps_run()).with_message(format!("seed {seed}"));
    let pixels = pipeline.generate(spec, prepared, seed, &mut |step| {
        bar.set_position(u64::from(step.done));
        ControlFlow::Continue(())
    })?;
    bar.finish_and_clear();
    Ok(pixels)
}

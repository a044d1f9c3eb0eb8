use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;

use super::{CliError, ModelArgs, edit_args::EditArgs, lora::LoraArg, progress::LoadReport, sheet::sheet};
use crate::{
    app::Progress,
    clock::Clock,
    config::Config,
    costs::{CostError, CostModel, Receipt},
    domain::{
        Edit, Encoding, GUIDANCE_MAX, IMAGES_MAX, ImageSize, Quality, RenderSpec, RequestId, STEPS_MAX, Seed,
        Unchanged,
    },
    encode,
    meter::Meter,
    os,
    pipeline::{Pipeline, Pixels, Prepared, RenderError, SizeLimits},
    service::ProvenanceSettings,
    source_image::unchanged_in_file,
    telemetry,
};

/// More columns than any screen shows.
const GRID_COLUMNS_MAX: i64 = 100;

#[derive(Debug, Args)]
pub(super) struct GenerateArgs {
    /// Configuration file [default: tintype.toml, where there is one]
    #[arg(long, value_name = "FILE", env = "TINTYPE_CONFIG")]
    config: Option<PathBuf>,
    /// What to generate; several prompts make several images
    #[arg(required = true, value_name = "PROMPT")]
    prompts: Vec<String>,
    #[command(flatten)]
    model: ModelArgs,
    /// A LoRA's file, or its name in the data directory's loras, and how strongly it is applied [default: 1]; repeatable
    #[arg(long, value_name = "NAME_OR_FILE[:WEIGHT]")]
    lora: Vec<LoraArg>,
    /// Width and height, such as 1024x1024 [default: the model's, or those of the image that is edited]
    #[arg(long, value_name = "WxH")]
    size: Option<ImageSize>,
    /// Denoising steps [default: 8]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=i64::from(STEPS_MAX)))]
    steps: Option<u32>,
    /// Seed of the noise [default: drawn, and printed]
    #[arg(long, value_parser = clap::value_parser!(u64).range(..=Seed::MAX))]
    seed: Option<u64>,
    /// Classifier-free guidance; Turbo models want 0 [default: 0]
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
    /// PNG file to write; numbered if there are several images and no grid
    #[arg(short, long, value_name = "FILE", default_value = "picture.png")]
    output: PathBuf,
}

fn parse_guidance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(scale) if (0.0..=GUIDANCE_MAX).contains(&scale) => Ok(scale),
        _ => Err(format!("write a number from 0 to {GUIDANCE_MAX}")),
    }
}

pub(super) fn run(args: &GenerateArgs, clock: &Arc<dyn Clock>) -> Result<(), CliError> {
    let mut config = Config::load(args.config.as_deref())?;
    telemetry::start_log(&config.log);
    args.model.clone().apply(&mut config);
    let zone = config.zone()?;
    let today = zone.to_datetime(clock.now()).date();
    let costs = super::with_recorded_assets(&config, config.cost_model(today)?)?;
    check_writable(&args.output)?;
    let edit = args.edit.edit(args.size)?.map(Arc::new);
    let (pipeline, default_size) = load(&config, &args.lora)?;
    let mut spec = spec(args, &config, edit, pipeline.limits(), default_size);
    check(&spec, &pipeline)?;
    let first_seed = Seed::new(args.seed.unwrap_or_else(rand::random));
    let is_cpu = pipeline.device_name() == "cpu";
    let (card, powers) = (pipeline.card(), config.energy.powers(is_cpu));
    // No ledger, no epochs: one image's energy is asked for, not a month's.
    let mut meter = Meter::of_device(card, Box::new(|_, _, _| None), powers, Arc::clone(clock));
    let comparison = costs.compare(spec.product(Quality::default()), today);
    let writer = ImageWriter {
        provenance: config.service_settings().provenance,
        model: config.model.source().id,
        clock: clock.as_ref(),
    };
    let (single, mut tiles) = (args.grid.is_some() || (args.n == 1 && args.prompts.len() == 1), Vec::new());
    let mut seed = first_seed;
    let mut number = 0;
    let mut window = meter.open();
    for prompt in &args.prompts {
        spec.prompt.clone_from(prompt);
        // A prompt is encoded once, on its first image's account.
        let prepared = pipeline.prepare(&spec)?;
        for _ in 0..args.n {
            number += 1;
            let file = if single { args.output.clone() } else { numbered(&args.output, number) };
            let pixels = generate(&pipeline, &spec, &prepared, seed)?;
            let usage = meter.close(window);
            let mut unchanged = None;
            match args.grid {
                None => unchanged = writer.write(&file, &pixels, &spec, seed)?,
                Some(_) => tiles.push(pixels),
            }
            let receipt = costs.receipt(usage, comparison.clone(), zone.to_datetime(clock.now()))?;
            print_receipt(&file, seed, &spec, &receipt, &costs)?;
            print_edit(&spec, pipeline.schedule().first_sigma(&spec, pipeline.limits()), unchanged)?;
            seed = seed.for_image(1);
            // Writing and printing are on nobody's account.
            window = meter.open();
        }
    }
    if let Some(pixels) = args.grid.and_then(|columns| sheet(&tiles, columns)) {
        let prompt = args.prompts.join(" | ");
        let whole = RenderSpec { prompt, size: pixels.size, edit: None, ..spec };
        writer.write(&args.output, &pixels, &whole, first_seed)?;
    }
    Ok(())
}

/// What is asked for, but for the prompt.
fn spec(
    args: &GenerateArgs,
    config: &Config,
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
        steps: args.steps.unwrap_or(config.model.steps.medium.get()),
        guidance_scale: args.guidance.unwrap_or(config.model.guidance_scale),
        edit,
    }
}

/// Whether the model can generate it.
fn check(spec: &RenderSpec, pipeline: &Pipeline) -> Result<(), RenderError> {
    let limits = pipeline.limits();
    limits.check(if spec.edit.is_some() { limits.generated(spec) } else { spec.size })?;
    if spec.edit.is_some() && !pipeline.can_edit() {
        return Err(RenderError::NoEncoder);
    }
    Ok(())
}

/// Writes images as PNG. Whoever generates by hand owes the mark for generated content too.
struct ImageWriter<'a> {
    provenance: Option<ProvenanceSettings>,
    model: String,
    clock: &'a dyn Clock,
}

impl ImageWriter<'_> {
    /// Returns what an edit left as it was. A file that does not keep what is outside the mask is not written.
    fn write(
        &self,
        file: &Path,
        pixels: &Pixels,
        spec: &RenderSpec,
        seed: Seed,
    ) -> Result<Option<Unchanged>, CliError> {
        let provenance = self.provenance.as_ref().map(|settings| {
            let id = RequestId::new(self.clock.now(), rand::random()).to_digits();
            settings.of(spec, seed, &self.model, format!("{id}_0"), self.clock.now())
        });
        let png = encode::encode(pixels, Encoding::default(), provenance.as_ref())
            .map_err(|error| CliError::Failed(error.to_string()))?;
        let unchanged = spec.edit.as_deref().and_then(|edit| unchanged_in_file(edit, &png));
        if unchanged.is_some_and(|unchanged| !unchanged.is_all()) {
            let message = format!("{}: pixels outside the mask changed; nothing was written", file.display());
            return Err(CliError::Failed(message));
        }
        std::fs::write(file, png)
            .and_then(|()| os::share(file))
            .map_err(|error| CliError::Failed(format!("{}: {error}", file.display())))?;
        Ok(unchanged)
    }
}

fn load(config: &Config, loras: &[LoraArg]) -> Result<(Pipeline, ImageSize), CliError> {
    let source = config.model.source();
    let mut report = LoadReport::new();
    let loras = loras.iter().map(|lora| lora.choice(&config.data_dir)).collect::<Result<_, _>>()?;
    let files = source.files(&mut |fetched| report.fetched(fetched))?.with_loras(loras);
    let pipeline = Pipeline::load(&files, &config.model.placement(), report.on_load())?;
    let default_size = config.model.default_size(pipeline.limits())?;
    Ok((pipeline, default_size))
}

/// Before the work: whether there is a place for the image.
fn check_writable(file: &Path) -> Result<(), CliError> {
    let place = match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if place.is_dir() && !file.is_dir() {
        Ok(())
    } else {
        Err(CliError::Usage(format!("{}: cannot be written; pass another file with -o", file.display())))
    }
}

fn generate(
    pipeline: &Pipeline,
    spec: &RenderSpec,
    prepared: &Prepared,
    seed: Seed,
) -> Result<Pixels, CliError> {
    let bar = super::progress::step_bar(spec.steps_run()).with_message(format!("seed {seed}"));
    let pixels = pipeline.paint(spec, prepared, seed, &mut |step| {
        bar.set_position(u64::from(step.done));
        ControlFlow::Continue(())
    })?;
    bar.finish_and_clear();
    Ok(pixels)
}

/// `picture.png` → `picture-2.png`.
fn numbered(file: &Path, number: u32) -> PathBuf {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let extension =
        file.extension().map_or(String::new(), |extension| format!(".{}", extension.to_string_lossy()));
    file.with_file_name(format!("{stem}-{number}{extension}"))
}

/// How an edit was made, and what it left as it was.
fn print_edit(spec: &RenderSpec, sigma: f32, unchanged: Option<Unchanged>) -> Result<(), CliError> {
    let Some(edit) = spec.edit.as_deref() else { return Ok(()) };
    let (steps_run, steps, pixels) = (spec.steps_run(), spec.steps, edit.edited_pixels());
    let mut text = format!(
        "  edit          {steps_run} of {steps} steps, from noise level {sigma:.4}\n  edited        {pixels} pixels\n"
    );
    if let Some(Unchanged { unchanged, outside }) = unchanged {
        text += &format!("  unchanged     {unchanged} of {outside} pixels outside the mask\n");
    }
    super::print(&text)
}

fn print_receipt(
    file: &Path,
    seed: Seed,
    spec: &RenderSpec,
    receipt: &Receipt,
    costs: &CostModel,
) -> Result<(), CliError> {
    let total = receipt.standard().map_err(CostError::from)?;
    let currency = costs.currency();
    let Receipt { usage, cost, comparison, .. } = receipt;
    let mut lines = vec![
        file.display().to_string(),
        format!("  seed          {seed}"),
        format!("  image         {}, {} steps", spec.size, spec.steps),
        format!("  time          {}", usage.duration),
        format!("  energy        {} ({})", usage.energy, usage.source),
        format!("  electricity   {} {currency}", cost.electricity),
        format!("  depreciation  {} {currency}", cost.depreciation),
        format!("  upkeep        {} {currency}", cost.upkeep),
        format!("  total         {total} {currency}"),
    ];
    match comparison.as_ref().zip(receipt.saving()) {
        Some((comparison, saving)) => {
            lines.push(format!("  compared      {} {currency} at {}", comparison.price, comparison.sku));
            lines.push(format!("  saved         {saving} {currency}"));
        }
        None => {
            let service = &costs.settings().compare_with;
            lines.push(format!("  compared      - {currency}, {service} has no price"));
        }
    }
    if costs.uses_example_hardware() {
        lines.push("  depreciation is an example's; set [costs] in tintype.toml".into());
    }
    super::print(&(lines.join("\n") + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_images_are_numbered() {
        assert_eq!(numbered(Path::new("out/cat.png"), 2), Path::new("out/cat-2.png"));
        assert_eq!(numbered(Path::new("cat"), 10), Path::new("cat-10"));
    }
}

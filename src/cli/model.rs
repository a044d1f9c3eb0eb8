use clap::{Args, Subcommand};

use super::{CliError, ConfigFile, ModelArgs, progress::LoadReport};
use crate::{
    app::Progress,
    pipeline::{InspectedPart, Inspection},
};

#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// Say what a model is, from its files' headers: family, layout, types, sizes, and what is missing
    Inspect(InspectArgs),
}

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// Model directory, hub repository, or .safetensors or .gguf file
    #[arg(value_name = "PATH|REPO")]
    path: Option<String>,
    #[command(flatten)]
    config_file: ConfigFile,
    #[command(flatten)]
    model: ModelArgs,
    /// Read every file, and print its SHA-256
    #[arg(long)]
    hash: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: ModelCommand) -> Result<(), CliError> {
    let ModelCommand::Inspect(args) = command;
    let mut config = args.config_file.load()?;
    args.model.apply(&mut config);
    config.model.path = args.path.or(config.model.path);
    let mut report = LoadReport::new();
    let files = config.model.source().files(&mut |fetched| report.fetched(fetched))?;
    let inspection = Inspection::of(&files, &config.model.placement(), args.hash)?;
    if args.json {
        super::print_json(&inspection)?;
    } else {
        super::print(&to_text(&inspection))?;
    }
    match inspection.problems().next() {
        None => Ok(()),
        Some(_) => Err(CliError::Failed("the model cannot be served as it is".into())),
    }
}

/// A block of lines for each part, then what fits.
fn to_text(inspection: &Inspection) -> String {
    let mut text = String::new();
    let mut line = |line: String| {
        text.push_str(&line);
        text.push('\n');
    };
    line(format!("family        {}", inspection.family.unwrap_or("not a whole Z-Image model")));
    if let Some(variant) = inspection.variant_guess {
        line(format!("variant       {variant}, guessed from the file's name"));
    }
    inspection.parts.iter().for_each(|part| part_lines(part).into_iter().for_each(&mut line));
    if let Some(problem) = &inspection.problem {
        line(format!("problem       {problem}"));
    }
    if let Some(free) = inspection.free_bytes {
        line(format!("free memory   {}", gigabytes(free)));
    }
    for need in &inspection.tiers {
        let fits = need.fits.map_or("", |fits| if fits { "fits" } else { "does not fit" });
        line(format!("  {:<12}{:>9}  {fits}", need.tier, gigabytes(need.needed_bytes)));
    }
    text
}

fn part_lines(part: &InspectedPart) -> Vec<String> {
    let mut lines = Vec::new();
    let name = format!("{:<14}", part.part);
    if let Some(problem) = &part.problem {
        return vec![format!("{name}{problem}")];
    }
    let types: Vec<_> = part.types.iter().map(|(name, count)| format!("{count} {name}")).collect();
    #[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
    let billions = part.numbers as f64 / 1e9;
    let layout = part.layout.unwrap_or_default();
    lines
        .push(format!("{name}{layout} layout, {billions:.2} billion numbers, tensors: {}", types.join(", ")));
    for file in &part.files {
        lines.push(format!("{:<14}{} ({})", "", file.path, gigabytes(file.bytes)));
        if let Some(sha256) = &file.sha256 {
            lines.push(format!("{:<14}sha256 {sha256}", ""));
        }
    }
    lines
}

#[expect(clippy::cast_precision_loss, reason = "shown with two decimals")]
fn gigabytes(bytes: u64) -> String {
    match bytes {
        0..1_000_000_000 => format!("{:.2} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

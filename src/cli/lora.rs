use std::{
    io,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::{Args, Subcommand};

use super::{CliError, DataArgs, ModelArgs, named::unknown, progress::LoadReport};
use crate::{
    app::Progress,
    config::Config,
    domain::LoraUse,
    lora_library::{ChangeError, LORAS_DIRECTORY},
    pipeline::{LoraChoice, LoraInspection},
};

/// The data directory's LoRAs, which `--lora` takes by name.
#[derive(Debug, Subcommand)]
pub(super) enum LoraCommand {
    /// Copy a LoRA into the library
    Add(LoraAddArgs),
    /// List the library
    List(DataArgs),
    /// Say what a LoRA is, and what of it the model has
    Inspect(InspectArgs),
    /// Remove a LoRA from the library
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
pub(super) struct LoraAddArgs {
    /// The LoRA's .safetensors file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What to call it [default: the file's name]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    place: DataArgs,
}

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// A LoRA's file, or its name in the library
    #[arg(value_name = "NAME_OR_FILE")]
    lora: LoraArg,
    #[command(flatten)]
    place: DataArgs,
    #[command(flatten)]
    model: ModelArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    place: DataArgs,
}

pub(super) fn run(command: LoraCommand) -> Result<(), CliError> {
    match command {
        LoraCommand::Add(args) => add(&args),
        LoraCommand::List(place) => list(&place),
        LoraCommand::Inspect(args) => inspect(args),
        LoraCommand::Remove(args) => remove(&args),
    }
}

fn add(args: &LoraAddArgs) -> Result<(), CliError> {
    let stem = args.file.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let name = args.name.clone().or(stem).unwrap_or_default();
    args.place.config()?.lora_library().add(&args.file, &name)?;
    super::print(&format!("{name}\n"))
}

fn list(place: &DataArgs) -> Result<(), CliError> {
    let library = place.config()?.lora_library();
    let mut text = String::new();
    for (name, file) in library.all() {
        let what = match library.inspect(&file) {
            Ok(inspection) => summary(&inspection),
            Err(error) => error.to_string(),
        };
        text.push_str(&format!("{name:<24}  {what}\n"));
    }
    super::print(&text)
}

fn inspect(args: InspectArgs) -> Result<(), CliError> {
    let mut config = args.place.config()?;
    args.model.apply(&mut config);
    let file = args.lora.choice(&config)?.file;
    let mut report = LoadReport::new();
    let files = config.model.source().files(&mut |fetched| report.fetched(fetched))?;
    let inspection = LoraInspection::of(&file, Some(&files))?;
    if args.json {
        super::print_json(&inspection)?;
    } else {
        super::print(&to_text(&file, &inspection))?;
    }
    match inspection.model.and_then(|model| model.problem) {
        None => Ok(()),
        Some(_) => Err(CliError::Failed("the LoRA cannot be applied to this model".into())),
    }
}

fn remove(args: &RemoveArgs) -> Result<(), CliError> {
    let library = args.place.config()?.lora_library();
    library.remove(&args.name).map_err(|error| match error {
        ChangeError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            let names: Vec<_> = library.all().into_iter().map(|(name, _)| name).collect();
            unknown("LoRA", &args.name, names.iter().map(String::as_str), "tintype lora list")
        }
        error => error.into(),
    })
}

impl From<ChangeError> for CliError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Load(error) => error.into(),
            other => Self::Usage(other.to_string()),
        }
    }
}

/// For example `276 LoRA, rank 16, alpha 8`.
fn summary(inspection: &LoraInspection) -> String {
    let kinds = inspection.kinds.iter().map(|(kind, count)| format!("{count} {kind}"));
    let joined = |numbers: Vec<String>| numbers.join("/");
    let mut parts: Vec<String> = kinds.collect();
    if !inspection.ranks.is_empty() {
        parts.push(format!("rank {}", joined(inspection.ranks.iter().map(usize::to_string).collect())));
    }
    if !inspection.alphas.is_empty() {
        parts.push(format!("alpha {}", joined(inspection.alphas.iter().map(f32::to_string).collect())));
    }
    if let Some(family) = inspection.other_family {
        parts.push(format!("looks like {family}"));
    }
    parts.join(", ")
}

fn to_text(file: &Path, inspection: &LoraInspection) -> String {
    let mut text = format!("file          {}\n", file.display());
    text.push_str(&format!("changes       {}\n", summary(inspection)));
    text.push_str(&format!("sha256        {}\n", inspection.sha256));
    if let Some(model) = &inspection.model {
        text.push_str(&format!("matched       {} of {} layers\n", model.matched, model.layers));
        text.push_str(&format!("norm          {:.4}\n", model.norm));
        for name in &model.unmatched {
            text.push_str(&format!("not found     {name}\n"));
        }
        if let Some(problem) = &model.problem {
            text.push_str(&format!("problem       {problem}\n"));
        }
    }
    text
}

/// `NAME_OR_FILE[:WEIGHT]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LoraArg {
    name: String,
    weight: f64,
}

impl FromStr for LoraArg {
    type Err = String;

    /// Splits at the last colon if a number follows it: names may have colons.
    fn from_str(text: &str) -> Result<Self, String> {
        let weighted = text.rsplit_once(':').and_then(|(name, weight)| {
            let weight: f64 = weight.trim().parse().ok()?;
            Some(Self { name: name.to_owned(), weight })
        });
        let lora = weighted.unwrap_or_else(|| Self { name: text.to_owned(), weight: 1.0 });
        if lora.name.is_empty() || !lora.weight.is_finite() {
            Err("write a file, or the name of one in the library, and :WEIGHT if it is not 1".into())
        } else {
            Ok(lora)
        }
    }
}

impl LoraArg {
    /// The file: itself, or the one of that name in the library.
    pub(super) fn choice(&self, config: &Config) -> Result<LoraChoice, CliError> {
        let direct = Path::new(&self.name);
        let direct = direct.is_file().then(|| direct.to_owned());
        let file = direct.or_else(|| config.lora_library().file(&self.name)).ok_or_else(|| {
            let folder = config.data_dir.join(LORAS_DIRECTORY);
            CliError::Usage(format!(
                "--lora {}: no such file, and no {0}.safetensors in {}",
                self.name,
                folder.display()
            ))
        })?;
        Ok(LoraChoice { file, weight: self.weight })
    }

    /// As files name it, once `file` has been read.
    pub(super) fn used(&self, sha256: String) -> LoraUse {
        LoraUse { name: self.name.clone(), weight: self.weight, sha256: Some(sha256) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_weight_is_what_follows_the_last_colon_if_it_is_a_number() {
        let arg = |text: &str| text.parse::<LoraArg>().map(|arg| (arg.name, arg.weight));
        assert_eq!(arg("style"), Ok(("style".into(), 1.0)));
        assert_eq!(arg("style:0.8"), Ok(("style".into(), 0.8)));
        assert_eq!(arg("style:-0.5"), Ok(("style".into(), -0.5)));
        assert_eq!(arg("C:\\loras\\a.safetensors"), Ok(("C:\\loras\\a.safetensors".into(), 1.0)));
        assert_eq!(arg("a:b:2"), Ok(("a:b".into(), 2.0)));
        for text in ["", ":1", "a:inf", "a:NaN"] {
            assert!(arg(text).is_err(), "{text}");
        }
    }
}

mod add;
mod arg;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand};
use serde::{Serialize, Serializer};

use self::add::AddArgs;
pub(super) use self::arg::LoraArg;
use super::{CliError, DataArgs, ModelArgs, named::unknown, output::OutputArgs, progress::LoadReport};
use crate::{
    app::{Progress, open_images},
    config::Config,
    image_store::ImagesPlace,
    lora_library::{ChangeError, LoraLibrary},
    pipeline::LoraInspection,
};

/// The data directory's LoRAs, which `--lora` takes by name.
#[derive(Debug, Subcommand)]
pub(super) enum LoraCommand {
    /// Copy a LoRA into the library, from a file or a repository
    Add(AddArgs),
    /// List the library
    List(LoraListArgs),
    /// Say what a LoRA is, and what of it the model has
    Inspect(InspectArgs),
    /// Remove a LoRA from the library
    Remove(RemoveArgs),
}

#[derive(Debug, Args)]
pub(super) struct LoraListArgs {
    #[command(flatten)]
    library: LibraryArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// A LoRA's file, or its name in the library; with --images its name
    #[arg(value_name = "NAME_OR_FILE")]
    lora: LoraArg,
    #[command(flatten)]
    library: LibraryArgs,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Whose library it is.
#[derive(Debug, Args)]
struct LibraryArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The directory or bucket that the nodes of a cluster share: its library instead of the data directory's
    #[arg(long, value_name = "DIR|s3://BUCKET/PREFIX")]
    images: Option<ImagesPlace>,
}

impl LibraryArgs {
    fn open(&self, config: &Config) -> Result<LoraLibrary, CliError> {
        let Some(images) = &self.images else { return Ok(config.lora_library()) };
        let images = open_images(&Config { images: Some(images.clone()), ..config.clone() });
        let images = images.map_err(|error| CliError::App(error.into()))?;
        Ok(config.lora_library().shared_with(Arc::new(images)))
    }
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    library: LibraryArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// A LoRA of the library.
#[derive(Debug, Serialize)]
struct ListedLora {
    name: String,
    file: String,
    #[serde(flatten, serialize_with = "shared")]
    inspection: Option<Arc<LoraInspection>>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

fn shared<S: Serializer>(inspection: &Option<Arc<LoraInspection>>, serializer: S) -> Result<S::Ok, S::Error> {
    inspection.as_deref().serialize(serializer)
}

/// A LoRA that left the library.
#[derive(Debug, Serialize)]
struct Removed<'a> {
    removed: &'a str,
}

pub(super) fn run(command: LoraCommand) -> Result<(), CliError> {
    match command {
        LoraCommand::Add(args) => add::run(&args),
        LoraCommand::List(args) => list(&args),
        LoraCommand::Inspect(args) => inspect(args),
        LoraCommand::Remove(args) => remove(&args),
    }
}

fn list(args: &LoraListArgs) -> Result<(), CliError> {
    let library = args.library.open(&args.library.place.config()?)?;
    let listed = library.all().into_iter().map(|(name, file)| {
        let (inspection, problem) = match library.inspect(&file) {
            Ok(inspection) => (Some(inspection), None),
            Err(error) => (None, Some(error.to_string())),
        };
        ListedLora { name, file: file.display().to_string(), inspection, problem }
    });
    let in_words = |listed: &Vec<ListedLora>| {
        let line = |lora: &ListedLora| {
            let what = lora.inspection.as_deref().map(summary).or_else(|| lora.problem.clone());
            format!("{:<24}  {}\n", lora.name, what.unwrap_or_default())
        };
        listed.iter().map(line).collect()
    };
    args.output.print(&listed.collect(), in_words)
}

fn inspect(args: InspectArgs) -> Result<(), CliError> {
    let mut config = args.library.place.config()?;
    args.model.apply(&mut config);
    let file = match args.library.images {
        Some(_) => shared_file(&args.library.open(&config)?, args.lora.name())?,
        None => args.lora.choice(&config)?.file,
    };
    let mut report = LoadReport::new();
    let files = config.model.source().files(&mut |fetched| report.fetched(fetched))?;
    let inspection = LoraInspection::of(&file, Some(&files))?;
    args.output.print(&inspection, |inspection| to_text(&file, inspection))?;
    match inspection.model.and_then(|model| model.problem) {
        None => Ok(()),
        Some(_) => Err(CliError::Failed("the LoRA cannot be applied to this model".into())),
    }
}

/// The file of the LoRA `name` of a cluster, here.
fn shared_file(library: &LoraLibrary, name: &str) -> Result<PathBuf, CliError> {
    let file = library.shared_file(name).map_err(|error| CliError::Failed(error.to_string()))?;
    file.ok_or_else(|| unknown_lora(library, name))
}

fn unknown_lora(library: &LoraLibrary, name: &str) -> CliError {
    let names: Vec<_> = library.all().into_iter().map(|(name, _)| name).collect();
    unknown("LoRA", name, names.iter().map(String::as_str), "tintype lora list")
}

fn remove(args: &RemoveArgs) -> Result<(), CliError> {
    let library = args.library.open(&args.library.place.config()?)?;
    library.remove(&args.name).map_err(|error| match error {
        ChangeError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            unknown_lora(&library, &args.name)
        }
        error => error.into(),
    })?;
    args.output.print(&Removed { removed: &args.name }, |_| String::new())
}

impl From<ChangeError> for CliError {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Load(error) => error.into(),
            ChangeError::Store(error) => Self::App(error.into()),
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

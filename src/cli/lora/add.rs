use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{CliError, lora::LibraryArgs, note, output::OutputArgs, progress::FetchReport, pull::HubArgs},
    config::Config,
    lora_library::LORAS_DIRECTORY,
    pipeline::{
        ModelDigest,
        hub::{Plan, Repository},
    },
};

/// Where files that are fetched grow, in the library's folder: a fetch that broke off is continued there.
const INCOMING: &str = ".incoming";

#[derive(Debug, Args)]
pub(in crate::cli) struct AddArgs {
    /// The LoRA's .safetensors file, or a repository: OWNER/NAME, modelscope:OWNER/NAME
    #[arg(value_name = "FILE|REPO")]
    lora: String,
    /// What to call it [default: the file's name, or the repository's if that says nothing]
    #[arg(long)]
    name: Option<String>,
    /// The file of a repository that has several
    #[arg(long)]
    file: Option<String>,
    #[command(flatten)]
    hub: HubArgs,
    /// SHA-256 that the file must have
    #[arg(long, value_name = "DIGEST")]
    sha256: Option<ModelDigest>,
    #[command(flatten)]
    library: LibraryArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// A LoRA that came into the library.
#[derive(Debug, Serialize)]
struct Added {
    name: String,
    sha256: String,
    /// The repository that it was fetched from.
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<String>,
}

pub(super) fn run(args: &AddArgs) -> Result<(), CliError> {
    let config = args.library.place.config()?;
    let path = Path::new(&args.lora);
    let is_file = path.exists() || path.extension().is_some_and(|extension| extension == "safetensors");
    let added = if is_file { from_file(args, &config, path) } else { from_hub(args, &config) }?;
    args.output.print(&added, |added| format!("{}\n", added.name))
}

fn from_file(args: &AddArgs, config: &Config, file: &Path) -> Result<Added, CliError> {
    let name = args.name.clone().unwrap_or_else(|| stem(file));
    let sha256 = args.library.open(config)?.add(file, &name, args.sha256.as_ref())?;
    Ok(Added { name, sha256, repository: None })
}

fn from_hub(args: &AddArgs, config: &Config) -> Result<Added, CliError> {
    if Repository::parse(&args.lora).is_none() {
        return Err(CliError::Usage(format!(
            "{}: no such file, and not a repository; write a .safetensors file, or OWNER/NAME",
            args.lora
        )));
    }
    let repository = args.hub.repository(&args.lora)?;
    let staging = staging(config, &repository);
    let plan = Plan::of_file(&repository, args.file.as_deref(), &args.hub.place(Some(staging.clone())))?;
    plan.check_disk()?;
    let report = FetchReport::new();
    let (file, fetched) = plan.run_file(args.sha256.as_ref(), &mut |fetched| report.show(fetched))?;
    let name = args.name.clone().unwrap_or_else(|| name_of(&file, &repository));
    let added = args.library.open(config)?.add(&file, &name, None);
    // Also if it is no LoRA: a file that is whole would not be another one the next time.
    if let Err(error) = fs::remove_dir_all(&staging) {
        tracing::warn!(%error, "{}: what was fetched cannot be removed", staging.display());
    }
    let sha256 = added?;
    if args.sha256.is_none() {
        note(&format_args!(
            "{}: verified against the SHA-256 that {} gives; --sha256 {} accepts only this file",
            fetched.path,
            plan.endpoint(),
            fetched.sha256
        ));
    }
    Ok(Added { name, sha256, repository: Some(repository.to_string()) })
}

/// A folder for what is fetched of `repository`.
fn staging(config: &Config, repository: &Repository) -> PathBuf {
    let folder = format!("{}--{}", repository.hub.as_str(), repository.name.replace('/', "--"));
    config.data_dir.join(LORAS_DIRECTORY).join(INCOMING).join(folder)
}

fn stem(file: &Path) -> String {
    file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What a file of `repository` is called. Names that every training program writes say nothing.
fn name_of(file: &Path, repository: &Repository) -> String {
    let name = stem(file);
    let says_nothing = ["pytorch_lora_weights", "adapter_model", "lora", "model"].contains(&name.as_str());
    match repository.name.split_once('/') {
        Some((_, repository)) if says_nothing => repository.to_owned(),
        _ => name,
    }
}

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::Args;
use indicatif::DecimalBytes;
use serde::Serialize;

use super::{CliError, ConfigFile, note, print, print_json, progress::FetchReport};
use crate::{
    config::Config,
    pipeline::{
        ModelDigest,
        hub::{FetchedModel, Hub, Place, Plan, Repository},
    },
};

/// Where a model is fetched from.
#[derive(Debug, Clone)]
enum From {
    Hub(Hub),
    /// A mirror of Hugging Face, by its address.
    Mirror(String),
}

/// A hub, and a revision of a repository on it.
#[derive(Debug, Args)]
pub(super) struct HubArgs {
    /// huggingface, modelscope, or the address of a mirror of Hugging Face [default: huggingface, or HF_ENDPOINT]
    #[arg(long, value_name = "HUB|URL", value_parser = parse_from)]
    from: Option<From>,
    /// Branch, tag or commit [default: main, on ModelScope master]
    #[arg(long)]
    revision: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct PullArgs {
    /// Repository, for example Tongyi-MAI/Z-Image-Turbo, or modelscope:Tongyi-MAI/Z-Image-Turbo@REVISION
    repository: String,
    #[command(flatten)]
    config_file: ConfigFile,
    #[command(flatten)]
    hub: HubArgs,
    /// Directory for the files [default: the hub's cache, where serve --model REPO finds them]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// SHA-256 that the model must have, as an earlier pull printed it [default: model.sha256, if model.path is this repository]
    #[arg(long, value_name = "DIGEST")]
    sha256: Option<ModelDigest>,
    /// Fetch without asking
    #[arg(long, short)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// What a pull prints as JSON.
#[derive(Serialize)]
struct Pulled<'a> {
    repository: &'a str,
    hub: &'static str,
    endpoint: &'a str,
    commit: Option<&'a str>,
    #[serde(flatten)]
    model: &'a FetchedModel,
    /// `pin`, or `hub`: whose digests the files were compared with.
    verified_by: &'static str,
    serve: &'a str,
}

pub(super) fn run(args: &PullArgs) -> Result<(), CliError> {
    let config = args.config_file.load()?;
    let repository = args.hub.repository(&args.repository)?;
    let pin = args.sha256.clone().or_else(|| configured_pin(&config, &args.repository, &repository));
    let plan = Plan::make(&repository, &args.hub.place(args.into.clone()))?;
    let missing: u64 = plan.files().map(|file| file.bytes - file.bytes_here).sum();
    if !args.json {
        print(&listing(&plan))?;
    }
    plan.check_disk()?;
    if missing > 0 && !args.yes && !confirmed(missing)? {
        return Err(CliError::Failed("nothing was fetched".into()));
    }
    let report = FetchReport::new();
    let model = plan.run(pin.as_ref(), &mut |fetched| report.show(fetched))?;
    let place = args.into.as_ref().map_or_else(|| repository.to_string(), |into| into.display().to_string());
    let serve = format!("tintype serve --model {}", quoted(&place));
    if args.json {
        return print_json(&Pulled {
            repository: &repository.to_string(),
            hub: repository.hub.as_str(),
            endpoint: plan.endpoint(),
            commit: plan.commit(),
            model: &model,
            verified_by: if pin.is_some() { "pin" } else { "hub" },
            serve: &serve,
        });
    }
    print(&summary(&model, pin.as_ref(), plan.endpoint(), &serve))
}

impl HubArgs {
    /// The repository that `text` names, on the hub and at the revision that are asked for.
    pub(super) fn repository(&self, text: &str) -> Result<Repository, CliError> {
        let not_one = || {
            CliError::Usage(format!(
                "`{text}` is not a repository; write OWNER/NAME, for example Tongyi-MAI/Z-Image-Turbo"
            ))
        };
        let repository = Repository::parse(text).ok_or_else(not_one)?;
        let hub = match &self.from {
            Some(From::Hub(hub)) => *hub,
            Some(From::Mirror(_)) => Hub::HuggingFace,
            None => repository.hub,
        };
        let repository = Repository { hub, ..repository };
        match &self.revision {
            Some(revision) => {
                repository.at(revision).map_err(|error| CliError::Usage(format!("--revision: {error}")))
            }
            None => Ok(repository),
        }
    }

    /// From where, and into the directory `into`.
    pub(super) fn place(&self, into: Option<PathBuf>) -> Place {
        let endpoint = match &self.from {
            Some(From::Mirror(address)) => Some(address.clone()),
            _ => None,
        };
        Place { endpoint, into }
    }
}

/// `model.sha256`, if the model that is configured is the one that is fetched.
fn configured_pin(config: &Config, written: &str, repository: &Repository) -> Option<ModelDigest> {
    let path = config.model.path.as_deref()?;
    let is_the_one = path == written || Repository::parse(path).as_ref() == Some(repository);
    config.model.sha256.clone().filter(|_| is_the_one)
}

fn parse_from(text: &str) -> Result<From, String> {
    match text {
        "huggingface" => Ok(From::Hub(Hub::HuggingFace)),
        "modelscope" => Ok(From::Hub(Hub::ModelScope)),
        url if url.starts_with("https://") || url.starts_with("http://") => Ok(From::Mirror(url.to_owned())),
        _ => Err("write huggingface, modelscope or an address that begins with https://".into()),
    }
}

/// Asks on a terminal. Without one nobody is there to answer, and the command itself is the answer.
fn confirmed(missing: u64) -> Result<bool, CliError> {
    if !io::stdin().is_terminal() {
        return Ok(true);
    }
    note(&format_args!(
        "Fetch {}? Ctrl-C stops it at any time; the same command continues it. [y/N]",
        DecimalBytes(missing)
    ));
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(|error| CliError::Failed(error.to_string()))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// The files with their sizes, then the sum and the place.
fn listing(plan: &Plan) -> String {
    let mut text = String::new();
    let (mut bytes, mut bytes_here) = (0, 0);
    for file in plan.files() {
        let here = if file.bytes_here == file.bytes { "  already here" } else { "" };
        text += &format!("{:>11}  {}{here}\n", DecimalBytes(file.bytes).to_string(), file.path);
        (bytes, bytes_here) = (bytes + file.bytes, bytes_here + file.bytes_here);
    }
    let here = match bytes_here {
        0 => String::new(),
        here => format!(", of which {} are here", DecimalBytes(here)),
    };
    text + &format!(
        "{:>11}  in all{here}, from {} into {}\n",
        DecimalBytes(bytes).to_string(),
        plan.endpoint(),
        plan.directory().display()
    )
}

fn summary(model: &FetchedModel, pin: Option<&ModelDigest>, endpoint: &str, serve: &str) -> String {
    let digest = &model.digest;
    let verified = match pin {
        Some(_) => "Verified: the files have the pinned SHA-256.\n".to_owned(),
        None => format!(
            "Verified against the SHA-256 that {endpoint} gives for each large file. A hub can give hashes of other weights.\n\
             To accept only these files from now on, put this into tintype.toml:\n\
             model.sha256 = \"{digest}\"\n"
        ),
    };
    format!("{verified}{serve}\n")
}

/// A word for a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@".contains(c);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

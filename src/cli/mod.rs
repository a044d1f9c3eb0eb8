//! The command line: one file a subcommand.
//!
//! Exit codes: 0 done; 1 it failed while running; 2 a flag, a configuration, a model or a ledger that cannot be used.

mod admin;
mod asset;
mod audit;
mod backup;
mod batch;
mod bench;
mod calibrate;
mod centre;
mod completions;
mod costs;
mod doctor;
mod edit_args;
mod forget;
mod generate;
mod images_arg;
mod invoice_args;
mod key;
mod ledger;
mod lora;
mod model;
mod month;
mod named;
mod node;
mod output;
mod prices;
mod progress;
mod pull;
mod purchases;
mod receipt;
mod reconcile;
mod restore;
mod roi;
mod serve;
mod setup;
mod sheet;
mod spot_prices;
mod table;
mod terms;
mod upkeep;
mod values;

use std::{ffi::OsString, io::ErrorKind, path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use self::{
    output::{note, print, print_json},
    values::{parse_amount, parse_day, parse_text, takes_negative_numbers},
};
use crate::{
    app::{AppError, ledger_place, prepare_data_dir},
    clock::{Clock, SystemClock},
    config::{Config, ConfigError},
    costs::{CostError, CostModel, simulation::ScenarioError},
    domain::Calendar,
    image_store::StoreError,
    ledger::{CopyError, JoinError, Ledger, LedgerError, LedgerPlace, PostgresUrl},
    os,
    pipeline::{DeviceList, KernelChoice, LoadError, MemoryTier, Precision, RenderError},
    telemetry,
    units::RangeError,
};

const AFTER_HELP: &str = "\
Variables: TINTYPE_LOG=debug says more; TINTYPE_<SECTION>__<KEY> sets a key of config/tintype.toml.
Exit codes: 0 done; 1 it failed while running; 2 a flag, a configuration, a model or a ledger that cannot be used.";

/// An OpenAI-compatible image API on your own GPU, with the true cost of every image.
///
/// Without a command it serves: an embedded model, on 127.0.0.1:8080, with its data in ./data.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the API
    Serve(serve::ServeArgs),
    /// Generate images without a server
    Generate(generate::GenerateArgs),
    /// Generate the images of a file, hundreds in an evening, and go on after any interruption
    ///
    /// Without --server, a server runs in this process, on its data directory, for as long as it takes. The manifest in the
    /// directory of the images has a line of JSON for each: seed, file, receipt. The same command goes on where an earlier one
    /// was stopped, and tries lines again that gave no image.
    Batch(Box<batch::BatchArgs>),
    /// Time each part of an image: text, steps, decoding, PNG
    Bench(bench::BenchArgs),
    /// Fetch a model from Hugging Face, a mirror or ModelScope, and verify it
    Pull(pull::PullArgs),
    /// Check this machine, the configuration, the model and the ledger, and say what to do
    ///
    /// It writes nothing, and works beside a running server or without one. Exit code 1 if a line is a failure.
    Doctor(doctor::DoctorArgs),
    /// Look at a model's files before they are loaded
    #[command(subcommand)]
    Model(model::ModelCommand),
    /// Keep, list and inspect LoRAs
    #[command(subcommand)]
    Lora(lora::LoraCommand),
    /// Make, list, change, rotate and revoke API keys
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Sign in to the operator's pages: links, the password, sessions
    #[command(subcommand)]
    Admin(admin::AdminCommand),
    /// Print what a month's images cost
    Costs(costs::CostsArgs),
    /// Check and show what other services charge
    #[command(subcommand)]
    Prices(prices::PricesCommand),
    /// Record, list and retire the parts that wear out
    #[command(subcommand)]
    Asset(asset::AssetCommand),
    /// Record, list and end what is paid by time or by the image: rent, network, insurance
    #[command(subcommand)]
    Upkeep(upkeep::UpkeepCommand),
    /// Show and set what costs are counted with from a day on: electricity, exchange rates, watts
    #[command(subcommand)]
    Terms(terms::TermsCommand),
    /// Charge costs on to cost centres: clients, projects, departments
    #[command(subcommand)]
    Centre(centre::CentreCommand),
    /// Compare a wall meter's reading with what the ledger booked, and print the factor between them
    ///
    /// It prints the line to put into tintype.toml and writes nothing. The meter must have counted this work only: idle
    /// hours, and other machines on it, raise the factor.
    Calibrate(calibrate::CalibrateArgs),
    /// Check the ledger, and move it into PostgreSQL or back
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// List, drain and fence the nodes of a cluster
    #[command(subcommand)]
    Node(node::NodeCommand),
    /// Close months, verify closed ones, take entries back
    #[command(subcommand)]
    Month(month::MonthCommand),
    /// Compare figures of the books that come about in different ways; exit code 1 if two differ
    Audit(audit::AuditArgs),
    /// List what was bought from other services, and record what was found out about purchases in doubt
    #[command(subcommand)]
    Purchases(purchases::PurchasesCommand),
    /// Print what was booked for a request, and how each figure comes about
    Receipt(receipt::ReceiptArgs),
    /// Forget a tag or a key's name: a pseudonym takes its place, kept images are deleted, sums and seals stay
    Forget(forget::ForgetArgs),
    /// Copy the ledger, beside a running server or without one, and check the copy
    ///
    /// It holds keys, requests and costs. Kept images, session.key, links.key and tintype.toml are not in it.
    Backup(backup::BackupArgs),
    /// Put a backup in the ledger's place, and keep the ledger that was there
    ///
    /// Stop the server first.
    Restore(restore::RestoreArgs),
    /// Work out whether hardware of your own is worth it
    Roi(Box<roi::RoiArgs>),
    /// Set up once: currency, time zone, electricity, the machine; asks for what no flag says
    ///
    /// Writes tintype.toml if there is none, and records the rest in the ledger.
    Setup(Box<setup::SetupArgs>),
    /// Print the completions of a shell
    ///
    /// For example: tintype completions bash > /etc/bash_completion.d/tintype
    Completions(completions::CompletionsArgs),
    /// Write the man pages into a directory
    #[command(hide = true)]
    Man(completions::ManArgs),
}

/// Where the configuration is.
#[derive(Debug, Args)]
struct ConfigFile {
    /// Configuration file [default: tintype.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "TINTYPE_CONFIG")]
    config: Option<PathBuf>,
}

/// Where the configuration and the data are.
#[derive(Debug, Args)]
struct DataArgs {
    #[command(flatten)]
    config_file: ConfigFile,
    /// Where the ledger and secrets are kept [default: data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The ledger in PostgreSQL, as postgres://user:password@host/database [default: a file in the data directory]
    #[arg(long, value_name = "URL")]
    ledger: Option<PostgresUrl>,
}

/// The model, and the device it runs on.
#[derive(Debug, Clone, Args)]
struct ModelArgs {
    /// Model directory in the diffusers layout, repository (of ModelScope: modelscope:OWNER/NAME), or .safetensors or
    /// .gguf file [default: the embedded model]
    #[arg(long, value_name = "DIR|REPO|FILE")]
    model: Option<String>,
    /// Text encoder (Qwen3-4B) of a model that is one file [default: found beside it]
    #[arg(long, value_name = "FILE|DIR")]
    text_encoder: Option<PathBuf>,
    /// Autoencoder of a model that is one file [default: found beside it]
    #[arg(long, value_name = "FILE|DIR")]
    vae: Option<PathBuf>,
    /// tokenizer.json of a model that is one file, or its folder [default: found beside it]
    #[arg(long, value_name = "FILE|DIR")]
    tokenizer: Option<PathBuf>,
    /// auto, cpu, cuda or cuda:N; several cards as cuda:0,cuda:1, of which only a server uses more than the first
    #[arg(long)]
    device: Option<DeviceList>,
    /// auto, f32, bf16 or f16
    #[arg(long)]
    dtype: Option<Precision>,
    /// What stays on the device: auto, resident, offload, 8bit, 4bit or low
    #[arg(long, value_name = "TIER")]
    memory: Option<MemoryTier>,
    /// Whose kernels compute the transformer and the text encoder in 16 bits: auto, own or candle
    #[arg(long, value_name = "WHOSE")]
    kernels: Option<KernelChoice>,
}

impl ModelArgs {
    /// Flags come before the configuration.
    fn apply(self, config: &mut Config) {
        let model = &mut config.model;
        model.path = self.model.or(model.path.take());
        model.text_encoder = self.text_encoder.or(model.text_encoder.take());
        model.vae = self.vae.or(model.vae.take());
        model.tokenizer = self.tokenizer.or(model.tokenizer.take());
        model.device = self.device.unwrap_or_else(|| model.device.clone());
        model.dtype = self.dtype.unwrap_or(model.dtype);
        model.memory = self.memory.unwrap_or(model.memory);
        model.kernels = self.kernels.unwrap_or(model.kernels);
    }
}

/// What a command failed on.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    App(#[from] AppError),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Render(#[from] RenderError),
    #[error(transparent)]
    Cost(#[from] CostError),
    #[error(transparent)]
    Range(#[from] RangeError),
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Copy(#[from] CopyError),
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_)
            | Self::Load(_)
            | Self::Scenario(_)
            | Self::Usage(_)
            | Self::Render(RenderError::Size { .. } | RenderError::NoEncoder)
            | Self::App(
                AppError::Config(_)
                | AppError::Load(_)
                | AppError::DataDir { .. }
                | AppError::Listen { .. }
                | AppError::Images(StoreError::Bucket { .. })
                | AppError::Join(
                    JoinError::OtherSecret
                    | JoinError::OtherImages
                    | JoinError::OtherModel { .. }
                    | JoinError::OtherComputation { .. },
                ),
            ) => 2,
            Self::Ledger(error) | Self::App(AppError::Ledger(error)) if error.needs_the_operator() => 2,
            Self::Copy(error) if error.needs_the_operator() => 2,
            _ => 1,
        }
    }
}

/// Runs the process's command line; what went wrong is one line on standard error.
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

/// Runs the command line `arguments`, the first of which names the program.
pub fn run_with(arguments: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> ExitCode {
    os::keep_files_private();
    let parsed = takes_negative_numbers(Cli::command()).try_get_matches_from(arguments);
    let cli = match parsed.and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => cli,
        Err(error) => return unread(&error),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::start());
    let done = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(args) => match args.role() {
            Some(role) => node::run(args, role, &clock),
            None => serve::run(args, &clock),
        },
        Command::Generate(args) => generate::run(&args, &clock),
        Command::Batch(args) => batch::run(*args, &clock),
        Command::Bench(args) => bench::run(args, &clock),
        Command::Pull(args) => pull::run(&args),
        Command::Doctor(args) => doctor::run(args, &*clock),
        Command::Model(command) => model::run(command),
        Command::Ledger(command) => ledger::run(&command, &*clock),
        Command::Lora(command) => lora::run(command),
        Command::Key(command) => key::run(command, &*clock),
        Command::Admin(command) => admin::run(command, &*clock),
        Command::Costs(args) => costs::run(&args, &*clock),
        Command::Prices(command) => prices::run(&command, &*clock),
        Command::Asset(command) => asset::run(command, &*clock),
        Command::Upkeep(command) => upkeep::run(&command, &*clock),
        Command::Terms(command) => terms::run(&command, &*clock),
        Command::Centre(command) => centre::run(&command, &*clock),
        Command::Calibrate(args) => calibrate::run(&args),
        Command::Node(command) => node::manage(&command),
        Command::Month(command) => month::run(command, &*clock),
        Command::Forget(args) => forget::run(&args, &*clock),
        Command::Backup(args) => backup::run(&args),
        Command::Restore(args) => restore::run(&args, &*clock),
        Command::Audit(args) => audit::run(&args, &*clock),
        Command::Purchases(command) => purchases::run(&command, &*clock),
        Command::Receipt(args) => receipt::run(&args),
        Command::Roi(args) => roi::run(&args, &*clock),
        Command::Setup(args) => setup::run(&args, &*clock),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => completions::man(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            note(&format_args!("tintype: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

/// Arguments that cannot be read, in the style of every other error; or the help that was asked for.
fn unread(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let shown = error.print();
        return ExitCode::from(u8::from(shown.is_err_and(|error| error.kind() != ErrorKind::BrokenPipe)));
    }
    let text = error.render().to_string();
    note(&format_args!("tintype: {}", text.strip_prefix("error: ").unwrap_or(&text).trim_end()));
    ExitCode::from(2)
}

/// The ledger, and the configuration that it was last written with.
struct Books {
    config: Config,
    ledger: Ledger,
    costs: CostModel,
    calendar: Calendar,
}

impl Books {
    /// Records what is configured, if it differs from what the ledger has: it holds from now on. Days and months are the
    /// ledger's own.
    fn open(config: Config, ledger: Ledger, clock: &dyn Clock) -> Result<Self, CliError> {
        ledger.check_currency(config.costs.currency)?;
        let now = clock.now();
        let calendar = ledger.calendar(&config.zone()?)?;
        let today = calendar.to_datetime(now).date();
        let costs = config.cost_model(today)?;
        ledger.record_configured(&config.stated_terms()?, &calendar, now)?;
        if config.stated.has_upkeep() || ledger.cost_lines()?.is_empty() {
            ledger.record_configured_upkeep(costs.settings().upkeep(), costs.currency(), today, now)?;
        }
        Ok(Self { config, ledger, costs, calendar })
    }
}

/// `costs` with the assets of the data directory's ledger, if there is one.
fn with_recorded_assets(config: &Config, costs: CostModel) -> Result<CostModel, CliError> {
    let place = ledger_place(config);
    if place.is_there()? { Ok(Ledger::open_at(&place)?.with_assets(&costs)?) } else { Ok(costs) }
}

/// A ledger that only PostgreSQL's own programs copy.
fn in_postgres(url: &PostgresUrl) -> CliError {
    CliError::Usage(format!("{url} is copied and restored by pg_dump and pg_restore; see docs/operations.md"))
}

impl ConfigFile {
    fn load(&self) -> Result<Config, ConfigError> {
        let config = Config::load(self.config.as_deref())?;
        telemetry::start_log(&config.log);
        Ok(config)
    }
}

impl DataArgs {
    fn config(&self) -> Result<Config, ConfigError> {
        Ok(self.placed(self.config_file.load()?))
    }

    /// The same for a command that logs warnings alone.
    fn quiet_config(&self) -> Result<Config, ConfigError> {
        let config = Config::load(self.config_file.config.as_deref())?;
        telemetry::start_quiet_log(&config.log);
        Ok(self.placed(config))
    }

    fn placed(&self, mut config: Config) -> Config {
        if let Some(data_dir) = &self.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        if let Some(ledger) = &self.ledger {
            config.ledger = Some(ledger.clone());
        }
        config
    }

    /// The ledger, beside a running server or without one.
    fn ledger(&self) -> Result<(Config, Ledger), CliError> {
        let (config, place) = self.ledger_place()?;
        Ok((config, Ledger::open_at(&place)?))
    }

    /// Where it is. A directory or a database without one is a typing mistake, not an empty month.
    fn ledger_place(&self) -> Result<(Config, LedgerPlace), CliError> {
        let config = self.config()?;
        let place = ledger_place(&config);
        if !place.is_there()? {
            let other = if config.ledger.is_some() { "--ledger" } else { "--data-dir" };
            return Err(CliError::Usage(format!(
                "{place}: no such ledger; serve once, or pass another {other}"
            )));
        }
        prepare_data_dir(&config.data_dir)?;
        Ok((config, place))
    }

    /// Its file, for what only files have.
    fn ledger_file(&self) -> Result<PathBuf, CliError> {
        match self.ledger_place()?.1 {
            LedgerPlace::File(file) => Ok(file),
            LedgerPlace::Postgres(url) => Err(in_postgres(&url)),
        }
    }

    /// The ledger to write to, with what is configured recorded in it if that has changed.
    fn books(&self, clock: &dyn Clock) -> Result<Books, CliError> {
        let (config, ledger) = self.ledger()?;
        Books::open(config, ledger, clock)
    }

    /// The same, made if there is none.
    fn books_or_new(&self, clock: &dyn Clock) -> Result<Books, CliError> {
        let (config, ledger) = self.ledger_or_new()?;
        Books::open(config, ledger, clock)
    }

    /// The same, made if there is none.
    fn ledger_or_new(&self) -> Result<(Config, Ledger), CliError> {
        let config = self.config()?;
        let place = ledger_place(&config);
        if !place.is_there()? {
            let shown = match &place {
                LedgerPlace::File(_) => config.data_dir.display().to_string(),
                LedgerPlace::Postgres(url) => url.to_string(),
            };
            note(&format_args!("no ledger was in {shown}; a new one is made"));
        }
        prepare_data_dir(&config.data_dir)?;
        let ledger = Ledger::open_at(&place)?;
        Ok((config, ledger))
    }
}

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use jiff::{civil::Date, tz::TimeZone};

use super::{CliError, print, table::table};
use crate::{
    clock::Clock,
    config::Config,
    costs::{CostError, CostModel, PriceBook, PriceEntry},
    domain::{ImageSize, Operation, Product, Quality},
    telemetry,
};

#[derive(Debug, Subcommand)]
pub(super) enum PricesCommand {
    /// Say what is wrong with a price book, one problem a line, and warn of prices to look at again
    Check(CheckArgs),
    /// List what a picture costs at each service
    Show(ShowArgs),
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Price book to check [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Configuration file [default: tintype.toml, where there is one]
    #[arg(long, value_name = "FILE", env = "TINTYPE_CONFIG")]
    config: Option<PathBuf>,
    /// Only this one
    #[arg(long)]
    sku: Option<String>,
    /// The day of the prices [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<Date>,
    /// Width and height of the picture
    #[arg(long, value_name = "WxH", default_value = "1024x1024")]
    size: ImageSize,
    /// low, medium, high, xhigh or max
    #[arg(long, default_value = "medium")]
    quality: Quality,
    /// What an edit costs instead
    #[arg(long)]
    edit: bool,
}

impl ShowArgs {
    fn product(&self) -> Product {
        let operation = if self.edit { Operation::Edit } else { Operation::Generate };
        Product { operation, size: self.size, quality: self.quality }
    }
}

pub(super) fn run(command: &PricesCommand, clock: &dyn Clock) -> Result<(), CliError> {
    match command {
        PricesCommand::Check(args) => check(args.file.as_deref(), clock),
        PricesCommand::Show(args) => show(args, clock),
    }
}

/// Problems are what was asked for, so they are the output; the exit code says that there are some.
fn check(file: Option<&Path>, clock: &dyn Clock) -> Result<(), CliError> {
    let (name, text) = match file {
        None => ("the built-in price book".to_owned(), PriceBook::BUILT_IN.to_owned()),
        Some(file) => {
            let name = file.display().to_string();
            let text = std::fs::read_to_string(file);
            (name.clone(), text.map_err(|error| CliError::Usage(format!("{name}: {error}")))?)
        }
    };
    let problems = PriceBook::problems(&text);
    if !problems.is_empty() {
        print(&problems.iter().map(|problem| format!("{problem}\n")).collect::<String>())?;
        return Err(CliError::Usage(format!("{name} has {}", counted(problems.len(), "problem"))));
    }
    let book = PriceBook::parse(&text).map_err(CostError::from)?;
    for warning in book.warnings(TimeZone::system().to_datetime(clock.now()).date()) {
        super::note(&format_args!("warning: {warning}"));
    }
    let skus = book.skus();
    let counts = format!("{} of {}", counted(book.entries().len(), "price"), counted(skus.len(), "sku"));
    print(&format!("{name} is sound: {counts}\n{}\n", skus.join("\n")))
}

/// `1 price`, `2 prices`
fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn show(args: &ShowArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let config = Config::load(args.config.as_deref())?;
    telemetry::start_log(&config.log);
    let today = config.zone()?.to_datetime(clock.now()).date();
    let costs = config.cost_model(today)?;
    let day = args.day.unwrap_or(today);
    let operation = args.product().operation;
    let entries = match &args.sku {
        // A sku that was named and has no price is a mistake; the others are only not sold on that day.
        Some(sku) => {
            vec![costs.price_entry(sku, operation, day).map_err(|error| CliError::Usage(error.to_string()))?]
        }
        None => {
            let entries = costs.prices().entries().iter();
            entries.filter(|entry| entry.operation == operation && entry.holds_on(day)).collect()
        }
    };
    let ledger_price = format!("IN {}", costs.currency());
    let heads = ["SKU", "UNIT", "PRICE OF ONE", ledger_price.as_str(), "FROM", "READ ON", "SOURCE"];
    let mut rows = vec![heads.map(String::from)];
    for entry in entries {
        rows.push(row(entry, &costs, args, day)?);
    }
    print(&table(&rows))
}

fn row(entry: &PriceEntry, costs: &CostModel, args: &ShowArgs, day: Date) -> Result<[String; 7], CostError> {
    let price = entry.price_of(args.product())?;
    let ledger_price = match costs.compare_sku(&entry.sku, args.product(), day) {
        Ok(comparison) => comparison.price.to_string(),
        Err(CostError::NoExchangeRate { .. }) => "no rate".into(),
        Err(error) => return Err(error),
    };
    Ok([
        entry.sku.clone(),
        entry.price.unit().to_string(),
        format!("{price} {}", entry.currency),
        ledger_price,
        entry.effective_from.to_string(),
        entry.read_on.to_string(),
        entry.source.clone(),
    ])
}

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use jiff::{civil::Date, tz::TimeZone};
use serde::Serialize;

use super::{
    CliError, DataArgs,
    output::OutputArgs,
    print, print_json,
    table::{Column, table},
};
use crate::{
    app::prepare_data_dir,
    clock::Clock,
    costs::{CostError, CostModel, PriceBook, PriceEntry},
    domain::{ImageSize, Operation, Product, Quality},
    os,
    units::Money,
};

#[derive(Debug, Subcommand)]
pub(super) enum PricesCommand {
    /// Say what is wrong with a price book, one problem a line, and warn of prices to look at again
    Check(CheckArgs),
    /// List what an image costs at each service
    Show(ShowArgs),
    /// Take a newer price book, which has every entry of the present one as it is
    Import(ImportArgs),
}

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    #[command(flatten)]
    place: DataArgs,
    /// Price book to check [default: the one in use]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The newer price book
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    place: DataArgs,
    /// Only this one
    #[arg(long)]
    sku: Option<String>,
    /// The day of the prices [default: today]
    #[arg(long, value_name = "YYYY-MM-DD")]
    day: Option<Date>,
    /// Width and height of the image
    #[arg(long, value_name = "WxH", default_value = "1024x1024")]
    size: ImageSize,
    /// low, medium, high, xhigh or max
    #[arg(long, default_value = "medium")]
    quality: Quality,
    /// What an edit costs instead
    #[arg(long)]
    edit: bool,
    #[command(flatten)]
    output: OutputArgs,
}

impl ShowArgs {
    fn product(&self) -> Product {
        let operation = if self.edit { Operation::Edit } else { Operation::Generate };
        Product { operation, size: self.size, quality: self.quality }
    }
}

pub(super) fn run(command: &PricesCommand, clock: &dyn Clock) -> Result<(), CliError> {
    match command {
        PricesCommand::Check(args) => check(args, clock),
        PricesCommand::Show(args) => show(args, clock),
        PricesCommand::Import(args) => import(args, clock),
    }
}

/// What a price book's check found.
#[derive(Debug, Serialize)]
struct CheckJson {
    book: String,
    is_sound: bool,
    problems: Vec<String>,
    warnings: Vec<String>,
    prices: usize,
    skus: Vec<String>,
}

/// Problems are what was asked for, so they are the output; the exit code says that there are some.
fn check(args: &CheckArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let file = match &args.file {
        Some(file) => Some(file.clone()),
        None => args.place.config()?.price_file(),
    };
    let (name, text) = match file {
        None => ("the built-in price book".to_owned(), PriceBook::BUILT_IN.to_owned()),
        Some(file) => (file.display().to_string(), read(&file)?),
    };
    let problems: Vec<_> = PriceBook::problems(&text).iter().map(ToString::to_string).collect();
    if !problems.is_empty() {
        let found = counted(problems.len(), "problem");
        let check = CheckJson {
            book: name.clone(),
            problems,
            is_sound: false,
            warnings: vec![],
            prices: 0,
            skus: vec![],
        };
        args.output
            .print(&check, |check| check.problems.iter().map(|problem| format!("{problem}\n")).collect())?;
        return Err(CliError::Usage(format!("{name} has {found}")));
    }
    let book = PriceBook::parse(&text).map_err(CostError::from)?;
    let today = TimeZone::system().to_datetime(clock.now()).date();
    let check = CheckJson {
        book: name,
        is_sound: true,
        problems,
        warnings: book.warnings(today).iter().map(ToString::to_string).collect(),
        prices: book.entries().len(),
        skus: book.skus().into_iter().map(Into::into).collect(),
    };
    if !args.output.json {
        for warning in &check.warnings {
            super::note(&format_args!("warning: {warning}"));
        }
    }
    args.output.print(&check, |check| {
        let counts = format!("{} of {}", counted(check.prices, "price"), counted(check.skus.len(), "sku"));
        format!("{} is sound: {counts}\n{}\n", check.book, check.skus.join("\n"))
    })
}

fn read(file: &Path) -> Result<String, CliError> {
    std::fs::read_to_string(file).map_err(|error| CliError::Usage(format!("{}: {error}", file.display())))
}

/// Keeps the book in the data directory, where every command finds it.
fn import(args: &ImportArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let config = args.place.config()?;
    if let Some(file) = &config.price_book {
        let file = file.display();
        return Err(CliError::Usage(format!("price_book is {file}; put the entries there, or take it out")));
    }
    let (name, text) = (args.file.display(), read(&args.file)?);
    let book = PriceBook::parse(&text).map_err(|error| {
        CliError::Usage(format!("{name}: {error}; tintype prices check --file lists all problems"))
    })?;
    let present = config.prices()?;
    let rewritten = book.rewritten(&present);
    if !rewritten.is_empty() {
        print(&rewritten.iter().map(|problem| format!("{problem}\n")).collect::<String>())?;
        let found = counted(rewritten.len(), "price");
        return Err(CliError::Usage(format!("{name} changes {found} of the book in use")));
    }
    prepare_data_dir(&config.data_dir)?;
    let (file, aside) = (config.imported_prices(), config.data_dir.join("prices.toml.new"));
    // A new file is never a link that somebody planted.
    std::fs::remove_file(&aside).ok();
    os::create_new(&aside)
        .and_then(|mut new| new.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&aside, &file))
        .map_err(|error| CliError::Failed(format!("{}: {error}", file.display())))?;
    let today = config.zone()?.to_datetime(clock.now()).date();
    for warning in book.warnings(today) {
        super::note(&format_args!("warning: {warning}"));
    }
    let added = book.entries().len().saturating_sub(present.entries().len());
    let counts = format!("{}, {added} of them new", counted(book.entries().len(), "price"));
    print(&format!(
        "{} has {counts}; a running server counts with them from its next start\n",
        file.display()
    ))
}

/// `1 price`, `2 prices`
fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

fn show(args: &ShowArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let config = args.place.config()?;
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
    let rows = entries.into_iter().map(|entry| PriceJson::new(entry, &costs, args, day));
    let rows = rows.collect::<Result<Vec<_>, _>>()?;
    if args.output.json {
        return print_json(&rows);
    }
    let ledger_price = format!("IN {}", costs.currency());
    let columns = [
        Column::Text("SKU"),
        Column::Text("UNIT"),
        Column::Number("PRICE OF ONE"),
        Column::Number(&ledger_price),
        Column::Text("FROM"),
        Column::Text("READ ON"),
        Column::Text("SOURCE"),
    ];
    print(&table(columns, rows.into_iter().map(PriceJson::into_cells).collect()))
}

/// What an image costs at a service.
#[derive(Debug, Serialize)]
struct PriceJson {
    sku: String,
    unit: String,
    currency: String,
    price: Money,
    ledger_currency: String,
    /// Null if there is no exchange rate.
    ledger_price: Option<Money>,
    effective_from: Date,
    read_on: Date,
    source: String,
}

impl PriceJson {
    fn new(entry: &PriceEntry, costs: &CostModel, args: &ShowArgs, day: Date) -> Result<Self, CostError> {
        let ledger_price = match costs.compare_sku(&entry.sku, args.product(), day) {
            Ok(comparison) => Some(comparison.price),
            Err(CostError::NoExchangeRate { .. }) => None,
            Err(error) => return Err(error),
        };
        Ok(Self {
            sku: entry.sku.clone(),
            unit: entry.price.unit().to_string(),
            currency: entry.currency.to_string(),
            price: entry.price_of(args.product())?,
            ledger_currency: costs.currency().to_string(),
            ledger_price,
            effective_from: entry.effective_from,
            read_on: entry.read_on,
            source: entry.source.clone(),
        })
    }

    fn into_cells(self) -> [String; 7] {
        [
            self.sku,
            self.unit,
            format!("{} {}", self.price, self.currency),
            self.ledger_price.map_or_else(|| "no rate".into(), |price| price.to_string()),
            self.effective_from.to_string(),
            self.read_on.to_string(),
            self.source,
        ]
    }
}

//! `tintype terms import-prices`: prices of electricity by the hour from a CSV file, as power exchanges publish them.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::civil::DateTime;

use super::{
    Books, CliError, DataArgs,
    invoice_args::{InvoiceArgs, cost_of},
    parse_text, print,
};
use crate::{
    clock::Clock,
    costs::{ComingPrices, PriceFile, Term},
    ledger::Evidence,
    units::Money,
};

#[derive(Debug, Args)]
pub(super) struct ImportPricesArgs {
    #[command(flatten)]
    place: DataArgs,
    /// A CSV file with a line of names, and in each line a time and a price; the times are evenly spaced
    file: PathBuf,
    /// What the prices are for
    #[arg(long, value_enum, default_value = "kwh")]
    per: PerUnit,
    /// What is paid beside each price for a kilowatt-hour: the grid, fees, taxes; stated as the prices are
    #[arg(long, value_name = "AMOUNT", default_value = "0", allow_negative_numbers = true)]
    add: Money,
    #[command(flatten)]
    invoice: InvoiceArgs,
    /// The contract, or where the prices were published
    #[arg(long, value_name = "TEXT", value_parser = parse_text)]
    document: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum PerUnit {
    /// A kilowatt-hour
    Kwh,
    /// A megawatt-hour
    Mwh,
}

pub(super) fn run(args: &ImportPricesArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let named = |error: String| CliError::Usage(format!("{}: {error}", args.file.display()));
    let Books { ledger, costs, calendar, .. } = args.place.books_or_new(clock)?;
    let costs = ledger.with_assets(&costs)?;
    let now = clock.now();
    let file = PriceFile::parse(&read(&args.file).map_err(named)?, &calendar).map_err(named)?;
    let today = calendar.to_datetime(now).date();
    let first = file.first_price(now).unwrap_or_default();
    let invoice = args.invoice.invoice(first, &costs, today)?;
    let cost = |price: Money| {
        let per_kwh = match args.per {
            PerUnit::Kwh => Ok(price),
            PerUnit::Mwh => price.share_ceil(1, 1000),
        };
        let stated = per_kwh.and_then(|price| price.plus(args.add)).map_err(|error| error.to_string())?;
        cost_of(invoice.as_ref(), stated).map_err(|error| error.to_string())
    };
    let ComingPrices { prices, from, passed } = file.coming(now, &calendar, cost).map_err(named)?;
    let (count, until) = (prices.prices().len(), prices.until());
    let document = args.document.as_deref();
    let evidence = Evidence { document, invoice: invoice.as_ref(), ..Evidence::COMMAND_LINE };
    if !ledger.record_term(&Term::Spot(prices), from, &evidence, now)? {
        return Err(CliError::Usage("the hours are in a month that is closed".into()));
    }
    if passed > 0 {
        super::note(&format!("{passed} hours that have passed keep their prices"));
    }
    let minute = |at: DateTime| at.strftime("%Y-%m-%d %H:%M").to_string();
    print(&format!(
        "{count} prices of electricity from {} until {}\n",
        minute(calendar.to_datetime(from)),
        minute(until)
    ))
}

fn read(file: &Path) -> Result<String, String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map_err(|_| "not UTF-8; save the file as UTF-8".to_owned())
}

mod elsewhere;
mod statement;
mod year;

use clap::{Args, ValueEnum};

use super::{CliError, DataArgs};
use crate::{
    clock::Clock,
    config::Config,
    costs::CostModel,
    domain::Calendar,
    ledger::{GroupBy, Ledger, Month, Year, focus_metadata},
};

#[derive(Debug, Args)]
pub(super) struct CostsArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The month [default: this one]
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
    /// A year, month by month
    #[arg(long, value_name = "YYYY", conflicts_with_all = ["month", "by"])]
    year: Option<Year>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// In groups that add up: key, tag, model, size, quality or day
    #[arg(long, value_name = "GROUP")]
    by: Option<GroupBy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, rounded
    Table,
    /// Exact figures
    Json,
    /// Exact figures, a row for each group
    Csv,
    /// FOCUS 1.4 cost and usage, a row for each entry of the ledger and for what the month cost beside them
    Focus,
    /// The metadata of such files: their columns and their version
    FocusMetadata,
}

pub(super) fn run(args: &CostsArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let format = if args.json { Format::Json } else { args.format };
    if format == Format::Focus && args.by.is_some() {
        return Err(CliError::Usage("--format focus has a row for each entry; leave --by out".into()));
    }
    if format == Format::Focus && args.year.is_some() {
        return Err(CliError::Usage("--format focus is a month's; write --month instead of --year".into()));
    }
    if format == Format::FocusMetadata {
        return super::print_json(&focus_metadata()?);
    }
    let (config, ledger) = args.place.ledger()?;
    let calendar = ledger.calendar(&config.zone()?)?;
    if let Some(year) = args.year {
        let costs = costs(&config, &ledger, &calendar, clock)?;
        let report = ledger.year_report(&costs, year, &calendar, clock.now())?;
        return match format {
            Format::Json => super::print_json(&report),
            Format::Csv => super::print(&report.to_csv()?),
            Format::Table | Format::Focus | Format::FocusMetadata => super::print(&year::statement(&report)),
        };
    }
    let month = args.month.unwrap_or_else(|| Month::of(clock.now(), &calendar));
    let costs = costs(&config, &ledger, &calendar, clock)?;
    if format == Format::Focus {
        let operator = &config.metadata.producer;
        let mut export = ledger.focus_export(&costs, month, &calendar, operator, clock.now())?;
        while let Some(rows) = ledger.focus_rows(&mut export)? {
            super::print(&rows)?;
        }
        return Ok(());
    }
    let report = ledger.month_report(&costs, month, args.by.as_slice(), &calendar, clock.now())?;
    match format {
        Format::Json => super::print_json(&report),
        Format::Csv => super::print(&report.to_csv()?),
        Format::Table | Format::Focus | Format::FocusMetadata => super::print(&statement::statement(&report)),
    }
}

fn costs(
    config: &Config,
    ledger: &Ledger,
    calendar: &Calendar,
    clock: &dyn Clock,
) -> Result<CostModel, CliError> {
    let costs = config.cost_model(calendar.to_datetime(clock.now()).date())?;
    ledger.check_currency(costs.currency())?;
    Ok(costs)
}

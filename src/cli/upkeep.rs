use clap::{ArgGroup, Args, Subcommand};
use jiff::{Timestamp, civil::Date};

use super::{CliError, DataArgs, parse_amount, parse_day, table::table};
use crate::{
    clock::Clock,
    costs::{CostLine, DaySpan, Upkeep},
    ledger::{CostLineRow, Evidence},
    units::Money,
};

#[derive(Debug, Subcommand)]
pub(super) enum UpkeepCommand {
    /// Record a line of cost, such as a rent, a network or an insurance; a running server counts it from its next image on
    Add(AddArgs),
    /// List the lines, ended ones too
    List {
        #[command(flatten)]
        place: DataArgs,
    },
    /// End a line; another amount is another line from that day on
    End(EndArgs),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("amount").required(true))]
pub(super) struct AddArgs {
    #[command(flatten)]
    place: DataArgs,
    /// What you call it
    name: String,
    /// A flat amount for each image, in the ledger's currency
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount, group = "amount")]
    per_image: Option<Money>,
    /// An amount for each calendar month
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount, group = "amount")]
    per_month: Option<Money>,
    /// An amount for each calendar year
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount, group = "amount")]
    per_year: Option<Money>,
    /// By time: of all hours, those in which the machine usually works, in percent; they carry the cost of the others
    /// [default: costs.normal_utilisation_percent]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100), conflicts_with = "per_image")]
    normal_utilisation: Option<u32>,
    /// Its first day, such as 2026-01-15
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    from: Date,
    /// An invoice's number, or a contract
    #[arg(long, value_name = "TEXT")]
    document: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct EndArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The line's number; tintype upkeep list shows it
    id: i64,
    /// The first day on which it is not paid [default: today]
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    on: Option<Date>,
    /// A notice, or a contract
    #[arg(long, value_name = "TEXT")]
    document: Option<String>,
}

pub(super) fn run(command: &UpkeepCommand, clock: &dyn Clock) -> Result<(), CliError> {
    match command {
        UpkeepCommand::Add(args) => add(args, clock.now()),
        UpkeepCommand::List { place } => list(place),
        UpkeepCommand::End(args) => end(args, clock.now()),
    }
}

impl AddArgs {
    fn upkeep(&self, configured_utilisation: u32) -> Upkeep {
        let normal_utilisation_percent = self.normal_utilisation.unwrap_or(configured_utilisation);
        match (self.per_month, self.per_year) {
            (Some(amount), _) => Upkeep::PerMonth { amount, normal_utilisation_percent },
            (_, Some(amount)) => Upkeep::PerYear { amount, normal_utilisation_percent },
            (None, None) => Upkeep::PerImage(self.per_image.unwrap_or_default()),
        }
    }
}

fn evidence(document: Option<&String>) -> Evidence<'_> {
    Evidence { document: document.map(String::as_str), ..Evidence::COMMAND_LINE }
}

fn refuse_empty(flag: &str, text: Option<&str>) -> Result<(), CliError> {
    match text {
        Some("") => Err(CliError::Usage(format!("{flag} is empty; say what it is, or leave it out"))),
        _ => Ok(()),
    }
}

fn add(args: &AddArgs, now: Timestamp) -> Result<(), CliError> {
    refuse_empty("NAME", Some(&args.name))?;
    refuse_empty("--document", args.document.as_deref())?;
    let (config, ledger) = args.place.ledger_or_new()?;
    let settings = &config.costs;
    // Until a server has started, the ledger does not know the configured line: it counts beside the new one.
    let today = config.zone()?.to_datetime(now).date();
    ledger.record_configured_upkeep(settings.upkeep(), settings.currency, today, now)?;
    let line = CostLine {
        name: args.name.clone(),
        upkeep: args.upkeep(settings.normal_utilisation_percent),
        days: DaySpan { first: args.from, end: Date::MAX },
    };
    let evidence = evidence(args.document.as_ref());
    let id = ledger.add_cost_line(&line, settings.currency, &evidence, now)?;
    let (what, currency) = (amount(&line.upkeep), settings.currency);
    super::print(&format!("line {id} is recorded: {}, {currency} {what}, from {}\n", line.name, args.from))
}

fn list(place: &DataArgs) -> Result<(), CliError> {
    let (config, ledger) = place.ledger()?;
    let currency = config.costs.currency;
    ledger.check_currency(currency)?;
    let rows = ledger.cost_lines()?;
    if rows.is_empty() {
        return super::print("no lines; tintype upkeep add records one, until then [costs] counts\n");
    }
    let mut cells = vec![["ID", "NAME", "AMOUNT", "FROM", "ENDS", "BY", "DOCUMENT"].map(String::from)];
    cells.extend(rows.iter().map(cells_of));
    super::print(&format!("{}amounts in {currency}\n", table(&cells)))
}

fn cells_of(row: &CostLineRow) -> [String; 7] {
    let CostLine { name, upkeep, days } = &row.line;
    // The configured line has always held.
    let first = if days.first.year() <= 1 { "-".to_owned() } else { days.first.to_string() };
    let end = if days.end == Date::MAX { "-".to_owned() } else { days.end.to_string() };
    let document = row.document.clone().unwrap_or_else(|| "-".into());
    [row.id.to_string(), name.clone(), amount(upkeep), first, end, row.actor.clone(), document]
}

/// `0.03 an image`, `300.00 a month at 20 %`.
fn amount(upkeep: &Upkeep) -> String {
    match upkeep {
        Upkeep::PerImage(amount) => format!("{amount} an image"),
        Upkeep::PerMonth { amount, normal_utilisation_percent } => {
            format!("{amount} a month at {normal_utilisation_percent} %")
        }
        Upkeep::PerYear { amount, normal_utilisation_percent } => {
            format!("{amount} a year at {normal_utilisation_percent} %")
        }
    }
}

fn end(args: &EndArgs, now: Timestamp) -> Result<(), CliError> {
    refuse_empty("--document", args.document.as_deref())?;
    let (config, ledger) = args.place.ledger()?;
    ledger.check_currency(config.costs.currency)?;
    let id = args.id;
    let held = |row: &CostLineRow| row.id == id && row.line.days.end == Date::MAX;
    let Some(row) = ledger.cost_lines()?.into_iter().find(held) else {
        return Err(no_such_line(id));
    };
    let on = args.on.unwrap_or(config.zone()?.to_datetime(now).date());
    let first = row.line.days.first;
    if on < first {
        return Err(CliError::Usage(format!("--on is before its first day; write {first} or a later day")));
    }
    if !ledger.end_cost_line(id, on, &evidence(args.document.as_ref()), now)? {
        return Err(no_such_line(id));
    }
    super::print(&format!("line {id} ends: {on} is its first day without it\n"))
}

fn no_such_line(id: i64) -> CliError {
    CliError::Usage(format!("no line `{id}` that is still paid; tintype upkeep list shows them"))
}

use clap::{ArgGroup, Args, Subcommand};
use jiff::civil::Date;
use serde::Serialize;

use super::{
    Books, CliError, DataArgs,
    invoice_args::{InvoiceArgs, cost_of},
    named::{Named, find},
    output::OutputArgs,
    parse_amount, parse_day, parse_text, print_json,
    table::{Column, table},
};
use crate::{
    clock::Clock,
    costs::{CostLine, DaySpan, Invoice, Upkeep},
    ledger::{CostLineRow, Evidence},
    units::{Currency, Money},
};

#[derive(Debug, Subcommand)]
pub(super) enum UpkeepCommand {
    /// Record a line of cost, such as a rent, a network or an insurance; a running server counts it from its next image on
    Add(UpkeepAddArgs),
    /// List the lines, ended ones too
    List {
        #[command(flatten)]
        place: DataArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// End a line; another amount is another line from that day on
    End(EndArgs),
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("amount").required(true))]
pub(super) struct UpkeepAddArgs {
    #[command(flatten)]
    place: DataArgs,
    /// What you call it
    #[arg(value_parser = parse_text)]
    name: String,
    /// A flat amount for each image
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount, group = "amount")]
    per_image: Option<Money>,
    /// An amount for each calendar month
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount, group = "amount")]
    per_month: Option<Money>,
    /// An amount for each calendar year
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount, group = "amount")]
    per_year: Option<Money>,
    /// A rent for each hour of a device that you rent
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount, group = "amount")]
    per_hour: Option<Money>,
    /// A single payment on its first day, such as a repair
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount, group = "amount")]
    once: Option<Money>,
    /// Of a rent: hours of each day that are paid
    #[arg(long, value_name = "HOURS", default_value_t = 24, requires = "per_hour")]
    hours_a_day: u32,
    /// Of a rent: hours of each calendar month that are paid at least
    #[arg(long, value_name = "HOURS", default_value_t = 0, requires = "per_hour")]
    minimum_hours: u32,
    /// By time: of all hours, those in which the machine usually works, in percent; they carry the cost of the others
    /// [default: costs.normal_utilisation_percent]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(1..=100), conflicts_with_all = ["per_image", "once"])]
    normal_utilisation: Option<u32>,
    /// Its first day, such as 2026-01-15
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    from: Date,
    #[command(flatten)]
    invoice: InvoiceArgs,
    /// An invoice's number, or a contract
    #[arg(long, value_name = "TEXT", value_parser = parse_text)]
    document: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
pub(super) struct EndArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The line's number or its name; tintype upkeep list shows both
    #[arg(value_name = "ID|NAME")]
    line: String,
    /// The first day on which it is not paid [default: today]
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    on: Option<Date>,
    /// A notice, or a contract
    #[arg(long, value_name = "TEXT", value_parser = parse_text)]
    document: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(command: &UpkeepCommand, clock: &dyn Clock) -> Result<(), CliError> {
    match command {
        UpkeepCommand::Add(args) => add(args, clock),
        UpkeepCommand::List { place, output } => list(place, *output),
        UpkeepCommand::End(args) => end(args, clock),
    }
}

impl UpkeepAddArgs {
    /// The one amount that is given.
    fn amount(&self) -> Money {
        let amounts = [self.per_image, self.per_hour, self.per_month, self.per_year, self.once];
        amounts.into_iter().flatten().next().unwrap_or_default()
    }

    /// The line's terms at `amount`.
    fn upkeep(&self, amount: Money, configured_utilisation: u32) -> Upkeep {
        let normal_utilisation_percent = self.normal_utilisation.unwrap_or(configured_utilisation);
        if self.per_image.is_some() {
            Upkeep::PerImage(amount)
        } else if self.once.is_some() {
            Upkeep::Once(amount)
        } else if self.per_month.is_some() {
            Upkeep::PerMonth { amount, normal_utilisation_percent }
        } else if self.per_year.is_some() {
            Upkeep::PerYear { amount, normal_utilisation_percent }
        } else {
            let (hours_a_day, minimum_hours) = (self.hours_a_day, self.minimum_hours);
            Upkeep::PerHour { amount, hours_a_day, minimum_hours, normal_utilisation_percent }
        }
    }
}

fn evidence(document: Option<&String>) -> Evidence<'_> {
    Evidence { document: document.map(String::as_str), ..Evidence::COMMAND_LINE }
}

fn add(args: &UpkeepAddArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let Books { config, ledger, costs, .. } = args.place.books_or_new(clock)?;
    let settings = &config.costs;
    let invoice = args.invoice.invoice(args.amount(), &ledger.with_assets(&costs)?, args.from)?;
    let amount = cost_of(invoice.as_ref(), args.amount())?;
    let upkeep = args.upkeep(amount, settings.normal_utilisation_percent);
    upkeep.check().map_err(|error| CliError::Usage(error.to_string()))?;
    let days = DaySpan { first: args.from, end: Date::MAX };
    let line = CostLine { name: args.name.clone(), upkeep, days };
    let evidence = Evidence { invoice: invoice.as_ref(), ..evidence(args.document.as_ref()) };
    let id = ledger.add_cost_line(&line, &costs, &evidence, clock.now())?;
    let line = find(&ledger.cost_lines()?, &id.to_string())?;
    args.output.print(&LineJson::new(&line, settings.currency), |line| {
        format!(
            "line {id} is recorded: {}, {} {}, from {}\n",
            line.name, line.currency, line.amount, args.from
        )
    })
}

/// A line for programs. Amounts are in `currency`.
#[derive(Debug, Serialize)]
struct LineJson {
    id: i64,
    name: String,
    currency: String,
    /// `0.03 an image`, `300.00 a month at 20 %`.
    amount: String,
    /// Null: it has always held.
    from: Option<Date>,
    /// Its first day without it; null: it is still paid.
    ends: Option<Date>,
    by: String,
    document: Option<String>,
    /// Null: the amount is what was invoiced.
    invoice: Option<Invoice>,
}

impl LineJson {
    fn new(row: &CostLineRow, currency: Currency) -> Self {
        let CostLine { name, upkeep, days } = &row.line;
        Self {
            id: row.id,
            name: name.clone(),
            currency: currency.to_string(),
            amount: amount(upkeep),
            // The configured line has always held.
            from: Some(days.first).filter(|first| first.year() > 1),
            ends: Some(days.end).filter(|end| *end != Date::MAX),
            by: row.actor.clone(),
            document: row.document.clone(),
            invoice: row.invoice,
        }
    }

    fn into_cells(self) -> [String; 7] {
        let or_dash = |day: Option<Date>| day.map_or_else(|| "-".into(), |day| day.to_string());
        let document = self.document.unwrap_or_else(|| "-".into());
        let (from, ends) = (or_dash(self.from), or_dash(self.ends));
        [self.id.to_string(), self.name, self.amount, from, ends, self.by, document]
    }
}

fn list(place: &DataArgs, output: OutputArgs) -> Result<(), CliError> {
    let (config, ledger) = place.ledger()?;
    let currency = config.costs.currency;
    ledger.check_currency(currency)?;
    let rows = ledger.cost_lines()?;
    let lines: Vec<_> = rows.iter().map(|row| LineJson::new(row, currency)).collect();
    if output.json {
        return print_json(&lines);
    }
    if lines.is_empty() {
        return super::print("no lines; tintype upkeep add records one, until then [costs] counts\n");
    }
    let columns = [
        Column::Number("ID"),
        Column::Text("NAME"),
        Column::Text("AMOUNT"),
        Column::Text("FROM"),
        Column::Text("ENDS"),
        Column::Text("BY"),
        Column::Text("DOCUMENT"),
    ];
    let table = table(columns, lines.into_iter().map(LineJson::into_cells).collect());
    super::print(&format!("{table}amounts in {currency}\n"))
}

/// `0.03 an image`, `300.00 a month at 20 %`.
fn amount(upkeep: &Upkeep) -> String {
    match *upkeep {
        Upkeep::PerImage(amount) => format!("{amount} an image"),
        Upkeep::Once(amount) => format!("{amount} once"),
        Upkeep::PerMonth { amount, normal_utilisation_percent: percent } => {
            format!("{amount} a month at {percent} %")
        }
        Upkeep::PerYear { amount, normal_utilisation_percent: percent } => {
            format!("{amount} a year at {percent} %")
        }
        Upkeep::PerHour { amount, hours_a_day, minimum_hours, normal_utilisation_percent: percent } => {
            let least = match minimum_hours {
                0 => String::new(),
                hours => format!(", at least {hours} a month"),
            };
            format!("{amount} an hour, {hours_a_day} a day{least}, at {percent} %")
        }
    }
}

fn end(args: &EndArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let Books { ledger, costs, calendar, .. } = args.place.books(clock)?;
    let row = find(&ledger.cost_lines()?, &args.line)?;
    let (id, now) = (row.id, clock.now());
    if !row.is_in_use() {
        return Err(no_such_line(id));
    }
    let on = args.on.unwrap_or(calendar.to_datetime(now).date());
    let first = row.line.days.first;
    if on < first {
        return Err(CliError::Usage(format!("--on is before its first day; write {first} or a later day")));
    }
    if !ledger.end_cost_line(id, on, &costs, &evidence(args.document.as_ref()), now)? {
        return Err(no_such_line(id));
    }
    let line = find(&ledger.cost_lines()?, &id.to_string())?;
    args.output.print(&LineJson::new(&line, costs.currency()), |line| {
        format!("line {} ends: {on} is its first day without it\n", line.id)
    })
}

/// By its number; a line that has ended gives its name up.
impl Named for CostLineRow {
    const KIND: &'static str = "line";
    const ID: &'static str = "number";
    const LIST: &'static str = "tintype upkeep list";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn name(&self) -> &str {
        &self.line.name
    }

    fn is_in_use(&self) -> bool {
        self.line.days.end == Date::MAX
    }
}

fn no_such_line(id: i64) -> CliError {
    CliError::Usage(format!("no line `{id}` that is still paid; tintype upkeep list shows them"))
}

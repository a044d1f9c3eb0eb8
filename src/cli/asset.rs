use clap::{Args, Subcommand, ValueEnum};
use jiff::{Timestamp, civil::Date};
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
    costs::{Asset, AssetYear, Invoice, Life, Retirement},
    domain::Calendar,
    ledger::{AssetRow, Evidence, Ledger, RegisteredPart},
    units::{Currency, Money},
};

#[derive(Debug, Subcommand)]
pub(super) enum AssetCommand {
    /// Record a part that wears out, with what it cost; a running server counts it from its next image on
    Add(AssetAddArgs),
    /// List the parts, with their book values of today
    List {
        #[command(flatten)]
        place: DataArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Print the register: every part with its document, and what it is worth at the ends of its years
    Register {
        #[command(flatten)]
        place: DataArgs,
        /// How it is printed
        #[arg(long, value_enum, default_value = "table")]
        format: RegisterFormat,
    },
    /// End a part's service, and print what its sale gained or lost on the book value
    Retire(RetireArgs),
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum RegisterFormat {
    /// For people
    Table,
    /// Exact figures
    Json,
    /// Exact figures, a row for each part and year
    Csv,
}

#[derive(Debug, Args)]
pub(super) struct AssetAddArgs {
    #[command(flatten)]
    place: DataArgs,
    /// What you call it
    #[arg(value_parser = parse_text)]
    name: String,
    /// What was paid for it
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
    price: Money,
    /// What it will be sold for
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount, default_value = "0")]
    residual: Money,
    /// Its first day in service, such as 2026-01-15
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    bought: Date,
    /// How much of it works for Tintype, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 100)]
    share: u32,
    /// The machine of a cluster that it is in, as tintype node list calls it [default: all of them]
    #[arg(long, value_name = "NAME", alias = "node", value_parser = parse_text)]
    machine: Option<String>,
    #[command(flatten)]
    life: LifeArgs,
    #[command(flatten)]
    invoice: InvoiceArgs,
    /// The document that it is by, such as an invoice's number
    #[arg(long, value_name = "TEXT", value_parser = parse_text)]
    document: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

/// By units or by time.
#[derive(Debug, Args)]
struct LifeArgs {
    /// By units: images it is expected to generate over its life
    #[arg(long, value_name = "N", conflicts_with = "years", required_unless_present = "years")]
    lifetime_images: Option<u64>,
    /// By units: years after which it is worth its residual, however few images it made
    #[arg(long, value_name = "N", requires = "lifetime_images")]
    at_most_years: Option<u32>,
    /// By time: years that it is expected to serve
    #[arg(long, value_name = "N", requires = "normal_utilisation")]
    years: Option<u32>,
    /// By time: the share of all hours in which it usually generates images, in percent; they carry the cost of the
    /// rest
    #[arg(long, value_name = "PERCENT", conflicts_with = "lifetime_images")]
    normal_utilisation: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct RetireArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The part's number or its name; tintype asset list shows both
    #[arg(value_name = "ID|NAME")]
    part: String,
    /// What the whole part was sold for; 0 if it was thrown away
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
    proceeds: Money,
    /// Its first day out of service [default: today]
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    on: Option<Date>,
    /// The document that it is by, such as an invoice's number
    #[arg(long, value_name = "TEXT", value_parser = parse_text)]
    document: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(command: AssetCommand, clock: &dyn Clock) -> Result<(), CliError> {
    match command {
        AssetCommand::Add(args) => add(args, clock),
        AssetCommand::List { place, output } => list(&place, output, clock.now()),
        AssetCommand::Register { place, format } => register(&place, format, clock.now()),
        AssetCommand::Retire(args) => retire(&args, clock),
    }
}

impl LifeArgs {
    fn life(&self) -> Life {
        match (self.years, self.normal_utilisation) {
            (Some(years), Some(normal_utilisation_percent)) => {
                Life::Time { years, normal_utilisation_percent }
            }
            _ => {
                Life::Units { lifetime_images: self.lifetime_images.unwrap_or(0), years: self.at_most_years }
            }
        }
    }
}

fn add(args: AssetAddArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let mut asset = Asset {
        life: args.life.life(),
        name: args.name,
        price: args.price,
        residual: args.residual,
        share_percent: args.share,
        purchased_on: args.bought,
        retirement: None,
    };
    asset.check().map_err(|error| CliError::Usage(error.to_string()))?;
    let Books { ledger, costs, calendar, .. } = args.place.books_or_new(clock)?;
    let (currency, now) = (costs.currency(), clock.now());
    let invoice = args.invoice.invoice(args.price, &ledger.with_assets(&costs)?, args.bought)?;
    asset.price = cost_of(invoice.as_ref(), args.price)?;
    asset.residual = cost_of(invoice.as_ref(), args.residual)?;
    let document = args.document.as_deref();
    let machine = args.machine.as_deref();
    let evidence = Evidence { document, invoice: invoice.as_ref(), machine, ..Evidence::COMMAND_LINE };
    let id = ledger.add_asset(&asset, &costs, &evidence, now)?;
    let row = find(&ledger.assets()?, &id.to_string())?;
    let part = PartJson::new(&row, &ledger, &calendar, currency, now)?;
    args.output.print(&part, |part| {
        let cost = if invoice.is_some() { format!(" at {} {currency}", part.price) } else { String::new() };
        format!("asset {id} is recorded: {}{cost}, {}\n", part.name, part.life)
    })
}

/// A part for programs. Amounts are in `currency`.
#[derive(Debug, Serialize)]
struct PartJson {
    id: i64,
    name: String,
    bought: Date,
    currency: String,
    price: Money,
    /// Null: the price is what was invoiced.
    invoice: Option<Invoice>,
    residual: Money,
    share_percent: u32,
    /// `30000 images`, or `3 years at 20 %`.
    life: String,
    /// Null once it is retired.
    book_value: Option<Money>,
    state: &'static str,
    retired_on: Option<Date>,
    proceeds: Option<Money>,
    /// What the sale gained; below 0 what it lost.
    disposal_gain: Option<Money>,
    /// Absent: it is in no one machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    machine: Option<String>,
}

impl PartJson {
    fn new(
        row: &AssetRow,
        ledger: &Ledger,
        calendar: &Calendar,
        currency: Currency,
        now: Timestamp,
    ) -> Result<Self, CliError> {
        let (asset, today) = (&row.asset, calendar.to_datetime(now).date());
        let images = ledger.images_on(asset.service(), calendar)?;
        let book_value = asset.book_value(today, images)?;
        Ok(Self {
            id: row.id.get(),
            name: asset.name.clone(),
            bought: asset.purchased_on,
            currency: currency.to_string(),
            price: asset.price,
            invoice: row.invoice,
            residual: asset.residual,
            share_percent: asset.share_percent,
            life: life(asset),
            book_value: asset.retirement.is_none().then_some(book_value),
            state: state(asset, today, images)?,
            retired_on: asset.retirement.map(|retirement| retirement.on),
            proceeds: asset.retirement.map(|retirement| retirement.proceeds),
            disposal_gain: asset.disposal_gain(images)?,
            machine: row.machine.clone(),
        })
    }

    fn cells(&self) -> [String; 9] {
        let state = match (self.retired_on, self.disposal_gain) {
            (Some(on), Some(gain)) => format!("{} {on}, {}", self.state, outcome(gain)),
            _ => self.state.into(),
        };
        [
            self.id.to_string(),
            in_machine(&self.name, self.machine.as_deref()),
            self.bought.to_string(),
            self.price.to_rounded_string(2),
            self.residual.to_rounded_string(2),
            format!("{} %", self.share_percent),
            self.life.clone(),
            self.book_value.map_or_else(|| "-".into(), |value| value.to_rounded_string(2)),
            state,
        ]
    }
}

fn list(place: &DataArgs, output: OutputArgs, now: Timestamp) -> Result<(), CliError> {
    let (config, ledger) = place.ledger()?;
    let (calendar, currency) = (ledger.calendar(&config.zone()?)?, config.costs.currency);
    ledger.check_currency(currency)?;
    let rows = ledger.assets()?;
    let parts = rows.iter().map(|row| PartJson::new(row, &ledger, &calendar, currency, now));
    let parts = parts.collect::<Result<Vec<_>, _>>()?;
    if output.json {
        return print_json(&parts);
    }
    if parts.is_empty() {
        return super::print(
            "no assets; tintype asset add records one, until then [costs.hardware] counts\n",
        );
    }
    let columns = [
        Column::Number("ID"),
        Column::Text("NAME"),
        Column::Text("BOUGHT"),
        Column::Number("PRICE"),
        Column::Number("RESIDUAL"),
        Column::Number("SHARE"),
        Column::Text("LIFE"),
        Column::Number("BOOK VALUE"),
        Column::Text("STATE"),
    ];
    let table = table(columns, parts.iter().map(PartJson::cells).collect());
    super::print(&format!("{table}amounts in {currency}\n"))
}

fn register(place: &DataArgs, format: RegisterFormat, now: Timestamp) -> Result<(), CliError> {
    let (config, ledger) = place.ledger()?;
    let (calendar, currency) = (ledger.calendar(&config.zone()?)?, config.costs.currency);
    ledger.check_currency(currency)?;
    let parts = ledger.register(&calendar, now)?;
    match format {
        RegisterFormat::Json => print_json(&parts),
        RegisterFormat::Csv => super::print(&RegisteredPart::to_csv(&parts, currency)?),
        RegisterFormat::Table => super::print(&register_in_words(&parts, currency)),
    }
}

/// A row for each part and year.
fn register_in_words(parts: &[RegisteredPart], currency: Currency) -> String {
    let columns = [
        Column::Number("ID"),
        Column::Text("NAME"),
        Column::Text("DOCUMENT"),
        Column::Text("YEAR"),
        Column::Number("OPENING"),
        Column::Number("ADDITIONS"),
        Column::Number("DEPRECIATION"),
        Column::Number("DISPOSALS"),
        Column::Number("CLOSING"),
    ];
    let cells = |part: &RegisteredPart, year: &AssetYear| {
        let amounts =
            [year.opening_value, year.additions, year.depreciation, year.disposals, year.closing_value];
        let [opening, additions, depreciation, disposals, closing] =
            amounts.map(|amount| amount.to_rounded_string(2));
        let plan = if year.is_open { "*" } else { "" };
        let document = part.document.clone().unwrap_or_else(|| "-".into());
        let (id, name) = (part.id.to_string(), in_machine(&part.name, part.machine.as_deref()));
        let year = format!("{}{plan}", year.year);
        [id, name, document, year, opening, additions, depreciation, disposals, closing]
    };
    let rows = parts.iter().flat_map(|part| part.years.iter().map(move |year| cells(part, year)));
    format!("{}amounts in {currency}; * has not ended\n", table(columns, rows.collect()))
}

/// A part's name, and which machine it is in.
fn in_machine(name: &str, machine: Option<&str>) -> String {
    machine.map_or_else(|| name.to_owned(), |machine| format!("{name}, in {machine}"))
}

/// `30000 images`, or `3 years at 20 %`.
fn life(asset: &Asset) -> String {
    match asset.life {
        Life::Units { lifetime_images, years: None } => format!("{lifetime_images} images"),
        Life::Units { lifetime_images, years: Some(years) } => {
            format!("{lifetime_images} images, at most {years} years")
        }
        Life::Time { years, normal_utilisation_percent } => {
            format!("{years} years at {normal_utilisation_percent} %")
        }
    }
}

fn state(asset: &Asset, today: Date, images: u64) -> Result<&'static str, CliError> {
    let lost = asset.lost_before(today, images)?;
    let all = asset.depreciable()?;
    Ok(match asset.retirement {
        Some(_) => "retired",
        None if today < asset.purchased_on => "not in service yet",
        None if lost >= all => "written off",
        None => "in service",
    })
}

/// `gain 133.33`, or `loss 866.67`.
fn outcome(gain: Money) -> String {
    let word = if gain < Money::ZERO { "loss" } else { "gain" };
    format!("{word} {}", gain.abs().to_rounded_string(2))
}

fn retire(args: &RetireArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let Books { ledger, costs, calendar, .. } = args.place.books(clock)?;
    let (currency, now) = (costs.currency(), clock.now());
    let today = calendar.to_datetime(now).date();
    let retirement = Retirement { on: args.on.unwrap_or(today), proceeds: args.proceeds };
    let row = find(&ledger.assets()?, &args.part)?;
    if let Some(earlier) = row.asset.retirement {
        return Err(CliError::Usage(format!("asset {} was retired on {} already", row.id, earlier.on)));
    }
    if retirement.on < row.asset.purchased_on {
        let bought = row.asset.purchased_on;
        return Err(CliError::Usage(format!("--on is before its purchase; write {bought} or a later day")));
    }
    if retirement.on > today {
        return Err(CliError::Usage("--on is in the future; retire a part when it has been sold".into()));
    }
    let evidence = Evidence { document: args.document.as_deref(), ..Evidence::COMMAND_LINE };
    if !ledger.retire_asset(row.id, retirement, &costs, &evidence, now)? {
        return Err(CliError::Usage(format!("asset {} was retired meanwhile", row.id)));
    }
    let row = AssetRow { asset: Asset { retirement: Some(retirement), ..row.asset }, ..row };
    let images = ledger.images_on(row.asset.service(), &calendar)?;
    let book_value = row.asset.book_value(retirement.on, images)?;
    args.output.print(&PartJson::new(&row, &ledger, &calendar, currency, now)?, |part| {
        format!(
            "asset {} is retired on {}: book value {} {currency}, {} {currency}\n",
            part.id,
            retirement.on,
            book_value.to_rounded_string(2),
            outcome(part.disposal_gain.unwrap_or_default())
        )
    })
}

/// By its number; a retired part gives its name up.
impl Named for AssetRow {
    const KIND: &'static str = "asset";
    const ID: &'static str = "number";
    const LIST: &'static str = "tintype asset list";

    fn id(&self) -> String {
        self.id.to_string()
    }

    fn name(&self) -> &str {
        &self.asset.name
    }

    fn is_in_use(&self) -> bool {
        self.asset.retirement.is_none()
    }
}

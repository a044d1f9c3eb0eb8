use clap::{Args, Subcommand};
use jiff::{Timestamp, civil::Date};
use serde::Serialize;

use super::{
    Books, CliError, DataArgs,
    invoice_args::{InvoiceArgs, cost_of},
    output::OutputArgs,
    parse_day, parse_text, print_json,
    spot_prices::{self, ImportPricesArgs},
    table::{Column, table},
};
use crate::{
    clock::Clock,
    costs::{CarbonRate, Invoice, PriceSheet, ShareRuleError, TariffRow, Term},
    domain::Calendar,
    ledger::{Evidence, TermRow},
    units::{CarbonIntensityError, Currency, Money, MoneyError, Power},
};

/// Names that `set` takes.
const NAMES: &str = "price_per_kwh, host_watts, wall_factor_percent, carbon_grams_per_kwh, shared_by, mark_up_percent, or exchange_rate.USD for a currency";

#[derive(Debug, Subcommand)]
pub(super) enum TermsCommand {
    /// List every value that costs were ever counted with, and who recorded it
    List {
        #[command(flatten)]
        place: DataArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Set a value from a day on; a running server counts with it from then on
    Set(SetArgs),
    /// Take prices of electricity by the hour from a CSV file, negative ones too
    ImportPrices(ImportPricesArgs),
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    #[command(flatten)]
    place: DataArgs,
    /// price_per_kwh, host_watts, wall_factor_percent, carbon_grams_per_kwh, shared_by, mark_up_percent, or exchange_rate.USD for a
    /// currency
    name: String,
    /// Its value
    value: String,
    /// The first day on which it holds, such as 2027-01-01 [default: now]
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    from: Option<Date>,
    #[command(flatten)]
    invoice: InvoiceArgs,
    /// An invoice's number, or a contract
    #[arg(long, value_name = "TEXT", value_parser = parse_text)]
    document: Option<String>,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(command: &TermsCommand, clock: &dyn Clock) -> Result<(), CliError> {
    match command {
        TermsCommand::List { place, output } => list(place, *output),
        TermsCommand::Set(args) => set(args, clock),
        TermsCommand::ImportPrices(args) => spot_prices::run(args, clock),
    }
}

/// A value for programs.
#[derive(Debug, Serialize)]
struct TermJson {
    id: i64,
    name: String,
    #[serde(flatten)]
    term: Term,
    /// Null: it has always held.
    from: Option<Timestamp>,
    by: String,
    document: Option<String>,
    machine: Option<String>,
    recorded_at: Timestamp,
    /// Null: the value is what was stated.
    invoice: Option<Invoice>,
}

impl TermJson {
    fn new(row: TermRow) -> Self {
        let TermRow { id, term, from, machine, actor, document, recorded_at, invoice } = row;
        Self { id, name: term.name(), term, from, by: actor, document, machine, recorded_at, invoice }
    }
}

fn list(place: &DataArgs, output: OutputArgs) -> Result<(), CliError> {
    let (config, ledger) = place.ledger()?;
    let rows = ledger.terms()?;
    if output.json {
        return print_json(&rows.into_iter().map(TermJson::new).collect::<Vec<_>>());
    }
    if rows.is_empty() {
        return super::print("no values yet; the server's next start records what tintype.toml says\n");
    }
    let calendar = ledger.calendar(&config.zone()?)?;
    let columns = [
        Column::Number("ID"),
        Column::Text("NAME"),
        Column::Text("VALUE"),
        Column::Text("FROM"),
        Column::Text("BY"),
        Column::Text("DOCUMENT"),
    ];
    let cells = |row: &TermRow| {
        let from = row.from.map_or_else(|| "always".into(), |from| minute(from, &calendar));
        let document = row.document.clone().unwrap_or_else(|| "-".into());
        [row.id.to_string(), row.term.name(), value(&row.term), from, row.actor.clone(), document]
    };
    super::print(&table(columns, rows.iter().map(cells).collect()))
}

fn minute(moment: Timestamp, calendar: &Calendar) -> String {
    calendar.to_datetime(moment).strftime("%Y-%m-%d %H:%M").to_string()
}

/// A value for people.
fn value(term: &Term) -> String {
    let watts = |power: &Option<Power>, otherwise: &str| {
        power.map_or_else(|| otherwise.to_owned(), |power| format!("{} W", power.as_watts()))
    };
    match term {
        Term::Electricity(sheet) => {
            let row = |row: &TariffRow| match row.conditions_in_words() {
                None => format!("{} a kWh", row.price_per_kwh),
                Some(conditions) => format!("{} a kWh ({conditions})", row.price_per_kwh),
            };
            sheet.rows().iter().map(row).collect::<Vec<_>>().join("; ")
        }
        Term::Spot(prices) => {
            let amounts = || prices.prices().iter().map(|price| price.price_per_kwh);
            let [least, most] = [amounts().min(), amounts().max()].map(Option::unwrap_or_default);
            let until = prices.until().strftime("%Y-%m-%d %H:%M");
            format!("{} prices until {until}, from {least} to {most} a kWh", prices.prices().len())
        }
        Term::ExchangeRate { from, to, rate } => format!("1 {from} = {rate} {to}"),
        Term::HostWatts(power) => format!("{} W", power.as_watts()),
        Term::WallFactorPercent(percent) | Term::MarkUpPercent(percent) => format!("{percent} %"),
        Term::Carbon(rate) => format!("{} g CO2e a kWh, by {}", rate.grams_per_kwh, rate.source),
        Term::SharedBy(rule) => rule.to_string(),
        Term::DeviceWatts(power) => watts(power, "the usual of its kind"),
        Term::IdleWatts(power) => watts(power, "not booked"),
        Term::CompareMix(rules) if rules.is_empty() => "nothing else".into(),
        Term::CompareMix(rules) => rules.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        Term::CompareWith(sku) => sku.clone(),
        Term::TimeZone(name) => name.clone(),
    }
}

fn set(args: &SetArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let Books { config, ledger, costs, calendar } = args.place.books_or_new(clock)?;
    let now = clock.now();
    let today = calendar.to_datetime(now).date();
    let first = args.from.unwrap_or(today);
    let mut term = args.term(config.costs.currency, first)?;
    let costs = ledger.with_assets(&costs)?;
    let invoice = match &mut term {
        Term::Electricity(sheet) => {
            let price = args.price()?;
            let invoice = args.invoice.invoice(price, &costs, first)?;
            *sheet = PriceSheet::flat(cost_of(invoice.as_ref(), price)?, first);
            invoice
        }
        _ if args.invoice.is_given() => {
            return Err(CliError::Usage(format!(
                "{} has no invoice; --currency and --vat are for price_per_kwh",
                args.name
            )));
        }
        _ => None,
    };
    let is_configured = match &term {
        Term::ExchangeRate { from, to, .. } => {
            config.exchange_rate.iter().any(|rate| (rate.from, rate.to) == (*from, *to))
        }
        _ => true,
    };
    if let Some(key) = config.stated.key_of(&term).filter(|_| is_configured) {
        return Err(CliError::Usage(format!(
            "{key} is set in the configuration; change it there, or take it out and run this again"
        )));
    }
    // What was counted today stays as it was.
    let from = if first == today { now } else { calendar.start_of(first) };
    let document = args.document.as_deref();
    let evidence = Evidence { document, invoice: invoice.as_ref(), ..Evidence::COMMAND_LINE };
    let is_past = first < today && !term.is_of_statements();
    if is_past || !ledger.record_term(&term, from, &evidence, now)? {
        return Err(CliError::Usage(format!(
            "--from is in the past, which keeps what it was counted with; write {today} or a later day, or for statements one in a \
             month that is not closed"
        )));
    }
    let recorded = ledger.terms()?.into_iter().max_by_key(|row| row.id);
    let Some(row) = recorded else { return Ok(()) };
    args.output
        .print(&TermJson::new(row), |json| format!("{}: {}, from {first} on\n", json.name, value(&json.term)))
}

impl SetArgs {
    fn refusal(&self, what: &str) -> CliError {
        CliError::Usage(format!("{} is `{}`; {what}", self.name, self.value))
    }

    fn price(&self) -> Result<Money, CliError> {
        self.value.parse().map_err(|error: MoneyError| self.refusal(&error.to_string()))
    }

    fn term(&self, currency: Currency, first: Date) -> Result<Term, CliError> {
        let refuse = |what: &str| self.refusal(what);
        let money = || self.price();
        let whole = || self.value.parse::<u32>().map_err(|_| refuse("write a whole number"));
        match self.name.split_once('.') {
            None if self.name == "price_per_kwh" => Ok(Term::Electricity(PriceSheet::flat(money()?, first))),
            None if self.name == "host_watts" => Ok(Term::HostWatts(Power::from_watts(whole()?))),
            None if self.name == "wall_factor_percent" => match whole()? {
                percent @ 100..=1000 => Ok(Term::WallFactorPercent(percent)),
                _ => Err(refuse("write a percentage from 100 on; tintype calibrate finds it")),
            },
            None if self.name == "carbon_grams_per_kwh" => {
                let grams_per_kwh = self
                    .value
                    .parse()
                    .map_err(|error: CarbonIntensityError| CliError::Usage(error.to_string()))?;
                let source = self.document.clone().ok_or_else(|| {
                    CliError::Usage(
                        "--document is missing; name who publishes the factor, and its year".into(),
                    )
                })?;
                Ok(Term::Carbon(CarbonRate { grams_per_kwh, source }))
            }
            None if self.name == "shared_by" => self
                .value
                .parse()
                .map(Term::SharedBy)
                .map_err(|error: ShareRuleError| refuse(&error.to_string())),
            None if self.name == "mark_up_percent" => match whole()? {
                percent @ 0..=1000 => Ok(Term::MarkUpPercent(percent)),
                _ => Err(refuse("write a percentage up to 1000")),
            },
            Some(("exchange_rate", code)) => {
                let from: Currency = code
                    .parse()
                    .map_err(|error: crate::units::CurrencyError| CliError::Usage(error.to_string()))?;
                match money()? {
                    _ if from == currency => Err(refuse("the ledger is kept in that currency")),
                    rate if rate > Money::ZERO => Ok(Term::ExchangeRate { from, to: currency, rate }),
                    _ => Err(refuse("a rate is above 0")),
                }
            }
            _ => Err(CliError::Usage(format!("`{}` cannot be set; write {NAMES}", self.name))),
        }
    }
}

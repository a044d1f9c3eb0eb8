//! `tintype setup`: asks once for what costs are counted with, writes tintype.toml, and records the rest in the ledger.

use std::{
    fs,
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{Books, CliError, DataArgs, note, parse_amount, parse_day, print};
use crate::{
    clock::Clock,
    config::Config,
    costs::{
        Asset, CostModel, GraphicsCard, Life, MonthlyUse, PriceSheet, Term, UnknownCardError,
        simulation::Scenario,
    },
    domain::{EnergySource, Product, Quality, Usage},
    ledger::{Evidence, Ledger},
    os,
    units::{Currency, Money, Power},
};

#[derive(Debug, Args)]
pub(super) struct SetupArgs {
    #[command(flatten)]
    place: DataArgs,
    /// Currency of the ledger; it cannot be changed later
    #[arg(long, value_name = "CODE")]
    currency: Option<Currency>,
    /// Time zone in which days and months are counted, such as Europe/Berlin
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Where clients find the server, such as https://images.example; an empty text: where a request comes to
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Price of a kilowatt-hour
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
    price_per_kwh: Option<Money>,
    /// The graphics card, such as rtx-4090: its power and its name, with their sources in the list of /admin/settings
    #[arg(long, value_name = "CARD", value_parser = parse_card)]
    card: Option<&'static GraphicsCard>,
    /// Power of one device while it generates, in watts [default: the card's]
    #[arg(long, value_name = "WATTS")]
    device_watts: Option<u32>,
    /// What the machine is called, such as "RTX 4090 workstation"; an empty text: the example's machine counts on
    #[arg(long, value_name = "NAME")]
    machine: Option<String>,
    /// What was paid for it
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
    price: Option<Money>,
    /// What it will be sold for
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
    residual: Option<Money>,
    /// Its first day in service [default: today]
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    bought: Option<Date>,
    /// Years that it is expected to serve
    #[arg(long, value_name = "N")]
    years: Option<u32>,
    /// The share of all hours in which it usually generates images, in percent
    #[arg(long, value_name = "PERCENT")]
    normal_utilisation: Option<u32>,
    /// Ask nothing: what no flag says keeps its default
    #[arg(long)]
    yes: bool,
}

fn parse_card(text: &str) -> Result<&'static GraphicsCard, String> {
    text.parse().map_err(|error: UnknownCardError| error.to_string())
}

/// What is said of a device's power: watts, or a card whose power is known.
#[derive(Debug, Clone, Copy)]
enum DevicePower {
    Watts(Power),
    Card(&'static GraphicsCard),
}

impl DevicePower {
    fn watts(self) -> u32 {
        match self {
            Self::Watts(power) => power.as_watts(),
            Self::Card(card) => card.power.as_watts(),
        }
    }
}

impl FromStr for DevicePower {
    type Err = UnknownCardError;

    fn from_str(text: &str) -> Result<Self, UnknownCardError> {
        match text.parse() {
            Ok(watts) => Ok(Self::Watts(Power::from_watts(watts))),
            Err(_) => text.parse().map(Self::Card),
        }
    }
}

/// Asks for what no flag says.
struct Asker<R> {
    answers: R,
    asks: bool,
}

impl<R: BufRead> Asker<R> {
    /// The flag's value, else the answer to `question`, else `default`; none for an empty answer without a default.
    fn ask<T: FromStr>(
        &mut self,
        flag: Option<T>,
        question: &str,
        default: &str,
    ) -> Result<Option<T>, CliError> {
        if let Some(value) = flag {
            return Ok(Some(value));
        }
        let parsed = |text: &str| if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) };
        while self.asks {
            let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
            note(&format_args!("{question}{shown}:"));
            let mut line = String::new();
            let read = self.answers.read_line(&mut line);
            if read.map_err(|error| CliError::Usage(format!("cannot read an answer: {error}")))? == 0 {
                self.asks = false;
                break;
            }
            let answer = line.trim();
            match parsed(if answer.is_empty() { default } else { answer }) {
                Some(value) => return Ok(value),
                None => note(&format_args!("`{answer}` cannot be used here")),
            }
        }
        Ok(parsed(default).flatten())
    }
}

pub(super) fn run(args: &SetupArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let stdin = io::stdin();
    // A pipe's lines are answers too.
    let mut asker = Asker { asks: !args.yes, answers: stdin.lock() };
    if asker.asks && io::stdin().is_terminal() {
        note(&format_args!("Press Enter to keep what stands in brackets."));
    }
    let file = args.place.config_file.config.clone().unwrap_or_else(|| PathBuf::from("tintype.toml"));
    let is_there = file.exists();
    if is_there {
        note(&format_args!("{} is there already, and stays as it is", file.display()));
        if asker.asks && args.card.is_none() && args.machine.is_none() {
            list_cards();
        }
    }
    let mut card = args.card;
    let configured = if is_there { None } else { Some(configuration(args, &mut card, &mut asker)?) };
    let currency = match &configured {
        Some((currency, _)) => *currency,
        None => Config::load(Some(&file))?.costs.currency,
    };
    let is_foreign = configured.is_some() && currency != Currency::CNY;
    let price =
        asker.ask(args.price_per_kwh, "Price of a kilowatt-hour", if is_foreign { "" } else { "1.20" })?;
    let machine = machine(args, (card, currency), &mut asker, clock)?;
    if let Some((currency, text)) = &configured {
        write(&file, &with_amounts(text, *currency, price)?)?;
    }
    let Books { config, ledger, costs, calendar } = args.place.books_or_new(clock)?;
    let now = clock.now();
    let today = calendar.to_datetime(now).date();
    if let Some(price) = price {
        record_price(price, &config, &ledger, today, now)?;
    }
    if let Some(machine) = &machine {
        ledger.add_asset(machine, &ledger.with_assets(&costs)?, &Evidence::COMMAND_LINE, now)?;
    }
    let costs = ledger.with_assets(&costs)?;
    print(&summary(&config, &costs, calendar.to_datetime(now))?)
}

/// The currency, and the lines of tintype.toml that depend on nothing else. An answer may name the `card`.
fn configuration(
    args: &SetupArgs,
    card: &mut Option<&'static GraphicsCard>,
    asker: &mut Asker<impl BufRead>,
) -> Result<(Currency, String), CliError> {
    let currency = asker.ask(args.currency, "Currency of the ledger", "CNY")?.unwrap_or(Currency::CNY);
    let system = TimeZone::try_system().ok().and_then(|zone| zone.iana_name().map(str::to_owned));
    let zone = system.unwrap_or_else(|| "UTC".into());
    let zone = asker.ask(args.time_zone.clone(), "Time zone", &zone)?;
    let url = asker.ask(args.public_url.clone(), "Public address, if there is one", "")?;
    let said = args.device_watts.map(|watts| DevicePower::Watts(Power::from_watts(watts)));
    let said = said.or(card.map(DevicePower::Card));
    if asker.asks && said.is_none() {
        list_cards();
    }
    let question = "Power of the device while it generates, in watts, or a card of the list, if you know it";
    let power = asker.ask(said, question, "")?;
    if let Some(DevicePower::Card(named)) = power {
        *card = Some(named);
    }
    let mut text =
        "# Written by tintype setup. config/tintype.toml of the source lists every key.\n".to_owned();
    let mut line = |key: &str, value: &str| text += &format!("{key} = {}\n", quoted(value));
    if let Some(zone) = zone.filter(|zone| !zone.is_empty()) {
        line("time_zone", &zone);
    }
    if let Some(url) = url.filter(|url| !url.is_empty()) {
        line("public_url", &url);
    }
    if let Some(power) = power {
        text += &format!("\n[energy]\ndevice_watts = {}\n", power.watts());
    }
    text += &format!("\n[costs]\ncurrency = {}\n", quoted(currency.code()));
    Ok((currency, text))
}

/// The cards whose figures are known, the same as on /admin/settings.
fn list_cards() {
    for card in GraphicsCard::all() {
        let launch = card.launch.map_or_else(String::new, |launch| {
            format!(", launched at {} {}", launch.amount.readable(), launch.currency)
        });
        note(&format_args!("  {:<12} {}, at most {} W{launch}", card.id, card.name, card.power.as_watts()));
    }
}

/// The same with the amounts that no default stands for in another currency than the example's.
fn with_amounts(text: &str, currency: Currency, price: Option<Money>) -> Result<String, CliError> {
    if currency == Currency::CNY {
        return Ok(text.to_owned());
    }
    let price = price.ok_or_else(|| {
        CliError::Usage(format!(
            "the price of a kilowatt-hour in {currency} is missing; pass --price-per-kwh"
        ))
    })?;
    Ok(format!(
        "{text}price_per_kwh = \"{price}\"\nupkeep_per_image = \"0\"\n\n\
         # Parts are in the ledger: tintype asset list.\n[costs.hardware]\nname = \"none\"\nprice = \"0\"\nresidual = \"0\"\n"
    ))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Writes `text` into `file` if it is a configuration.
fn write(file: &Path, text: &str) -> Result<(), CliError> {
    let aside = file.with_extension("toml.new");
    let failed = |path: &Path, error: &io::Error| CliError::Usage(format!("{}: {error}", path.display()));
    // What an earlier run left half done; a new file is never a link that somebody planted.
    fs::remove_file(&aside).ok();
    let written = os::create_new(&aside).and_then(|mut aside| aside.write_all(text.as_bytes()));
    if let Err(error) = written {
        fs::remove_file(&aside).ok();
        return Err(failed(&aside, &error));
    }
    let checked = Config::load(Some(&aside)).and_then(|config| config.zone().map(|_| ()));
    if let Err(error) = checked {
        fs::remove_file(&aside).ok();
        return Err(error.into());
    }
    fs::rename(&aside, file).map_err(|error| failed(file, &error))?;
    note(&format_args!("{} is written", file.display()));
    Ok(())
}

/// The machine as a part that wears out by time; none if its name is left empty. A known card gives it its name, and the price
/// at its launch where somebody can change it.
fn machine(
    args: &SetupArgs,
    (card, currency): (Option<&'static GraphicsCard>, Currency),
    asker: &mut Asker<impl BufRead>,
    clock: &dyn Clock,
) -> Result<Option<Asset>, CliError> {
    // Without a price that somebody stated, a card alone is no machine: what it cost at its launch is not what was paid.
    let called = card.filter(|_| asker.asks || args.price.is_some()).map_or("", |card| card.name);
    let question = match called {
        "" => "What is the machine called, or which card of the list is it? Empty: the example's counts on",
        _ => "What is the machine called? none: the example's counts on",
    };
    let name = asker.ask(args.machine.clone(), question, called)?.unwrap_or_default();
    let is_none = !called.is_empty() && name.eq_ignore_ascii_case("none");
    if is_none || name.trim().is_empty() {
        return Ok(None);
    }
    let answered = name.trim().parse::<&'static GraphicsCard>().ok().filter(|_| args.machine.is_none());
    let name = answered.map_or(name, |card| card.name.to_owned());
    let missing = |flag: &str| CliError::Usage(format!("the machine's {flag} is missing; pass --{flag}"));
    let can_change = asker.asks && args.price.is_none();
    let launch = answered.or(card).filter(|_| can_change).and_then(|card| launch_price(card, currency));
    let launch = launch.map(|price| price.to_string()).unwrap_or_default();
    let price = asker.ask(args.price, "What was paid for it", &launch)?.ok_or_else(|| missing("price"))?;
    let residual = asker.ask(args.residual, "What will it be sold for", "0")?.unwrap_or_default();
    let today = clock.now().to_zoned(TimeZone::system()).date();
    let bought = asker.ask(args.bought, "Its first day in service", &today.to_string())?.unwrap_or(today);
    let years = asker.ask(args.years, "Years that it will serve", "3")?.unwrap_or(3);
    let use_percent = "Percent of all hours in which it usually generates images";
    let use_percent = asker.ask(args.normal_utilisation, use_percent, "20")?.unwrap_or(20);
    let machine = Asset {
        name,
        price,
        residual,
        share_percent: 100,
        purchased_on: bought,
        life: Life::Time { years, normal_utilisation_percent: use_percent },
        retirement: None,
    };
    machine.check().map_err(|error| CliError::Usage(error.to_string()))?;
    Ok(Some(machine))
}

/// Says what the card cost at its launch, and returns it if that is in the ledger's currency.
fn launch_price(card: &GraphicsCard, currency: Currency) -> Option<Money> {
    let launch = card.launch?;
    let (amount, source) = (launch.amount.readable(), launch.source);
    note(&format_args!(
        "{} was launched at {amount} {}, before tax ({}, read on {})",
        card.name, launch.currency, source.address, source.read_on
    ));
    card.launch_price_in(currency)
}

/// Records the price of electricity, unless the configuration states it.
fn record_price(
    price: Money,
    config: &Config,
    ledger: &Ledger,
    today: Date,
    now: Timestamp,
) -> Result<(), CliError> {
    let term = Term::Electricity(PriceSheet::flat(price, today));
    if config.stated.key_of(&term).is_none() {
        ledger.record_term(&term, now, &Evidence::COMMAND_LINE, now)?;
    }
    Ok(())
}

/// What an example month comes to, and where to go on.
fn summary(config: &Config, costs: &CostModel, at: jiff::civil::DateTime) -> Result<String, CliError> {
    let example = Scenario::shipped()?;
    let watts = config.energy.device_watts.unwrap_or(example.watts);
    let duration = example.seconds_per_image;
    let usage =
        Usage { duration, energy: watts.over(duration), source: EnergySource::Estimated, epoch: None };
    let images = u32::try_from(example.images_per_month).unwrap_or(u32::MAX);
    let product = Product::generated(example.size, Quality::default());
    let month = costs.example_month(&MonthlyUse { images, usage, product }, at)?;
    let currency = costs.currency();
    let watts: Power = watts;
    let example = if costs.uses_example_hardware() { ", with the example's machine" } else { "" };
    Ok(format!(
        "a month of {images} images of {} s at {} W costs {} {currency} all in, {} an image{example}\n\
         tintype serve starts the server; /admin/settings changes these figures\n",
        duration.to_seconds_string(),
        watts.as_watts(),
        month.total.to_rounded_string(2),
        month.all_in.readable(),
    ))
}

//! `tintype roi`: whether hardware of one's own is worth it.

mod columns;
mod number;
mod report;
mod usage;
mod usage_error;

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Serialize;

use self::usage::{Period, UsageFile};
use super::{CliError, ConfigFile, print, print_json};
use crate::{
    app::ledger_place,
    clock::Clock,
    config::{Config, ConfigError},
    costs::{
        Comparison,
        simulation::{AnotherCard, BoughtLately, ComparedPrice, Input, Outcome, Rental, Scenario},
    },
    domain::{Product, Quality},
    ledger::Ledger,
    units::{Currency, Money, MoneyError, RangeError},
};

#[derive(Debug, Args)]
pub(super) struct RoiArgs {
    /// Scenario file [default: the built-in one, an RTX 4090 workstation in 2026]
    #[arg(value_name = "SCENARIO.toml")]
    scenario: Option<PathBuf>,
    #[command(flatten)]
    config_file: ConfigFile,
    #[command(flatten)]
    inputs: InputArgs,
    /// What an image costs elsewhere; may be repeated, and replaces the scenario's list
    #[arg(long, value_name = "NAME=PRICE", value_parser = compared_price)]
    compare: Vec<ComparedPrice>,
    /// What an hour of a rented device costs; may be repeated, and replaces the scenario's list
    #[arg(long, value_name = "NAME=PRICE", value_parser = rental)]
    rent: Vec<Rental>,
    /// Months of your own usage or invoices, as CSV: images and prices come from there
    #[arg(long, value_name = "FILE")]
    from_csv: Option<PathBuf>,
    /// Currency of amounts in the CSV that name none [default: the scenario's]
    #[arg(long, value_name = "CODE", requires = "from_csv")]
    paid_in: Option<Currency>,
    /// Print JSON with exact figures
    #[arg(long)]
    json: bool,
}

/// What changes the scenario's inputs.
#[derive(Debug, Args)]
struct InputArgs {
    /// What all of the hardware cost
    #[arg(long, value_name = "AMOUNT")]
    price: Option<String>,
    /// What it will be sold for
    #[arg(long, value_name = "AMOUNT")]
    residual: Option<String>,
    /// How much of it works for images
    #[arg(long, value_name = "PERCENT")]
    share: Option<String>,
    /// Images that it generates over its life
    #[arg(long, value_name = "N")]
    lifetime_images: Option<String>,
    /// Power of the device while it generates images
    #[arg(long, value_name = "W")]
    watts: Option<String>,
    /// Time of the device for an image
    #[arg(long, value_name = "S")]
    seconds: Option<String>,
    /// Price of a kilowatt-hour
    #[arg(long, value_name = "AMOUNT")]
    price_per_kwh: Option<String>,
    /// Repairs, network, space: an image
    #[arg(long, value_name = "AMOUNT")]
    upkeep: Option<String>,
    /// All the bills of a year for running it, electricity included
    #[arg(long, value_name = "AMOUNT")]
    running_costs: Option<String>,
    /// Images of a month
    #[arg(long, value_name = "N")]
    images_per_month: Option<String>,
    /// Years of the table
    #[arg(long, value_name = "N")]
    years: Option<String>,
}

/// What was paid until now, in the scenario's currency, and how the file was understood.
#[derive(Debug, Serialize)]
struct Usage {
    /// Its first day.
    first_day: Date,
    /// Its last day.
    last_day: Date,
    #[serde(skip)]
    period: Period,
    /// `2026-08`.
    first_month: String,
    /// `2026-10`.
    last_month: String,
    /// From the one to the other, both counted.
    months: u64,
    /// Images in all.
    images: u64,
    /// Images of a month, rounded down: the images over the days of the file, and over a month if those are fewer.
    images_per_month: u64,
    /// The column that they were read from; null if they were given.
    images_column: Option<String>,
    /// Megapixels, which were counted as images of the scenario's size; null if the file counts images.
    megapixels: Option<String>,
    /// The column that costs were read from; null if there is none.
    cost_column: Option<String>,
    /// What was paid, in the file's currency.
    #[serde(skip)]
    paid_there: Option<(Money, Currency)>,
    /// Whether the file names no currency.
    currency_guessed: bool,
    /// Lines of sums, which were left out.
    totals_left_out: u64,
    /// What was paid in all; null if the file does not say.
    paid: Option<Money>,
    /// What one unit of the file's currency cost, on the last day in the file.
    exchange_rate: Option<Money>,
    /// What an image cost, rounded down.
    paid_per_image: Option<Money>,
}

/// What is printed as JSON.
#[derive(Serialize)]
struct PrintedOutcome<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<&'a Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    worth_it: Option<bool>,
    #[serde(flatten)]
    outcome: &'a Outcome,
    /// What overflow cost in the last 30 days, and what another card would have saved.
    #[serde(skip_serializing_if = "Option::is_none")]
    overflow: Option<&'a AnotherCard>,
}

pub(super) fn run(args: &RoiArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let config = args.config_file.load()?;
    let today = config.zone()?.to_datetime(clock.now()).date();
    let mut scenario = args.scenario()?;
    let usage = args.usage(&mut scenario, &config)?;
    let gap = add_like_for_like(&mut scenario, &config, today)?;
    let outcome = scenario.outcome()?;
    let bought = bought_lately(&config, &scenario, clock)?;
    let overflow = bought.map(|bought| scenario.another_card(&bought)).transpose()?;
    if args.json {
        return args.print_json(usage.as_ref(), &outcome, overflow.as_ref());
    }
    let mut text = match &usage {
        Some(usage) => report::usage(usage, &scenario, &outcome),
        None => String::new(),
    };
    text += &report::report(&scenario, &outcome);
    text += &report::like_for_like(&scenario, &outcome, gap.as_deref());
    if let Some(overflow) = &overflow {
        text += &report::overflow(overflow, outcome.currency);
    }
    print(&text)
}

/// What the configured ledger bought lately; none if there is no ledger, nothing was bought, or the scenario counts in another currency.
fn bought_lately(
    config: &Config,
    scenario: &Scenario,
    clock: &dyn Clock,
) -> Result<Option<BoughtLately>, CliError> {
    let place = ledger_place(config);
    if config.costs.currency != scenario.currency || !place.is_there()? {
        return Ok(None);
    }
    Ok(Ledger::open_at(&place)?.bought_lately(clock.now())?)
}

impl RoiArgs {
    /// The scenario's file, with the flags' values in place of its own.
    fn scenario(&self) -> Result<Scenario, CliError> {
        let mut scenario = match &self.scenario {
            None => Scenario::shipped()?,
            Some(file) => {
                let named = |error: String| CliError::Usage(format!("{}: {error}", file.display()));
                let toml = std::fs::read_to_string(file).map_err(|error| named(error.to_string()))?;
                Scenario::parse(&toml).map_err(|error| named(error.to_string()))?
            }
        };
        for (input, text) in self.inputs.given() {
            scenario.change(input, text)?;
        }
        if !self.compare.is_empty() {
            scenario.compared.clone_from(&self.compare);
        }
        if !self.rent.is_empty() {
            scenario.rentals.clone_from(&self.rent);
        }
        scenario.check()?;
        Ok(scenario)
    }

    /// Reads the usage, if there is a file of it, and puts it in place of the scenario's volume and prices.
    fn usage(&self, scenario: &mut Scenario, config: &Config) -> Result<Option<Usage>, CliError> {
        let Some(path) = &self.from_csv else { return Ok(None) };
        let name = path.display().to_string();
        let refuse = |what: String| CliError::Usage(format!("{name}: {what}"));
        let csv = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
        let counts_images = self.inputs.images_per_month.is_none();
        let file = UsageFile::read(&csv, counts_images).map_err(|error| refuse(error.to_string()))?;
        let images = self.images(&file, scenario).map_err(refuse)?;
        let names_seller = file.names_seller;
        let usage = self.priced(file, images, scenario, config)?;
        scenario.images_per_month = usage.images_per_month;
        if scenario.images_per_month == 0 {
            return Err(refuse("less than one image a month; no hardware pays back at that".into()));
        }
        match usage.paid_per_image {
            Some(price) if price <= Money::ZERO => {
                return Err(refuse(format!(
                    "column {} says that an image cost nothing; hardware cannot be cheaper",
                    usage.cost_column.as_deref().unwrap_or_default()
                )));
            }
            Some(price) => {
                scenario.compared = [ComparedPrice { name: "what you paid".into(), price }].to_vec();
                scenario.compared.extend_from_slice(&self.compare);
            }
            None if names_seller && self.compare.is_empty() => {
                return Err(refuse(
                    "no column of costs, so what you paid is not known; name one cost, or pass --compare NAME=PRICE"
                        .into(),
                ));
            }
            None => {}
        }
        Ok(Some(usage))
    }

    /// The images of `file`, or what to do to have them.
    fn images(&self, file: &UsageFile, scenario: &Scenario) -> Result<u64, String> {
        let Some(images) = file.images else {
            return match self.inputs.images_per_month {
                Some(_) => Ok(file.period.in_all(scenario.images_per_month)),
                None => Err("no column of images; name one images, or pass --images-per-month".into()),
            };
        };
        let of_megapixels = (file.megapixels * Decimal::from(1_000_000))
            .checked_div(Decimal::from(scenario.size.pixels()))
            .and_then(|images| u64::try_from(images.round().trunc()).ok());
        let images = u64::try_from(images).ok().zip(of_megapixels);
        match images.map(|(counted, of_megapixels)| counted.saturating_add(of_megapixels)) {
            None => Err("more images are given back than were made; export more months".into()),
            Some(0) => Err("no line counts images; pass --images-per-month".into()),
            Some(images) => Ok(images),
        }
    }

    fn priced(
        &self,
        file: UsageFile,
        images: u64,
        scenario: &Scenario,
        config: &Config,
    ) -> Result<Usage, CliError> {
        let period = file.period;
        let [images_column, cost_column] = file.columns;
        let mut usage = Usage {
            first_day: period.first(),
            last_day: period.last(),
            period,
            first_month: month(period.first()),
            last_month: month(period.last()),
            months: period.calendar_months(),
            images,
            images_per_month: period.a_month(images),
            images_column,
            megapixels: (file.megapixels != Decimal::ZERO).then(|| file.megapixels.normalize().to_string()),
            cost_column,
            paid_there: None,
            currency_guessed: false,
            totals_left_out: file.totals,
            paid: None,
            exchange_rate: None,
            paid_per_image: None,
        };
        let Some(paid) = file.paid else { return Ok(usage) };
        let named = paid.currency.filter(|_| !paid.is_guessed);
        let currency = named.or(self.paid_in).or(paid.currency).unwrap_or(scenario.currency);
        usage.currency_guessed = named.or(self.paid_in).is_none();
        let rates = config.costs.terms(config.exchange_rate.clone());
        let rate = rates
            .and_then(|rates| rates.exchange_rate(currency, scenario.currency, period.last()))
            .map_err(ConfigError::from)?;
        let range = |error: RangeError| CliError::Usage(error.to_string());
        let converted =
            paid.amount.share_floor(rate.as_nano().unsigned_abs(), 1_000_000_000).map_err(range)?;
        usage.paid_there = Some((paid.amount, currency));
        usage.paid = Some(converted);
        usage.exchange_rate = (currency != scenario.currency).then_some(rate);
        usage.paid_per_image = Some(converted.share_floor(1, images).map_err(range)?);
        Ok(usage)
    }

    fn print_json(
        &self,
        usage: Option<&Usage>,
        outcome: &Outcome,
        overflow: Option<&AnotherCard>,
    ) -> Result<(), CliError> {
        let worth_it =
            usage.and(outcome.against.first()).map(|first| first.is_worth_it_at(outcome.images_per_month));
        print_json(&PrintedOutcome { usage, worth_it, outcome, overflow })
    }
}

impl InputArgs {
    fn given(&self) -> impl Iterator<Item = (Input, &str)> {
        let all = [
            (Input::Price, &self.price),
            (Input::Residual, &self.residual),
            (Input::SharePercent, &self.share),
            (Input::LifetimeImages, &self.lifetime_images),
            (Input::Watts, &self.watts),
            (Input::SecondsPerImage, &self.seconds),
            (Input::PricePerKwh, &self.price_per_kwh),
            (Input::UpkeepPerImage, &self.upkeep),
            (Input::RunningCostsPerYear, &self.running_costs),
            (Input::ImagesPerMonth, &self.images_per_month),
            (Input::Years, &self.years),
        ];
        all.into_iter().filter_map(|(input, text)| Some((input, text.as_deref()?)))
    }
}

/// Prices the same weights, hosted, if the scenario does not itself. Why they have no price, if they have none.
fn add_like_for_like(
    scenario: &mut Scenario,
    config: &Config,
    today: Date,
) -> Result<Option<String>, CliError> {
    let sku = scenario.like_for_like.clone();
    if scenario.compared.iter().any(|compared| compared.name == sku) {
        return Ok(None);
    }
    match config.price_list(scenario.currency, &sku) {
        Ok(prices) => {
            match prices.compare_sku(&sku, Product::generated(scenario.size, Quality::default()), today) {
                Ok(Comparison { price, .. }) => {
                    match scenario.with_like_for_like(ComparedPrice { name: sku, price }) {
                        Some(compared) => *scenario = compared,
                        None => {
                            return Ok(Some("its price is out of range; check the [[exchange_rate]]".into()));
                        }
                    }
                    Ok(None)
                }
                Err(error) => Ok(Some(error.to_string())),
            }
        }
        Err(ConfigError::Costs(error)) => Ok(Some(error.to_string())),
        Err(error) => Err(error.into()),
    }
}

/// `Midjourney=2.50`
fn compared_price(text: &str) -> Result<ComparedPrice, String> {
    let (name, price) = text.rsplit_once('=').ok_or("write NAME=PRICE, such as Midjourney=2.50")?;
    let price = price.parse().map_err(|error: MoneyError| error.to_string())?;
    Ok(ComparedPrice { name: name.trim().to_owned(), price })
}

/// `cloud 4090=1.24`
fn rental(text: &str) -> Result<Rental, String> {
    let ComparedPrice { name, price } = compared_price(text)?;
    Ok(Rental { name, per_hour: price, minimum_hours: 0, source: None })
}

fn month(day: Date) -> String {
    day.strftime("%Y-%m").to_string()
}

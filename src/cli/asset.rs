use clap::{Args, Subcommand};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{CliError, DataArgs, parse_amount, parse_day, table::table};
use crate::{
    clock::Clock,
    costs::{Asset, CostError, Life, Retirement},
    domain::AssetId,
    ledger::{AssetRow, Ledger},
    units::{Currency, Money},
};

#[derive(Debug, Subcommand)]
pub(super) enum AssetCommand {
    /// Record a part that wears out, with what it cost; a running server counts it from its next picture on
    Add(AddArgs),
    /// List the parts, with their book values of today
    List {
        #[command(flatten)]
        place: DataArgs,
    },
    /// End a part's service, and print what its sale gained or lost on the book value
    Retire(RetireArgs),
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    #[command(flatten)]
    place: DataArgs,
    /// What you call it
    name: String,
    /// What was paid for it, in the ledger's currency
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
    #[command(flatten)]
    life: LifeArgs,
}

/// By units or by time.
#[derive(Debug, Args)]
struct LifeArgs {
    /// By units: pictures it is expected to paint in its life
    #[arg(long, value_name = "N", conflicts_with = "years", required_unless_present = "years")]
    lifetime_images: Option<u64>,
    /// By time: years that it is expected to serve
    #[arg(long, value_name = "N", requires = "normal_utilisation")]
    years: Option<u32>,
    /// By time: of all hours, those in which it usually paints, in percent; they carry the cost of the others
    #[arg(long, value_name = "PERCENT", conflicts_with = "lifetime_images")]
    normal_utilisation: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct RetireArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The part's number; tintype asset list shows it
    id: AssetId,
    /// What the whole part was sold for; 0 where it was thrown away
    #[arg(long, value_name = "AMOUNT", value_parser = parse_amount)]
    proceeds: Money,
    /// Its first day out of service [default: today]
    #[arg(long, value_name = "DATE", value_parser = parse_day)]
    on: Option<Date>,
}

pub(super) fn run(command: AssetCommand, clock: &dyn Clock) -> Result<(), CliError> {
    match command {
        AssetCommand::Add(args) => add(args, clock.now()),
        AssetCommand::List { place } => list(&place, clock.now()),
        AssetCommand::Retire(args) => retire(&args, clock.now()),
    }
}

impl LifeArgs {
    fn life(&self) -> Life {
        match (self.years, self.normal_utilisation) {
            (Some(years), Some(normal_utilisation_percent)) => {
                Life::Time { years, normal_utilisation_percent }
            }
            _ => Life::Units { lifetime_images: self.lifetime_images.unwrap_or(0) },
        }
    }
}

fn add(args: AddArgs, now: Timestamp) -> Result<(), CliError> {
    let asset = Asset {
        life: args.life.life(),
        name: args.name,
        price: args.price,
        residual: args.residual,
        share_percent: args.share,
        purchased_on: args.bought,
        retirement: None,
    };
    asset.check().map_err(|error| CliError::Usage(error.to_string()))?;
    let (config, ledger) = args.place.ledger_or_new()?;
    let id = ledger.add_asset(&asset, config.costs.currency, now)?;
    super::print(&format!("asset {id} is recorded: {}, {}\n", asset.name, life(&asset)))
}

fn list(place: &DataArgs, now: Timestamp) -> Result<(), CliError> {
    let (config, ledger) = place.ledger()?;
    let (zone, currency) = (config.zone()?, config.costs.currency);
    ledger.check_currency(currency)?;
    let rows = ledger.assets()?;
    if rows.is_empty() {
        return super::print(
            "no assets; tintype asset add records one, until then [costs.hardware] counts\n",
        );
    }
    let mut cells = vec![
        ["ID", "NAME", "BOUGHT", "PRICE", "RESIDUAL", "SHARE", "LIFE", "BOOK VALUE", "STATE"]
            .map(String::from),
    ];
    for row in &rows {
        cells.push(line(row, &ledger, &zone, now)?);
    }
    super::print(&format!("{}amounts in {currency}\n", table(&cells)))
}

fn line(row: &AssetRow, ledger: &Ledger, zone: &TimeZone, now: Timestamp) -> Result<[String; 9], CliError> {
    let (asset, today) = (&row.asset, zone.to_datetime(now).date());
    let images = ledger.images_on(asset.service(), zone)?;
    let book_value = asset.book_value(today, images).map_err(CostError::from)?;
    let book_value = match asset.retirement {
        Some(_) => "-".into(),
        None => book_value.to_rounded_string(2),
    };
    Ok([
        row.id.to_string(),
        asset.name.clone(),
        asset.purchased_on.to_string(),
        asset.price.to_rounded_string(2),
        asset.residual.to_rounded_string(2),
        format!("{} %", asset.share_percent),
        life(asset),
        book_value,
        state(asset, today, images)?,
    ])
}

/// `30000 images`, or `3 years at 20 %`.
fn life(asset: &Asset) -> String {
    match asset.life {
        Life::Units { lifetime_images } => format!("{lifetime_images} images"),
        Life::Time { years, normal_utilisation_percent } => {
            format!("{years} years at {normal_utilisation_percent} %")
        }
    }
}

fn state(asset: &Asset, today: Date, images: u64) -> Result<String, CliError> {
    let lost = asset.lost_before(today, images).map_err(CostError::from)?;
    let all = asset.depreciable().map_err(CostError::from)?;
    let gain = asset.disposal_gain(images).map_err(CostError::from)?;
    Ok(match (asset.retirement, gain) {
        (Some(retirement), Some(gain)) => format!("retired {}, {}", retirement.on, outcome(gain)),
        _ if today < asset.purchased_on => "not in service yet".into(),
        _ if lost >= all => "written off".into(),
        _ => "in service".into(),
    })
}

/// `gain 133.33`, or `loss 866.67`.
fn outcome(gain: Money) -> String {
    let word = if gain < Money::ZERO { "loss" } else { "gain" };
    format!("{word} {}", gain.abs().to_rounded_string(2))
}

fn retire(args: &RetireArgs, now: Timestamp) -> Result<(), CliError> {
    let (config, ledger) = args.place.ledger()?;
    let (zone, currency) = (config.zone()?, config.costs.currency);
    ledger.check_currency(currency)?;
    let today = zone.to_datetime(now).date();
    let retirement = Retirement { on: args.on.unwrap_or(today), proceeds: args.proceeds };
    let serving = |row: &AssetRow| row.id == args.id && row.asset.retirement.is_none();
    let Some(row) = ledger.assets()?.into_iter().find(serving) else {
        return Err(no_such_asset(args.id));
    };
    if retirement.on < row.asset.purchased_on {
        let bought = row.asset.purchased_on;
        return Err(CliError::Usage(format!("--on is before its purchase; write {bought} or a later day")));
    }
    if retirement.on > today {
        return Err(CliError::Usage("--on is in the future; retire a part when it has been sold".into()));
    }
    if !ledger.retire_asset(args.id, retirement, now)? {
        return Err(no_such_asset(args.id));
    }
    let asset = Asset { retirement: Some(retirement), ..row.asset };
    super::print(&disposal(args.id, &asset, ledger.images_on(asset.service(), &zone)?, currency)?)
}

fn no_such_asset(id: AssetId) -> CliError {
    CliError::Usage(format!("no asset `{id}` in service; tintype asset list shows them"))
}

fn disposal(id: AssetId, asset: &Asset, images: u64, currency: Currency) -> Result<String, CliError> {
    let Some(retirement) = asset.retirement else { return Ok(String::new()) };
    let book_value = asset.book_value(retirement.on, images).map_err(CostError::from)?;
    let gain = asset.disposal_gain(images).map_err(CostError::from)?.unwrap_or_default();
    Ok(format!(
        "asset {id} is retired on {}: book value {} {currency}, {} {currency}\n",
        retirement.on,
        book_value.to_rounded_string(2),
        outcome(gain)
    ))
}

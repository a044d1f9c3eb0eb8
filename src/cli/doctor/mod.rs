//! `tintype doctor`: what stands in the way, and what to do. It reads, asks the mail server, and writes nothing.

mod machine;
mod mail;
mod place;
mod report;

use clap::Args;
use jiff::civil::Date;
use serde::Serialize;

use self::report::{COMPLAINTS, Check, CheckState, Complaint, to_text};
use super::{CliError, print, print_json, serve::ServeArgs};
use crate::{
    clock::Clock,
    config::{Config, ConfigError},
    costs::CostModel,
    meter::Driver,
};

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    serve: ServeArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    /// The worst of the checks'.
    state: CheckState,
    checks: &'a [Check],
    complaints: &'static [Complaint],
}

pub(super) fn run(args: DoctorArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let checks = match args.serve.config() {
        Ok(config) => checks(&config, clock),
        Err(error) => {
            vec![Check::failure("configuration", error.to_string(), "correct it; nothing else was checked")]
        }
    };
    let state = checks.iter().map(|check| check.state).max().unwrap_or(CheckState::Ok);
    if args.json {
        print_json(&Report { state, checks: &checks, complaints: &COMPLAINTS })?;
    } else {
        print(&to_text(&checks))?;
    }
    let failures = checks.iter().filter(|check| check.state == CheckState::Failure).count();
    match failures {
        0 => Ok(()),
        1 => Err(CliError::Failed("1 check is a failure".into())),
        failures => Err(CliError::Failed(format!("{failures} checks are failures"))),
    }
}

fn checks(config: &Config, clock: &dyn Clock) -> Vec<Check> {
    let driver = Driver::read();
    let now = clock.now();
    let today = config
        .zone()
        .map_or_else(|_| now.to_zoned(jiff::tz::TimeZone::UTC).date(), |zone| zone.to_datetime(now).date());
    let mut checks = vec![
        Check::ok("configuration", "it can be read"),
        machine::driver(config, &driver),
        machine::cuda(config, &driver),
    ];
    checks.extend(machine::model(config));
    checks.push(machine::energy(config, &driver));
    checks.push(place::disk(config));
    checks.extend(place::images(config));
    checks.extend(place::books(config, now));
    checks.extend([
        place::permissions(config),
        place::port(config),
        place::metrics(config),
        place::proxy(config),
    ]);
    checks.extend(mail::server(config));
    let model = config.cost_model(today);
    checks.extend([prices(config, &model, today), costs(config, &model, today)]);
    checks
}

/// The price book: whether it can be read, how old it is, and which prices end within 30 days.
fn prices(config: &Config, costs: &Result<CostModel, ConfigError>, today: Date) -> Check {
    let book = match config.prices() {
        Ok(book) => book,
        Err(error) => {
            return Check::failure(
                "prices",
                error.to_string(),
                "tintype prices check --file says what is wrong",
            );
        }
    };
    let notices: Vec<_> = match costs {
        Ok(costs) => costs.price_notices(today).iter().map(ToString::to_string).collect(),
        // The line `costs` says why.
        Err(_) => Vec::new(),
    };
    let newest = book.entries().iter().map(|entry| entry.read_on).max();
    let age = newest.map_or("no prices".to_owned(), |day| format!("prices read until {day}"));
    let stale =
        newest.and_then(|day| (today - day).get_days().checked_sub(DAYS_FRESH)).is_some_and(|days| days > 0);
    match (notices.as_slice(), stale) {
        ([], false) => Check::ok("prices", age),
        ([], true) => Check::warning("prices", age, "read the prices again: tintype prices check lists them"),
        (notices, _) => Check::warning(
            "prices",
            format!("{age}; {}", notices.join("; ")),
            "add the next entry to the price book, or compare with another service",
        ),
    }
}

/// Days after which the newest price is worth another look.
const DAYS_FRESH: i32 = 180;

/// The cost model: whether it can be used, and what is still the example's.
fn costs(config: &Config, costs: &Result<CostModel, ConfigError>, today: Date) -> Check {
    if let Err(error) = costs {
        return Check::failure("costs", error.to_string(), "correct it in tintype.toml");
    }
    let mut unset = config.example_amounts(today);
    if config.energy.device_watts.is_none() {
        unset.push("energy.device_watts");
    }
    match unset.as_slice() {
        [] => Check::ok("costs", "the tariff, the watts, the hardware and the upkeep are yours"),
        unset => Check::warning(
            "costs",
            format!("still the example's: {}", unset.join(", ")),
            "set them in tintype.toml, or the costs are somebody else's",
        ),
    }
}

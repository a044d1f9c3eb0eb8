use clap::Args;

use super::{Books, CliError, DataArgs, parse_text, table::aligned};
use crate::{
    clock::Clock,
    costs::CostError,
    ledger::{Evidence, Month, Reconciliation},
    units::{Currency, Energy, EnergyBalance, Money, RangeError},
};

#[derive(Debug, Args)]
pub(super) struct ReconcileArgs {
    #[command(flatten)]
    place: DataArgs,
    /// The month
    #[arg(value_name = "YYYY-MM")]
    month: Month,
    /// What the wall meter counted in it, or the power company billed
    #[arg(long, value_name = "KWH")]
    kwh: Energy,
    /// What the company billed it with, in the ledger's currency
    #[arg(long, value_name = "AMOUNT", value_parser = super::parse_amount)]
    amount: Option<Money>,
    /// The bill's number, or who read the meter
    #[arg(long, value_name = "TEXT", value_parser = parse_text)]
    document: Option<String>,
}

pub(super) fn run(args: &ReconcileArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let Books { ledger, costs, calendar, .. } = args.place.books(clock)?;
    if clock.now() < args.month.start(&calendar) {
        return Err(CliError::Usage(format!("{} has not begun; nothing was measured in it yet", args.month)));
    }
    let evidence = Evidence { document: args.document.as_deref(), ..Evidence::COMMAND_LINE };
    ledger.reconcile(args.month, (args.kwh, args.amount), costs.currency(), &evidence, clock.now())?;
    let recorded = ledger.reconciliations(&calendar)?.into_iter().find(|one| one.month == args.month);
    match recorded {
        Some(reconciliation) => super::print(&text(&reconciliation, costs.currency())?),
        None => Ok(()),
    }
}

/// What was booked, by what it was for, beside what was measured.
fn text(reconciliation: &Reconciliation, currency: Currency) -> Result<String, CostError> {
    let booked = reconciliation.total()?;
    let mut rows = vec![[reconciliation.month.to_string(), "kWh".into(), currency.to_string()]];
    for one in reconciliation.booked.iter().chain([&booked]) {
        let amount = one.electricity.to_rounded_string(4);
        rows.push([format!("  {}", one.name), one.energy.to_rounded_kwh_string(), amount]);
    }
    let measured = reconciliation.measured;
    let amount =
        |amount: Option<Money>| amount.map_or_else(|| "-".into(), |amount| amount.to_rounded_string(4));
    rows.push(["  measured".into(), measured.to_rounded_kwh_string(), amount(reconciliation.billed)]);
    let missing = EnergyBalance::from(measured).as_millijoules() - booked.energy.as_millijoules();
    let missing = EnergyBalance::from_millijoules(missing).to_rounded_kwh_string();
    let (more, by_quantity) = (more(reconciliation, booked.electricity)?, reconciliation.by_quantity()?);
    rows.push(["  not booked".into(), missing, amount(more)]);
    rows.push(["    by the energy, at the booked price".into(), String::new(), amount(by_quantity)]);
    let by_price = more.zip(by_quantity).map(|(more, by_quantity)| more.minus(by_quantity)).transpose()?;
    rows.push(["    by another price, or by charges beside energy".into(), String::new(), amount(by_price)]);
    let mut lines = aligned(&rows);
    lines.extend(reconciliation.difference_tenths()?.map(advice));
    Ok(lines.join("\n") + "\n")
}

/// What was billed beyond what was booked.
fn more(reconciliation: &Reconciliation, booked: Money) -> Result<Option<Money>, RangeError> {
    reconciliation.billed.map(|billed| billed.minus(booked)).transpose()
}

/// What the difference may come from.
fn advice(tenths: i64) -> String {
    let percent = format!("{}.{} %", tenths.abs() / 10, tenths.abs() % 10);
    match tenths {
        ..=-1 => format!(
            "{percent} more was booked than measured; wall_factor_percent or host_watts may be too high"
        ),
        0 => "what was booked is what was measured".into(),
        1.. => format!(
            "{percent} of what was measured is not booked: other machines on the meter, host_watts or \
             wall_factor_percent too low (tintype calibrate), or hours in which no server ran"
        ),
    }
}

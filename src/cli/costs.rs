use clap::Args;

use super::{CliError, Place};
use crate::{
    clock::Clock,
    ledger::{Month, MonthReport},
    units::Money,
};

#[derive(Debug, Args)]
pub(super) struct CostsArgs {
    #[command(flatten)]
    place: Place,
    /// The month [default: this one]
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
    /// Print JSON with exact figures
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &CostsArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let (config, ledger) = args.place.ledger()?;
    let zone = config.zone()?;
    let costs = config.cost_model(zone.to_datetime(clock.now()).date())?;
    let month = args.month.unwrap_or_else(|| Month::of(clock.now(), &zone));
    let totals = ledger.totals(month.start(&zone), month.end(&zone))?;
    let report = MonthReport::new(month, &totals, &costs);
    match args.json {
        true => {
            let json =
                serde_json::to_string_pretty(&report).map_err(|error| CliError::Failed(error.to_string()))?;
            println!("{json}");
        }
        false => print(&report),
    }
    Ok(())
}

fn print(report: &MonthReport) {
    let money =
        |amount: Money| format!("{:>16} {}", amount.to_rounded_string(report.decimals()), report.currency);
    println!("Costs, {}", report.month);
    println!("  pictures          {:>16}", report.images);
    if let Some(each) = report.cost_per_image {
        println!("  cost of a picture {:>16} {}", each.to_rounded_string(4), report.currency);
    }
    println!("  electricity       {}", money(report.electricity));
    println!("  depreciation      {}", money(report.depreciation));
    println!("  upkeep            {}", money(report.upkeep));
    println!("  total             {}", money(report.total));
    println!("  elsewhere         {}  {}", money(report.compared_price), report.compared_with);
    println!("  saved             {}", money(report.saving));
    println!("  energy, device    {:>16} kWh", report.energy_kwh.to_rounded_kwh_string());
    println!("  energy, plug      {:>16} kWh", report.wall_energy_kwh.to_rounded_kwh_string());
    if report.failed_electricity > Money::ZERO {
        println!("  failed work       {}  not in the total", money(report.failed_electricity));
    }
    if report.undelivered_images > 0 {
        println!("  undelivered       {:>16}  painted, but the client had gone", report.undelivered_images);
    }
    if report.example_hardware {
        println!("  depreciation is an example's; set [costs] in tintype.toml");
    }
}

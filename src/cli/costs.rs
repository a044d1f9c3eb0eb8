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
    let costs = ledger.with_assets(&costs)?;
    let month = args.month.unwrap_or_else(|| Month::of(clock.now(), &zone));
    let totals = ledger.totals(month.start(&zone), month.end(&zone))?;
    let report = MonthReport::new(month, &totals, &costs);
    ledger.check_currency(costs.currency())?;
    match args.json {
        true => {
            let json = serde_json::to_string_pretty(&report);
            super::print(&(json.map_err(|error| CliError::Failed(error.to_string()))? + "\n"))
        }
        false => super::print(&statement(&report)),
    }
}

fn statement(report: &MonthReport) -> String {
    let money =
        |amount: Money| format!("{:>16} {}", amount.to_rounded_string(report.decimals()), report.currency);
    let each = report.cost_per_image.map_or_else(
        || format!("{:>16}", "-"),
        |each| format!("{:>16} {}", each.to_rounded_string(4), report.currency),
    );
    let mut lines = vec![
        format!("Costs, {}", report.month),
        format!("  pictures          {:>16}", report.images),
        format!("  cost of a picture {each}"),
        format!("  electricity       {}", money(report.electricity)),
        format!("  depreciation      {}", money(report.depreciation)),
        format!("  upkeep            {}", money(report.upkeep)),
        format!("  total             {}", money(report.total)),
        format!("  elsewhere         {}  {}", money(report.compared_price), report.compared_with),
        format!("  saved             {}", money(report.saving)),
        format!("  energy, device    {:>16} kWh", report.energy_kwh.to_rounded_kwh_string()),
        format!("  energy, plug      {:>16} kWh", report.wall_energy_kwh.to_rounded_kwh_string()),
    ];
    if report.failed_electricity > Money::ZERO {
        lines.push(format!("  failed work       {}  not in the total", money(report.failed_electricity)));
    }
    if report.undelivered_images > 0 {
        lines.push(format!(
            "  undelivered       {:>16}  painted, but the client had gone",
            report.undelivered_images
        ));
    }
    if report.example_hardware {
        lines.push("  depreciation is an example's; set [costs] in tintype.toml".into());
    }
    lines.join("\n") + "\n"
}

use clap::{Args, ValueEnum};

use super::{CliError, Place};
use crate::{
    clock::Clock,
    config::Config,
    ledger::{GroupBy, GroupReport, Groups, Ledger, Month, MonthReport, WholeMonth},
    units::Money,
};

#[derive(Debug, Args)]
pub(super) struct CostsArgs {
    #[command(flatten)]
    place: Place,
    /// The month [default: this one]
    #[arg(long, value_name = "YYYY-MM")]
    month: Option<Month>,
    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The same as --format json
    #[arg(long, conflicts_with = "format")]
    json: bool,
    /// In groups that add up: key, tag, model, size, quality or day
    #[arg(long, value_name = "GROUP")]
    by: Option<GroupBy>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people, rounded
    Table,
    /// Exact figures
    Json,
    /// Exact figures, a row for each group
    Csv,
    /// FOCUS 1.4 cost and usage, a row for each entry of the ledger
    Focus,
}

pub(super) fn run(args: &CostsArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let format = if args.json { Format::Json } else { args.format };
    if format == Format::Focus && args.by.is_some() {
        return Err(CliError::Usage("--format focus has a row for each entry; leave --by out".into()));
    }
    let (config, ledger) = args.place.ledger()?;
    let zone = config.zone()?;
    let month = args.month.unwrap_or_else(|| Month::of(clock.now(), &zone));
    let report = || report(&config, &ledger, month, args.by, clock);
    match format {
        Format::Table => super::print(&statement(&report()?)),
        Format::Json => super::print_json(&report()?),
        Format::Csv => super::print(&report()?.to_csv()?),
        Format::Focus => super::print(&ledger.focus_csv(month, &zone, &config.metadata.producer)?),
    }
}

fn report(
    config: &Config,
    ledger: &Ledger,
    month: Month,
    by: Option<GroupBy>,
    clock: &dyn Clock,
) -> Result<MonthReport, CliError> {
    let zone = config.zone()?;
    let costs = config.cost_model(zone.to_datetime(clock.now()).date())?;
    ledger.check_currency(costs.currency())?;
    Ok(ledger.month_report(&costs, month, by, &zone, clock.now())?)
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
    if report.failed_electricity != Money::ZERO {
        lines.push(format!("  failed work       {}  not in the total", money(report.failed_electricity)));
    }
    if let Some(whole) = &report.whole {
        lines.extend(whole_lines(report, whole));
    }
    if report.undelivered_images != 0 {
        lines.push(format!(
            "  undelivered       {:>16}  painted, but the client had gone",
            report.undelivered_images
        ));
    }
    if report.images < 0 || report.total < Money::ZERO {
        lines.push("  more of earlier months was taken back than was painted in this one".into());
    }
    if report.example_hardware {
        lines.push("  depreciation is an example's; set [costs] in tintype.toml".into());
    }
    if let Some(groups) = &report.groups {
        lines.push(String::new());
        lines.extend(group_lines(groups, report.decimals()));
    }
    lines.join("\n") + "\n"
}

/// What the month cost beside its pictures, and what a picture costs with all of it.
fn whole_lines(report: &MonthReport, whole: &WholeMonth) -> Vec<String> {
    let money =
        |amount: Money| format!("{:>16} {}", amount.to_rounded_string(report.decimals()), report.currency);
    let each = |amount: Option<Money>| {
        amount.map(|each| format!("{:>16} {}", each.to_rounded_string(4), report.currency))
    };
    let mut lines = Vec::new();
    if whole.overhead_electricity != Money::ZERO {
        lines.push(format!("  idle and warm-up  {}  not in the total", money(whole.overhead_electricity)));
    }
    let unused = whole.unused_depreciation.plus(whole.unused_upkeep).unwrap_or_default();
    if unused != Money::ZERO {
        lines.push(format!(
            "  unused capacity   {}  wear and upkeep that no picture was charged",
            money(unused)
        ));
    }
    if whole.disposal_gain != Money::ZERO {
        lines.push(format!("  disposal          {}  above book value", money(whole.disposal_gain)));
    }
    if let (Some(marginal), Some(loaded)) =
        (each(whole.marginal_per_image), each(whole.fully_loaded_per_image))
    {
        lines.push(format!("  a picture's power {marginal}"));
        lines.push(format!("  a picture, all in {loaded}"));
    }
    if let Some(images) = whole.break_even_images {
        lines.push(format!(
            "  break-even        {images:>16}  pictures a month against {}",
            report.compared_with
        ));
    }
    lines
}

/// The groups in columns, numbers to the right.
fn group_lines(groups: &Groups, decimals: u32) -> Vec<String> {
    let by = groups.by.as_str().to_uppercase();
    let head = [
        &by,
        "PICTURES",
        "UNDELIVERED",
        "KWH",
        "ELECTRICITY",
        "DEPRECIATION",
        "UPKEEP",
        "TOTAL",
        "EACH",
        "ELSEWHERE",
        "SAVED",
    ];
    let mut rows = vec![head.map(String::from)];
    rows.extend(groups.groups.iter().map(|group| group_row(group, decimals)));
    let widths: [usize; 11] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    let line = |row: &[String; 11]| {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
            0 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        cells.collect::<Vec<_>>().join("  ")
    };
    rows.iter().map(line).collect()
}

fn group_row(group: &GroupReport, decimals: u32) -> [String; 11] {
    let money = |amount: Money| amount.to_rounded_string(decimals);
    let name = group.group.clone().unwrap_or_else(|| "-".into());
    [
        group.title.as_ref().map_or_else(|| name.clone(), |title| format!("{name} {title}")),
        group.images.to_string(),
        group.undelivered_images.to_string(),
        group.energy_kwh.to_rounded_kwh_string(),
        money(group.electricity),
        money(group.depreciation),
        money(group.upkeep),
        money(group.total),
        group.cost_per_image.map_or_else(|| "-".into(), |each| each.to_rounded_string(4)),
        money(group.compared_price),
        money(group.saving),
    ]
}

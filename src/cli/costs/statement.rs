use super::elsewhere;
use crate::{
    cli::table::aligned,
    ledger::{GroupReport, Groups, MonthReport, WholeMonth},
    units::Money,
};

/// A month for people, rounded.
pub(super) fn statement(report: &MonthReport) -> String {
    let money =
        |amount: Money| format!("{:>16} {}", amount.to_rounded_string(report.decimals()), report.currency);
    let each = report.figures.cost_per_image.map_or_else(
        || format!("{:>16}", "-"),
        |each| format!("{:>16} {}", each.to_rounded_string(4), report.currency),
    );
    let mut lines = vec![
        format!("Costs, {}", report.month),
        format!("  pictures          {:>16}", report.figures.images),
        format!("  cost of a picture {each}"),
        format!("  electricity       {}", money(report.figures.electricity)),
        format!("  depreciation      {}", money(report.figures.depreciation)),
        format!("  upkeep            {}", money(report.figures.upkeep)),
        format!("  total             {}", money(report.figures.total)),
        format!("  elsewhere         {}  {}", money(report.figures.compared_price), report.compared_with),
        format!("  saved             {}", money(report.figures.saving)),
        format!("  energy, device    {:>16} kWh", report.figures.energy_kwh.to_rounded_kwh_string()),
        format!("  energy, plug      {:>16} kWh", report.figures.wall_energy_kwh.to_rounded_kwh_string()),
    ];
    if report.figures.failed_electricity != Money::ZERO {
        lines.push(format!(
            "  failed work       {}  not in the total",
            money(report.figures.failed_electricity)
        ));
    }
    if let Some(whole) = &report.whole {
        lines.extend(whole_lines(report, whole));
    }
    if report.figures.undelivered_images != 0 {
        lines.push(format!(
            "  undelivered       {:>16}  painted, but the client had gone",
            report.figures.undelivered_images
        ));
    }
    if report.figures.images < 0 || report.figures.total < Money::ZERO {
        lines.push("  more of earlier months was taken back than was painted in this one".into());
    }
    if report.example_hardware {
        lines.push("  depreciation is an example's; set [costs] in tintype.toml".into());
    }
    lines.extend(elsewhere::services(&report.services, report.decimals()));
    lines.extend(elsewhere::payback(report.payback.as_ref(), report.currency));
    for groups in &report.groups {
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
    aligned(&rows)
}

fn group_row(group: &GroupReport, decimals: u32) -> [String; 11] {
    let money = |amount: Money| amount.to_rounded_string(decimals);
    let name = group.group.clone().unwrap_or_else(|| "-".into());
    [
        group.title.as_ref().map_or_else(|| name.clone(), |title| format!("{name} {title}")),
        group.figures.images.to_string(),
        group.figures.undelivered_images.to_string(),
        group.figures.energy_kwh.to_rounded_kwh_string(),
        money(group.figures.electricity),
        money(group.figures.depreciation),
        money(group.figures.upkeep),
        money(group.figures.total),
        group.figures.cost_per_image.map_or_else(|| "-".into(), |each| each.to_rounded_string(4)),
        money(group.figures.compared_price),
        money(group.figures.saving),
    ]
}

use super::elsewhere;
use crate::{
    cli::table::aligned,
    ledger::{BoughtReport, GroupReport, Groups, MonthReport, WholeMonth},
    units::Money,
};

/// A month for people, rounded.
pub(super) fn statement(report: &MonthReport) -> String {
    let money =
        |amount: Money| format!("{:>16} {}", amount.to_rounded_string(report.decimals()), report.currency);
    let or_dash = |amount: Option<Money>| amount.map_or_else(|| format!("{:>16}", "-"), money);
    let each = report.figures.cost_per_image.map_or_else(
        || format!("{:>16}", "-"),
        |each| format!("{:>16} {}", each.to_rounded_string(4), report.currency),
    );
    let all_in = match report.whole.as_ref().and_then(|whole| whole.saving_all_in) {
        Some(saving) if saving < Money::ZERO => {
            (Some(saving), "a loss: elsewhere less everything of the month")
        }
        saving => (saving, "elsewhere less everything of the month"),
    };
    let mut lines = vec![
        format!("Costs, {}", report.month),
        format!("  images            {:>16}", report.figures.images),
        format!("  cost of an image  {each}"),
        format!("  electricity       {}", money(report.figures.cost.electricity)),
        format!("  depreciation      {}", money(report.figures.cost.depreciation)),
        format!("  upkeep            {}", money(report.figures.cost.upkeep)),
        format!("  total             {}", money(report.figures.total)),
        format!("  elsewhere         {}  {}", or_dash(report.figures.compared_price), compared(report)),
        format!("  saved             {}  {}", or_dash(all_in.0), all_in.1),
        format!("  by standard cost  {}  elsewhere less the total", or_dash(report.figures.saving)),
        format!("  energy, device    {:>16} kWh", report.figures.energy_kwh.to_rounded_kwh_string()),
        format!("  energy, plug      {:>16} kWh", report.figures.wall_energy_kwh.to_rounded_kwh_string()),
    ];
    lines.extend(carbon(report));
    if report.figures.failed_electricity != Money::ZERO {
        lines.push(format!(
            "  failed work       {}  not in the total",
            money(report.figures.failed_electricity)
        ));
    }
    if let Some(whole) = &report.whole {
        lines.extend(whole_lines(report, whole));
    }
    lines.extend(report.overflow.iter().flat_map(|bought| bought_lines(bought, money)));
    if report.figures.undelivered_images != 0 {
        lines.push(format!(
            "  undelivered       {:>16}  generated, but the client had gone",
            report.figures.undelivered_images
        ));
    }
    if report.figures.images < 0 || report.figures.total < Money::ZERO {
        lines.push("  more of earlier months was taken back than was generated in this one".into());
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

/// The compared service, and how many of the images have no price there.
fn compared(report: &MonthReport) -> String {
    match report.figures.images - report.figures.compared_images {
        0 => report.compared_with.clone(),
        unpriced => format!("{}; {unpriced} of {} had no price", report.compared_with, report.figures.images),
    }
}

/// What the energy emitted, if a factor was recorded.
fn carbon(report: &MonthReport) -> Option<String> {
    let images = report.figures.carbon_grams?;
    let all = report.whole.as_ref().and_then(|whole| whole.carbon_grams_total).unwrap_or(images);
    let [images, all] = [images, all].map(|grams| grams.0.to_grams_string());
    Some(format!("  CO2e              {images:>16} g    {all} g with all else"))
}

/// What the month cost beside its images, and what an image costs with all of it.
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
            "  unused capacity   {}  wear and upkeep that no image was charged",
            money(unused)
        ));
    }
    if whole.disposal_gain != Money::ZERO {
        let (what, amount) = if whole.disposal_gain < Money::ZERO {
            ("lost on parts that were sold below their book value", whole.disposal_gain.abs())
        } else {
            ("gained on parts that were sold above their book value", whole.disposal_gain)
        };
        lines.push(format!("  disposal          {}  {what}", money(amount)));
    }
    if whole.adjustments_total != Money::ZERO {
        lines.push(format!(
            "  adjustments       {}  of closed days, recorded in this month",
            money(whole.adjustments_total)
        ));
        lines.extend(report.adjustments.iter().map(|adjustment| {
            format!(
                "    {:<15} {}  {}, {} to {}",
                adjustment.kind.as_str(),
                money(adjustment.amount),
                adjustment.reason,
                adjustment.first_day,
                adjustment.last_day
            )
        }));
    }
    if let (Some(marginal), Some(loaded)) =
        (each(whole.marginal_per_image), each(whole.fully_loaded_per_image))
    {
        lines.push(format!("  marginal each     {marginal}  what one more image costs"));
        lines.push(format!("  all-in each       {loaded}  everything of the month, divided by its images"));
    }
    lines.push(format!("  all in            {}  everything of the month", money(whole.fully_loaded_total)));
    if let Some(images) = whole.break_even_images {
        let pace = whole.images_at_pace.map_or_else(String::new, |images| {
            format!("; {images} at this pace, after {} of {} days", whole.days_counted, whole.days_in_period)
        });
        lines.push(format!(
            "  break-even        {images:>16}  images a month against {}{pace}",
            report.compared_with
        ));
    }
    lines
}

/// What was bought elsewhere, which is in none of the figures above.
pub(super) fn bought_lines(bought: &BoughtReport, money: impl Fn(Money) -> String) -> Vec<String> {
    let sellers: Vec<_> =
        bought.sellers.iter().map(|seller| format!("{} ({})", seller.seller, seller.sku)).collect();
    let mut lines = vec![format!(
        "  overflow          {}  {} images from {}",
        money(bought.bought_total),
        bought.bought_images,
        sellers.join(", ")
    )];
    if bought.doubtful_images != 0 {
        lines.push(format!(
            "  in doubt          {}  {} images that were perhaps paid for",
            money(bought.doubtful_total),
            bought.doubtful_images
        ));
    }
    if bought.lost_images != 0 {
        lines.push(format!(
            "  lost              {}  {} images that were paid for and never came",
            money(bought.lost_total),
            bought.lost_images
        ));
    }
    lines.extend(
        bought
            .paid_total
            .map(|paid| format!("  paid              {}  all in, and what was bought", money(paid))),
    );
    lines.push(format!(
        "  another device    {}  would have saved so much, by the measured pace, without its price",
        money(bought.another_device_saves)
    ));
    lines
}

/// The groups in columns, numbers to the right.
fn group_lines(groups: &Groups, decimals: u32) -> Vec<String> {
    let by = groups.by.as_str().to_uppercase();
    let head = [
        &by,
        "IMAGES",
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
    let mut lines = aligned(&rows);
    lines.extend(bought_rows(groups, decimals));
    lines
}

/// What was bought for each group, in columns of their own; nothing if nothing was.
fn bought_rows(groups: &Groups, decimals: u32) -> Vec<String> {
    let by = groups.by.as_str().to_uppercase();
    let mut rows = vec![[&by, "BOUGHT", "FOR", "IN DOUBT", "LOST", "PAID"].map(String::from)];
    rows.extend(groups.groups.iter().filter_map(|group| {
        let bought = group.overflow.as_ref()?;
        let amounts = [bought.bought_total, bought.doubtful_total, bought.lost_total, bought.paid()];
        let [total, doubtful, lost, paid] = amounts.map(|amount| amount.to_rounded_string(decimals));
        Some([group_name(group), bought.bought_images.to_string(), total, doubtful, lost, paid])
    }));
    if rows.len() == 1 { Vec::new() } else { [vec![String::new()], aligned(&rows)].concat() }
}

fn group_name(group: &GroupReport) -> String {
    let name = group.group.clone().unwrap_or_else(|| "-".into());
    group.title.as_ref().map_or_else(|| name.clone(), |title| format!("{name} {title}"))
}

fn group_row(group: &GroupReport, decimals: u32) -> [String; 11] {
    let money = |amount: Money| amount.to_rounded_string(decimals);
    let or_dash = |amount: Option<Money>| amount.map_or_else(|| "-".into(), money);
    [
        group_name(group),
        group.figures.images.to_string(),
        group.figures.undelivered_images.to_string(),
        group.figures.energy_kwh.to_rounded_kwh_string(),
        money(group.figures.cost.electricity),
        money(group.figures.cost.depreciation),
        money(group.figures.cost.upkeep),
        money(group.figures.total),
        group.figures.cost_per_image.map_or_else(|| "-".into(), |each| each.to_rounded_string(4)),
        or_dash(group.figures.compared_price),
        or_dash(group.figures.saving),
    ]
}

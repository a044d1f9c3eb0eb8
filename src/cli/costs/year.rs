use super::{elsewhere, statement::bought_lines};
use crate::{
    cli::table::aligned,
    ledger::{Figures, WholeMonth, YearReport},
    units::Money,
};

/// A year for people, month by month, rounded.
pub(super) fn statement(report: &YearReport) -> String {
    let decimals = report.figures.decimals();
    let head = ["MONTH", "IMAGES", "KWH", "EACH", "TOTAL", "ALL IN", "ELSEWHERE", "SAVED"].map(String::from);
    let mut rows = vec![head];
    rows.extend(
        report
            .months
            .iter()
            .map(|month| row(month.month.to_string(), &month.figures, month.whole.as_ref(), decimals)),
    );
    rows.push(row(report.span.to_string(), &report.figures, Some(&report.whole), decimals));
    let mut lines = vec![format!("Costs, {}, in {}", report.span, report.currency)];
    lines.extend(aligned(&rows));
    lines.push(format!("elsewhere: {}, as it was booked; saved: that less all in", report.compared_with));
    if report.example_hardware {
        lines.push("depreciation is an example's; set [costs] in tintype.toml".into());
    }
    let money = |amount: Money| format!("{:>16} {}", amount.to_rounded_string(decimals), report.currency);
    lines.extend(report.overflow.iter().flat_map(|bought| bought_lines(bought, money)));
    lines.extend(elsewhere::services(&report.services, decimals));
    lines.extend(elsewhere::payback(report.payback.as_ref(), report.currency));
    lines.join("\n") + "\n"
}

fn row(name: String, figures: &Figures, whole: Option<&WholeMonth>, decimals: u32) -> [String; 8] {
    let money = |amount: Money| amount.to_rounded_string(decimals);
    let or_dash = |amount: Option<Money>| amount.map_or_else(|| "-".into(), money);
    [
        name,
        figures.images.to_string(),
        figures.wall_energy_kwh.to_rounded_kwh_string(),
        figures.cost_per_image.map_or_else(|| "-".into(), |each| each.to_rounded_string(4)),
        money(figures.total),
        whole.map_or_else(|| "-".into(), |whole| money(whole.fully_loaded_total)),
        or_dash(figures.compared_price),
        or_dash(whole.and_then(|whole| whole.saving_all_in)),
    ]
}

//! What the images would have cost elsewhere, and how far that has paid for the hardware.

use crate::{
    cli::table::aligned,
    costs::{Outlook, ServiceComparison, Unpriced},
    ledger::{Payback, PaybackAgainst},
    units::{Currency, Money, Proportion},
};

/// The compared services in columns, with what is to be said of each; nothing if there is no image to compare.
pub(super) fn services(services: &[ServiceComparison], decimals: u32) -> Vec<String> {
    if services.iter().all(|service| service.images == 0 && service.unpriced.is_none()) {
        return Vec::new();
    }
    let head =
        ["SERVICE", "IMAGES", "ELSEWHERE", "ALL IN", "SAVED", "SHARE", "BY STANDARD COST", "PRICE READ"];
    let mut rows = vec![head.map(String::from)];
    rows.extend(services.iter().map(|service| row(service, decimals)));
    let mut lines = vec![String::new()];
    lines.extend(aligned(&rows));
    lines.extend(services.iter().flat_map(|service| notes(service, decimals)));
    lines
}

fn row(service: &ServiceComparison, decimals: u32) -> [String; 8] {
    let money = |amount: Money| amount.to_rounded_string(decimals);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    [
        service.sku.clone(),
        service.images.to_string(),
        or_dash(service.compared_price.map(money)),
        or_dash(service.all_in_total.map(money)),
        or_dash(service.saving_all_in.map(money)),
        or_dash(service.saving_all_in_percent_tenths.map(|tenths| Proportion::new(tenths).to_string())),
        or_dash(service.saving.map(money)),
        or_dash(service.prices.last().map(|price| price.read_on.to_string())),
    ]
}

fn notes(service: &ServiceComparison, decimals: u32) -> Vec<String> {
    let money = |amount: Money| amount.to_rounded_string(decimals);
    let mut lines = Vec::new();
    if let Some(notice) = &service.notice {
        lines.push(format!("  {notice}"));
    }
    if let Some(unpriced) = &service.unpriced {
        lines.push(format!("  {}: {}", service.sku, without_price(unpriced)));
    }
    if let Some(plans) = &service.plans {
        lines.push(format!(
            "  {} in whole months: {} for {}, saved {}",
            service.sku,
            plans.plans,
            money(plans.price),
            money(plans.saving)
        ));
    }
    lines
}

fn without_price(unpriced: &Unpriced) -> String {
    let Unpriced { images, days, first, last, reason } = unpriced;
    format!("{images} images of {days} days from {first} to {last} are left out: {reason}")
}

/// How far the hardware has paid for itself, and when it will have.
pub(super) fn payback(payback: Option<&Payback>, currency: Currency) -> Vec<String> {
    let Some(payback) = payback else { return Vec::new() };
    let money = |amount: Money| format!("{} {currency}", amount.to_rounded_string(2));
    let mut lines = vec![
        String::new(),
        format!(
            "Payback since {}: {} for the hardware, {} for electricity, {} for upkeep",
            payback.since,
            money(payback.investment),
            money(payback.electricity),
            money(payback.upkeep)
        ),
    ];
    let row = |against: &PaybackAgainst| {
        let saved = against.saved.map_or_else(|| "-".into(), money);
        let part = against.paid_back_percent_tenths;
        let part = part.map_or_else(|| "-".into(), |tenths| Proportion::new(tenths).to_string());
        [format!("  {}", against.sku), saved, part]
    };
    let rows = aligned(&payback.against.iter().map(row).collect::<Vec<_>>());
    lines.extend(
        rows.iter()
            .zip(&payback.against)
            .map(|(row, against)| format!("{row}  {}", outlook(payback, against))),
    );
    lines
}

fn outlook(payback: &Payback, against: &PaybackAgainst) -> String {
    let pace = format!("at the pace of {} days", payback.pace_days);
    match against.outlook {
        None => "some images have no price there".into(),
        Some(Outlook::PaidBack) => "paid back".into(),
        Some(Outlook::On(day)) => format!("paid back on {day}, {pace}"),
        Some(Outlook::AfterItsLife(day)) => {
            let end = payback.worn_out_on.map_or_else(String::new, |end| format!(" on {end}"));
            format!("never paid back: it would be on {day}, {pace}, and is worn out{end}")
        }
        Some(Outlook::NotInTenYears) => format!("not paid back within ten years, {pace}"),
        Some(Outlook::Never) => format!("never paid back, {pace}"),
        Some(Outlook::TooEarly) => match payback.pace_days {
            1 => "too early to tell, after one day".into(),
            days => format!("too early to tell, after {days} days"),
        },
    }
}

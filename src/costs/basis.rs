//! What figures are made from beside the ledger's entries, as it is stored with a month that is closed.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Asset, CostLine, CostModel, ExchangeRate, TariffRow};

/// The settings, rates, parts and lines of a model, to be written down as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct CostBasis {
    settings: Value,
    exchange_rates: Vec<Value>,
    parts: Vec<Value>,
    lines: Vec<Value>,
}

impl CostModel {
    /// What its figures are made from. Amounts are texts, so that no reader takes them for floats.
    pub fn basis(&self) -> CostBasis {
        let settings = self.settings();
        CostBasis {
            settings: json!({
                "currency": settings.currency.code(),
                "price_per_kwh": settings.price_per_kwh.to_string(),
                "tariff": settings.tariff.iter().map(tariff_row).collect::<Vec<_>>(),
                "host_watts": settings.host_watts.as_watts(),
                "wall_factor_percent": settings.wall_factor_percent,
                "normal_utilisation_percent": settings.normal_utilisation_percent,
                "compare_with": settings.compare_with,
                "also_compare_with": settings.also_compare_with,
            }),
            exchange_rates: self.rates().iter().map(exchange_rate).collect(),
            parts: self.bought_parts().iter().map(part).collect(),
            lines: self.lines().iter().map(line).collect(),
        }
    }
}

fn tariff_row(row: &TariffRow) -> Value {
    json!({
        "effective_from": row.effective_from,
        "price_per_kwh": row.price_per_kwh.to_string(),
        "hours": row.hours.map(|hours| hours.to_string()),
        "months": row.months,
        "weekdays": row.weekdays.as_ref().map(|days| days.iter().map(|day| format!("{day:?}")).collect::<Vec<_>>()),
    })
}

fn exchange_rate(rate: &ExchangeRate) -> Value {
    json!({
        "from": rate.from.code(),
        "to": rate.to.code(),
        "rate": rate.rate.to_string(),
        "effective_from": rate.effective_from,
    })
}

fn part(part: &Asset) -> Value {
    let (images, years, utilisation) = part.life.terms();
    json!({
        "name": part.name,
        "price": part.price.to_string(),
        "residual": part.residual.to_string(),
        "share_percent": part.share_percent,
        "purchased_on": part.purchased_on,
        "lifetime_images": images,
        "life_years": years,
        "normal_utilisation_percent": utilisation,
        "retired_on": part.retirement.map(|retirement| retirement.on),
        "proceeds": part.retirement.map(|retirement| retirement.proceeds.to_string()),
    })
}

fn line(line: &CostLine) -> Value {
    let (per, amount, utilisation) = line.upkeep.terms();
    json!({
        "name": line.name,
        "amount": amount.to_string(),
        "per": per,
        "normal_utilisation_percent": utilisation,
        "first_day": line.days.first,
        "end_day": line.days.end,
    })
}

//! What figures are made from beside the ledger's entries, as it is stored with a month that is closed.

use serde::Serialize;
use serde_json::{Value, json};

use super::{Asset, CostLine, CostModel, DatedTerm};

/// The settings, terms, parts and lines of a model, to be written down as JSON.
#[derive(Debug, Clone, Serialize)]
pub struct CostBasis {
    settings: Value,
    terms: Vec<DatedTerm>,
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
                "normal_utilisation_percent": settings.normal_utilisation_percent,
                "compare_with": self.compare_with(),
                "also_compare_with": settings.also_compare_with,
                "mix": settings.mix,
            }),
            terms: self.terms().all().to_vec(),
            parts: self.bought_parts().iter().map(part).collect(),
            lines: self.lines().iter().map(line).collect(),
        }
    }
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
    let (hours_a_day, minimum_hours) = line.upkeep.hours();
    json!({
        "name": line.name,
        "amount": amount.to_string(),
        "per": per,
        "hours_a_day": hours_a_day,
        "minimum_hours": minimum_hours,
        "normal_utilisation_percent": utilisation,
        "first_day": line.days.first,
        "end_day": line.days.end,
    })
}

//! What a month cost beside its entries, so that a file adds up to the all-in cost and what was bought.

use std::collections::{BTreeMap, btree_map::Entry};

use jiff::Timestamp;

use super::row::{Bill, FocusRow, decimal, grams, tags};
use crate::{
    ledger::{
        LedgerError, meter,
        purchases::{
            self,
            rows::{BoughtKind, BoughtRow, BoughtSum},
        },
        report::{WholeMonth, csv::TextCell},
        store::{Conn, params},
    },
    units::{EnergyBalance, Money},
};

/// Depreciation and upkeep of a span's entries, those of failed work too.
const CHARGED: &str = "SELECT CAST(coalesce(sum(depreciation_nano), 0) AS BIGINT),
                              CAST(coalesce(sum(upkeep_nano), 0) AS BIGINT)
                       FROM entries WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2";

/// What went into no request, by kind.
const OVERHEADS: &str = "SELECT kind, CAST(sum(energy_mj) AS BIGINT), CAST(sum(wall_energy_mj) AS BIGINT),
                                CAST(sum(electricity_nano) AS BIGINT)
                         FROM overheads WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2 GROUP BY kind ORDER BY kind";

/// The rows beside the entries of the month of `bill`, which has passed until `known`: electricity of idle hours, warm-up images and gaps,
/// what no entry was charged of depreciation and upkeep, and what was lost or gained on parts that were sold.
pub(super) fn rows(
    conn: &Conn<'_>,
    bill: &Bill,
    known: Timestamp,
    whole: &WholeMonth,
) -> Result<Vec<FocusRow>, LedgerError> {
    let (start, end) = bill.span;
    let (of_span, span) = (params![start, end], (start, known));
    let carbon = meter::carbon_by_kind(conn, start, end)?;
    let mut rows = conn.query(OVERHEADS, of_span, |row| {
        let kind: String = row.get(0)?;
        let [energy, wall] = [row.get(1)?, row.get(2)?].map(EnergyBalance::from_millijoules);
        let row = overhead(bill, span, &kind, energy, wall, Money::from_nano(row.get(3)?));
        Ok::<_, LedgerError>(FocusRow { carbon_grams: carbon.get(&kind).copied().map(grams), ..row })
    })?;
    let (depreciation, upkeep) = conn.query_one(CHARGED, of_span, |row| {
        Ok((Money::from_nano(row.get(0)?), Money::from_nano(row.get(1)?)))
    })?;
    rows.extend(bought(conn, bill, span)?);
    let depreciation = whole.whole_depreciation.minus(depreciation)?;
    let upkeep = whole.whole_upkeep.minus(upkeep)?;
    let disposal = Money::ZERO.minus(whole.disposal_gain)?;
    rows.extend((depreciation != Money::ZERO).then(|| FocusRow {
        depreciation_cost: depreciation.to_string(),
        ..adjustment(bill, span, "unused depreciation", depreciation)
    }));
    rows.extend((upkeep != Money::ZERO).then(|| FocusRow {
        maintenance_cost: upkeep.to_string(),
        ..adjustment(bill, span, "unused upkeep", upkeep)
    }));
    rows.extend(
        (disposal != Money::ZERO).then(|| FocusRow {
            charge_frequency: "One-Time",
            ..adjustment(bill, span, "disposal", disposal)
        }),
    );
    let late = whole.adjustments_total;
    rows.extend((late != Money::ZERO).then(|| FocusRow {
        charge_frequency: "One-Time",
        charge_class: Some("Correction"),
        ..adjustment(bill, span, "adjustments", late)
    }));
    Ok(rows)
}

fn overhead(
    bill: &Bill,
    span: (Timestamp, Timestamp),
    kind: &str,
    energy: EnergyBalance,
    wall_energy: EnergyBalance,
    electricity: Money,
) -> FocusRow {
    let (line, what) = match kind {
        "idle" => ("idle", "electricity of idle hours"),
        "warm-up" => ("warm-up", "electricity of warm-up images"),
        _ => ("gap", "electricity that was counted while no server ran"),
    };
    FocusRow {
        charge_category: "Usage",
        charge_description: what.into(),
        charge_frequency: "Usage-Based",
        charge_period_start: span.0.to_string(),
        charge_period_end: span.1.to_string(),
        consumed_quantity: Some(decimal(wall_energy)),
        consumed_unit: Some("kWh"),
        energy_kwh: decimal(energy),
        electricity_cost: electricity.to_string(),
        ..bill.row(electricity).priced(line, line, electricity)
    }
}

/// What was bought from other services, which are its providers and bill it in their own currency: a row for each key and tag.
fn bought(conn: &Conn<'_>, bill: &Bill, span: (Timestamp, Timestamp)) -> Result<Vec<FocusRow>, LedgerError> {
    let mut sums = BTreeMap::<_, BoughtRow>::new();
    for row in purchases::rows::of_span(conn, bill.span.0, bill.span.1)? {
        let BoughtSum { seller, sku, list_currency, kind, .. } = &row.sum;
        let of = (seller.clone(), sku.clone(), list_currency.code().to_owned(), *kind);
        match sums.entry((of, row.key.clone(), row.tag.clone())) {
            Entry::Vacant(place) => {
                place.insert(row);
            }
            Entry::Occupied(mut known) => known.get_mut().sum.add(&row.sum)?,
        }
    }
    let rows = sums.into_values().filter(|row| !row.sum.is_nothing());
    Ok(rows.map(|row| bought_row(bill, span, row)).collect())
}

fn bought_row(bill: &Bill, span: (Timestamp, Timestamp), row: BoughtRow) -> FocusRow {
    let BoughtRow { sum, key, key_name, tag, .. } = row;
    let (line, what) = match sum.kind {
        BoughtKind::Bought => ("bought image", "images that were bought because there was no room here"),
        BoughtKind::Doubtful if sum.images < 0 => {
            ("doubtful purchase", "images whose payment is not in doubt any more")
        }
        BoughtKind::Doubtful => ("doubtful purchase", "images that were perhaps paid for and did not come"),
        BoughtKind::Lost => ("lost purchase", "images that were paid for and did not come"),
    };
    FocusRow {
        charge_category: "Purchase",
        charge_class: (sum.paid < Money::ZERO).then_some("Correction"),
        charge_description: format!("{what}, {} of them, {} {}", sum.images, sum.list, sum.list_currency)
            .into(),
        charge_frequency: "Usage-Based",
        charge_period_start: span.0.to_string(),
        charge_period_end: span.1.to_string(),
        host_provider_name: sum.seller.as_str().into(),
        invoice_issuer_name: sum.seller.as_str().into(),
        service_name: "Image generation elsewhere",
        service_provider_name: sum.seller.as_str().into(),
        sub_account_id: Some(key),
        sub_account_name: Some(key_name.into()),
        tags: tags(tag, &[]).map(TextCell::from),
        ..bill.row(sum.paid).priced(&sum.sku, line, sum.paid)
    }
}

/// A charge that is nobody's usage.
fn adjustment(bill: &Bill, span: (Timestamp, Timestamp), line: &'static str, amount: Money) -> FocusRow {
    let what = match line {
        "unused depreciation" => "depreciation that nothing was charged",
        "unused upkeep" => "upkeep that nothing was charged",
        "adjustments" => "costs of closed days that were recorded in this month",
        _ if amount < Money::ZERO => "gain on parts that were sold above their book value",
        _ => "loss on parts that were sold below their book value",
    };
    FocusRow {
        charge_category: "Adjustment",
        charge_description: what.into(),
        charge_frequency: "Recurring",
        charge_period_start: span.0.to_string(),
        charge_period_end: span.1.to_string(),
        line,
        ..bill.row(amount)
    }
}

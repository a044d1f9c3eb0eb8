//! What is recorded of parts and lines of cost, for whoever counts with it.

use jiff::{
    Timestamp,
    civil::{Date, date},
};
use parking_lot::Mutex;

use super::{
    Evidence, LedgerError, calendar, invoices,
    store::{Conn, Row, params},
    terms,
};
use crate::{
    costs::{Asset, AssetUse, CostLine, CostModel, DaySpan, Invoice, Life, Retirement, Upkeep},
    domain::{AssetId, Calendar},
    units::Money,
};

/// An asset as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetRow {
    /// Its number.
    pub id: AssetId,
    /// What it is.
    pub asset: Asset,
    /// When it was recorded.
    pub added_at: Timestamp,
    /// Who recorded it; none: an earlier version.
    pub actor: Option<String>,
    /// By which document.
    pub document: Option<String>,
    /// How its price was invoiced; none: it is what it cost.
    pub invoice: Option<Invoice>,
    /// The machine that it is in; none: all of them.
    pub machine: Option<String>,
}

/// A line of cost as the ledger keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostLineRow {
    /// Its number.
    pub id: i64,
    /// What it is; its days end where its end was recorded.
    pub line: CostLine,
    /// Who recorded it.
    pub actor: String,
    /// By which document.
    pub document: Option<String>,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// How its amount was invoiced; none: it is what it costs.
    pub invoice: Option<Invoice>,
}

impl CostLineRow {
    /// Whether the configuration or a default said so, and nobody else.
    pub fn is_configured(&self) -> bool {
        self.actor == Evidence::CONFIGURATION.actor
    }
}

/// All parts, oldest record first, retired ones included.
pub(super) fn parts(conn: &Conn<'_>) -> Result<Vec<AssetRow>, LedgerError> {
    let sql = "SELECT id, name, price_nano, residual_nano, share_percent, purchased_on, lifetime_images, life_years,
                      normal_utilisation_percent, added_at_ms, retired_on, proceeds_nano, assets.actor AS actor,
                      assets.document AS document, invoice, planned_years, machine
               FROM assets LEFT JOIN asset_retirements ON asset_id = id ORDER BY id";
    conn.query(sql, params![], asset_row)
}

/// How many rows there are of each table that [`with_assets`] reads.
type Counts = [i64; 5];

/// What [`with_assets`] last made, for whoever asks the same for every request.
#[derive(Default)]
pub(super) struct KnownModel(Mutex<Option<Completed>>);

struct Completed {
    counts: Counts,
    /// What it was made of.
    configured: CostModel,
    complete: CostModel,
}

impl KnownModel {
    /// As [`with_assets`]. The rows are read again only if there are more of them: they are never rewritten or deleted.
    pub(super) fn complete(&self, conn: &Conn<'_>, costs: &CostModel) -> Result<CostModel, LedgerError> {
        let counts = counts(conn)?;
        let is_made_of =
            |known: &&Completed| known.counts == counts && known.configured.is_configured_as(costs);
        if let Some(known) = self.0.lock().as_ref().filter(is_made_of) {
            return Ok(known.complete.clone());
        }
        let complete = with_assets(conn, costs)?;
        *self.0.lock() = Some(Completed { counts, configured: costs.clone(), complete: complete.clone() });
        Ok(complete)
    }
}

fn counts(conn: &Conn<'_>) -> Result<Counts, LedgerError> {
    let sql = "SELECT (SELECT count(*) FROM assets), (SELECT count(*) FROM asset_retirements),
                      (SELECT count(*) FROM cost_lines), (SELECT count(*) FROM cost_line_ends), (SELECT count(*) FROM terms)";
    conn.query_one(sql, params![], |row| {
        Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?])
    })
}

/// `costs` with the ledger's assets, lines of cost and dated terms.
pub(super) fn with_assets(conn: &Conn<'_>, costs: &CostModel) -> Result<CostModel, LedgerError> {
    let costs = costs.with_assets(parts(conn)?.into_iter().map(|row| row.asset).collect());
    Ok(costs.with_lines(lines(conn)?).with_terms(&terms::dated(conn, &calendar::kept(conn)?)?))
}

/// The parts of `costs`, each with the images that were made in its service before and until the end of `days`.
pub(super) fn part_uses<'a>(
    costs: &'a CostModel,
    days: DaySpan,
    images: impl Fn(DaySpan) -> Result<u64, LedgerError>,
) -> Result<Vec<AssetUse<'a>>, LedgerError> {
    let uses = costs.parts().map(|(asset, service)| {
        // By time, a part loses the same whatever it makes.
        let images = |span| match asset.life {
            Life::Time { .. } => Ok(0),
            Life::Units { .. } => images(span),
        };
        let images_before = images(service.before(days.first))?;
        Ok(AssetUse { asset, images_before, images_after: images(service.before(days.end))? })
    });
    uses.collect()
}

/// Images that were booked on `days` of `zone`, less those that were taken back.
pub(super) fn images_on(conn: &Conn<'_>, days: DaySpan, calendar: &Calendar) -> Result<i64, LedgerError> {
    let sql = "SELECT CAST(coalesce(sum(images), 0) AS BIGINT) FROM entries
               WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2";
    let [start, end] = [days.first, days.end].map(|day| calendar.start_of(day));
    conn.query_one(sql, params![start, end], |row| row.get(0))
}

/// The day on which the first key was made or, if the clock was wrong then, the first entry; none before. Never later
/// than today: what a clock that was ahead wrote must not hide today's costs.
pub(super) fn first_day(
    conn: &Conn<'_>,
    calendar: &Calendar,
    now: Timestamp,
) -> Result<Option<Date>, LedgerError> {
    let sql = "SELECT min(at) FROM (SELECT min(created_at_ms) AS at FROM keys
               UNION ALL SELECT min(entered_at_ms) FROM entries) AS first";
    let first: Option<Timestamp> = conn.query_one(sql, params![], |row| row.get(0))?;
    Ok(first.map(|first| calendar.to_datetime(first.min(now)).date()))
}

fn asset_row(row: &Row<'_>) -> Result<AssetRow, LedgerError> {
    let money = |column: &str| row.get(column).map(Money::from_nano);
    let life = match row.get::<Option<i64>>("lifetime_images")? {
        Some(images) => {
            Life::Units { lifetime_images: images.unsigned_abs(), years: row.get("planned_years")? }
        }
        None => Life::Time {
            years: row.get("life_years")?,
            normal_utilisation_percent: row.get("normal_utilisation_percent")?,
        },
    };
    let retirement = match row.get::<Option<String>>("retired_on")? {
        Some(on) => Some(Retirement { on: civil_day(&on)?, proceeds: money("proceeds_nano")? }),
        None => None,
    };
    Ok(AssetRow {
        id: AssetId::new(row.get("id")?),
        added_at: row.get("added_at_ms")?,
        actor: row.get("actor")?,
        document: row.get("document")?,
        invoice: invoices::from_row(row)?,
        machine: row.get("machine")?,
        asset: Asset {
            name: row.get("name")?,
            price: money("price_nano")?,
            residual: money("residual_nano")?,
            share_percent: row.get("share_percent")?,
            purchased_on: civil_day(&row.get::<String>("purchased_on")?)?,
            life,
            retirement,
        },
    })
}

/// A column of days, `2026-11-23`.
fn civil_day(text: &str) -> Result<Date, LedgerError> {
    text.parse().map_err(|_| LedgerError::OutOfRange { what: "a day of an asset" })
}

/// The lines of cost alone.
fn lines(conn: &Conn<'_>) -> Result<Vec<CostLine>, LedgerError> {
    Ok(line_rows(conn)?.into_iter().map(|row| row.line).collect())
}

/// Refuses what was just recorded if the books could not add it up: all parts, and ten years of all lines of cost.
pub(super) fn check_sum(conn: &Conn<'_>) -> Result<(), LedgerError> {
    let ten_years = DaySpan { first: date(2026, 1, 1), end: date(2036, 1, 1) };
    let mut sum = Money::ZERO;
    for row in parts(conn)? {
        sum = sum.plus(row.asset.price)?;
    }
    for row in line_rows(conn)? {
        sum = sum.plus(row.line.upkeep.of_days(ten_years)?)?;
    }
    Ok(())
}

pub(super) fn line_rows(conn: &Conn<'_>) -> Result<Vec<CostLineRow>, LedgerError> {
    let sql = "SELECT id, name, amount_nano, per, normal_utilisation_percent, first_day, ended_on, cost_lines.document,
                      cost_lines.actor, cost_lines.recorded_at_ms, hours_a_day, minimum_hours, invoice
               FROM cost_lines LEFT JOIN cost_line_ends ON line_id = id ORDER BY id";
    conn.query(sql, params![], line_row)
}

fn line_row(row: &Row<'_>) -> Result<CostLineRow, LedgerError> {
    let out_of_range = |what| LedgerError::OutOfRange { what };
    let day = |text: String| text.parse::<Date>().map_err(|_| out_of_range("a day of a line of cost"));
    let amount = Money::from_nano(row.get("amount_nano")?);
    let upkeep = match (row.get::<String>("per")?.as_str(), row.get("normal_utilisation_percent")?) {
        ("image", _) => Upkeep::PerImage(amount),
        ("once", _) => Upkeep::Once(amount),
        ("hour", Some(normal_utilisation_percent)) => Upkeep::PerHour {
            amount,
            hours_a_day: row.get("hours_a_day")?,
            minimum_hours: row.get("minimum_hours")?,
            normal_utilisation_percent,
        },
        ("month", Some(normal_utilisation_percent)) => {
            Upkeep::PerMonth { amount, normal_utilisation_percent }
        }
        ("year", Some(normal_utilisation_percent)) => Upkeep::PerYear { amount, normal_utilisation_percent },
        _ => return Err(out_of_range("cost_lines.per")),
    };
    let first = day(row.get("first_day")?)?;
    let end = row.get::<Option<String>>("ended_on")?.map(day).transpose()?;
    // A single payment is over on its day.
    let end = end.or_else(|| matches!(upkeep, Upkeep::Once(_)).then(|| first.tomorrow().unwrap_or(first)));
    Ok(CostLineRow {
        id: row.get("id")?,
        line: CostLine {
            name: row.get("name")?,
            upkeep,
            days: DaySpan { first, end: end.unwrap_or(Date::MAX) },
        },
        actor: row.get("actor")?,
        document: row.get("document")?,
        recorded_at: row.get("recorded_at_ms")?,
        invoice: invoices::from_row(row)?,
    })
}

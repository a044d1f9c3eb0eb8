//! The controls, one after the other, over one view of the ledger.

use std::{
    collections::{BTreeSet, HashMap},
    fmt,
};

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::reconciliations;
use crate::{
    costs::{CostModel, RateCard},
    domain::{Calendar, EnergySource, Overhead, RequestId, Usage},
    ledger::{
        Ledger, LedgerError, closing, entries, explain,
        rate_cards::Cards,
        report,
        store::{Conn, Row, params},
        unsigned,
    },
    units::{Energy, Millis, Money},
};

/// What was compared, how often, and where the two figures differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// What must agree.
    pub kind: ControlKind,
    /// Pairs of figures that were compared.
    pub checked: u64,
    /// Where they differ.
    pub breaks: Vec<String>,
}

/// What a control compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlKind {
    /// Closed months, and their seals.
    ClosedMonths,
    /// Statements, and the sums of their entries.
    Statements,
    /// Entries, and the prices that are stored with them.
    Entries,
    /// The same of idle energy.
    IdleEnergy,
    /// Images that were asked for, and those that are booked.
    Requests,
    /// Images that are kept, and requests.
    KeptImages,
    /// Answers that clients got, and requests.
    Answers,
    /// What parts lost by the months, and by their register.
    Parts,
    /// Booked energy, and what meters counted.
    Meters,
}

impl fmt::Display for ControlKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ClosedMonths => "closed months are as they were closed",
            Self::Statements => "statements of closed months are the sums of their entries",
            Self::Entries => "entries follow from the prices that are stored with them",
            Self::IdleEnergy => "idle energy follows from the prices that are stored with it",
            Self::Requests => "settled requests have the images that they asked for",
            Self::KeptImages => "images that are kept are of requests that asked for them",
            Self::Answers => "answers that clients got are of settled requests",
            Self::Parts => "parts have lost what the months say",
            Self::Meters => "booked energy is near what meters counted and bills say",
        })
    }
}

/// With what the ledger is audited.
#[derive(Debug, Clone, Copy)]
pub struct AuditBasis<'a> {
    /// The price of things.
    pub costs: &'a CostModel,
    /// In whose days and months it is counted.
    pub calendar: &'a Calendar,
    /// The images that are kept beside the ledger: requests, and places in their answers.
    pub kept: &'a [(RequestId, u32)],
    /// How far a meter's reading may be from what was booked, in percent of the reading.
    pub tolerance_percent: u32,
}

impl AuditBasis<'_> {
    /// How far a meter may be from what was booked if nothing else is said, in percent.
    pub const TOLERANCE_PERCENT: u32 = 5;
}

/// Breaks of one control that are listed.
const LISTED: usize = 10;

impl Ledger {
    /// All controls, whether or not they hold.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a sum is out of range.
    pub fn audit(&self, basis: &AuditBasis<'_>, now: Timestamp) -> Result<Vec<Control>, LedgerError> {
        self.store.read(|conn| {
            Ok(vec![
                seals(conn)?,
                statements(conn, basis, now)?,
                entries_of_prices(conn)?,
                overheads_of_prices(conn)?,
                images_of_requests(conn)?,
                kept_images(conn, basis.kept)?,
                answers(conn)?,
                parts(conn, basis, now)?,
                meters(conn, basis)?,
            ])
        })
    }
}

impl Control {
    const fn new(kind: ControlKind) -> Self {
        Self { kind, checked: 0, breaks: Vec::new() }
    }

    fn check(&mut self, agrees: bool, difference: impl FnOnce() -> String) {
        self.checked += 1;
        if !agrees && self.breaks.len() < LISTED {
            self.breaks.push(difference());
        }
    }
}

fn seals(conn: &Conn<'_>) -> Result<Control, LedgerError> {
    let mut control = Control::new(ControlKind::ClosedMonths);
    for month in closing::verify(conn, None)? {
        let finding = month.finding.map(|finding| finding.to_string());
        control.check(finding.is_none(), || format!("{}: {}", month.month, finding.unwrap_or_default()));
    }
    Ok(control)
}

fn statements(conn: &Conn<'_>, basis: &AuditBasis<'_>, now: Timestamp) -> Result<Control, LedgerError> {
    let mut control = Control::new(ControlKind::Statements);
    for (month, stated, counted) in report::stated_and_counted(conn, basis.costs, (basis.calendar, now))? {
        control
            .check(stated == counted, || format!("{month}: {stated} is stated, its entries are {counted}"));
    }
    Ok(control)
}

fn entries_of_prices(conn: &Conn<'_>) -> Result<Control, LedgerError> {
    let mut control = Control::new(ControlKind::Entries);
    explain::for_each_priced(conn, |entry| {
        let is_reproduced = entry.is_reproduced().is_ok_and(|outcome| outcome == Some(true));
        control.check(is_reproduced, || format!("entry {}", entry.id));
    })?;
    Ok(control)
}

fn overheads_of_prices(conn: &Conn<'_>) -> Result<Control, LedgerError> {
    let mut control = Control::new(ControlKind::IdleEnergy);
    let sql =
        "SELECT overheads.id AS id, kind, duration_ms, energy_mj, wall_energy_mj, electricity_nano, rate_card, card
               FROM overheads JOIN rate_cards ON rate_cards.id = rate_card ORDER BY overheads.id";
    let mut cards = Cards::default();
    conn.for_each(sql, params![], |row| -> Result<(), LedgerError> {
        let Some(rates) = cards.of(row)? else { return Ok(()) };
        let is_reproduced = is_overhead_reproduced(row, &rates)?;
        let id: i64 = row.get("id")?;
        control.check(is_reproduced, || format!("overhead {id}"));
        Ok(())
    })?;
    Ok(control)
}

fn is_overhead_reproduced(row: &Row<'_>, rates: &RateCard) -> Result<bool, LedgerError> {
    let usage = Usage {
        duration: Millis::new(unsigned(row.get("duration_ms")?, "duration_ms")?),
        energy: Energy::from_millijoules(unsigned(row.get("energy_mj")?, "energy_mj")?),
        source: EnergySource::Estimated,
        epoch: None,
    };
    let is_warm_up = row.get::<String>("kind")? == Overhead::WarmUp.as_str();
    let priced = if is_warm_up { rates.generating(usage) } else { rates.waiting(usage) };
    let wall_energy = Energy::from_millijoules(unsigned(row.get("wall_energy_mj")?, "wall_energy_mj")?);
    Ok(priced == Ok((wall_energy, Money::from_nano(row.get("electricity_nano")?))))
}

fn images_of_requests(conn: &Conn<'_>) -> Result<Control, LedgerError> {
    let mut control = Control::new(ControlKind::Requests);
    conn.for_each(entries::IMAGES_BY_REQUEST, params![], |row| -> Result<(), LedgerError> {
        let (id, asked, booked) = (row.get::<String>(0)?, row.get::<i64>(1)?, row.get::<i64>(2)?);
        control
            .check(asked == booked, || format!("request {id}: {asked} were asked for, {booked} are booked"));
        Ok(())
    })?;
    Ok(control)
}

/// A ledger that was restored from before an image was made does not know it. An image of a request that was abandoned is the
/// rest of a crash, and nobody's.
fn kept_images(conn: &Conn<'_>, kept: &[(RequestId, u32)]) -> Result<Control, LedgerError> {
    let mut control = Control::new(ControlKind::KeptImages);
    let mut images = HashMap::new();
    let requests: Vec<_> =
        kept.iter().map(|(request, _)| *request).collect::<BTreeSet<_>>().into_iter().collect();
    let sql = "SELECT id, images FROM requests WHERE id IN ({ids})";
    conn.for_each_of(sql, &requests, |row| -> Result<(), LedgerError> {
        images.insert(row.get::<String>(0)?, row.get::<i64>(1)?);
        Ok(())
    })?;
    for (request, index) in kept {
        let asked = images.get(&request.to_text()).copied();
        control.check(asked.is_some_and(|asked| i64::from(*index) < asked), || match asked {
            Some(asked) => format!("request {request}: image {} is kept of {asked}", index + 1),
            None => format!("request {request}: an image is kept, and the ledger does not know it"),
        });
    }
    Ok(control)
}

fn answers(conn: &Conn<'_>) -> Result<Control, LedgerError> {
    let mut control = Control::new(ControlKind::Answers);
    let sql = "SELECT requests.id, state, delivered_at_ms, created_at_ms FROM deliveries
               JOIN requests ON requests.id = request_id ORDER BY requests.id";
    conn.for_each(sql, params![], |row| -> Result<(), LedgerError> {
        let (id, state) = (row.get::<String>(0)?, row.get::<String>(1)?);
        let is_early = row.get::<i64>(2)? < row.get::<i64>(3)?;
        control.check(state == "settled" && !is_early, || {
            let when = if is_early { ", before it was asked" } else { "" };
            format!("request {id}: its answer was handed over{when}, and it is {state}")
        });
        Ok(())
    })?;
    Ok(control)
}

fn parts(conn: &Conn<'_>, basis: &AuditBasis<'_>, now: Timestamp) -> Result<Control, LedgerError> {
    let mut control = Control::new(ControlKind::Parts);
    let (months, register) = report::depreciation_of_all_months(conn, basis.costs, (basis.calendar, now))?;
    control.check(months == register, || {
        format!("all months with their adjustments: {months}; the register of parts: {register}")
    });
    Ok(control)
}

fn meters(conn: &Conn<'_>, basis: &AuditBasis<'_>) -> Result<Control, LedgerError> {
    let mut control = Control::new(ControlKind::Meters);
    for reconciliation in reconciliations::all(conn, basis.calendar)? {
        let tenths = reconciliation.difference_tenths()?;
        let is_near =
            tenths.is_some_and(|tenths| tenths.unsigned_abs() <= u64::from(basis.tolerance_percent) * 10);
        control.check(is_near, || {
            let percent = tenths.map_or_else(|| "-".into(), |tenths| Decimal::new(tenths, 1).to_string());
            format!("{}: {percent} % of what was measured is not booked", reconciliation.month)
        });
    }
    Ok(control)
}

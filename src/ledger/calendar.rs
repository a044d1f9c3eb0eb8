//! The zones in which the ledger's days and months are counted. They stand in the ledger, so that a command that is run with
//! another configuration, or on another machine, does not cut months elsewhere: a seal is for good.

use jiff::{
    Timestamp,
    tz::{TimeZone, TimeZoneDatabase},
};

use super::{
    Evidence, Ledger, LedgerError, Month, closed_days,
    queue::has_living_node,
    store::{Conn, params},
    terms,
};
use crate::{costs::Term, domain::Calendar};

/// The name of the ledger's rows of zones.
const TIME_ZONE: &str = "time_zone";
/// Months before and after the running one for which two zones are compared.
const MONTHS_COMPARED: usize = 24;

impl Ledger {
    /// The ledger's days and months; those of `configured` if it keeps no zone yet.
    ///
    /// # Errors
    /// [`LedgerError::NamelessZone`] if it keeps none and `configured` could not be kept; [`LedgerError`] if the database refuses or a
    /// row holds what none should.
    pub fn calendar(&self, configured: &TimeZone) -> Result<Calendar, LedgerError> {
        match self.store.read(calendar)? {
            Some(kept) => Ok(kept),
            None if configured.iana_name().is_none() => Err(LedgerError::NamelessZone),
            None => Ok(configured.clone().into()),
        }
    }

    /// At a server's start: records `zone` as the ledger's. In a ledger with entries another zone counts from the next month
    /// on; the log says so. A zone without a name cannot be recorded: the one that is kept goes on. Nodes read the ledger's zones once,
    /// when they start: beside one that lives there is no other zone.
    ///
    /// # Errors
    /// [`LedgerError::NamelessZone`] if none is kept either: each process would count in the zone of its own machine;
    /// [`LedgerError::OtherZone`] beside a living node.
    pub fn keep_zone(&self, zone: &TimeZone, now: Timestamp) -> Result<(), LedgerError> {
        let may_have_nodes = self.store.has_queue();
        self.store.write(|conn| match (zone.iana_name(), calendar(conn)?) {
            (None, None) => Err(LedgerError::NamelessZone),
            (Some(name), Some(kept))
                if may_have_nodes && is_other(&kept, zone, now) && has_living_node(conn)? =>
            {
                let kept = kept.last_zone().iana_name().unwrap_or_default().to_owned();
                Err(LedgerError::OtherZone { kept, configured: name.to_owned() })
            }
            _ => keep(conn, zone, now),
        })
    }
}

/// The ledger's days and months; those of UTC if it keeps no zone yet.
pub(super) fn kept(conn: &Conn<'_>) -> Result<Calendar, LedgerError> {
    Ok(calendar(conn)?.unwrap_or(Calendar::UTC))
}

/// The ledger's days and months; none if it keeps no zone yet.
fn calendar(conn: &Conn<'_>) -> Result<Option<Calendar>, LedgerError> {
    let mut calendar: Option<Calendar> = None;
    for row in terms::rows_of(conn, TIME_ZONE)? {
        let Term::TimeZone(name) = &row.term else { continue };
        let zone = TimeZone::get(name)
            .or_else(|_| TimeZoneDatabase::bundled().get(name))
            .map_err(|_| LedgerError::OutOfRange { what: "a time zone" })?;
        calendar = Some(match (calendar, row.from) {
            (Some(calendar), Some(from)) => {
                let day = calendar.to_datetime(from).date();
                calendar.then(day, zone)
            }
            _ => zone.into(),
        });
    }
    Ok(calendar)
}

/// Records `zone` if the ledger keeps none yet.
pub(super) fn keep_first(conn: &Conn<'_>, zone: &TimeZone, now: Timestamp) -> Result<(), LedgerError> {
    if calendar(conn)?.is_none() { keep(conn, zone, now) } else { Ok(()) }
}

/// As [`Ledger::keep_zone`].
fn keep(conn: &Conn<'_>, zone: &TimeZone, now: Timestamp) -> Result<(), LedgerError> {
    let Some(name) = zone.iana_name() else { return Ok(()) };
    let kept = calendar(conn)?;
    let from = match &kept {
        Some(kept) if !is_other(kept, zone, now) => return Ok(()),
        Some(kept) if has_entries(conn)? => {
            let from = Month::of(now, kept).end(kept);
            let closed = closed_days::first_open_day(conn)?.map(|day| kept.start_of(day));
            let from = closed.map_or(from, |closed| from.max(closed));
            tracing::warn!(zone = name, %from, "days and months are counted in another time zone from the next month on");
            Some(from)
        }
        _ => None,
    };
    let evidence = Evidence::CONFIGURATION;
    let recorded_at = closed_days::after_closings(conn, now)?;
    terms::insert(conn, &Term::TimeZone(name.to_owned()), from, &evidence, recorded_at)?;
    Ok(())
}

/// Whether days or months around `now` begin at other moments in `zone` than those that are counted last.
fn is_other(kept: &Calendar, zone: &TimeZone, now: Timestamp) -> bool {
    !cut_alike(kept.last_zone(), zone, Month::of(now, kept))
}

/// Whether anything was booked, which has its day and its month.
fn has_entries(conn: &Conn<'_>) -> Result<bool, LedgerError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM entries) OR EXISTS (SELECT 1 FROM overheads)
                    OR EXISTS (SELECT 1 FROM month_closings)";
    conn.query_one(sql, params![], |row| row.get(0))
}

/// Whether two zones, such as Asia/Shanghai and PRC, cut the months around `month` at the same moments.
fn cut_alike(one: &TimeZone, other: &TimeZone, month: Month) -> bool {
    let [one, other] = [one, other].map(|zone| Calendar::from(zone.clone()));
    let months = |step: fn(Month) -> Month| {
        std::iter::successors(Some(month), move |month| Some(step(*month))).take(MONTHS_COMPARED)
    };
    months(Month::previous).chain(months(Month::next)).all(|month| month.start(&one) == month.start(&other))
}

//! The zone in which the ledger's days and months are counted. It stands in the ledger, so that a command that is run with
//! another configuration, or on another machine, does not cut months elsewhere: a seal is for good.

use jiff::{Timestamp, tz::TimeZone};

use super::{
    Ledger, LedgerError, Month,
    store::{Conn, params},
};

/// Months before and after the running one for which two zones are compared.
const MONTHS_COMPARED: usize = 24;

impl Ledger {
    /// At a server's start: keeps `zone` as the ledger's. Until a month is closed, a server may move its ledger to another
    /// zone; the log says so.
    ///
    /// # Errors
    /// [`LedgerError::Zone`] if months were closed in another zone.
    pub fn keep_zone(&self, zone: &TimeZone, now: Timestamp) -> Result<(), LedgerError> {
        self.store.write(|conn| {
            let Err(error) = check(conn, zone, now) else { return keep(conn, zone) };
            let sql = "SELECT count(*) FROM month_closings";
            let is_sealed = conn.query_one(sql, params![], |row| Ok(row.get::<i64>(0)? > 0))?;
            match error {
                LedgerError::Zone { kept, configured } if !is_sealed => {
                    tracing::warn!(
                        from = kept,
                        to = configured,
                        "months are counted in another time zone from now on"
                    );
                    keep(conn, zone)
                }
                error => Err(error),
            }
        })
    }

    /// Checks that `zone` cuts days and months where the ledger's own does. A ledger that keeps none yet takes any.
    ///
    /// # Errors
    /// [`LedgerError::Zone`] if it does not.
    pub fn check_zone(&self, zone: &TimeZone, now: Timestamp) -> Result<(), LedgerError> {
        self.store.read(|conn| check(conn, zone, now))
    }
}

/// As [`Ledger::check_zone`]. A zone without a name, such as a fixed offset, is compared with nothing.
pub(super) fn check(conn: &Conn<'_>, zone: &TimeZone, now: Timestamp) -> Result<(), LedgerError> {
    let Some(configured) = zone.iana_name() else { return Ok(()) };
    let sql = "SELECT value FROM settings WHERE name = 'time_zone'";
    let Some(kept) = conn.query_first(sql, params![], |row| row.get::<String>(0))? else { return Ok(()) };
    let is_same = kept == configured
        || TimeZone::get(&kept).is_ok_and(|kept| cut_alike(&kept, zone, Month::of(now, zone)));
    if is_same { Ok(()) } else { Err(LedgerError::Zone { kept, configured: configured.to_owned() }) }
}

/// The ledger's zone; UTC if it keeps none yet.
pub(super) fn kept(conn: &Conn<'_>) -> Result<TimeZone, LedgerError> {
    let sql = "SELECT value FROM settings WHERE name = 'time_zone'";
    let name = conn.query_first(sql, params![], |row| row.get::<String>(0))?;
    Ok(name.and_then(|name| TimeZone::get(&name).ok()).unwrap_or(TimeZone::UTC))
}

/// Keeps `zone` as the ledger's, if it has a name.
pub(super) fn keep(conn: &Conn<'_>, zone: &TimeZone) -> Result<(), LedgerError> {
    let Some(name) = zone.iana_name() else { return Ok(()) };
    conn.execute(
        "INSERT INTO settings (name, value) VALUES ('time_zone', ?1)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        params![name],
    )?;
    Ok(())
}

/// Whether two zones, such as Asia/Shanghai and PRC, cut the months around `month` at the same moments.
fn cut_alike(one: &TimeZone, other: &TimeZone, month: Month) -> bool {
    let months = |step: fn(Month) -> Month| {
        std::iter::successors(Some(month), move |month| Some(step(*month))).take(MONTHS_COMPARED)
    };
    months(Month::previous).chain(months(Month::next)).all(|month| month.start(one) == month.start(other))
}

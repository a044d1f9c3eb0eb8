//! What a wall meter or the power company says of a month, beside what was booked.

use jiff::Timestamp;

use crate::{
    domain::Calendar,
    ledger::{
        Evidence, Ledger, LedgerError, Month, signed,
        store::{Conn, Row, params},
        unsigned,
    },
    units::{Currency, Energy, EnergyBalance, Money, RangeError},
};

/// What was read or billed for a month, and what was booked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    /// The month.
    pub month: Month,
    /// What the meter counted, or the company billed.
    pub measured: Energy,
    /// What the company billed it with; none for a meter's reading.
    pub billed: Option<Money>,
    /// The bill, or who read the meter.
    pub document: Option<String>,
    /// Who recorded it.
    pub actor: String,
    /// When.
    pub recorded_at: Timestamp,
    /// What was booked, by what it was for.
    pub booked: Vec<EnergyUse>,
}

/// Energy at the plug and its price, of one purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnergyUse {
    /// `images`, `failed work`, `idle hours`, `warm-up images` or `gaps`.
    pub name: String,
    /// At the plug.
    pub energy: EnergyBalance,
    /// Its price.
    pub electricity: Money,
}

impl Reconciliation {
    /// All that was booked.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn total(&self) -> Result<EnergyUse, RangeError> {
        let nothing =
            EnergyUse { name: "booked".into(), energy: EnergyBalance::default(), electricity: Money::ZERO };
        self.booked.iter().try_fold(nothing, |sum, one| {
            let (energy, electricity) =
                (sum.energy.plus(one.energy)?, sum.electricity.plus(one.electricity)?);
            Ok(EnergyUse { energy, electricity, ..sum })
        })
    }

    /// What was measured less what was booked, in tenths of a percent of what was measured, rounded toward 0; none if nothing
    /// was measured.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn difference_tenths(&self) -> Result<Option<i64>, RangeError> {
        let measured = i128::from(self.measured.as_millijoules());
        let booked = i128::from(self.total()?.energy.as_millijoules());
        let tenths = ((measured - booked) * 1_000).checked_div(measured);
        tenths.map(|tenths| i64::try_from(tenths).map_err(|_| RangeError::Energy)).transpose()
    }

    /// What the difference of energy costs at the price that was booked on average, rounded up; none if nothing was booked or
    /// billed. What remains of the bill is another price or a standing charge.
    ///
    /// # Errors
    /// [`RangeError`] past the ledger's range.
    pub fn by_quantity(&self) -> Result<Option<Money>, RangeError> {
        let booked = self.total()?;
        let Some(all) = u64::try_from(booked.energy.as_millijoules()).ok().filter(|all| *all > 0) else {
            return Ok(None);
        };
        let at_booked_price = booked.electricity.share_ceil(self.measured.as_millijoules(), all)?;
        Ok(Some(at_booked_price.minus(booked.electricity)?))
    }
}

/// Energy at the plug of a span, by purpose. What was taken back without a replacement was used all the same.
const BOOKED: &str = "
    SELECT CASE WHEN kind = 'failed' THEN 'failed work' ELSE 'images' END AS name,
           CAST(sum(wall_energy_mj) AS BIGINT) AS energy_mj, CAST(sum(electricity_nano) AS BIGINT) AS electricity_nano
    FROM entries
    WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2
      AND (reverses IS NULL OR reverses IN (SELECT corrects FROM entries WHERE corrects IS NOT NULL))
    GROUP BY 1
    UNION ALL
    SELECT CASE kind WHEN 'idle' THEN 'idle hours' WHEN 'warm-up' THEN 'warm-up images' ELSE 'gaps' END,
           CAST(sum(wall_energy_mj) AS BIGINT), CAST(sum(electricity_nano) AS BIGINT)
    FROM overheads WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2 GROUP BY 1";

impl Ledger {
    /// Records what a meter counted in `month`, or the power company billed. A later record of the same month takes the place
    /// of the earlier one, which stays.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or the amount is in another currency.
    pub fn reconcile(
        &self,
        month: Month,
        (measured, billed): (Energy, Option<Money>),
        currency: Currency,
        evidence: &Evidence<'_>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.check_currency(currency)?;
        let sql = "INSERT INTO reconciliations (month, energy_mj, currency, amount_nano, document, actor, recorded_at_ms)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        self.store.write(|conn| {
            let energy = signed(measured.as_millijoules(), "energy_mj")?;
            let billed = billed.map(Money::as_nano);
            conn.execute(
                sql,
                params![
                    month.to_string(),
                    energy,
                    currency.code(),
                    billed,
                    evidence.document,
                    evidence.actor,
                    now
                ],
            )?;
            Ok(())
        })
    }

    /// What was last recorded of each month, with what was booked in it.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn reconciliations(&self, calendar: &Calendar) -> Result<Vec<Reconciliation>, LedgerError> {
        self.store.read(|conn| all(conn, calendar))
    }
}

pub(super) fn all(conn: &Conn<'_>, calendar: &Calendar) -> Result<Vec<Reconciliation>, LedgerError> {
    let sql = "SELECT * FROM reconciliations WHERE id IN (SELECT max(id) FROM reconciliations GROUP BY month) ORDER BY month";
    let mut reconciliations = conn.query(sql, params![], reconciliation)?;
    for reconciliation in &mut reconciliations {
        let (start, end) = (reconciliation.month.start(calendar), reconciliation.month.end(calendar));
        reconciliation.booked = conn.query(BOOKED, params![start, end], energy_use)?;
    }
    Ok(reconciliations)
}

fn reconciliation(row: &Row<'_>) -> Result<Reconciliation, LedgerError> {
    let month: String = row.get("month")?;
    Ok(Reconciliation {
        month: month.parse().map_err(|_| LedgerError::OutOfRange { what: "reconciliations.month" })?,
        measured: Energy::from_millijoules(unsigned(row.get("energy_mj")?, "energy_mj")?),
        billed: row.get::<Option<i64>>("amount_nano")?.map(Money::from_nano),
        document: row.get("document")?,
        actor: row.get("actor")?,
        recorded_at: row.get("recorded_at_ms")?,
        booked: Vec::new(),
    })
}

fn energy_use(row: &Row<'_>) -> Result<EnergyUse, LedgerError> {
    Ok(EnergyUse {
        name: row.get("name")?,
        energy: EnergyBalance::from_millijoules(row.get("energy_mj")?),
        electricity: Money::from_nano(row.get("electricity_nano")?),
    })
}

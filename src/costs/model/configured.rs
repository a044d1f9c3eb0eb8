use jiff::civil::Date;

use super::{CostSettings, ExchangeRate};
use crate::costs::{CostError, DatedTerm, PriceSheet, Term, Terms};

impl CostSettings {
    /// Their prices of electricity and watts, and `rates`, with their dates.
    ///
    /// # Errors
    /// [`CostError`] for a tariff that cannot be.
    pub fn terms(&self, rates: Vec<ExchangeRate>) -> Result<Terms, CostError> {
        let always = |term| DatedTerm::from_day(Date::MIN, term);
        let mut terms = vec![
            always(Term::Electricity(PriceSheet::flat(self.price_per_kwh, Date::MIN))),
            always(Term::HostWatts(self.host_watts)),
            always(Term::WallFactorPercent(self.wall_factor_percent)),
            always(Term::SharedBy(self.charging.shared_by)),
            always(Term::MarkUpPercent(self.charging.mark_up_percent)),
        ];
        let sheets = PriceSheet::of_rows(&self.tariff)?;
        terms.extend(
            sheets.into_iter().map(|(day, sheet)| DatedTerm::from_day(day, Term::Electricity(sheet))),
        );
        terms.extend(rates.into_iter().map(|ExchangeRate { from, to, rate, effective_from }| {
            DatedTerm::from_day(effective_from, Term::ExchangeRate { from, to, rate })
        }));
        Ok(Terms::of(terms))
    }
}

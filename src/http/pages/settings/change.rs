use std::collections::BTreeMap;

use jiff::{
    SignedDuration, Timestamp,
    civil::{Date, DateTime},
};

use super::fields::{FieldProblem, FormFields};
use crate::{
    costs::{
        Asset, ComingPrices, CostLine, CostModel, DatedTerm, DaySpan, Life, PriceFile, PriceSheet,
        Retirement, TariffRow, Term, Upkeep,
    },
    domain::{AssetId, Calendar, TEXT_CHARS_MAX, check_label},
    ledger::{AssetRow, CostLineRow, Evidence, Ledger, LedgerError},
    units::{Currency, Money, Power},
};

/// Rows of prices by the hour that the form has.
pub(super) const TARIFF_ROWS: usize = 3;

/// A form that comes again within this time was sent twice.
const DOUBLE_CLICK: SignedDuration = SignedDuration::from_secs(10);

/// What a form asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// A part was bought.
    Part(Asset),
    /// A part was recorded by mistake.
    UndoPart(AssetId),
    /// Values hold from a day on.
    Terms(Vec<Term>, Date),
    /// Prices of electricity by the hour.
    Prices(Box<ComingPrices>),
    /// Something is paid beside parts and electricity.
    Line(CostLine),
    /// A line of cost is not paid any more.
    EndLine(i64),
}

/// What forms are read with.
pub(super) struct Reading<'a> {
    pub(super) costs: &'a CostModel,
    pub(super) calendar: &'a Calendar,
    pub(super) now: Timestamp,
    /// Names of terms that the configuration states, each with the key.
    pub(super) stated: &'a BTreeMap<String, &'static str>,
}

impl Reading<'_> {
    /// The change that `fields` ask for.
    pub(super) fn change(&self, fields: &FormFields) -> Result<Change, FieldProblem> {
        // They stand in the books for good, and are shown in one line.
        for field in ["name", "line_name", "document"] {
            let text = fields.text(field);
            if !text.is_empty() && check_label(text, TEXT_CHARS_MAX).is_err() {
                return Err(FieldProblem::new(field, "settings-problem-text"));
            }
        }
        match fields.text("part") {
            "machine" => self.part(fields),
            "undo" => Ok(Change::UndoPart(AssetId::new(fields.id()?))),
            "electricity" => self.electricity(fields),
            "prices" => self.prices(fields),
            "power" => self.power(fields),
            "rate" => self.rate(fields),
            "compare" => self.compare(fields),
            "line" => self.line(fields),
            "end-line" => Ok(Change::EndLine(fields.id()?)),
            other => Err(FieldProblem::with("part", "settings-problem-part", other)),
        }
    }

    fn part(&self, fields: &FormFields) -> Result<Change, FieldProblem> {
        let life = match fields.text("life") {
            "images" => Life::Units { lifetime_images: fields.whole("images")?, years: None },
            _ => Life::Time {
                years: fields.whole("years")?,
                normal_utilisation_percent: fields.whole("utilisation")?,
            },
        };
        let asset = Asset {
            name: fields.text("name").to_owned(),
            price: fields.amount("price")?,
            residual: fields.amount("residual")?,
            share_percent: fields.whole("share")?,
            purchased_on: fields.day("bought")?.unwrap_or_else(|| self.today()),
            life,
            retirement: None,
        };
        asset.check().map_err(|error| refused_part(&error.to_string()))?;
        Ok(Change::Part(asset))
    }

    fn electricity(&self, fields: &FormFields) -> Result<Change, FieldProblem> {
        let from = self.first_day(fields)?;
        let row = |price_per_kwh, hours| TariffRow {
            effective_from: from,
            price_per_kwh,
            hours,
            months: None,
            weekdays: None,
        };
        let flat = fields.signed_amount("per_kwh")?;
        let mut rows = vec![row(flat, None)];
        for (hours, price) in HOURS_AND_PRICES {
            match (fields.text(hours), fields.text(price)) {
                ("", "") => {}
                (text, _) => {
                    let hours =
                        text.parse().map_err(|_| FieldProblem::new(hours, "settings-problem-hours"))?;
                    rows.push(row(fields.signed_amount(price)?, Some(hours)));
                }
            }
        }
        // One price has no row of a tariff.
        let sheet = match rows.as_slice() {
            [_] => PriceSheet::flat(flat, from),
            rows => {
                let sheets = PriceSheet::of_rows(rows);
                let sheets = sheets.map_err(|_| FieldProblem::new("hours1", "settings-problem-overlap"))?;
                sheets.into_iter().next().map_or_else(|| PriceSheet::flat(flat, from), |(_, sheet)| sheet)
            }
        };
        self.terms(vec![Term::Electricity(sheet)], from, "per_kwh")
    }

    fn prices(&self, fields: &FormFields) -> Result<Change, FieldProblem> {
        let refused = |error: String| FieldProblem::with("csv", "settings-problem-csv", error);
        let file = PriceFile::parse(fields.text("csv"), self.calendar).map_err(refused)?;
        let add = fields.optional_amount("add")?.unwrap_or_default();
        let is_per_mwh = fields.text("per") == "mwh";
        let cost = |price: Money| {
            let per_kwh = if is_per_mwh { price.share_ceil(1, 1000) } else { Ok(price) };
            per_kwh.and_then(|price| price.plus(add)).map_err(|error| error.to_string())
        };
        let coming = file.coming(self.now, self.calendar, cost).map_err(refused)?;
        Ok(Change::Prices(Box::new(coming)))
    }

    fn power(&self, fields: &FormFields) -> Result<Change, FieldProblem> {
        let mut terms = Vec::new();
        if !fields.text("host_watts").is_empty() {
            terms.push(Term::HostWatts(Power::from_watts(fields.whole("host_watts")?)));
        }
        if !fields.text("wall_factor_percent").is_empty() {
            match fields.whole("wall_factor_percent")? {
                percent @ 100..=1000 => terms.push(Term::WallFactorPercent(percent)),
                _ => return Err(FieldProblem::new("wall_factor_percent", "settings-problem-wall-factor")),
            }
        }
        if terms.is_empty() {
            return Err(FieldProblem::new("host_watts", "settings-problem-whole"));
        }
        // What is as it was needs no row.
        let now = self.costs.settings_at(self.calendar.to_datetime(self.now));
        terms.retain(|term| match term {
            Term::HostWatts(power) => *power != now.host_watts,
            Term::WallFactorPercent(percent) => *percent != now.wall_factor_percent,
            _ => true,
        });
        self.terms(terms, self.today(), "host_watts")
    }

    fn rate(&self, fields: &FormFields) -> Result<Change, FieldProblem> {
        let refused = || FieldProblem::new("currency", "settings-problem-currency");
        let from: Currency = fields.text("currency").to_uppercase().parse().map_err(|_| refused())?;
        let to = self.costs.currency();
        if from == to {
            return Err(refused());
        }
        let rate = fields.amount("rate")?;
        if rate == Money::ZERO {
            return Err(FieldProblem::new("rate", "settings-problem-amount"));
        }
        self.terms(vec![Term::ExchangeRate { from, to, rate }], self.first_day(fields)?, "rate")
    }

    fn compare(&self, fields: &FormFields) -> Result<Change, FieldProblem> {
        let sku = fields.text("sku");
        if self.costs.prices().check_sku(sku).is_err() {
            return Err(FieldProblem::new("sku", "settings-problem-sku"));
        }
        self.terms(vec![Term::CompareWith(sku.to_owned())], self.today(), "sku")
    }

    fn line(&self, fields: &FormFields) -> Result<Change, FieldProblem> {
        let name = fields.text("line_name").to_owned();
        if name.is_empty() {
            return Err(FieldProblem::new("line_name", "settings-problem-name"));
        }
        let amount = fields.amount("amount")?;
        let normal_utilisation_percent = self.costs.settings().normal_utilisation_percent;
        let upkeep = match fields.text("per") {
            "image" => Upkeep::PerImage(amount),
            "once" => Upkeep::Once(amount),
            "year" => Upkeep::PerYear { amount, normal_utilisation_percent },
            _ => Upkeep::PerMonth { amount, normal_utilisation_percent },
        };
        let first = fields.day("from")?.unwrap_or_else(|| self.today());
        Ok(Change::Line(CostLine { name, upkeep, days: DaySpan { first, end: Date::MAX } }))
    }

    /// Terms that the configuration does not state.
    fn terms(&self, terms: Vec<Term>, from: Date, field: &'static str) -> Result<Change, FieldProblem> {
        let stated = terms.iter().find_map(|term| self.stated.get(&term.name()));
        match stated {
            Some(key) => Err(FieldProblem::with(field, "settings-problem-stated", *key)),
            None => Ok(Change::Terms(terms, from)),
        }
    }

    /// The day from which a value is to hold: today, or later.
    fn first_day(&self, fields: &FormFields) -> Result<Date, FieldProblem> {
        match fields.day("from")? {
            Some(day) if day < self.today() => Err(FieldProblem::new("from", "settings-problem-past")),
            day => Ok(day.unwrap_or_else(|| self.today())),
        }
    }

    fn today(&self) -> Date {
        self.calendar.to_datetime(self.now).date()
    }
}

/// The fields of the tariff's rows.
pub(super) const HOURS_AND_PRICES: [(&str, &str); TARIFF_ROWS] =
    [("hours1", "price1"), ("hours2", "price2"), ("hours3", "price3")];

/// The field that a part was refused for.
fn refused_part(error: &str) -> FieldProblem {
    let fields = [
        ("residual", "settings-problem-residual"),
        ("share", "settings-problem-percent"),
        ("lifetime_images", "settings-problem-whole"),
        ("normal_utilisation", "settings-problem-percent"),
        ("years", "settings-problem-years"),
    ];
    let found = fields.into_iter().find(|(field, _)| error.starts_with(field));
    match found {
        Some(("lifetime_images", words)) => FieldProblem::new("images", words),
        Some(("normal_utilisation", words)) => FieldProblem::new("utilisation", words),
        Some((field, words)) => FieldProblem::new(field, words),
        None => FieldProblem::new("name", "settings-problem-name"),
    }
}

impl Change {
    /// `costs` as they would be, and the first moment from which all of it holds.
    pub(super) fn applied(
        &self,
        costs: &CostModel,
        lines: &[CostLineRow],
        now: DateTime,
    ) -> (CostModel, DateTime) {
        let all_lines = || lines.iter().map(|row| row.line.clone());
        let at = |day: Date| now.max(day.to_datetime(now.time()));
        match self {
            Self::Part(asset) => {
                let parts = costs.recorded_parts().iter().chain([asset]).cloned().collect();
                (costs.with_assets(parts), at(asset.purchased_on))
            }
            Self::Terms(terms, from) => {
                let first =
                    if *from <= now.date() { now } else { from.to_datetime(jiff::civil::Time::midnight()) };
                let dated = terms.iter().map(|term| DatedTerm { from: first, term: term.clone() });
                (costs.clone().with_terms(&dated.collect::<Vec<_>>()), at(*from))
            }
            Self::Prices(coming) => {
                let term = DatedTerm { from: now, term: Term::Spot(coming.prices.clone()) };
                (costs.clone().with_terms(&[term]), now)
            }
            Self::Line(line) => {
                (costs.clone().with_lines(all_lines().chain([line.clone()]).collect()), at(line.days.first))
            }
            Self::EndLine(id) => {
                let kept = lines.iter().filter(|row| row.id != *id).map(|row| row.line.clone());
                (costs.clone().with_lines(kept.collect()), now)
            }
            Self::UndoPart(_) => (costs.clone(), now),
        }
    }

    /// Records it; what stands in the way if it cannot be.
    pub(super) fn record(
        &self,
        ledger: &Ledger,
        (costs, calendar): (&CostModel, &Calendar),
        evidence: &Evidence<'_>,
        now: Timestamp,
    ) -> Result<Result<(), FieldProblem>, LedgerError> {
        let today = calendar.to_datetime(now).date();
        let closed = |field, done: bool| {
            if done { Ok(()) } else { Err(FieldProblem::new(field, "settings-problem-closed")) }
        };
        Ok(match self {
            Self::Part(asset) => {
                let again = |row: &AssetRow| row.asset == *asset && is_just_before(row.added_at, now);
                if ledger.assets()?.iter().any(again) {
                    return Ok(Ok(()));
                }
                added_up(ledger.add_asset(asset, costs, evidence, now), "price")?
            }
            Self::UndoPart(id) => {
                let Some(part) = ledger.assets()?.into_iter().find(|row| row.id == *id) else {
                    return Ok(Err(FieldProblem::new("id", "settings-problem-id")));
                };
                ledger.retire_asset(*id, undone(&part), costs, evidence, now)?;
                Ok(())
            }
            Self::Terms(terms, from) => {
                let moment = if *from <= today { now } else { calendar.start_of(*from) };
                let mut done = true;
                for term in terms {
                    done &= ledger.term_at(&term.name(), moment)?.as_ref() == Some(term)
                        && is_recorded(ledger, term)?
                        || ledger.record_term(term, moment, evidence, now)?;
                }
                closed("from", done)
            }
            Self::Prices(coming) => {
                let term = Term::Spot(coming.prices.clone());
                closed("csv", ledger.record_term(&term, coming.from, evidence, now)?)
            }
            Self::Line(line) => {
                let again = |row: &CostLineRow| row.line == *line && is_just_before(row.recorded_at, now);
                if ledger.cost_lines()?.iter().any(again) {
                    return Ok(Ok(()));
                }
                added_up(ledger.add_cost_line(line, costs, evidence, now), "amount")?
            }
            Self::EndLine(id) => {
                let lines = ledger.cost_lines()?;
                let Some(row) = lines.iter().find(|row| row.id == *id) else {
                    return Ok(Err(FieldProblem::new("id", "settings-problem-id")));
                };
                ledger.end_cost_line(*id, today.max(row.line.days.first), costs, evidence, now)?;
                Ok(())
            }
        })
    }
}

/// What was recorded; a problem of `field` if the books could not add it up with what they have.
fn added_up<T>(
    recorded: Result<T, LedgerError>,
    field: &'static str,
) -> Result<Result<(), FieldProblem>, LedgerError> {
    match recorded {
        Ok(_) => Ok(Ok(())),
        Err(LedgerError::Range(_)) => Ok(Err(FieldProblem::new(field, "settings-problem-amount"))),
        Err(error) => Err(error),
    }
}

/// Whether somebody has recorded the value of `term` that is in force: a default does not count.
fn is_recorded(ledger: &Ledger, term: &Term) -> Result<bool, LedgerError> {
    let rows = ledger.terms()?;
    let last = rows.iter().rfind(|row| row.term.name() == term.name());
    Ok(last.is_some_and(|row| row.term == *term && !row.is_configured()))
}

/// Whether what was recorded at `then` came with the press before a second one: a double click buys nothing twice.
fn is_just_before(then: Timestamp, now: Timestamp) -> bool {
    now.duration_since(then) < DOUBLE_CLICK
}

/// Out of service on its first day, for its price: as if it had not been.
fn undone(part: &AssetRow) -> Retirement {
    Retirement { on: part.asset.purchased_on, proceeds: part.asset.price }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::costs::{CostSettings, PriceBook};

    /// What a form with these fields asks for, where the configuration states electricity.
    fn read(fields: &[(&'static str, &str)]) -> Result<Change, FieldProblem> {
        let prices = PriceBook::built_in().expect("a price book");
        let costs = CostModel::new(CostSettings::default(), prices, Vec::new()).expect("a cost model");
        let now = "2026-11-18T12:00:00Z".parse().expect("a moment");
        let stated = BTreeMap::from([("electricity".to_owned(), "costs.tariff")]);
        let reading = Reading { costs: &costs, calendar: &Calendar::UTC, now, stated: &stated };
        reading.change(&FormFields::of(fields.iter().map(|(name, text)| (*name, (*text).to_owned()))))
    }

    #[test]
    fn what_the_configuration_states_is_refused_with_its_key() {
        let refused = read(&[("part", "electricity"), ("per_kwh", "0.5")]).expect_err("stated");
        assert_eq!(refused, FieldProblem::with("per_kwh", "settings-problem-stated", "costs.tariff"));
        let power = read(&[("part", "power"), ("host_watts", "60"), ("wall_factor_percent", "100")]);
        let today = jiff::civil::date(2026, 11, 18);
        let host_watts = Term::HostWatts(Power::from_watts(60));
        assert_eq!(power, Ok(Change::Terms(vec![host_watts], today)), "what stays as it was needs no row");
    }

    #[test]
    fn a_change_counts_from_its_day_on_the_example_month() {
        let from = jiff::civil::date(2026, 12, 1);
        let prices = PriceBook::built_in().expect("a price book");
        let costs = CostModel::new(CostSettings::default(), prices, Vec::new()).expect("a cost model");
        let price = "3.00".parse().expect("an amount");
        let change = Change::Terms(vec![Term::Electricity(PriceSheet::flat(price, from))], from);
        let now = jiff::civil::date(2026, 11, 18).at(12, 0, 0, 0);
        let (changed, at) = change.applied(&costs, &[], now);
        assert_eq!(at, from.at(12, 0, 0, 0));
        let per_kwh = |at| changed.settings_at(at).price_per_kwh.to_string();
        assert_eq!((per_kwh(now), per_kwh(at)), ("1.20".into(), "3.00".into()));
    }
}

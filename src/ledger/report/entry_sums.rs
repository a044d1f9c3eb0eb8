//! The entries of a span in one pass: sums over those of one day, operation, size, quality and service. Every report is
//! made from these few rows, so that a month of a million images is read once.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{Hash, Hasher},
    sync::Arc,
};

use jiff::{Timestamp, civil::Date};

use super::{EnergySources, GroupBy, MonthTotals, span::EntrySpan, totals::Sums};
use crate::{
    costs::ImageGroup,
    domain::{Calendar, ImageSize, Operation, Product, Quality},
    ledger::{
        Ledger, LedgerError, loras, rate_cards,
        store::{Conn, Row, Value, params},
        timestamp,
    },
    units::RangeError,
};

/// Entries that have all of this in common.
#[derive(Debug, Clone)]
pub(super) struct Fact {
    /// The day on which they were entered.
    pub(super) day: Date,
    /// The day on which what they take back or correct was first entered; else the same.
    pub(super) priced_on: Date,
    operation: Operation,
    pub(super) size: ImageSize,
    /// None: not noted.
    pub(super) quality: Option<Quality>,
    /// What they were compared with; none for failed work, and for images that had no price elsewhere.
    compared_sku: Option<Arc<str>>,
    is_failed_work: bool,
    /// The key's public id, the tag, the model and the LoRAs' names, if they were asked for.
    filed: [Option<Arc<str>>; 4],
    /// Their sums.
    pub(super) totals: MonthTotals,
    /// Of their energy for images, what was measured.
    pub(super) sources: EnergySources,
}

/// [`Fact`], with numbers in place of texts.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Key {
    day: Date,
    priced_on: Date,
    operation: Operation,
    size: (u32, u32),
    is_failed_work: bool,
    /// Of the columns from [`TEXTS`] on: quality, compared service, and what was asked for.
    texts: [Option<u32>; 6],
}

/// Two words instead of a dozen fields, since it is done for every entry; days come one after the other.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (width, height) = self.size;
        state.write_u64(u64::from(width) << 32 | u64::from(height));
        let day = u64::from(self.day.day().unsigned_abs());
        state.write_u64(self.texts.iter().fold(day, |mixed, text| {
            mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ text.map_or(0, |text| u64::from(text) + 1)
        }));
    }
}

/// The first column of texts.
const TEXTS: usize = 13;

/// What separates facts only if it is asked for, with its columns.
const FILED: [(GroupBy, &str); 4] = [
    (GroupBy::Key, "keys.public_id"),
    (GroupBy::Tag, "requests.tag"),
    (GroupBy::Model, "requests.model"),
    (GroupBy::Lora, "requests.loras"),
];

impl Fact {
    /// The name of its group.
    pub(super) fn group(&self, by: GroupBy) -> Option<String> {
        match by {
            GroupBy::Key => self.filed[0].as_deref().map(str::to_owned),
            GroupBy::Tag => self.filed[1].as_deref().map(str::to_owned),
            GroupBy::Model => self.filed[2].as_deref().map(str::to_owned),
            GroupBy::Lora => self.filed[3].as_deref().map(str::to_owned),
            GroupBy::Size => Some(self.size.to_string()),
            GroupBy::Quality => self.quality.map(|quality| quality.as_str().to_owned()),
            GroupBy::Day => Some(self.day.to_string()),
        }
    }

    /// Its images, to be priced elsewhere; none for failed work.
    pub(super) fn image_group(&self) -> Option<ImageGroup<'_>> {
        let booked = self.compared_sku.as_deref().zip(self.totals.compared_price());
        (!self.is_failed_work).then_some(ImageGroup {
            day: self.day,
            priced_on: self.priced_on,
            product: Product {
                operation: self.operation,
                size: self.size,
                // Before qualities were kept, every request had the usual steps.
                quality: self.quality.unwrap_or_default(),
            },
            images: self.totals.images,
            standard: self.totals.standard,
            booked,
        })
    }
}

/// The facts of `span`, by day. Entries that differ in one of `by` are kept apart.
pub(super) fn read(conn: &Conn<'_>, span: EntrySpan<'_>, by: &[GroupBy]) -> Result<Vec<Fact>, LedgerError> {
    let intensities = rate_cards::carbon_intensities(conn)?;
    let mut sums = HashMap::<Key, Sums>::new();
    let mut texts: [Texts; 6] = Default::default();
    let mut today = Day::of(span.start.as_millisecond(), span.calendar)?;
    conn.for_each(&query(by), params![span.start, span.end], |row| {
        let entered: i64 = row.get(0)?;
        if !today.contains(entered) {
            today = Day::of(entered, span.calendar)?;
        }
        let priced_on = match row.get(TEXTS + texts.len())? {
            None => today.date,
            Some(first) => Day::of(first, span.calendar)?.date,
        };
        let (size, is_failed_work) = ((row.get(11)?, row.get(12)?), row.get::<i64>(1)? == 0);
        let is_edit = row.get(TEXTS + texts.len() + 2)?;
        let operation = if is_edit { Operation::Edit } else { Operation::Generate };
        let mut key = Key { day: today.date, priced_on, operation, size, is_failed_work, texts: [None; 6] };
        for (place, texts) in texts.iter_mut().enumerate() {
            key.texts[place] = texts.number(row, TEXTS + place)?;
        }
        let is_taken_back = row.get(TEXTS + texts.len() + 1)?;
        let rate_card: Option<i64> = row.get(TEXTS + texts.len() + 3)?;
        let intensity = rate_card.and_then(|card| intensities.get(&card)).copied();
        sums.entry(key).or_default().add(row, is_taken_back, intensity)
    })?;
    let facts = sums.into_iter().map(|(key, sums)| fact(key, &sums, &texts));
    let mut facts = facts.collect::<Result<Vec<_>, _>>()?;
    facts.sort_by_key(|fact| (fact.day, fact.priced_on));
    Ok(facts)
}

impl Ledger {
    /// The sums from `start` up to, not including, `end`.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a sum is out of range.
    pub fn totals(&self, start: Timestamp, end: Timestamp) -> Result<MonthTotals, LedgerError> {
        let span = EntrySpan { start, end, calendar: &Calendar::UTC };
        self.store.read(|conn| Ok(sum(&read(conn, span, &[])?)?))
    }
}

/// What is read, by time.
pub(in crate::ledger) fn query(by: &[GroupBy]) -> String {
    let filed = FILED.map(|(filed, column)| if by.contains(&filed) { column } else { "NULL" });
    // The pluses keep SQLite from looking for the NULLs, which almost every entry has.
    // Entries have their index by time alone: reading their rows beside it costs less than a wider index, which every
    // settlement would pay for. Grouping is done here: SQLite would sort the rows for it, which takes longer.
    format!(
        "SELECT entered_at_ms, entries.images, duration_ms, energy_mj, wall_energy_mj, electricity_nano,
                depreciation_nano, upkeep_nano, compared_nano, delivered, energy_source, width, height, quality,
                compared_sku, {},
                CASE WHEN reverses IS NOT NULL OR corrects IS NOT NULL THEN
                    (SELECT first.entered_at_ms FROM entries AS first
                     WHERE first.request_id = entries.request_id AND first.image_index = entries.image_index
                       AND first.kind = entries.kind AND +first.reverses IS NULL AND +first.corrects IS NULL) END,
                reverses IS NOT NULL AND NOT EXISTS
                    (SELECT 1 FROM entries AS correction WHERE correction.corrects = entries.reverses),
                edit_steps_run IS NOT NULL,
                CASE WHEN reverses IS NOT NULL OR corrects IS NOT NULL THEN
                    (SELECT first.rate_card FROM entries AS first
                     WHERE first.request_id = entries.request_id AND first.image_index = entries.image_index
                       AND first.kind = entries.kind AND +first.reverses IS NULL AND +first.corrects IS NULL)
                ELSE rate_card END
         FROM entries JOIN requests ON requests.id = request_id {}
         WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2 ORDER BY entered_at_ms",
        filed.join(", "),
        if by.contains(&GroupBy::Key) { "JOIN keys ON keys.id = key_id" } else { "" },
    )
}

/// Sums of facts, by what `of` says of each.
pub(super) fn sums_by<K: Ord>(
    facts: &[Fact],
    of: impl Fn(&Fact) -> K,
) -> Result<BTreeMap<K, MonthTotals>, LedgerError> {
    let mut sums = BTreeMap::<K, MonthTotals>::new();
    for fact in facts {
        let sum = sums.entry(of(fact)).or_default();
        *sum = sum.plus(&fact.totals)?;
    }
    Ok(sums)
}

/// The sum of facts.
pub(super) fn sum<'a>(facts: impl IntoIterator<Item = &'a Fact>) -> Result<MonthTotals, RangeError> {
    facts.into_iter().try_fold(MonthTotals::default(), |sum, fact| sum.plus(&fact.totals))
}

/// How the energy of the facts' images became known.
pub(super) fn sources(facts: &[Fact]) -> Result<EnergySources, RangeError> {
    facts.iter().try_fold(EnergySources::default(), |sum, fact| sum.plus(&fact.sources))
}

/// A calendar day in Unix milliseconds.
struct Day {
    date: Date,
    start: i64,
    end: i64,
}

impl Day {
    /// The day of `moment`.
    fn of(moment: i64, calendar: &Calendar) -> Result<Self, LedgerError> {
        let date = calendar.to_datetime(timestamp(moment)?).date();
        let start_of = |date: Date| calendar.start_of(date).as_millisecond();
        let end = date.tomorrow().map_or(i64::MAX, start_of);
        Ok(Self { date, start: start_of(date), end })
    }

    fn contains(&self, moment: i64) -> bool {
        self.start <= moment && moment < self.end
    }
}

/// The texts of a column, numbered as they come: a text is copied once, and compared first with the last one.
#[derive(Default)]
struct Texts {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32>,
    last: Option<(u32, Arc<str>)>,
}

impl Texts {
    /// The number of the text in `column`; none for NULL.
    fn number(&mut self, row: &Row<'_>, column: usize) -> Result<Option<u32>, LedgerError> {
        let value = row.value(column)?;
        if value == Value::Null {
            return Ok(None);
        }
        let text = value.as_str().ok_or(LedgerError::OutOfRange { what: "a text of a request" })?;
        if let Some((number, last)) = &self.last
            && **last == *text
        {
            return Ok(Some(*number));
        }
        let (number, text) = match self.numbers.get_key_value(text) {
            Some((text, number)) => (*number, Arc::clone(text)),
            None => self.add(text)?,
        };
        self.last = Some((number, text));
        Ok(Some(number))
    }

    fn add(&mut self, text: &str) -> Result<(u32, Arc<str>), LedgerError> {
        let number =
            u32::try_from(self.texts.len()).map_err(|_| LedgerError::OutOfRange { what: "requests.tag" })?;
        let text: Arc<str> = text.into();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(Arc::clone(&text), number);
        Ok((number, text))
    }

    fn text(&self, number: Option<u32>) -> Option<Arc<str>> {
        self.texts.get(usize::try_from(number?).ok()?).cloned()
    }
}

fn fact(key: Key, sums: &Sums, texts: &[Texts; 6]) -> Result<Fact, LedgerError> {
    let text = |place: usize| texts[place].text(key.texts[place]);
    let quality = text(0).map(|quality| quality.parse::<Quality>()).transpose();
    let (width, height) = key.size;
    let loras = text(5).map(|json| loras::names(&json)).transpose()?;
    Ok(Fact {
        day: key.day,
        priced_on: key.priced_on,
        operation: key.operation,
        size: ImageSize::new(width, height).map_err(|_| LedgerError::OutOfRange { what: "width" })?,
        quality: quality.map_err(|_| LedgerError::OutOfRange { what: "requests.quality" })?,
        compared_sku: text(1),
        is_failed_work: key.is_failed_work,
        filed: [text(2), text(3), text(4), loras.map(Arc::from)],
        totals: sums.totals()?,
        sources: sums.sources(),
    })
}

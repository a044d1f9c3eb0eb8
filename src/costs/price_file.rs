//! Prices of electricity as a file of lines, as power exchanges and suppliers write them.

use jiff::{SignedDuration, Timestamp, civil::DateTime};

use super::{SpotPrice, SpotPrices};
use crate::{domain::Calendar, units::Money};

/// A file's lines, evenly spaced in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceFile {
    lines: Vec<PriceLine>,
    step: SignedDuration,
}

/// Those of its prices that still count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComingPrices {
    /// The prices.
    pub prices: SpotPrices,
    /// Their first moment; the hour that is running keeps its price until now.
    pub from: Timestamp,
    /// Lines whose time has passed.
    pub passed: usize,
}

/// A line of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PriceLine {
    number: u64,
    from: Timestamp,
    price: Money,
}

impl PriceFile {
    /// Reads `text`, whose first line names the columns: of times and of prices, the first of either.
    ///
    /// # Errors
    /// What is wrong, with the line and what to write.
    pub fn parse(text: &str, calendar: &Calendar) -> Result<Self, String> {
        let lines = lines(text, calendar)?;
        let step = step(&lines)?;
        Ok(Self { lines, step })
    }

    /// The price of the first line that has not passed at `now`; none if all have.
    pub fn first_price(&self, now: Timestamp) -> Option<Money> {
        self.lines.iter().find(|line| line.from + self.step > now).map(|line| line.price)
    }

    /// The prices that have not passed at `now`, each turned into what a kilowatt-hour costs by `cost`.
    ///
    /// # Errors
    /// What is wrong, with the line.
    pub fn coming(
        &self,
        now: Timestamp,
        calendar: &Calendar,
        cost: impl Fn(Money) -> Result<Money, String>,
    ) -> Result<ComingPrices, String> {
        let (passed, coming): (Vec<&PriceLine>, Vec<&PriceLine>) =
            self.lines.iter().partition(|line| line.from + self.step <= now);
        let (Some(first), Some(last)) = (coming.first(), coming.last()) else {
            return Err("all hours have passed, and keep what they were counted with".into());
        };
        let (from, until) = (first.from.max(now), calendar.to_datetime(last.from + self.step));
        let price = |line: &&PriceLine| -> Result<SpotPrice, String> {
            let price_per_kwh = cost(line.price).map_err(|error| format!("line {}: {error}", line.number))?;
            Ok(SpotPrice { from: calendar.to_datetime(line.from), price_per_kwh })
        };
        let prices = coming.iter().map(price).collect::<Result<Vec<_>, _>>()?;
        let prices = SpotPrices::new(prices, until).ok_or("the times do not go forward")?;
        Ok(ComingPrices { prices, from, passed: passed.len() })
    }
}

/// The lines of `text`, whose first one names the columns: of times and of prices, the first of either.
fn lines(text: &str, calendar: &Calendar) -> Result<Vec<PriceLine>, String> {
    let delimiter = [b';', b'\t']
        .into_iter()
        .find(|delimiter| text.lines().next().is_some_and(|names| names.as_bytes().contains(delimiter)));
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter.unwrap_or(b','))
        .flexible(true)
        .from_reader(text.as_bytes());
    let names = reader.headers().map_err(|error| error.to_string())?.clone();
    // By the words in their order: a volume in MWh may stand before the price.
    let column = |words: &[&str], of: &str| {
        let named = |word: &&str| names.iter().position(|name| name.to_lowercase().contains(word));
        let found = words.iter().find_map(named);
        found.ok_or_else(|| format!("no column of {of}; name one `{}`", words[0]))
    };
    let time = column(&["time", "start", "from", "date", "mtu", "hour"], "times")?;
    let price = column(&["price", "preis", "价", "mwh", "kwh"], "prices")?;
    let mut lines = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| error.to_string())?;
        let number = record.position().map_or(0, csv::Position::line);
        let cell = |column| record.get(column).unwrap_or_default().trim();
        let wrong = |what: &str, column| format!("line {number}: `{}` is no {what}", cell(column));
        let from = moment(cell(time), calendar)
            .ok_or_else(|| wrong("time; write 2026-11-23T13:00+01:00, or 2026-11-23 13:00", time))?;
        // A decimal comma.
        let amount = cell(price).replace(',', ".");
        let price = amount.parse().map_err(|_| wrong("price; write 0.2815 or -12.5", price))?;
        lines.push(PriceLine { number, from, price });
    }
    Ok(lines)
}

/// With an offset, or by the clock on the wall; of `2026-11-23 13:00 - 14:00` the beginning.
fn moment(text: &str, calendar: &Calendar) -> Option<Timestamp> {
    let text = text.split(" - ").next()?.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment);
    }
    let civil: DateTime = text.parse().ok()?;
    calendar.last_zone().to_zoned(civil).ok().map(|zoned| zoned.timestamp())
}

/// The time from each line to the next.
fn step(lines: &[PriceLine]) -> Result<SignedDuration, String> {
    let [first, second, ..] = lines else {
        return Err("fewer than two prices; name the columns in the first line, and add lines".into());
    };
    let step = second.from.duration_since(first.from);
    if !(SignedDuration::from_mins(1)..=SignedDuration::from_hours(24)).contains(&step) {
        return Err(format!("line {}: its time is not after the one before", second.number));
    }
    for pair in lines.windows(2) {
        if pair[1].from.duration_since(pair[0].from) != step {
            let hint = "times are evenly spaced; if clocks are put back then, write offsets such as +01:00";
            return Err(format!("line {}: {hint}", pair[1].number));
        }
    }
    Ok(step)
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    fn berlin() -> Calendar {
        TimeZone::get("Europe/Berlin").expect("a zone").into()
    }

    fn read(text: &str) -> Result<Vec<(String, String)>, String> {
        let lines = lines(text, &berlin())?;
        step(&lines)?;
        Ok(lines.iter().map(|line| (line.from.to_string(), line.price.to_string())).collect())
    }

    #[test]
    fn exchanges_and_suppliers_write_their_files_differently() {
        let expected = [("2026-11-23T12:00:00Z", "0.2815"), ("2026-11-23T13:00:00Z", "-0.005")]
            .map(|(time, price)| (time.to_owned(), price.to_owned()));
        for text in [
            "time,price\n2026-11-23T12:00Z,0.2815\n2026-11-23T13:00Z,-0.005\n",
            "Date;Preis €/kWh\n2026-11-23 13:00;0,2815\n2026-11-23 14:00;-0,005\n",
            "date;volume MWh;Preis €/kWh\n2026-11-23 13:00;9;0,2815\n2026-11-23 14:00;9;-0,005\n",
            "MTU (CET/CEST)\tPrice\n2026-11-23 13:00 - 2026-11-23 14:00\t0.2815\n2026-11-23 14:00 - 15:00\t-0.005\n",
        ] {
            assert_eq!(read(text).as_deref(), Ok(&expected[..]), "{text}");
        }
    }

    #[test]
    fn what_is_no_series_of_prices_is_named_with_its_line() {
        for (text, said) in [
            ("a,price\n1,2\n", "no column of times"),
            ("time,b\n1,2\n", "no column of prices"),
            ("time,price\nsoon,2\n", "line 2: `soon` is no time"),
            ("time,price\n2026-11-23 13:00,dear\n", "line 2: `dear` is no price"),
            ("time,price\n2026-11-23 13:00,1\n", "fewer than two prices"),
            ("time,price\n2026-11-23 13:00,1\n2026-11-23 12:00,1\n", "line 3: its time is not after"),
            (
                "time,price\n2026-11-23 13:00,1\n2026-11-23 14:00,1\n2026-11-23 16:00,1\n",
                "line 4: times are evenly",
            ),
        ] {
            let error = read(text).expect_err("refused");
            assert!(error.contains(said), "{error}");
        }
        // The hour that comes twice has two prices only where offsets say which is which.
        let twice =
            "time,price\n2026-10-25T01:00+02:00,1\n2026-10-25T02:00+02:00,2\n2026-10-25T02:00+01:00,3\n";
        assert_eq!(read(twice).map(|lines| lines.len()), Ok(3));
        assert!(read("time,price\n2026-10-25 01:00,1\n2026-10-25 02:00,2\n2026-10-25 02:00,3\n").is_err());
    }
}

//! `tintype terms import-prices`: prices of electricity by the hour from a CSV file, as power exchanges publish them.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum, builder::NonEmptyStringValueParser};
use jiff::{SignedDuration, Timestamp, civil::DateTime};

use super::{
    Books, CliError, DataArgs,
    invoice_args::{InvoiceArgs, cost_of},
    print,
};
use crate::{
    clock::Clock,
    costs::{SpotPrice, SpotPrices, Term},
    domain::Calendar,
    ledger::Evidence,
    units::Money,
};

#[derive(Debug, Args)]
pub(super) struct ImportPricesArgs {
    #[command(flatten)]
    place: DataArgs,
    /// A CSV file with a line of names, and in each line a time and a price; the times are evenly spaced
    file: PathBuf,
    /// What the prices are for
    #[arg(long, value_enum, default_value = "kwh")]
    per: PerUnit,
    /// What is paid beside each price for a kilowatt-hour: the grid, fees, taxes; stated as the prices are
    #[arg(long, value_name = "AMOUNT", default_value = "0", allow_negative_numbers = true)]
    add: Money,
    #[command(flatten)]
    invoice: InvoiceArgs,
    /// The contract, or where the prices were published
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    document: Option<String>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum PerUnit {
    /// A kilowatt-hour
    Kwh,
    /// A megawatt-hour
    Mwh,
}

/// A line of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PriceLine {
    number: u64,
    from: Timestamp,
    price: Money,
}

pub(super) fn run(args: &ImportPricesArgs, clock: &dyn Clock) -> Result<(), CliError> {
    let named = |error: String| CliError::Usage(format!("{}: {error}", args.file.display()));
    let Books { ledger, costs, calendar, .. } = args.place.books_or_new(clock)?;
    let costs = ledger.with_assets(&costs)?;
    let now = clock.now();
    let lines = read(&args.file, &calendar).map_err(named)?;
    let step = step(&lines).map_err(named)?;
    let (passed, coming): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.from + step <= now);
    let (Some(first), Some(last)) = (coming.first(), coming.last()) else {
        return Err(named("all hours have passed, and keep what they were counted with".into()));
    };
    // The hour that is running keeps its price until now.
    let (from, until) = (first.from.max(now), calendar.to_datetime(last.from + step));
    let today = calendar.to_datetime(now).date();
    let invoice = args.invoice.invoice(first.price, &costs, today)?;
    let price = |line: &PriceLine| -> Result<SpotPrice, CliError> {
        let per_kwh = match args.per {
            PerUnit::Kwh => Ok(line.price),
            PerUnit::Mwh => line.price.share_ceil(1, 1000),
        };
        let stated = per_kwh.and_then(|price| price.plus(args.add));
        let stated = stated.map_err(|error| CliError::Usage(format!("line {}: {error}", line.number)))?;
        let price_per_kwh = cost_of(invoice.as_ref(), stated)?;
        Ok(SpotPrice { from: calendar.to_datetime(line.from), price_per_kwh })
    };
    let prices = coming.iter().map(price).collect::<Result<Vec<_>, _>>()?;
    let count = prices.len();
    let Some(prices) = SpotPrices::new(prices, until) else {
        return Err(named("the times do not go forward".into()));
    };
    let document = args.document.as_deref();
    let evidence = Evidence { document, invoice: invoice.as_ref(), ..Evidence::COMMAND_LINE };
    if !ledger.record_term(&Term::Spot(prices), from, &evidence, now)? {
        return Err(CliError::Usage("the hours are in a month that is closed".into()));
    }
    if !passed.is_empty() {
        super::note(&format!("{} hours that have passed keep their prices", passed.len()));
    }
    let minute = |at: DateTime| at.strftime("%Y-%m-%d %H:%M").to_string();
    print(&format!(
        "{count} prices of electricity from {} until {}\n",
        minute(calendar.to_datetime(from)),
        minute(until)
    ))
}

fn read(file: &Path, calendar: &Calendar) -> Result<Vec<PriceLine>, String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let text = String::from_utf8(bytes).map_err(|_| "not UTF-8; save the file as UTF-8".to_owned())?;
    lines(&text, calendar)
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
    let column = |words: &[&str], of: &str| {
        let is_it = |name: &str| words.iter().any(|word| name.to_lowercase().contains(word));
        names.iter().position(is_it).ok_or_else(|| format!("no column of {of}; name one `{}`", words[0]))
    };
    let time = column(&["time", "start", "from", "date", "mtu", "hour"], "times")?;
    let price = column(&["price", "mwh", "kwh"], "prices")?;
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

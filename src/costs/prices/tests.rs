use jiff::{ToSpan, civil::date};
use proptest::prelude::*;

use super::*;
use crate::{
    domain::{ImageSize, Quality},
    units::Currency,
};

const TODAY: Date = date(2026, 11, 23);
const MEDIUM: Quality = Quality::Medium;

/// An entry of sku `a/b` with `lines` in place of, or besides, those it would have.
fn entry(lines: &[&str]) -> String {
    let usual = [
        "sku = \"a/b\"",
        "unit = \"image\"",
        "amount = \"1\"",
        "currency = \"USD\"",
        "effective_from = \"2026-01-01\"",
        "source = \"a page\"",
        "read_on = \"2026-11-01\"",
    ];
    let key = |line: &str| line.split(" =").next().map(str::to_owned);
    let kept = usual.into_iter().filter(|line| lines.iter().all(|own| key(own) != key(line)));
    let written: Vec<_> =
        kept.chain(lines.iter().copied().filter(|line| !line.ends_with("= none"))).collect();
    format!("[[price]]\n{}\n", written.join("\n"))
}

fn span(amount: &str, from: &str, to: Option<&str>) -> String {
    let to = to.map_or("effective_to = none".to_owned(), |to| format!("effective_to = \"{to}\""));
    let (amount, from) = (format!("amount = \"{amount}\""), format!("effective_from = \"{from}\""));
    entry(&[&amount, &from, &to, "read_on = \"2027-01-01\""])
}

/// The only fault of an entry with these lines.
fn fault(lines: &[&str]) -> EntryFault {
    let mut problems = PriceBook::problems(&entry(lines));
    assert_eq!(problems.len(), 1, "{problems:?}");
    match problems.remove(0) {
        PriceError::Entry { sku, fault, .. } if sku == "a/b" => fault,
        other => panic!("{other}"),
    }
}

#[test]
fn the_built_in_book_is_sound_and_prices_the_same_weights_first() {
    let book = PriceBook::built_in().expect("config/prices.toml");
    let fal = book
        .price("fal/z-image-turbo", Product::generated(ImageSize::square(1000), MEDIUM), TODAY)
        .expect("priced");
    assert_eq!(fal.to_string(), "0.005");
    let like_for_like = book.skus().into_iter().take_while(|sku| sku.ends_with("/z-image-turbo"));
    assert!(like_for_like.count() >= 4);
}

#[test]
fn every_built_in_sku_is_priced_today_unless_it_was_retired() {
    let book = PriceBook::built_in().expect("config/prices.toml");
    assert!(book.entries().len() >= 40, "{}", book.entries().len());
    let qualities = [Quality::Low, MEDIUM, Quality::High, Quality::Xhigh, Quality::Max];
    for sku in book.skus() {
        let is_of_sku = |entry: &&PriceEntry| entry.sku == sku;
        let last = book.entries().iter().filter(is_of_sku).map(|entry| entry.effective_to).next_back();
        let day = last.flatten().filter(|end| *end < TODAY).unwrap_or(TODAY);
        for size in [16, 256, 1024, 2048, 4096].map(ImageSize::square) {
            for quality in qualities {
                let price =
                    book.price(sku, Product::generated(size, quality), day).map(|price| price > Money::ZERO);
                assert_eq!(price, Ok(true), "{sku} {size} {quality:?} {day}");
            }
        }
    }
    let retired = ["openai/dall-e-2", "openai/dall-e-3", "openai/gpt-image-1", "google/imagen-4"];
    for sku in retired {
        assert!(
            matches!(book.entry(sku, Operation::Generate, TODAY), Err(PriceError::Unpriced { .. })),
            "{sku}"
        );
        assert!(book.entry(sku, Operation::Generate, date(2026, 4, 1)).is_ok(), "{sku}");
    }
}

#[test]
fn every_built_in_entry_says_where_it_was_read_and_checked() {
    for entry in PriceBook::built_in().expect("config/prices.toml").entries() {
        let source = &entry.source;
        assert!(source.contains("; checked: ") || source.ends_with("; no second source"), "{source}");
        assert_eq!(entry.currency, Currency::USD, "{}: the default configuration has its rate", entry.sku);
    }
}

#[test]
fn the_built_in_tables_say_what_openai_lists() {
    let book = PriceBook::built_in().expect("config/prices.toml");
    let price = |sku, size: &str, quality: &str| {
        let (size, quality) = (size.parse().expect("a size"), quality.parse().expect("a quality"));
        book.price(sku, Product::generated(size, quality), date(2026, 5, 1)).map(|price| price.to_string())
    };
    assert_eq!(price("openai/gpt-image-1.5", "1024x1024", "medium"), Ok("0.034".into()));
    assert_eq!(price("openai/gpt-image-1", "1536x1024", "high"), Ok("0.25".into()));
    assert_eq!(price("openai/gpt-image-1-mini", "1024x1024", "low"), Ok("0.005".into()));
    assert_eq!(price("openai/dall-e-3", "1792x1024", "hd"), Ok("0.12".into()));
    assert_eq!(price("openai/dall-e-2", "256x256", "auto"), Ok("0.016".into()));
    assert_eq!(price("openai/gpt-image-2", "1024x1024", "max"), Ok("0.211".into()));
}

#[test]
fn last_month_keeps_last_months_price() {
    let book = span("0.04", "2026-01-01", Some("2026-10-31")) + &span("0.03", "2026-11-01", None);
    let book = PriceBook::parse(&book).expect("a book");
    let on = |day| {
        book.price("a/b", Product::generated(ImageSize::square(64), MEDIUM), day)
            .map(|price| price.to_string())
    };
    assert_eq!(on(date(2026, 10, 31)), Ok("0.04".into()));
    assert_eq!(on(date(2026, 11, 1)), Ok("0.03".into()));
    assert!(matches!(on(date(2025, 12, 31)), Err(PriceError::Unpriced { .. })));
}

#[test]
fn two_prices_on_one_day_are_a_mistake() {
    let overlap = |day| vec![PriceError::Overlap { sku: "a/b".into(), day }];
    let open = span("2", "2026-02-01", None) + &span("1", "2026-01-01", None);
    assert_eq!(PriceBook::problems(&open), overlap(date(2026, 2, 1)));
    let shared_day = span("1", "2026-01-01", Some("2026-02-01")) + &span("2", "2026-02-01", None);
    assert_eq!(PriceBook::problems(&shared_day), overlap(date(2026, 2, 1)));
}

#[test]
fn days_without_a_price_between_two_entries_are_named() {
    let book = span("1", "2026-01-01", Some("2026-01-31")) + &span("2", "2026-02-03", None);
    let problems = PriceBook::problems(&book);
    let gap = PriceError::Gap { sku: "a/b".into(), first: date(2026, 2, 1), last: date(2026, 2, 2) };
    assert_eq!(problems, [gap]);
    assert!(problems[0].to_string().contains("from 2026-02-01 to 2026-02-02"), "{}", problems[0]);
}

#[test]
fn a_missing_amount_is_named_with_its_unit() {
    let missing = |field, unit| EntryFault::Missing { field, unit };
    assert_eq!(fault(&["amount = none"]), missing("amount", PriceUnit::Image));
    assert_eq!(fault(&["amount = none", "unit = \"megapixel\""]), missing("amount", PriceUnit::Megapixel));
    assert_eq!(fault(&["unit = \"plan\""]), missing("included_images", PriceUnit::Plan));
    assert_eq!(fault(&["unit = \"table\"", "amount = none"]), missing("rows", PriceUnit::Table));
    assert_eq!(fault(&["unit = \"table\"", "amount = none", "rows = []"]), missing("rows", PriceUnit::Table));
}

#[test]
fn a_field_of_another_unit_is_named() {
    let surplus = |field, unit| EntryFault::Surplus { field, unit };
    assert_eq!(fault(&["included_images = 5"]), surplus("included_images", PriceUnit::Image));
    let rows = "rows = [{ quality = \"low\", amount = \"1\" }]";
    assert_eq!(fault(&[rows]), surplus("rows", PriceUnit::Image));
    assert_eq!(fault(&[rows, "unit = \"table\""]), surplus("amount", PriceUnit::Table));
}

#[test]
fn nothing_is_free() {
    for (lines, field) in [
        (vec!["amount = \"0.0\""], "amount"),
        (vec!["amount = \"-1\""], "amount"),
        (vec!["unit = \"plan\"", "included_images = 0"], "included_images"),
        (vec!["unit = \"plan\"", "included_images = 9", "amount = \"0\""], "amount"),
    ] {
        assert_eq!(fault(&lines), EntryFault::NotPositive { field }, "{lines:?}");
    }
    let rows = "rows = [{ size = \"8x8\", amount = \"1\" }, { size = \"9x9\", amount = \"0\" }]";
    let table = fault(&["unit = \"table\"", "amount = none", rows]);
    assert_eq!(table, EntryFault::NotPositive { field: "rows.amount" });
    // A price of its own, but less than a nano-unit for so small an image.
    let book =
        PriceBook::parse(&entry(&["unit = \"megapixel\"", "amount = \"0.000000001\""])).expect("a book");
    let price = book.price("a/b", Product::generated(ImageSize::square(64), MEDIUM), TODAY);
    assert!(matches!(price, Err(PriceError::RoundsToZero { .. })), "{price:?}");
}

#[test]
fn what_an_accountant_would_ask_about_is_a_fault() {
    assert!(matches!(fault(&["currency = \"USX\""]), EntryFault::UnknownCurrency(_)));
    assert_eq!(fault(&["source = \" \""]), EntryFault::NoSource);
    assert_eq!(fault(&["source = none"]), EntryFault::NoSource);
    let early = EntryFault::ReadTooEarly(date(2025, 12, 31));
    assert_eq!(fault(&["read_on = \"2025-12-31\""]), early);
    let backwards = EntryFault::EndsBeforeItBegins(date(2025, 12, 31));
    assert_eq!(fault(&["effective_to = \"2025-12-31\""]), backwards);
}

#[test]
fn every_problem_is_reported_in_one_line() {
    let book = entry(&["amount = \"cheap\""])
        + &entry(&["unit = \"pixel\""])
        + &entry(&["colour = 1"])
        + &entry(&["sku = \"c/d\"", "source = \"\"", "amount = \"0\""])
        + &entry(&["sku = \"c/d\"", "effective_from = \"2026-02-01\""])
        + &entry(&["currency = \"ABC\""]);
    let problems: Vec<_> = PriceBook::problems(&book).iter().map(ToString::to_string).collect();
    let words = ["price 1: ", "price 2: ", "price 3: ", "source", "amount", "ABC", "two prices"];
    assert_eq!(problems.len(), words.len(), "{problems:#?}");
    for (problem, word) in problems.iter().zip(words) {
        assert!(problem.contains(word) && problem.lines().count() == 1, "{problem}");
    }
    assert!(problems[0].contains("price 1: amount: `cheap`"), "{}", problems[0]);
    assert!(problems[1].contains("price 2: unit: "), "{}", problems[1]);
}

#[test]
fn a_file_that_is_no_price_book_is_one_problem() {
    for text in ["", "price = 3", "[[prices]]\nsku = \"a/b\"", "[[price]\n"] {
        let problems = PriceBook::problems(text);
        assert!(matches!(problems[..], [PriceError::Malformed(_)]), "{text}: {problems:?}");
    }
}

proptest! {
    /// Spans one after another, each begun `shift` days late: late leaves a gap, early an overlap.
    #[test]
    fn a_sound_book_has_a_price_for_every_day_from_its_first_to_its_last(
        spans in prop::collection::vec((1i32..60, -1i32..=1), 1..8), is_open in any::<bool>(),
    ) {
        let start = date(2024, 2, 20);
        let (mut text, mut first, mut last) = (String::new(), start, start);
        for (index, (days, shift)) in spans.iter().enumerate() {
            if index > 0 {
                first = last.saturating_add((1 + shift).days());
            }
            last = first.saturating_add((days - 1).days());
            let end = (index + 1 < spans.len() || !is_open).then(|| last.to_string());
            text += &span("0.5", &first.to_string(), end.as_deref());
        }
        let is_gapless = spans.iter().skip(1).all(|(_, shift)| *shift == 0);
        let book = PriceBook::parse(&text);
        prop_assert_eq!(book.is_ok(), is_gapless, "{}", text);
        let Ok(book) = book else { return Ok(()) };
        for day in start.series(1.day()).take_while(|day| *day <= last) {
            prop_assert!(book.price("a/b", Product::generated(ImageSize::square(64), MEDIUM), day).is_ok(), "{}", day);
        }
        prop_assert!(book.entry("a/b", Operation::Generate, start.saturating_sub(1.day())).is_err());
        prop_assert_eq!(book.entry("a/b", Operation::Generate, last.saturating_add(1.day())).is_ok(), is_open);
    }
}

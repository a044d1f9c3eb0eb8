use maud::{Markup, html};

use super::{RoiAnswer, curve};
use crate::{
    costs::simulation::{
        AnotherCard, BreakEven, FORECAST_TENTHS_MAX, Outcome, Payback, PriceOutcome, RentalOutcome,
    },
    http::pages::frame::{Words, explained, row},
    units::{Currency, Money},
};

/// Amounts in a scenario's currency, and figures that explain how they are calculated.
struct ResultWriter {
    words: Words,
    currency: Currency,
}

impl ResultWriter {
    fn money(&self, amount: Money) -> String {
        self.words.amount_text(amount, self.currency)
    }

    fn sentence(&self, key: &str, values: &[(&str, String)]) -> String {
        let values: Vec<_> = values.iter().map(|(name, value)| (*name, value.as_str().into())).collect();
        self.words.format(key, &values)
    }

    fn explained(&self, id: &str, value: &str, how: &str) -> Markup {
        explained(self.words, &format!("how-{id}"), value, how)
    }

    fn row(&self, id: &str, name: &str, value: &str, how: &str) -> Markup {
        row(&self.words.say(name), "", &self.explained(id, value, how))
    }
}

pub(super) fn show(words: Words, answer: &RoiAnswer) -> Markup {
    let outcome = &answer.outcome;
    let writer = ResultWriter { words, currency: outcome.currency };
    html! {
        (top_line(&writer, outcome))
        @if let Some(first) = outcome.against.first() {
            @let is_worth_it = first.is_worth_it_at(outcome.images_per_month);
            p class=(if is_worth_it { "verdict good" } else { "verdict bad" }) id="verdict" {
                strong { (against_name(words, first)) }
                (words.sentences(&[String::new(), payback(words, first.payback), break_even(words, first.break_even)]))
            }
        }
        (curve::show(words, answer))
        (prices(&writer, outcome))
        @if outcome.like_for_like().is_none() { p.note { (words.say("roi-no-like-for-like")) } }
        @if !outcome.rentals.is_empty() { (rentals(&writer, outcome)) }
        @if let Some(card) = &answer.overflow { (overflow(&writer, card)) }
        div.columns {
            (one_image(&writer, outcome))
            (one_year(&writer, outcome))
        }
        @if let Some(first) = outcome.against.first() { (years(words, first, outcome.currency)) }
    }
}

fn top_line(writer: &ResultWriter, outcome: &Outcome) -> Markup {
    let words = writer.words;
    let each = &outcome.image;
    let short = |amount: Money| words.amount_text(amount, outcome.currency);
    html! {
        dl.top-line {
            div id="standard-each" { dt { (words.say("roi-standard-each")) } dd {
                (writer.explained("standard-each", &short(each.standard), &how_standard(writer, outcome)))
            } }
            div id="fully-loaded" { dt { (words.say("roi-fully-loaded")) } dd {
                (writer.explained("fully-loaded", &short(outcome.fully_loaded), &how_loaded(writer, outcome)))
            } }
            div id="capacity" { dt { (words.say("roi-capacity")) } dd {
                (writer.explained("capacity", &words.count(outcome.capacity_per_month), &words.say("roi-how-capacity")))
            } }
            div id="investment" { dt { (words.say("roi-hardware")) } dd {
                (writer.explained("investment", &writer.money(outcome.price), &writer.sentence("roi-how-hardware",
                    &[("price", writer.money(outcome.price)), ("residual", writer.money(outcome.residual))])))
            } }
        }
    }
}

fn how_standard(writer: &ResultWriter, outcome: &Outcome) -> String {
    let each = &outcome.image;
    writer.sentence(
        "roi-how-standard",
        &[
            ("electricity", writer.money(each.electricity)),
            ("depreciation", writer.money(each.depreciation)),
            ("upkeep", writer.money(each.upkeep)),
            ("standard", writer.money(each.standard)),
        ],
    )
}

fn how_loaded(writer: &ResultWriter, outcome: &Outcome) -> String {
    let year = &outcome.year;
    writer.sentence(
        "roi-how-loaded",
        &[
            ("total", writer.money(year.total)),
            ("images", writer.words.count(year.images)),
            ("each", writer.money(outcome.fully_loaded)),
        ],
    )
}

fn against_name(words: Words, against: &PriceOutcome) -> String {
    let name = [("name", curve::name(words, against).into())];
    if against.like_for_like {
        words.format("roi-against-like-for-like", &name)
    } else {
        words.format("roi-against", &name)
    }
}

/// The hardware against every price.
fn prices(writer: &ResultWriter, outcome: &Outcome) -> Markup {
    let columns = ["roi-where", "roi-price-there", "roi-saved", "roi-saved-part", "roi-saved-loaded"];
    let rows = html! {
        @for (index, against) in outcome.against.iter().enumerate() {
            (price_row(writer, outcome, index, against))
        }
    };
    table_card(writer.words, "prices", "roi-prices", &columns, &rows)
}

/// A card with a title and a table, the first of whose columns has what each row is about.
fn table_card(words: Words, id: &str, title: &str, columns: &[&str], rows: &Markup) -> Markup {
    let title = words.say(title);
    html! {
        div.card id=(id) {
            h2 { (title) }
            div.scroll tabindex="0" role="region" aria-label=(title) { table.cards {
                thead { tr { @for column in columns { th scope="col" { (words.say(column)) } } } }
                tbody { (rows) }
            } }
        }
    }
}

fn price_row(writer: &ResultWriter, outcome: &Outcome, index: usize, against: &PriceOutcome) -> Markup {
    let words = writer.words;
    let values = |here: Money, saving: Money| {
        [
            ("price", writer.money(against.price)),
            ("here", writer.money(here)),
            ("saving", writer.money(saving)),
        ]
    };
    let saved = |id: &str, here: Money, saving: Money| {
        let how = writer.sentence("roi-how-saved", &values(here, saving));
        html! {
            span class=(if saving < Money::ZERO { "loss" } else { "gain" }) {
                @if saving < Money::ZERO { span.hidden { (words.say("roi-lost")) " " } }
                (writer.explained(&format!("{id}-{index}"), &writer.money(saving), &how))
            }
        }
    };
    html! {
        tr {
            th scope="row" {
                (curve::name(words, against)) " "
                @if against.like_for_like { span.tag { (words.say("roi-like-for-like")) } }
                small.wrap {
                    (words.sentences(&[payback(words, against.payback), break_even(words, against.break_even)])) " "
                    (writer.explained(&format!("payback-{index}"), &words.say("roi-how"), &how_payback(writer, outcome, against)))
                }
            }
            td data-label=(words.say("roi-price-there")) { (writer.money(against.price)) }
            td data-label=(words.say("roi-saved")) { (saved("saved", outcome.image.standard, against.saving)) }
            td data-label=(words.say("roi-saved-part")) { (words.proportion(&against.saving_part())) }
            td data-label=(words.say("roi-saved-loaded")) { (saved("loaded", outcome.fully_loaded, against.saving_fully_loaded)) }
        }
    }
}

/// What the same images cost on rented devices.
fn rentals(writer: &ResultWriter, outcome: &Outcome) -> Markup {
    let words = writer.words;
    let columns =
        ["roi-rental", "roi-rental-hour", "roi-rental-image", "roi-rental-month", "roi-owned-month"];
    let rows = html! {
        @for rental in &outcome.rentals { tr {
            th scope="row" { (rental.name) small.wrap { (rental_verdict(writer, rental)) } }
            td data-label=(words.say("roi-rental-hour")) { (writer.money(rental.per_hour)) }
            td data-label=(words.say("roi-rental-image")) { (writer.money(rental.image)) }
            td data-label=(words.say("roi-rental-month")) { (writer.money(rental.month)) }
            td data-label=(words.say("roi-owned-month")) { (writer.money(rental.owned_month)) }
        } }
    };
    table_card(words, "rentals", "roi-rentals", &columns, &rows)
}

/// What was bought because there was no room here, and what another card would have saved.
fn overflow(writer: &ResultWriter, card: &AnotherCard) -> Markup {
    let words = writer.words;
    let line =
        |name: &str, how: &str, amount: Money| row(&words.say(name), how, &html! { (writer.money(amount)) });
    let of_card = writer.sentence("roi-overflow-of-card", &[("card", card.card.clone())]);
    let result =
        if card.saving < Money::ZERO { "roi-overflow-cheaper" } else { "roi-overflow-another-saves" };
    html! {
        div.card id="overflow" {
            table {
                caption { (words.format("roi-overflow", &[("days", card.days.into())])) }
                tbody {
                    (row(&words.say("roi-overflow-images"), "", &html! { (words.count(card.bought_images)) }))
                    (line("roi-overflow-paid", &words.say("roi-overflow-paid-how"), card.paid))
                    (line("roi-overflow-here", &words.say("roi-overflow-here-how"), card.marginal))
                    (line("roi-overflow-card", &of_card, card.depreciation))
                }
                tfoot { (line(result, "", card.saving.abs())) }
            }
        }
    }
}

/// Which of both is cheaper by how much, and from which volume owning is.
fn rental_verdict(writer: &ResultWriter, rental: &RentalOutcome) -> String {
    let words = writer.words;
    let key = if rental.saving < Money::ZERO { "roi-renting-cheaper" } else { "roi-owning-cheaper" };
    let verdict = writer.sentence(key, &[("amount", writer.money(rental.saving.abs()))]);
    let owning = match rental.break_even {
        BreakEven::From { images_per_month } => {
            words.format("roi-owning-from", &[("count", images_per_month.into())])
        }
        BreakEven::BeyondCapacity { .. } | BreakEven::Never => words.say("roi-owning-never").into_owned(),
    };
    let least = (rental.minimum_hours > 0)
        .then(|| words.format("roi-rental-least", &[("count", rental.minimum_hours.into())]));
    words.sentences(&[verdict, owning, least.unwrap_or_default(), rental.source.clone().unwrap_or_default()])
}

fn how_payback(writer: &ResultWriter, outcome: &Outcome, against: &PriceOutcome) -> String {
    let elsewhere = against.years.first().map_or(Money::ZERO, |year| year.elsewhere);
    let running = outcome.year.running().unwrap_or_default();
    let saved = elsewhere.minus(running).unwrap_or_default();
    writer.sentence(
        "roi-how-payback",
        &[
            ("hardware", writer.money(outcome.price)),
            ("elsewhere", writer.money(elsewhere)),
            ("running", writer.money(running)),
            ("saved", writer.money(saved)),
        ],
    )
}

fn payback(words: Words, payback: Payback) -> String {
    match payback {
        Payback::After { months_tenths } if months_tenths > FORECAST_TENTHS_MAX => {
            words.format("roi-pays-back-not-in-ten-years", &[("span", span(words, months_tenths).into())])
        }
        Payback::After { months_tenths } => {
            words.format("roi-pays-back", &[("span", span(words, months_tenths).into())])
        }
        Payback::AfterItsLife { months_tenths, life_months_tenths } => words.format(
            "roi-pays-back-too-late",
            &[("span", span(words, months_tenths).into()), ("life", span(words, life_months_tenths).into())],
        ),
        Payback::Never => words.say("roi-never-pays-back").into_owned(),
    }
}

fn break_even(words: Words, break_even: BreakEven) -> String {
    match break_even {
        BreakEven::From { images_per_month } => {
            words.format("roi-worth-from", &[("count", images_per_month.into())])
        }
        BreakEven::BeyondCapacity { capacity_per_month } => {
            words.format("roi-worth-beyond", &[("count", capacity_per_month.into())])
        }
        BreakEven::Never => words.say("roi-worth-never").into_owned(),
    }
}

/// `18.5 months`, and from two years on `2.5 years`.
fn span(words: Words, months_tenths: u64) -> String {
    let (key, tenths) = match months_tenths {
        ..240 => ("roi-months", months_tenths),
        _ => ("roi-years-long", (months_tenths + 6) / 12),
    };
    let count = words.decimal(&format!("{}.{}", tenths / 10, tenths % 10));
    words.format(key, &[("count", count.into())])
}

fn one_image(writer: &ResultWriter, outcome: &Outcome) -> Markup {
    let (words, each) = (writer.words, &outcome.image);
    let energy = [("energy", words.energy_text(each.energy_kwh.into()))];
    let row =
        |id: &str, name: &str, amount: Money, how: &str| writer.row(id, name, &writer.money(amount), how);
    html! {
        div.card id="one-image" { table {
            caption { (words.say("roi-one-image")) }
            tbody {
                (row("electricity", "roi-electricity", each.electricity, &writer.sentence("roi-how-electricity", &energy)))
                (row("depreciation", "roi-depreciation", each.depreciation, &words.say("roi-how-depreciation")))
                (row("no-residual", "roi-without-residual", each.depreciation_without_residual, &words.say("roi-how-without-residual")))
                (row("upkeep", "roi-upkeep", each.upkeep, &words.say("roi-how-upkeep")))
            }
            tfoot { (row("standard", "roi-standard", each.standard, &how_standard(writer, outcome))) }
        } }
    }
}

fn one_year(writer: &ResultWriter, outcome: &Outcome) -> Markup {
    let (words, year) = (writer.words, &outcome.year);
    let row =
        |id: &str, name: &str, amount: Money, how: &str| writer.row(id, name, &writer.money(amount), how);
    let times = |each: Money| {
        writer
            .sentence("roi-how-times", &[("each", writer.money(each)), ("images", words.count(year.images))])
    };
    html! {
        div.card id="one-year" { table {
            caption { (words.format("roi-one-year", &[("count", year.images.into())])) }
            tbody {
                (row("year-electricity", "roi-electricity", year.electricity, &times(outcome.image.electricity)))
                (row("year-idle", "roi-idle", year.idle_electricity, &words.say("roi-how-idle")))
                (row("year-upkeep", "roi-upkeep", year.upkeep, &times(outcome.image.upkeep)))
                (row("year-other", "roi-other", year.other, &words.say("roi-how-other")))
                (row("year-depreciation", "roi-depreciation", year.depreciation, &words.say("roi-how-year-depreciation")))
            }
            tfoot { (row("year-total", "roi-total", year.total, &how_loaded(writer, outcome))) }
        } }
    }
}

fn years(words: Words, against: &PriceOutcome, currency: Currency) -> Markup {
    let money = |amount: Money| words.amount(amount, currency);
    let caption = words.format("roi-years-against", &[("name", curve::name(words, against).into())]);
    let columns = ["roi-hardware", "roi-electricity", "roi-running", "roi-elsewhere", "roi-saved-in-all"];
    html! {
        div.card id="years" { h2 { (caption) } div.scroll tabindex="0" role="region" aria-label=(caption) { table {
            thead { tr {
                th scope="col" { (words.say("roi-year")) }
                @for name in columns { th scope="col" { (words.say(name)) } }
            } }
            tbody { @for year in &against.years { tr {
                th scope="row" { (year.year) }
                td { (money(year.hardware)) }
                td { (money(year.electricity)) }
                td { (money(year.running)) }
                td { (money(year.elsewhere)) }
                td class=[(year.saved_in_all < Money::ZERO).then_some("loss")] { (money(year.saved_in_all)) }
            } } }
        } } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_is_said_in_years() {
        for (months_tenths, english, chinese) in [
            (239, "23.9 months", "23.9 个月"),
            (240, "2.0 years", "2.0 年"),
            (10_739, "89.5 years", "89.5 年"),
            (150_000, "1,250.0 years", "1,250.0 年"),
        ] {
            assert_eq!(span(Words::ENGLISH, months_tenths), english);
            assert_eq!(span(Words::CHINESE, months_tenths), chinese);
        }
    }
}

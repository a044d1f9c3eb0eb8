//! What a month was counted with: prices of electricity, exchange rates, watts, and who recorded them.

use maud::{Markup, html};

use crate::{
    costs::{ShareRule, TariffRow, Term},
    domain::Calendar,
    http::pages::frame::Words,
    ledger::TermRow,
};

/// A row for each value; nothing without one.
pub(super) fn show(words: Words, rows: &[TermRow], calendar: &Calendar) -> Markup {
    if rows.is_empty() {
        return html! {};
    }
    html! {
        details.card id="terms" {
            summary { (words.say("costs-terms")) }
            p.note { (words.say("costs-terms-how")) }
            table {
                tbody {
                    @for row in rows {
                        tr {
                            th scope="row" {
                                (name(words, &row.term))
                                small { (recorded(words, row, calendar)) }
                            }
                            td { (value(words, &row.term)) }
                        }
                    }
                }
            }
        }
    }
}

fn name(words: Words, term: &Term) -> String {
    let key = match term {
        Term::Electricity(_) => "costs-term-electricity",
        Term::Spot(_) => "costs-term-spot",
        Term::ExchangeRate { from, .. } => {
            return words.format("costs-term-exchange-rate", &[("currency", from.code().into())]);
        }
        Term::HostWatts(_) => "costs-term-host-watts",
        Term::WallFactorPercent(_) => "costs-term-wall-factor",
        Term::DeviceWatts(_) => "costs-term-device-watts",
        Term::IdleWatts(_) => "costs-term-idle-watts",
        Term::CompareMix(_) => "costs-term-compare-mix",
        Term::CompareWith(_) => "costs-term-compare-with",
        Term::TimeZone(_) => "costs-term-time-zone",
        Term::Carbon(_) => "costs-term-carbon",
        Term::SharedBy(_) => "costs-term-shared-by",
        Term::MarkUpPercent(_) => "costs-term-mark-up",
    };
    words.say(key).into_owned()
}

/// What a rule is called.
pub(in crate::http::pages) const fn rule_key(rule: ShareRule) -> &'static str {
    match rule {
        ShareRule::DeviceTime => "costs-share-device-time",
        ShareRule::StandardCost => "costs-share-standard-cost",
        ShareRule::Images => "costs-share-images",
        ShareRule::Equally => "costs-share-equally",
        ShareRule::Nobody => "costs-share-nobody",
    }
}

fn value(words: Words, term: &Term) -> String {
    let watts = |watts: u32| format!("{watts} W");
    match term {
        Term::Electricity(sheet) => {
            sheet.rows().iter().map(|row| price(words, row)).collect::<Vec<_>>().join("; ")
        }
        Term::Spot(prices) => {
            let until = format!("{} {}", words.date(prices.until().date()), prices.until().strftime("%H:%M"));
            let count = i64::try_from(prices.prices().len()).unwrap_or(i64::MAX);
            words.format("costs-term-spot-prices", &[("count", count.into()), ("until", until.into())])
        }
        Term::ExchangeRate { rate, to, .. } => format!("{rate} {to}"),
        Term::HostWatts(power) => watts(power.as_watts()),
        Term::WallFactorPercent(percent) | Term::MarkUpPercent(percent) => {
            words.percent(&percent.to_string())
        }
        Term::Carbon(rate) => format!("{} g ({})", rate.grams_per_kwh, rate.source),
        Term::SharedBy(rule) => words.say(rule_key(*rule)).into_owned(),
        Term::DeviceWatts(Some(power)) | Term::IdleWatts(Some(power)) => watts(power.as_watts()),
        Term::DeviceWatts(None) => words.say("costs-term-usual").into_owned(),
        Term::IdleWatts(None) => words.say("costs-term-not-booked").into_owned(),
        Term::CompareMix(rules) if rules.is_empty() => words.say("costs-term-no-mix").into_owned(),
        Term::CompareMix(rules) => rules.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        Term::CompareWith(name) | Term::TimeZone(name) => name.clone(),
    }
}

/// `0.60 (22:00-06:00)`
fn price(words: Words, row: &TariffRow) -> String {
    match words.tariff_conditions(row) {
        None => row.price_per_kwh.to_string(),
        Some(conditions) => format!("{} ({conditions})", row.price_per_kwh),
    }
}

/// Since when, by whom, by which document.
fn recorded(words: Words, row: &TermRow, calendar: &Calendar) -> String {
    let from = match row.from {
        None => words.say("costs-term-always").into_owned(),
        Some(from) => {
            let at = calendar.to_datetime(from);
            let minute = format!("{} {}", words.date(at.date()), at.strftime("%H:%M"));
            words.format("costs-term-from", &[("moment", minute.into())])
        }
    };
    let actor = match row.actor.as_str() {
        "configuration" => words.say("costs-term-by-configuration").into_owned(),
        "command line" => words.say("costs-term-by-command-line").into_owned(),
        key => words.format("costs-term-by", &[("actor", key.into())]),
    };
    let document = row.document.as_ref().map(|document| format!(" · {document}"));
    format!("{from} · {actor}{}", document.unwrap_or_default())
}

use jiff::civil::Date;
use maud::{Markup, html};
use serde::Serialize;

use super::{SettingsView, fields::FieldProblem, forms::said};
use crate::{
    costs::ExampleMonth,
    http::pages::frame::Words,
    units::{Currency, Money},
};

/// The example month for scripts. Amounts in the ledger's currency.
#[derive(Serialize)]
pub(super) struct ExampleBody {
    images: u32,
    electricity: Money,
    depreciation: Money,
    upkeep: Money,
    total: Money,
    standard_per_image: Option<Money>,
    all_in_per_image: Money,
    compared_price: Option<Money>,
}

/// What a form would change, and the day from which it holds; else the problem that it has, or none if an amount is out of range.
pub(super) type Then = Result<(ExampleMonth, Date), Option<FieldProblem>>;

/// A row: its name, whether it is a sum, and its figure of a month.
type Line = (&'static str, bool, fn(&ExampleMonth) -> Option<Money>);

const LINES: [Line; 8] = [
    ("costs-electricity", false, |month| Some(month.month.electricity)),
    ("costs-depreciation", false, |month| Some(month.month.depreciation)),
    ("costs-upkeep", false, |month| Some(month.month.upkeep)),
    ("settings-month-total", true, |month| Some(month.total)),
    ("settings-all-in-each", false, |month| Some(month.all_in)),
    ("settings-standard-each", false, |month| month.each.total().ok()),
    ("settings-elsewhere-each", false, |month| month.elsewhere.as_ref().map(|there| there.price)),
    ("settings-saving-each", true, ExampleMonth::saving),
];

pub(super) fn body(month: &ExampleMonth) -> ExampleBody {
    ExampleBody {
        images: month.images,
        electricity: month.month.electricity,
        depreciation: month.month.depreciation,
        upkeep: month.month.upkeep,
        total: month.total,
        standard_per_image: month.each.total().ok(),
        all_in_per_image: month.all_in,
        compared_price: month.elsewhere.as_ref().map(|there| there.price),
    }
}

/// The month as it is.
pub(super) fn show(words: Words, view: &SettingsView<'_>, now: &ExampleMonth) -> Markup {
    html! {
        (head(words, view, now))
        (table(words, view.costs.currency(), now, None))
        (foot(words, now))
    }
}

/// The month as it is, beside what a form would make of it.
pub(super) fn compared(words: Words, view: &SettingsView<'_>, now: &ExampleMonth, then: &Then) -> Markup {
    html! {
        (head(words, view, now))
        @match then {
            Ok((month, day)) => {
                (table(words, view.costs.currency(), now, Some(month)))
                @if *day > view.today() {
                    p.note { (words.format("settings-holds-from", &[("day", words.date(*day).into())])) }
                }
            }
            Err(problem) => {
                (table(words, view.costs.currency(), now, None))
                @if let Some(problem) = problem { p.note { (said(words, problem)) } }
            }
        }
        (foot(words, now))
    }
}

/// What the month is of.
fn head(words: Words, view: &SettingsView<'_>, now: &ExampleMonth) -> Markup {
    let [images_measured, time_measured] = view.is_measured;
    let images = [("images", now.images.into())];
    let usage = view.monthly.usage;
    let each = [
        ("time", words.time_text(usage.duration).into()),
        (
            "energy",
            words
                .energy_text(crate::units::EnergyBalance::from_millijoules(
                    i64::try_from(usage.energy.as_millijoules()).unwrap_or(i64::MAX),
                ))
                .into(),
        ),
    ];
    let images_key = if images_measured { "settings-images-measured" } else { "settings-images-example" };
    let each_key = if time_measured { "settings-each-measured" } else { "settings-each-example" };
    html! {
        h2 { (words.say("settings-example")) }
        p.note { (words.sentences(&[words.format(images_key, &images), words.format(each_key, &each)])) }
    }
}

fn table(words: Words, currency: Currency, now: &ExampleMonth, then: Option<&ExampleMonth>) -> Markup {
    html! {
        table {
            @if then.is_some() {
                thead { tr {
                    th scope="col" {}
                    th scope="col" { (words.say("settings-now")) }
                    th scope="col" { (words.say("settings-then")) }
                } }
            }
            tbody {
                @for (name, is_sum, figure) in LINES {
                    @let [was, is] = [Some(now), then].map(|month| month.and_then(figure));
                    tr.subtotal[is_sum] {
                        th scope="row" { (words.say(name)) }
                        td { (amount(words, currency, was)) }
                        @if then.is_some() {
                            td.changed[is != was] { (amount(words, currency, is)) }
                        }
                    }
                }
            }
        }
    }
}

fn amount(words: Words, currency: Currency, amount: Option<Money>) -> Markup {
    html! { @match amount {
        Some(amount) => (words.amount(amount, currency)),
        None => "–",
    } }
}

fn foot(words: Words, now: &ExampleMonth) -> Markup {
    html! {
        @if let Some(there) = &now.elsewhere {
            p.note { (words.format("settings-compared-note", &[("sku", there.sku.as_str().into())])) }
        }
        p.note { (words.say("settings-without-idle")) }
    }
}

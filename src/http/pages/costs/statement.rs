//! What a page says on paper alone: whose statement it is, and the keys in it.

use jiff::civil::Date;
use maud::{Markup, html};

use super::account::Account;
use crate::{http::pages::frame::Words, ledger::GroupBy, units::Currency};

/// Who issues it, when, and in which currency.
pub(super) fn head(words: Words, operator: &str, today: Date, currency: Currency) -> Markup {
    html! {
        p.paper id="issued" {
            (words.format("costs-issued", &[
                ("operator", operator.into()),
                ("day", words.date(today).into()),
                ("currency", currency.code().into()),
            ]))
        }
    }
}

/// What each key was charged.
pub(super) fn keys(account: &Account<'_>) -> Markup {
    let words = account.words;
    let keys = account.groups.iter().find(|groups| groups.by == GroupBy::Key);
    let columns = ["costs-images", "costs-energy-short", "costs-total", "costs-each"];
    html! { @if let Some(keys) = keys.filter(|keys| !keys.groups.is_empty()) {
        @let totals = account.column(keys.groups.iter().map(|key| key.figures.total));
        @let costs = account.column(keys.groups.iter().filter_map(|key| key.figures.cost_per_image));
        table.paper id="statement-keys" {
            caption { (words.say("costs-by-key")) }
            thead { tr {
                th scope="col" { (words.say("costs-group")) }
                @for column in columns { th scope="col" { (words.say(column)) } }
            } }
            tbody { @for key in &keys.groups { tr {
                th scope="row" {
                    (key.title.as_deref().or(key.group.as_deref()).unwrap_or("–"))
                    @if let (Some(_), Some(id)) = (&key.title, &key.group) { " " code { (id) } }
                }
                td { (account.count(key.figures.images)) }
                td { (words.energy_text(key.figures.wall_energy_kwh)) }
                td { (totals.text(key.figures.total)) }
                td { @match key.figures.cost_per_image { Some(each) => (costs.text(each)), None => "–" } }
            } } }
        }
    } }
}

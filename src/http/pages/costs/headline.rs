//! What an owner reads in ten seconds: what everything cost, what an image costs now, what was saved, and how much of the cost was
//! used.

use maud::{Markup, html};

use super::{
    account::{Account, Extent},
    top_line,
};
use crate::{http::pages::charts::legend, ledger::WholeMonth, units::Money};

/// Parts of the bar: a colour of the charts, the key of a name, an amount.
type Part = (usize, &'static str, Money);
/// Units of the bar's length.
const LENGTH: i64 = 1000;

/// The three figures, and the bar below them.
pub(super) fn show(account: &Account<'_>) -> Markup {
    let Some(whole) = account.whole else { return html! {} };
    html! {
        dl.top-line.three id="headline" {
            (total(account, whole))
            (each(account, whole))
            @if let Some(service) = account.headline() { (top_line::saved(account, "saved-like-for-like", service)) }
        }
        (used(account, whole))
    }
}

fn total(account: &Account<'_>, whole: &WholeMonth) -> Markup {
    let words = account.words;
    html! {
        div id="total-all-in" {
            dt { (words.say(match account.extent {
                Extent::Month => "costs-all-in-month",
                Extent::Days => "costs-all-in-days",
                Extent::Year => "costs-all-in-year",
            })) }
            dd {
                (account.explained("total-all-in", &account.money(whole.fully_loaded_total), &account.how_loaded(whole)))
                small { (words.format("costs-images-count", &[("count", account.figures.images.into())])) }
            }
        }
    }
}

fn each(account: &Account<'_>, whole: &WholeMonth) -> Markup {
    let words = account.words;
    html! {
        div id="each-all-in" {
            dt { (words.say("costs-all-in-each")) }
            dd {
                @match whole.fully_loaded_per_image {
                    Some(each) => (account.explained("each-all-in", &account.money(each),
                        &account.how_each("costs-everything", whole.fully_loaded_total, each))),
                    None => "–",
                }
                @if let Some(standard) = account.figures.cost_per_image {
                    small { (words.say("costs-standard")) " " (account.money(standard)) }
                }
                @if let Some(marginal) = whole.marginal_per_image {
                    small { (words.say("costs-marginal")) " " (account.money(marginal)) }
                }
            }
        }
    }
}

/// What was used and what was not, as one bar. What is below nothing has no length: more was generated than usual.
fn used(account: &Account<'_>, whole: &WholeMonth) -> Markup {
    let (words, figures) = (account.words, account.figures);
    let unused = whole.unused_depreciation.plus(whole.unused_upkeep).unwrap_or_default();
    let idle = whole.overhead_electricity.plus(figures.failed_electricity).unwrap_or_default();
    let parts: [Part; 3] =
        [(1, "costs-used", figures.total), (3, "costs-idle-and-failed", idle), (0, "costs-unused", unused)];
    let drawn = parts.map(|(_, _, amount)| amount.max(Money::ZERO));
    let sum = drawn.iter().try_fold(Money::ZERO, |sum, amount| sum.plus(*amount)).unwrap_or_default();
    if sum == Money::ZERO {
        return html! {};
    }
    let share = |amount: Money| amount.max(Money::ZERO).percent_tenths_of(sum).unwrap_or(0).clamp(0, LENGTH);
    let title = words.say("costs-used-title");
    let named = parts.map(|(series, key, amount)| {
        let of = words.format(
            "costs-part-of",
            &[
                ("name", words.say(key).into()),
                ("amount", account.money(amount).into()),
                ("part", account.percent(share(amount)).into()),
            ],
        );
        (series, of)
    });
    let starts = [0, share(drawn[0]), share(drawn[0]) + share(drawn[1])];
    html! {
        figure.used id="used" {
            figcaption.hidden { (title) }
            svg role="img" aria-label={ (title) (words.colon()) (words.list(&named.each_ref().map(|(_, name)| name.as_str()))) }
                viewBox={ "0 0 " (LENGTH) " 20" } preserveAspectRatio="none" {
                @for (((series, name), start), amount) in named.iter().zip(starts).zip(drawn) {
                    rect class={ "series series-" (series + 1) } x=(start) y="0" width=(share(amount)) height="20" { title { (name) } }
                }
            }
            (legend(&named.each_ref().map(|(series, name)| (*series, name.as_str()))))
        }
    }
}

use maud::{Markup, html};

use super::account::Account;
use crate::{
    costs::ServiceComparison,
    http::pages::frame::Words,
    ledger::{Payback, PaybackAgainst},
    units::Money,
};

/// The figures beside the three of the headline.
pub(super) fn show(account: &Account<'_>) -> Markup {
    html! {
        dl.top-line id="top-line" {
            (images(account))
            (each(account))
            (total(account))
            @if let Some(service) = account.premium() { (saved(account, "saved-premium", service)) }
            (energy(account))
            @if let Some(payback) = account.payback { (paid_back(account, payback)) }
        }
    }
}

fn images(account: &Account<'_>) -> Markup {
    let undelivered = account.figures.undelivered_images;
    html! {
        div id="images" {
            dt { (account.words.say("costs-images")) }
            dd {
                (account.explained("images", &account.count(account.figures.images), &account.how_images()))
                @if undelivered != 0 {
                    small { (account.words.format("costs-of-them-undelivered", &[("count", undelivered.into())])) }
                }
            }
        }
    }
}

fn each(account: &Account<'_>) -> Markup {
    let (words, figures) = (account.words, account.figures);
    let Some(standard) = figures.cost_per_image else { return html! {} };
    let how = account.how_each("costs-standard", figures.total, standard);
    html! {
        div id="cost-per-image" {
            dt { (words.say("costs-per-image")) }
            dd {
                (account.explained("each-standard", &account.money(standard), &how))
                @if let Some(whole) = account.whole {
                    @if let Some(marginal) = whole.marginal_per_image {
                        small {
                            (words.say("costs-marginal")) " "
                            (account.explained("each-marginal", &account.money(marginal),
                                &account.how_each("costs-electricity", figures.cost.electricity, marginal)))
                        }
                    }
                    @if let Some(loaded) = whole.fully_loaded_per_image {
                        small {
                            (words.say("costs-loaded")) " "
                            (account.explained("each-loaded", &account.money(loaded),
                                &account.how_each("costs-everything", whole.fully_loaded_total, loaded)))
                        }
                    }
                }
            }
        }
    }
}

fn total(account: &Account<'_>) -> Markup {
    let words = account.words;
    html! {
        div id="total" {
            dt { (words.say("costs-total")) }
            dd {
                (account.explained("total", &account.money(account.figures.total), &account.how_total()))
                @if let Some(whole) = account.whole {
                    small {
                        (words.say("costs-loaded")) " "
                        (account.explained("total-loaded", &account.money(whole.fully_loaded_total), &account.how_loaded(whole)))
                    }
                }
            }
        }
    }
}

pub(super) fn saved(account: &Account<'_>, id: &str, service: &ServiceComparison) -> Markup {
    let words = account.words;
    let is_loss = service.saving_all_in.is_some_and(|saving| saving < Money::ZERO);
    let of_what = against(service.headline);
    let how = service.saving_all_in.zip(account.how_saved_all_in(service));
    let standard = service.saving.zip(account.how_saved(service));
    html! {
        div id=(id) {
            dt { (named(words, if is_loss { "costs-lost" } else { "costs-saved" }, of_what)) }
            dd {
                @match how {
                    Some((saving, how)) => span class=(if is_loss { "loss" } else { "gain" }) {
                        (account.explained(id, &account.money(saving), &how))
                    },
                    None => (account.explained(id, "–", &words.say("costs-unpriced"))),
                }
                small {
                    code { (service.sku) }
                    @if let Some(part) = service.saving_all_in_percent_tenths { " " (account.percent(part)) }
                }
                @if let Some((saving, how)) = standard {
                    small {
                        (words.say("costs-by-standard-cost")) " "
                        (account.explained(&format!("{id}-standard"), &account.money(saving), &how))
                    }
                }
                @if let Some(notice) = &service.notice { small { (account.notice(notice)) } }
            }
        }
    }
}

fn energy(account: &Account<'_>) -> Markup {
    html! {
        div id="energy" {
            dt { (account.words.say("costs-energy-plug")) }
            dd {
                (account.explained("energy", &account.energy(account.figures.wall_energy_kwh), &account.how_energy()))
                small { (account.energy_mark()) }
            }
        }
    }
}

/// How far the hardware has paid for itself, like for like and against the premium service.
fn paid_back(account: &Account<'_>, payback: &Payback) -> Markup {
    let words = account.words;
    html! {
        @for (index, against) in payback.against.iter().take(2).enumerate() {
            div id={ "payback-" (index + 1) } {
                dt { (named(words, "costs-payback", self::against(against.headline))) }
                dd {
                    (part_paid_back(account, payback, against, index))
                    small { (account.outlook(payback, against)) }
                }
            }
        }
    }
}

fn part_paid_back(
    account: &Account<'_>,
    payback: &Payback,
    against: &PaybackAgainst,
    index: usize,
) -> Markup {
    let part = against.paid_back_percent_tenths.zip(account.how_payback(payback, against));
    let Some((part, how)) = part else { return html! { "–" } };
    let id = format!("payback-{}", index + 1);
    html! {
        span class=[(part < 0).then_some("loss")] { (account.explained(&id, &account.percent(part), &how)) }
        progress max="1000" value=(part.clamp(0, 1000)) aria-label=(account.words.say("costs-payback")) {}
    }
}

/// What is compared with.
const fn against(is_headline: bool) -> &'static str {
    if is_headline { "costs-like-for-like" } else { "costs-premium" }
}

/// A figure's name with what it is held against.
fn named(words: Words, figure: &str, of_what: &str) -> String {
    words
        .format("costs-of-what", &[("figure", words.say(figure).into()), ("what", words.say(of_what).into())])
}

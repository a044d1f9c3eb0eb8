//! Tables: the account of the whole month, the cost of an image, energy, other services.

use maud::{Markup, html};

use super::{
    account::{Account, Extent},
    explain::without_scheme,
};
use crate::{
    costs::ServiceComparison,
    http::pages::frame::{self, MoneyColumn},
    ledger::WholeMonth,
    units::{Energy, EnergyBalance, Money},
};

/// A row: a name, and a figure that explains itself.
fn row(account: &Account<'_>, id: &str, name: &str, value: &str, how: &str) -> Markup {
    frame::row(&account.words.say(name), "", &account.explained(id, value, how))
}

/// From the cost of the images to everything that was spent.
pub(super) fn whole(account: &Account<'_>) -> Markup {
    let (words, figures) = (account.words, account.figures);
    let amounts = whole_column(account);
    let money =
        |id: &str, name: &str, amount: Money, how: &str| row(account, id, name, &amounts.text(amount), how);
    html! {
        div.card id="whole" {
            table {
                caption { (words.say(match account.extent {
                    Extent::Month => "costs-whole-month",
                    Extent::Days => "costs-whole-days",
                    Extent::Year => "costs-whole-year",
                })) }
                tbody {
                    (money("electricity", "costs-electricity", figures.cost.electricity, &account.how_electricity()))
                    (money("depreciation", "costs-depreciation", figures.cost.depreciation, &account.how_depreciation()))
                    (money("upkeep", "costs-upkeep", figures.cost.upkeep, &account.how_upkeep()))
                }
                tbody.subtotal { (money("standard", "costs-standard", figures.total, &account.how_total())) }
                @if let Some(whole) = account.whole { (beyond(account, whole)) }
            }
        }
    }
}

/// The column of the table's amounts, from the images to the whole month.
fn whole_column(account: &Account<'_>) -> MoneyColumn {
    let figures = account.figures;
    let beyond = account.whole.map(|whole| {
        [
            figures.failed_electricity,
            whole.overhead_electricity,
            whole.unused_depreciation,
            whole.unused_upkeep,
            whole.fully_loaded_total,
        ]
    });
    account.column(std::iter::once(figures.total).chain(beyond.into_iter().flatten()))
}

fn beyond(account: &Account<'_>, whole: &WholeMonth) -> Markup {
    let (words, figures) = (account.words, account.figures);
    let amounts = whole_column(account);
    let money =
        |id: &str, name: &str, amount: Money, how: &str| row(account, id, name, &amounts.text(amount), how);
    let wear = account.how_unused(
        "costs-depreciation",
        whole.whole_depreciation,
        figures.cost.depreciation,
        whole.unused_depreciation,
    );
    let upkeep =
        account.how_unused("costs-upkeep", whole.whole_upkeep, figures.cost.upkeep, whole.unused_upkeep);
    html! {
        tbody {
            (money("failed", "costs-failed", figures.failed_electricity, &words.say("costs-how-failed")))
            (money("idle", "costs-idle", whole.overhead_electricity, &words.say("costs-how-idle")))
            (money("unused-wear", "costs-unused-wear", whole.unused_depreciation, &wear))
            (money("unused-upkeep", "costs-unused-upkeep", whole.unused_upkeep, &upkeep))
            @if whole.disposal_gain != Money::ZERO {
                tr {
                    th scope="row" {
                        (words.say(if whole.disposal_gain < Money::ZERO { "costs-disposal-loss" } else { "costs-disposal" }))
                    }
                    td { (account.saved(Some(whole.disposal_gain))) }
                }
            }
            @if whole.adjustments_total != Money::ZERO {
                (money("adjustments", "costs-adjustments", whole.adjustments_total, &words.say("costs-how-adjustments")))
            }
        }
        tfoot { (money("loaded", "costs-loaded", whole.fully_loaded_total, &account.how_loaded(whole))) }
    }
}

/// The three costs of an image, and the images from which on it is worth it.
pub(super) fn each(account: &Account<'_>) -> Markup {
    let (words, figures) = (account.words, account.figures);
    let Some(whole) = account.whole else { return html! {} };
    let each = |id: &str, name: &str, what: &str, sum: Money, each: Option<Money>| match each {
        Some(each) => row(account, id, name, &account.money(each), &account.how_each(what, sum, each)),
        None => html! { tr { th scope="row" { (words.say(name)) } td { "–" } } },
    };
    let (marginal, loaded) = (whole.marginal_per_image, whole.fully_loaded_per_image);
    html! {
        div.card id="each" {
            table {
                caption { (words.say("costs-per-image-title")) }
                tbody {
                    (each("marginal", "costs-marginal", "costs-electricity", figures.cost.electricity, marginal))
                    (each("each", "costs-standard", "costs-standard", figures.total, figures.cost_per_image))
                    (each("each-all", "costs-loaded", "costs-everything", whole.fully_loaded_total, loaded))
                    tr {
                        th scope="row" {
                            (words.say("costs-break-even"))
                            @if let Some(pace) = account.pace(whole) { small { (pace) } }
                        }
                        td { (break_even(account, whole)) }
                    }
                }
            }
        }
    }
}

fn break_even(account: &Account<'_>, whole: &WholeMonth) -> Markup {
    let words = account.words;
    match whole.break_even_images {
        Some(images) => account.explained("break-even", &words.count(images), &account.how_break_even()),
        None => {
            let (never, how) = (words.say("costs-break-even-never"), words.say("costs-how-break-even-never"));
            html! { span.loss { (account.explained("break-even", &never, &how)) } }
        }
    }
}

/// What the energy was used for.
pub(super) fn energy(account: &Account<'_>) -> Markup {
    let (words, figures) = (account.words, account.figures);
    let energy = |id: &str, name: &str, energy: EnergyBalance, how: &str| {
        row(account, id, name, &account.energy(energy), how)
    };
    let beside =
        |id: &str, name: &str, used: Energy, how: &str| energy(id, name, balance(used), &words.say(how));
    html! {
        div.card id="energy-table" {
            table {
                caption { (words.say("costs-energy")) " " (account.energy_mark()) }
                tbody {
                    (energy("device", "costs-energy-device", figures.energy_kwh, &account.how_energy()))
                    (energy("plug", "costs-energy-plug", figures.wall_energy_kwh, &account.how_energy()))
                    (energy("energy-failed", "costs-failed", figures.failed_energy_kwh, &words.say("costs-how-failed")))
                    @if let Some(whole) = account.whole {
                        (beside("energy-idle", "costs-energy-idle", whole.idle_energy_kwh, "costs-how-idle-energy"))
                        (beside("energy-warm-up", "costs-energy-warm-up", whole.warm_up_energy_kwh, "costs-how-warm-up"))
                        (beside("energy-gaps", "costs-energy-gaps", whole.gap_energy_kwh, "costs-how-gaps"))
                        @if let Some(grams) = whole.carbon_grams_total {
                            (row(account, "carbon", "costs-carbon", &format!("{} g", grams.0.to_grams_string()),
                                &words.say("costs-how-carbon")))
                        }
                    }
                }
            }
        }
    }
}

fn balance(energy: Energy) -> EnergyBalance {
    EnergyBalance::from_millijoules(i64::try_from(energy.as_millijoules()).unwrap_or(i64::MAX))
}

/// The same images at each compared service.
pub(super) fn services(account: &Account<'_>) -> Markup {
    if account.services.is_empty() {
        return html! {};
    }
    let words = account.words;
    let title = words.say("costs-services");
    let columns = [
        "costs-images",
        "costs-elsewhere",
        "costs-loaded",
        "costs-saved",
        "costs-saved-part",
        "costs-by-standard-cost",
        "costs-price-read",
    ];
    let amounts = service_columns(account);
    html! {
        div.card id="services" {
            h2 { (title) }
            p.note { (words.say("costs-services-how")) }
            div.scroll tabindex="0" role="region" aria-label=(title) { table.cards {
                thead { tr {
                    th scope="col" { (words.say("costs-service")) }
                    @for column in columns { th scope="col" { (words.say(column)) } }
                } }
                tbody { @for (index, service) in account.services.iter().enumerate() {
                    (service_row(account, index, service, amounts))
                } }
            } }
        }
    }
}

/// The columns of the table of services: the price there, the cost here, what is saved by each of both costs.
fn service_columns(account: &Account<'_>) -> [MoneyColumn; 4] {
    let column = |amount: fn(&ServiceComparison) -> Option<Money>| {
        account.column(account.services.iter().filter_map(amount))
    };
    [
        column(|service| service.compared_price),
        column(|service| service.all_in_total),
        column(|service| service.saving_all_in),
        column(|service| service.saving),
    ]
}

fn service_row(
    account: &Account<'_>,
    index: usize,
    service: &ServiceComparison,
    [price, cost, all_in, by_standard]: [MoneyColumn; 4],
) -> Markup {
    let words = account.words;
    let saved = service.saving_all_in.zip(account.how_saved_all_in(service));
    let standard = service.saving.zip(account.how_saved(service));
    html! {
        tr {
            th scope="row" {
                code { (service.sku) } " "
                @if service.headline { span.tag { (words.say("costs-like-for-like")) } }
                (service_notes(account, service))
            }
            td data-label=(words.say("costs-images")) { (account.count(service.images)) }
            td data-label=(words.say("costs-elsewhere")) { @match service.compared_price { Some(there) => (price.text(there)), None => "–" } }
            td data-label=(words.say("costs-loaded")) { @match service.all_in_total { Some(here) => (cost.text(here)), None => "–" } }
            td data-label=(words.say("costs-saved")) { @match saved {
                Some((saving, how)) => span class=(if saving < Money::ZERO { "loss" } else { "gain" }) {
                    @if saving < Money::ZERO { span.hidden { (words.say("costs-lost")) " " } }
                    (account.explained(&format!("service-{index}"), &all_in.text(saving), &how))
                },
                None => "–",
            } }
            td data-label=(words.say("costs-saved-part")) { @match service.saving_all_in_percent_tenths { Some(part) => (account.percent(part)), None => "–" } }
            td data-label=(words.say("costs-by-standard-cost")) { @match standard {
                Some((saving, how)) => (account.explained(&format!("service-standard-{index}"), &by_standard.text(saving), &how)),
                None => "–",
            } }
            td data-label=(words.say("costs-price-read")) { @match service.prices.last() {
                Some(read) => span title=(without_scheme(&read.source)) { (words.date(read.read_on)) },
                None => "–",
            } }
        }
    }
}

fn service_notes(account: &Account<'_>, service: &ServiceComparison) -> Markup {
    let words = account.words;
    html! {
        @if let Some(notice) = &service.notice { small.wrap { (account.notice(notice)) } }
        @if let Some(unpriced) = &service.unpriced {
            small.wrap {
                (words.format("costs-unpriced-days", &[
                    ("images", unpriced.images.into()),
                    ("first", words.date(unpriced.first).into()),
                    ("last", words.date(unpriced.last).into()),
                ]))
            }
        }
        @if let Some(plans) = &service.plans {
            small.wrap {
                (words.format("costs-whole-plans", &[
                    ("plans", plans.plans.into()),
                    ("price", account.money(plans.price).into()),
                    ("saving", account.money(plans.saving).into()),
                ]))
            }
        }
    }
}

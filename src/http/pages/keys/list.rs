use maud::{Markup, html};

use super::form::{KeyForm, Problem};
use crate::{
    costs::{Budget, BudgetAmount, BudgetLimit, BudgetPeriod},
    domain::Scopes,
    http::pages::{
        charts::sparkline,
        frame::{Visit, Words},
    },
    ledger::{BudgetStanding, KeyStanding, KeyState},
    service::Service,
    units::Currency,
};

/// Every key, and the form for another.
pub(super) fn body(
    visit: &Visit,
    keys: &[KeyStanding],
    form: &KeyForm,
    problems: &[Problem],
    service: &Service,
) -> Markup {
    let words = visit.words;
    html! {
        div.page-head { h1 { (words.say("nav-keys")) } @if visit.may_administer() { a href="#make" { (words.say("keys-make")) } } }
        div.scroll tabindex="0" role="region" aria-label=(words.say("nav-keys")) { table.list.cards.keys {
            thead { tr {
                th scope="col" { (words.say("keys-name")) }
                th scope="col" { (words.say("keys-scopes")) }
                th scope="col" { (words.say("keys-budgets")) }
                th scope="col" { (words.say("keys-lately")) }
                th scope="col" { (words.say("keys-last-used")) }
            } }
            tbody { @for key in keys { (line(visit, key, service)) } }
        } }
        @if visit.may_administer() {
            section id="make" {
                h2 { (words.say("keys-make")) }
                (form.show(visit, ("/admin/keys", &words.say("keys-make-button")), service.costs().currency(), problems))
            }
        }
    }
}

fn line(visit: &Visit, key: &KeyStanding, service: &Service) -> Markup {
    let (words, row) = (visit.words, &key.row);
    let images: u64 = key.images_by_day.iter().map(|images| u64::from(*images)).sum();
    html! { tr {
        th scope="row" {
            a href={ "/admin/keys/" (row.public_id) } { (row.name) } " "
            (state_tag(words, row.state(service.now())))
            small { code { "tt-" (row.public_id) "-…" } }
        }
        td data-label=(words.say("keys-scopes")) { (scopes(words, row.rules.scopes)) }
        td data-label=(words.say("keys-budgets")) { (budgets(words, &key.budgets, service.costs().currency())) }
        td.number data-label=(words.say("keys-lately")) {
            @if images > 0 { (sparkline(&key.images_by_day)) }
            small { (words.format("keys-images-count", &[("count", images.into())])) }
        }
        td data-label=(words.say("keys-last-used")) {
            @match row.last_used_at {
                Some(at) => (words.moment(at, service.civil(at))),
                None => span.soft { (words.say("keys-never")) },
            }
        }
    } }
}

/// Nothing for a key that opens: that is the rule.
pub(super) fn state_tag(words: Words, state: KeyState) -> Markup {
    let (class, key) = match state {
        KeyState::Active => return html! {},
        KeyState::Disabled => ("tag warn", "keys-disabled"),
        KeyState::Expired => ("tag warn", "keys-expired"),
        KeyState::Revoked => ("tag bad", "keys-revoked"),
    };
    html! { span class=(class) { (words.say(key)) } }
}

/// What a key may do.
pub(super) fn scopes(words: Words, scopes: Scopes) -> String {
    let may = [
        (scopes.images, "keys-may-generate"),
        (scopes.costs, "keys-may-read-costs"),
        (scopes.admin, "keys-may-administer"),
    ];
    let may: Vec<_> = may.iter().filter(|(is_set, _)| *is_set).map(|(_, key)| words.say(key)).collect();
    words.list(&may)
}

/// A budget as the reader writes it.
pub(super) fn budget(words: Words, budget: &Budget, currency: Currency) -> String {
    let key = match (budget.period, budget.limit) {
        (BudgetPeriod::Day, BudgetLimit::Hard) => "keys-a-day",
        (BudgetPeriod::Day, BudgetLimit::Soft) => "keys-a-day-soft",
        (BudgetPeriod::Month, BudgetLimit::Hard) => "keys-a-month",
        (BudgetPeriod::Month, BudgetLimit::Soft) => "keys-a-month-soft",
    };
    words.format(key, &[("amount", amount(words, budget.amount, currency).into())])
}

/// What is left of a budget.
fn left(words: Words, left: BudgetAmount, currency: Currency) -> String {
    match left {
        BudgetAmount::Energy(energy) => words.energy_text(energy.into()),
        other => amount(words, other, currency),
    }
}

/// An amount as it was set.
fn amount(words: Words, amount: BudgetAmount, currency: Currency) -> String {
    match amount {
        BudgetAmount::Money(amount) => words.amount_text(amount, currency),
        BudgetAmount::Images(count) => words.format("keys-images-count", &[("count", count.into())]),
        BudgetAmount::Energy(energy) => format!("{}\u{a0}kWh", words.decimal(&energy.to_kwh_string())),
    }
}

/// Each budget with a bar of how far it is used up.
pub(in crate::http::pages) fn budgets(
    words: Words,
    budgets: &[BudgetStanding],
    currency: Currency,
) -> Markup {
    html! {
        @if budgets.is_empty() { span.soft { (words.say("keys-no-budget")) } }
        @for standing in budgets {
            @let budget = budget(words, &standing.budget, currency);
            @let left = words.format("keys-left", &[
                ("left", self::left(words, standing.left(), currency).into()),
                ("until", words.date(standing.resets_at.date()).into()),
            ]);
            div.budget {
                span { (budget) }
                meter min="0" max="1000" low="800" high="999" optimum="0" value=(standing.budget.used_permille(&standing.spent))
                    aria-label={ (budget) (words.colon()) (left) } {}
                small { (left) }
            }
        }
    }
}

//! Budgets of all keys and of each, and how far they are used up now.

use maud::{Markup, html};

use crate::{
    http::{
        State,
        api::error::ApiError,
        pages::{frame::Words, keys},
    },
    ledger::{BudgetPeriods, BudgetStanding, KeyStanding, LedgerError},
    units::Currency,
};

/// A card with every budget; without one, how to set some.
pub(super) async fn show(words: Words, state: &State, currency: Currency) -> Result<Markup, ApiError> {
    let service = &state.service;
    let (calendar, now, all) = (service.calendar().clone(), service.now(), service.budgets().clone());
    let standings = service.ask_ledger(move |ledger| -> Result<_, LedgerError> {
        let periods = BudgetPeriods::of(now, &calendar);
        Ok((ledger.budgets_of_all(&all, &periods)?, ledger.key_standings(&periods, 1, &calendar, now)?))
    });
    let (of_all, mut of_keys): (Vec<BudgetStanding>, Vec<KeyStanding>) = standings.await?;
    of_keys.retain(|key| !key.budgets.is_empty() && key.row.revoked_at.is_none());
    Ok(html! {
        div.card id="budgets" {
            h2 { (words.say("costs-budgets")) }
            p.note { (words.say("costs-budgets-how")) }
            @if of_all.is_empty() && of_keys.is_empty() { p.note { (words.say("costs-no-budgets")) } } @else {
                table.list.cards { tbody {
                    @if !of_all.is_empty() {
                        tr { th scope="row" { (words.say("costs-budgets-all")) } td { (keys::budgets(words, &of_all, currency)) } }
                    }
                    @for key in &of_keys {
                        tr {
                            th scope="row" { a href={ "/admin/keys/" (key.row.public_id) } { (key.row.name) } }
                            td { (keys::budgets(words, &key.budgets, currency)) }
                        }
                    }
                } }
            }
        }
    })
}

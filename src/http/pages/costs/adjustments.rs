//! What came to light late: costs of days that were closed.

use maud::{Markup, html};

use super::account::Account;
use crate::ledger::{Adjustment, AdjustmentKind};

/// A row for each adjustment; nothing without one.
pub(super) fn show(account: &Account<'_>, adjustments: &[Adjustment]) -> Markup {
    let words = account.words;
    if adjustments.is_empty() {
        return html! {};
    }
    html! {
        div.card id="adjustments" {
            table {
                caption { (words.say("costs-adjustments")) }
                tbody {
                    @for adjustment in adjustments {
                        tr {
                            th scope="row" {
                                (words.say(name(adjustment.kind))) (words.colon()) (adjustment.reason)
                                small {
                                    (words.format("costs-adjustment-of", &[
                                        ("first", words.date(adjustment.first_day).into()),
                                        ("last", words.date(adjustment.last_day).into()),
                                        ("actor", adjustment.actor.as_str().into()),
                                    ]))
                                    @if let Some(document) = &adjustment.document { " · " (document) }
                                }
                            }
                            td { (account.money(adjustment.amount)) }
                        }
                    }
                }
            }
            p.note { (words.say("costs-how-adjustments")) }
        }
    }
}

const fn name(kind: AdjustmentKind) -> &'static str {
    match kind {
        AdjustmentKind::Depreciation => "costs-depreciation",
        AdjustmentKind::Upkeep => "costs-upkeep",
        AdjustmentKind::Disposal => "costs-disposal-loss",
    }
}

//! What was bought elsewhere, beside what the own machine cost.

use maud::{Markup, html};

use super::account::Account;
use crate::ledger::BoughtReport;

/// A row for each seller, and what it all comes to; nothing if nothing was bought.
pub(super) fn show(account: &Account<'_>, bought: Option<&BoughtReport>) -> Markup {
    let words = account.words;
    let Some(bought) = bought else { return html! {} };
    html! {
        div.card id="overflow" {
            table {
                caption { (words.say("costs-overflow")) }
                tbody {
                    @for seller in &bought.sellers {
                        tr {
                            th scope="row" {
                                (seller.seller) (words.colon()) (words.format("costs-overflow-images", &[("count", seller.bought_images.into())]))
                                small {
                                    (seller.sku) (words.comma()) (seller.list_total) " " (seller.list_currency)
                                    @if seller.doubtful_images > 0 {
                                        " · " (words.format("costs-overflow-doubtful", &[("count", seller.doubtful_images.into())]))
                                    }
                                    @if seller.lost_images > 0 {
                                        " · " (words.format("costs-overflow-lost", &[("count", seller.lost_images.into())]))
                                    }
                                }
                            }
                            td { (account.money(seller.total)) }
                        }
                    }
                    @if let Some(paid) = bought.paid_total {
                        tr {
                            th scope="row" { (words.say("costs-overflow-paid")) }
                            td { (account.money(paid)) }
                        }
                    }
                    tr {
                        th scope="row" { (words.say("costs-overflow-another")) }
                        td { (account.money(bought.another_device_saves)) }
                    }
                }
            }
            p.note { (words.say("costs-overflow-how")) }
            p.no-print { a.button.second href="/admin/purchases" { (words.say("costs-overflow-all")) } }
        }
    }
}

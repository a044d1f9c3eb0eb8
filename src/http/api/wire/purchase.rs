use serde::Serialize;

use crate::{ledger::Purchase, units::Money};

/// What was bought elsewhere for a request, or was to be. Its prompt went there.
#[derive(Debug, Clone, Serialize)]
pub(in crate::http) struct PurchaseBody {
    from: String,
    sku: String,
    state: &'static str,
    images: u32,
    /// Of one image, in the ledger's currency.
    price: Money,
    list_price: Money,
    list_currency: String,
    exchange_rate: Money,
    why: String,
    outcome: Option<String>,
    /// What was found out later about a purchase in doubt: `paid` or `not_paid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    resolution: Option<&'static str>,
    prompt_left_the_house: bool,
}

impl From<&Purchase> for PurchaseBody {
    fn from(purchase: &Purchase) -> Self {
        Self {
            from: purchase.seller.clone(),
            sku: purchase.price.sku.clone(),
            state: purchase.state.as_str(),
            images: purchase.images,
            price: purchase.price.price,
            list_price: purchase.price.list,
            list_currency: purchase.price.list_currency.to_string(),
            exchange_rate: purchase.price.exchange_rate,
            why: purchase.why.clone(),
            outcome: purchase.outcome.clone(),
            resolution: (purchase.resolution.as_ref())
                .map(|found| if found.paid == Money::ZERO { "not_paid" } else { "paid" }),
            prompt_left_the_house: true,
        }
    }
}

//! Counters of what can wait, and of what cannot: batches, webhooks, and images that are bought elsewhere.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::{
    domain::BatchId,
    units::{Currency, Money},
};

/// What came of a purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PurchaseOutcome {
    /// Its images came.
    Bought,
    /// The seller refused, and nothing was paid.
    Failed,
    /// Nobody knows whether it was paid for.
    Doubtful,
}

/// What came of an attempt to send a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessageOutcome {
    /// It has arrived.
    Delivered,
    /// It is sent again later.
    Retried,
    /// It was given up.
    Dead,
}

crate::domain::words!(PurchaseOutcome, "what came of a purchase":
    Bought = "bought", Failed = "failed", Doubtful = "doubtful");
crate::domain::words!(MessageOutcome, "what came of a message":
    Delivered = "delivered", Retried = "retried", Dead = "dead");

/// The counters.
#[derive(Debug, Default)]
pub(super) struct LaterMetrics {
    purchases: Family<SellerLabels, Counter>,
    spend: Family<SpendLabels, Counter>,
    stays: Family<RuleLabels, Counter>,
    in_doubt: Gauge,
    messages: Family<OutcomeLabels, Counter>,
    dead_letters: Gauge,
    lines: Family<OutcomeLabels, Counter>,
    planned_start: Gauge,
    /// When each batch that waits is to begin, in Unix seconds.
    plans: Mutex<BTreeMap<BatchId, i64>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SellerLabels {
    seller: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SpendLabels {
    seller: String,
    currency: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RuleLabels {
    rule: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

impl LaterMetrics {
    /// Registers the counters. Those whose labels are known stand there from the start: an increase from nothing is not seen.
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let purchases = "Purchases of images, by seller and outcome";
        registry.register("overflow_purchases", purchases, metrics.purchases.clone());
        let spend = "What sellers were paid, or perhaps were, in millionths of the currency";
        registry.register("overflow_spend_micro", spend, metrics.spend.clone());
        let stays = "Requests of which no image was bought, by the rule that kept them here";
        registry.register("overflow_refusals", stays, metrics.stays.clone());
        let in_doubt = "Purchases of which nobody has found out yet whether they were paid for";
        registry.register("overflow_in_doubt", in_doubt, metrics.in_doubt.clone());
        let messages = "Attempts to send a webhook's message, by outcome";
        registry.register("webhook_messages", messages, metrics.messages.clone());
        let dead = "Webhooks' messages that were given up and are still kept";
        registry.register("webhook_dead_letters", dead, metrics.dead_letters.clone());
        registry.register("batch_lines", "Lines of batches that are done, by outcome", metrics.lines.clone());
        let planned = "When the next batch that waits is to begin, in Unix seconds; 0: none waits";
        registry.register("batch_planned_start_seconds", planned, metrics.planned_start.clone());
        for outcome in MessageOutcome::ALL {
            metrics.messages.get_or_create(&OutcomeLabels { outcome: outcome.as_str() }).inc_by(0);
        }
        for outcome in [ANSWERED, FAILED] {
            metrics.lines.get_or_create(&OutcomeLabels { outcome }).inc_by(0);
        }
        metrics
    }

    pub(super) fn know_seller(&self, seller: &str, currency: Currency) {
        for outcome in PurchaseOutcome::ALL {
            let outcome = outcome.as_str();
            self.purchases.get_or_create(&SellerLabels { seller: seller.to_owned(), outcome }).inc_by(0);
            if outcome != PurchaseOutcome::Failed.as_str() {
                self.spend.get_or_create(&spent_labels(seller, currency, outcome)).inc_by(0);
            }
        }
    }

    pub(super) fn note_purchase(
        &self,
        seller: &str,
        outcome: PurchaseOutcome,
        (paid, currency): (Money, Currency),
    ) {
        let outcome = outcome.as_str();
        self.purchases.get_or_create(&SellerLabels { seller: seller.to_owned(), outcome }).inc();
        let micro = paid.as_nano().unsigned_abs() / 1_000;
        if outcome != PurchaseOutcome::Failed.as_str() {
            self.spend.get_or_create(&spent_labels(seller, currency, outcome)).inc_by(micro);
        }
    }

    pub(super) fn note_stay(&self, rule: &'static str) {
        self.stays.get_or_create(&RuleLabels { rule }).inc();
    }

    pub(super) fn note_message(&self, outcome: MessageOutcome) {
        self.messages.get_or_create(&OutcomeLabels { outcome: outcome.as_str() }).inc();
    }

    pub(super) fn note_line(&self, is_error: bool) {
        let outcome = if is_error { FAILED } else { ANSWERED };
        self.lines.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    pub(super) fn note_standing(&self, in_doubt: i64, dead_letters: i64) {
        self.in_doubt.set(in_doubt);
        self.dead_letters.set(dead_letters);
    }

    pub(super) fn note_plan(&self, batch: BatchId, begins_at: Option<i64>) {
        let mut plans = self.plans.lock();
        match begins_at {
            Some(at) => plans.insert(batch, at),
            None => plans.remove(&batch),
        };
        self.planned_start.set(plans.values().min().copied().unwrap_or(0));
    }
}

/// A line that was answered.
const ANSWERED: &str = "answered";
/// A line that ended with an error.
const FAILED: &str = "failed";

fn spent_labels(seller: &str, currency: Currency, outcome: &'static str) -> SpendLabels {
    SpendLabels { seller: seller.to_owned(), currency: currency.to_string(), outcome }
}

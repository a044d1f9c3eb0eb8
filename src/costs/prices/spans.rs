use jiff::civil::Date;

use super::{
    PriceError,
    entry::{WrittenEntry, name},
};
use crate::domain::Operation;

/// The days of one entry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    sku: String,
    operation: Operation,
    first: Date,
    last: Option<Date>,
}

impl Span {
    pub(super) fn of(entry: &WrittenEntry) -> Self {
        Self {
            sku: entry.sku.clone(),
            operation: entry.operation,
            first: entry.effective_from,
            last: entry.effective_to,
        }
    }
}

/// The days with two prices, and the days with none between two entries of a sku.
pub(super) fn problems(mut spans: Vec<Span>) -> Vec<PriceError> {
    spans.sort();
    spans.windows(2).filter_map(|pair| between(&pair[0], &pair[1])).collect()
}

fn between(earlier: &Span, later: &Span) -> Option<PriceError> {
    if (&earlier.sku, earlier.operation) != (&later.sku, later.operation) {
        return None;
    }
    let sku = name(&later.sku, later.operation);
    match earlier.last.and_then(|last| last.tomorrow().ok()) {
        Some(next) if next == later.first => None,
        Some(first) if first < later.first => {
            let last = later.first.yesterday().unwrap_or(first);
            Some(PriceError::Gap { sku, first, last })
        }
        _ => Some(PriceError::Overlap { sku, day: later.first }),
    }
}

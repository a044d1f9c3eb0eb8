//! Whether hardware of one's own is worth it: a scenario's inputs, and what follows from them. Arithmetic on integers.
//!
//! Rounding: costs up to the next nano-unit, percentages and what hardware is sold for down, images up to the next whole
//! one, months to the nearest tenth. docs/roi.md has every formula.

mod another_card;
/// The article of January 2026, held to its own inputs; docs/costs.md has the table.
#[cfg(test)]
mod article;
mod calculation;
mod compared;
mod curve;
mod input;
mod outcome;
mod own;
mod rental;
mod scenario;
#[cfg(test)]
mod tests;

pub use another_card::{AnotherCard, BoughtLately, LATELY_DAYS};
pub use curve::CurvePoint;
pub use input::{Input, WRITTEN_PRICE};
pub use outcome::{
    BreakEven, FORECAST_TENTHS_MAX, ImageCost, Outcome, Payback, PriceOutcome, RentalOutcome, YearCost,
    YearRow,
};
pub use own::MeasuredUse;
pub use scenario::{ComparedPrice, HardwarePart, Lifetime, Rental, Scenario, ScenarioError};

/// Months in a year.
const MONTHS: u64 = 12;
/// Milliseconds in a year of 8,760 hours.
const YEAR_MILLIS: u64 = 8_760 * 3_600_000;

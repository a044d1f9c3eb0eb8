//! What an image costs: pure arithmetic on integers. No clock, no database, no float.

mod asset;
mod basis;
mod bought_price;
mod breakdown;
mod budget;
mod charging;
mod comparison;
mod cost_line;
mod days;
mod depreciation;
mod graphics_cards;
mod hardware;
mod invoice;
mod mix;
mod model;
mod month;
mod payback;
mod price_file;
mod prices;
mod rate_card;
mod receipt;
mod schedule;
mod service_sum;
mod services;
pub mod simulation;
mod spot;
mod tariff;
mod terms;
mod upkeep;

pub use asset::{Asset, Life, Retirement};
pub use basis::CostBasis;
pub use bought_price::BoughtPrice;
pub use breakdown::Breakdown;
pub use budget::{Budget, BudgetAmount, BudgetError, BudgetLimit, BudgetPeriod, Budgets, Spending};
pub use charging::{ChargingSettings, MachineUse, ShareRule, ShareRuleError};
pub use comparison::{Comparison, ListRate};
pub use cost_line::{CostLine, UpkeepCost};
pub use days::DaySpan;
pub use graphics_cards::{GraphicsCard, LaunchPrice, SourcePage, UnknownCardError};
pub use hardware::Hardware;
pub use invoice::{Invoice, Vat, VatRate, VatRateError};
pub use mix::{Filed, MixRule};
pub use model::{
    CostModel, CostSettings, ExampleMonth, ExchangeRate, MonthlyUse, PriceMatter, PriceNotice, PriceSpan,
    Quote,
};
pub use month::{Allocated, AssetUse, MonthCost, month_cost};
pub use payback::{Outlook, Pace};
pub use price_file::{ComingPrices, PriceFile};
pub use prices::{
    EntryFault, ListPrice, PriceBook, PriceEntry, PriceError, PriceTable, PriceUnit, PriceWarning, TableRow,
};
pub use rate_card::{
    CarbonRate, EarlierRates, ElectricityRate, LineRate, PartRate, PricedWork, RateCard, Share, WorkingLine,
    WorkingWord, WorkingWords,
};
pub use receipt::Receipt;
pub use schedule::AssetYear;
pub use services::{
    Elsewhere, ImageGroup, PriceRead, ServiceComparison, Unpriced, WholePlans, part_of_all_in,
};
pub use spot::{SpotPrice, SpotPrices};
pub use tariff::{Hours, Moment, PriceSheet, TariffError, TariffRow};
pub use terms::{ConfiguredTerms, DatedTerm, Term, Terms};
pub use upkeep::Upkeep;

/// Why a receipt could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CostError {
    /// An amount passed the ledger's range.
    #[error(transparent)]
    Range(#[from] crate::units::RangeError),
    /// A price is missing from the price book, or is not valid.
    #[error(transparent)]
    Price(#[from] PriceError),
    /// A tariff that cannot be.
    #[error(transparent)]
    Tariff(#[from] TariffError),
    /// No exchange rate is known for a currency on a day.
    #[error(
        "no exchange rate from {from} to {to} holds on {date}; add an [[exchange_rate]] to the configuration"
    )]
    NoExchangeRate {
        /// The price's currency.
        from: crate::units::Currency,
        /// The ledger's currency.
        to: crate::units::Currency,
        /// The day.
        date: jiff::civil::Date,
    },
    /// A setting that cannot be.
    #[error("{field}: {reason}")]
    Setting {
        /// The setting's name in the configuration.
        field: &'static str,
        /// What is wrong and what to write instead.
        reason: &'static str,
    },
}

#[cfg(test)]
mod tests;

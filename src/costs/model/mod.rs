pub(super) mod compare;
mod configured;
mod example_month;
mod notices;
mod price_spans;
mod quote;
mod rates;
mod upkeep;

use std::sync::Arc;

use jiff::civil::{Date, DateTime};
use serde::Deserialize;

pub use self::{
    example_month::{ExampleMonth, MonthlyUse},
    notices::{PriceMatter, PriceNotice},
    price_spans::PriceSpan,
    quote::Quote,
};
use super::{
    Asset, ChargingSettings, Comparison, CostError, CostLine, DatedTerm, DaySpan, Hardware, MixRule,
    PriceBook, RateCard, Receipt, TariffRow, Terms, Upkeep,
};
use crate::{
    domain::Usage,
    units::{Currency, Millis, Money, Power},
};

/// The `[costs]` part of the configuration: what this machine costs its owner.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CostSettings {
    /// The ledger's currency.
    pub currency: Currency,
    /// Price of a kilowatt-hour at the plug, until the first row of `tariff` begins.
    pub price_per_kwh: Money,
    /// Its price by the hour and the season.
    pub tariff: Vec<TariffRow>,
    /// Power of the machine around the device while it generates images; 0 if the device's figure includes it.
    pub host_watts: Power,
    /// What the plug delivers for 100 W that the machine uses: the power supply's loss.
    pub wall_factor_percent: u32,
    /// The hardware that wears out, until the ledger's first asset is bought.
    pub hardware: Hardware,
    /// Repairs, network, space: a flat amount for each image.
    pub upkeep_per_image: Money,
    /// The same for a year, instead of the flat amount.
    pub upkeep_per_year: Option<Money>,
    /// The share of all hours in which the machine usually generates images, in percent: they carry the year's upkeep.
    pub normal_utilisation_percent: u32,
    /// The service to compare with, a sku of the price book. Like for like: the same weights, hosted.
    pub compare_with: String,
    /// Further services to show beside it, skus of the price book.
    pub also_compare_with: Vec<String>,
    /// Services that some images are compared with instead.
    pub mix: Vec<MixRule>,
    /// How costs are charged on.
    pub charging: ChargingSettings,
}

/// Premium services that people know, none of them with an announced end.
const ALSO_COMPARE_WITH: [&str; 4] =
    ["openai/gpt-image-2", "google/gemini-3-pro-image", "bfl/flux-2-pro", "midjourney/standard"];

impl CostSettings {
    /// The configured upkeep.
    pub fn upkeep(&self) -> Upkeep {
        match self.upkeep_per_year {
            None => Upkeep::PerImage(self.upkeep_per_image),
            Some(amount) => {
                Upkeep::PerYear { amount, normal_utilisation_percent: self.normal_utilisation_percent }
            }
        }
    }
}

/// The owner of an RTX 4090, January 2026: the example that the figures begin with until they are configured.
impl Default for CostSettings {
    fn default() -> Self {
        Self {
            currency: Currency::CNY,
            price_per_kwh: Money::from_nano(1_200_000_000),
            tariff: Vec::new(),
            host_watts: Power::from_watts(0),
            wall_factor_percent: 100,
            hardware: Hardware::default(),
            upkeep_per_image: Money::from_nano(30_000_000),
            upkeep_per_year: None,
            normal_utilisation_percent: 20,
            compare_with: "fal/z-image-turbo".into(),
            also_compare_with: ALSO_COMPARE_WITH.map(String::from).to_vec(),
            mix: Vec::new(),
            charging: ChargingSettings::default(),
        }
    }
}

/// One `[[exchange_rate]]` of the configuration, from the day on which it holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeRate {
    /// The currency of a price.
    pub from: Currency,
    /// The currency it is turned into.
    pub to: Currency,
    /// What one unit of the first costs in the second.
    pub rate: Money,
    /// First day of the rate.
    pub effective_from: Date,
}

/// Prices an image. What is configured is shared by all clones; what the ledger knows of the parts is a model's own,
/// and is read for every request and every report.
#[derive(Debug, Clone)]
pub struct CostModel {
    basis: Arc<Basis>,
    assets: Vec<Asset>,
    /// The lines of cost; those that the ledger knows, or the configured one.
    lines: Vec<CostLine>,
    /// Images that were made in the service of each of [`CostModel::parts`]; none if nothing is known of them.
    images_made: Vec<u64>,
    /// Prices of electricity, exchange rates and watts, with their dates; those that the ledger knows, or the configured ones.
    terms: Arc<Terms>,
    /// Whether the configuration states the compared service, so that a recorded one does not count.
    states_comparison: bool,
}

/// What is configured.
#[derive(Debug)]
struct Basis {
    settings: CostSettings,
    prices: PriceBook,
    /// The configured hardware, which stands in for the ledger's assets until the first of them is bought.
    stand_in: Asset,
}

impl CostModel {
    /// A cost model of these settings.
    ///
    /// # Errors
    /// [`CostError`] for a setting out of range, or a compared sku that the price book has never had. One whose price
    /// has ended, has not begun or lacks an exchange rate is compared with nothing.
    pub fn new(
        settings: CostSettings,
        prices: PriceBook,
        rates: Vec<ExchangeRate>,
    ) -> Result<Self, CostError> {
        let refuse = |field, reason| Err(CostError::Setting { field, reason });
        let hardware = &settings.hardware;
        if hardware.lifetime_images == 0 {
            return refuse("costs.hardware.lifetime_images", "must be above 0");
        }
        if hardware.share_percent > 100 {
            return refuse("costs.hardware.share_percent", "must be at most 100");
        }
        if hardware.residual > hardware.price {
            return refuse("costs.hardware.residual", "must not exceed costs.hardware.price");
        }
        if settings.wall_factor_percent < 100 {
            return refuse("costs.wall_factor_percent", "must be at least 100");
        }
        let negative = [
            ("costs.price_per_kwh", settings.price_per_kwh),
            ("costs.hardware.residual", hardware.residual),
            ("costs.upkeep_per_image", settings.upkeep_per_image),
            ("costs.upkeep_per_year", settings.upkeep_per_year.unwrap_or_default()),
        ];
        if let Some((field, _)) = negative.into_iter().find(|(_, amount)| *amount < Money::ZERO) {
            return refuse(field, "must not be negative");
        }
        if !(1..=100).contains(&settings.normal_utilisation_percent) {
            return refuse("costs.normal_utilisation_percent", "must be from 1 to 100");
        }
        if settings.charging.mark_up_percent > 1000 {
            return refuse("costs.charging.mark_up_percent", "must be at most 1000");
        }
        if settings.mix.iter().any(|rule| rule.discount_percent >= 100) {
            return refuse("costs.mix.discount_percent", "must be below 100");
        }
        check_rates(&rates)?;
        let terms = Arc::new(settings.terms(rates)?);
        let stand_in = Asset::configured(hardware);
        let lines = vec![CostLine::configured(settings.upkeep())];
        let basis = Arc::new(Basis { settings, prices, stand_in });
        let model = Self {
            basis,
            assets: Vec::new(),
            lines,
            images_made: Vec::new(),
            terms,
            states_comparison: true,
        };
        let of_mix = model.settings().mix.iter().map(|rule| rule.sku.as_str());
        let mut skus = model.compared_skus().into_iter().chain(of_mix);
        skus.try_for_each(|sku| model.basis.prices.check_sku(sku))?;
        Ok(model)
    }

    /// The same with the parts that the ledger knows.
    pub fn with_assets(&self, assets: Vec<Asset>) -> Self {
        Self { assets, images_made: Vec::new(), ..self.clone() }
    }

    /// The same with the lines of cost that the ledger knows; without one, the configured line holds.
    pub fn with_lines(self, lines: Vec<CostLine>) -> Self {
        if lines.is_empty() { self } else { Self { lines, ..self } }
    }

    /// The same with the terms that the ledger knows in the place of the configured ones.
    pub fn with_terms(self, recorded: &[DatedTerm]) -> Self {
        if recorded.is_empty() { self } else { Self { terms: Arc::new(self.terms.with(recorded)), ..self } }
    }

    /// The same with the compared service that the ledger has recorded, unless `is_stated`: then the configuration decides.
    pub fn with_stated_comparison(self, is_stated: bool) -> Self {
        Self { states_comparison: is_stated, ..self }
    }

    /// Whether the ledger's rows make the same of both: they were configured as one, and what they lack is the same.
    pub fn is_configured_as(&self, other: &Self) -> bool {
        let is_same = Arc::ptr_eq(&self.basis, &other.basis) && Arc::ptr_eq(&self.terms, &other.terms);
        is_same && self.lines == other.lines && self.states_comparison == other.states_comparison
    }

    /// The same with the images that were made in the service of each of [`CostModel::parts`]: a part by units is
    /// charged until it has lost all it can.
    pub fn with_images_made(self, images_made: Vec<u64>) -> Self {
        Self { images_made, ..self }
    }

    /// The ledger's currency.
    pub fn currency(&self) -> Currency {
        self.basis.settings.currency
    }

    /// Whether no hardware of the owner's was recorded or configured, so that wear is the example's.
    pub fn uses_example_hardware(&self) -> bool {
        self.assets.is_empty() && self.basis.settings.hardware == Hardware::default()
    }

    /// The settings.
    pub fn settings(&self) -> &CostSettings {
        &self.basis.settings
    }

    /// Prices one image that takes `usage` of the device at the prices of `at`, by the clock on the wall.
    ///
    /// # Errors
    /// [`CostError`] if an amount is out of range.
    pub fn receipt(
        &self,
        usage: Usage,
        comparison: Option<Comparison>,
        at: DateTime,
    ) -> Result<Receipt, CostError> {
        let elsewhere = comparison.as_ref().and_then(|comparison| comparison.rate.as_deref());
        let rates = self.rate_card(at, elsewhere, 0)?;
        Ok(Receipt::priced(usage, comparison, rates)?)
    }

    /// Prices images that are settled together at `at`. They are taken to have been generated one after the other until then:
    /// what ran over the edge of a tariff or of a day is split there, and what goes by time has the price of its own time.
    ///
    /// # Errors
    /// [`CostError`] if an amount is out of range.
    pub fn receipts(
        &self,
        usages: impl IntoIterator<Item = Usage>,
        comparison: Option<&Comparison>,
        at: DateTime,
    ) -> Result<Vec<Receipt>, CostError> {
        let usages: Vec<_> = usages.into_iter().collect();
        let elsewhere = comparison.and_then(|comparison| comparison.rate.as_deref());
        let mut left: u64 = usages.iter().map(|usage| usage.duration.get()).sum();
        let mut receipts = Vec::with_capacity(usages.len());
        for (images_before, usage) in (0..).zip(usages) {
            left -= usage.duration.get();
            let ended = at.saturating_sub(rates::span(Millis::new(left)));
            let before = self.earlier_rates(usage.duration, ended, at)?;
            let rates = RateCard { before, ..self.rate_card(at, elsewhere, images_before)? };
            receipts.push(Receipt::priced(usage, comparison.cloned(), rates)?);
        }
        Ok(receipts)
    }

    /// Every part that wears out, with the days on which images are charged for it. The configured hardware comes
    /// first, until the first asset of the ledger is bought.
    pub fn parts(&self) -> impl Iterator<Item = (&Asset, DaySpan)> {
        let first_bought = self.assets.iter().map(|asset| asset.purchased_on).min();
        let until_then = first_bought.map_or(DaySpan::ALWAYS, |day| DaySpan::ALWAYS.before(day));
        let assets = self.assets.iter().map(|asset| (asset, asset.service()));
        std::iter::once((&self.basis.stand_in, until_then)).chain(assets)
    }

    /// The parts that were bought: those that the ledger knows, or the configured hardware, which always served.
    pub fn bought_parts(&self) -> &[Asset] {
        match self.assets.as_slice() {
            [] => std::slice::from_ref(&self.basis.stand_in),
            assets => assets,
        }
    }

    /// The parts that `tintype asset add` recorded.
    pub fn recorded_parts(&self) -> &[Asset] {
        &self.assets
    }

    /// What the machine costs beside its parts and its electricity, line by line.
    pub fn lines(&self) -> &[CostLine] {
        &self.lines
    }

    /// Prices of electricity, exchange rates and watts, with their dates.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// What one unit of `currency` costs in the ledger's currency on `day`.
    fn rate(&self, currency: Currency, day: Date) -> Result<Money, CostError> {
        self.terms.exchange_rate(currency, self.basis.settings.currency, day)
    }
}

/// Refuses rates that cannot be, and two for the same currencies from one day on.
fn check_rates(rates: &[ExchangeRate]) -> Result<(), CostError> {
    let refuse = |field, reason| Err(CostError::Setting { field, reason });
    if rates.iter().any(|rate| rate.rate <= Money::ZERO) {
        return refuse("exchange_rate.rate", "must be above 0");
    }
    let day = |rate: &ExchangeRate| (rate.from, rate.to, rate.effective_from);
    let is_double =
        |(place, rate): (usize, &ExchangeRate)| rates[..place].iter().any(|other| day(other) == day(rate));
    if rates.iter().enumerate().any(is_double) {
        return refuse(
            "exchange_rate.effective_from",
            "two rates for the same currencies begin on one day; keep one",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        domain::{EnergySource, ImageSize, Product, Quality},
        units::Energy,
    };

    const DAY: Date = date(2026, 11, 23);

    fn dollars() -> Vec<ExchangeRate> {
        vec![ExchangeRate {
            from: Currency::USD,
            to: Currency::CNY,
            rate: "7".parse().expect("a rate"),
            effective_from: date(2026, 1, 1),
        }]
    }

    fn model(settings: CostSettings) -> Result<CostModel, CostError> {
        CostModel::new(settings, PriceBook::built_in()?, dollars())
    }

    fn receipt(model: &CostModel, side: u32) -> Result<Receipt, CostError> {
        model.receipt(
            ARTICLE,
            model.compare(Product::generated(ImageSize::square(side), Quality::default()), DAY),
            DAY.at(12, 0, 0, 0),
        )
    }

    /// 450 W for 15 s, as in the article of January 2026.
    const ARTICLE: Usage = Usage {
        duration: Millis::new(15_000),
        energy: Energy::from_millijoules(6_750_000),
        source: EnergySource::Estimated,
        epoch: None,
    };

    #[test]
    fn the_articles_image_costs_what_its_formulas_give() {
        let receipt =
            model(CostSettings::default()).and_then(|model| receipt(&model, 1000)).expect("a receipt");
        assert_eq!(receipt.cost.electricity.to_string(), "0.00225");
        assert_eq!(receipt.cost.depreciation.to_string(), "0.343333334");
        assert_eq!(receipt.cost.upkeep.to_string(), "0.03");
        assert_eq!(receipt.standard().map(|sum| sum.to_string()), Ok("0.375583334".into()));
        // fal: $0.005 a megapixel at 7 yuan to the dollar. Like for like, this owner loses money, and it is said.
        let comparison = receipt.comparison.as_ref().expect("a price");
        assert_eq!(comparison.price.to_string(), "0.035");
        assert_eq!(receipt.saving().map(|sum| sum.to_string()), Some("-0.340583334".into()));
    }

    #[test]
    fn without_a_residual_the_article_depreciates_0_5767() {
        let mut settings = CostSettings::default();
        settings.hardware.residual = Money::ZERO;
        let receipt = model(settings).and_then(|model| receipt(&model, 1024)).expect("a receipt");
        assert_eq!(receipt.cost.depreciation.to_string(), "0.576666667");
    }

    #[test]
    fn the_host_and_the_power_supply_are_paid_for() {
        let settings = CostSettings {
            host_watts: Power::from_watts(50),
            wall_factor_percent: 110,
            ..CostSettings::default()
        };
        let receipt = model(settings).and_then(|model| receipt(&model, 1024)).expect("a receipt");
        // (6,750 J + 50 W · 15 s) · 1.1
        assert_eq!(receipt.wall_energy, Energy::from_millijoules(8_250_000));
        assert_eq!(receipt.cost.electricity.to_string(), "0.00275");
    }

    #[test]
    fn settings_that_cannot_be_are_named() {
        let refused = |change: fn(&mut CostSettings)| {
            let mut settings = CostSettings::default();
            change(&mut settings);
            model(settings).expect_err("refused").to_string()
        };
        assert!(refused(|s| s.hardware.lifetime_images = 0).contains("lifetime_images"));
        assert!(refused(|s| s.hardware.share_percent = 101).contains("share_percent"));
        assert!(refused(|s| s.compare_with = "nobody/nothing".into()).contains("nobody/nothing"));
        assert!(refused(|s| s.also_compare_with.push("nobody/else".into())).contains("nobody/else"));
        assert!(refused(|s| s.wall_factor_percent = 99).contains("wall_factor_percent"));
        assert!(refused(|s| s.normal_utilisation_percent = 0).contains("normal_utilisation_percent"));
        assert!(refused(|s| s.upkeep_per_year = Some(Money::from_nano(-1))).contains("upkeep_per_year"));
        let slip = refused(|s| s.compare_with = "openai/gpt-imgae-2".into());
        assert!(
            slip.contains("openai/gpt-imgae-2") && slip.contains("did you mean openai/gpt-image-2?"),
            "{slip}"
        );
    }

    #[test]
    fn an_image_is_priced_without_an_exchange_rate_and_compared_with_nothing() {
        let book = PriceBook::built_in().expect("a book");
        let model = CostModel::new(CostSettings::default(), book, vec![]).expect("a model");
        let receipt = receipt(&model, 1024).expect("a receipt");
        assert_eq!((receipt.comparison.as_ref(), receipt.saving()), (None, None));
        assert_eq!(receipt.standard().map(|sum| sum.to_string()), Ok("0.375583334".into()));
    }
}

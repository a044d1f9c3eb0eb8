use std::sync::Arc;

use jiff::civil::Date;

use super::CostModel;
use crate::{
    costs::{Comparison, CostError, Filed, ListRate, PriceBook, PriceEntry},
    domain::{Operation, Product},
    units::Money,
};

/// What other services would have charged.
impl CostModel {
    /// What services charge.
    pub fn prices(&self) -> &PriceBook {
        &self.basis.prices
    }

    /// The service that images are compared with: `costs.compare_with` if the configuration states it, else the last one that
    /// was recorded in the ledger, if the price book has it.
    pub fn compare_with(&self) -> &str {
        let configured = self.basis.settings.compare_with.as_str();
        if self.states_comparison {
            return configured;
        }
        let recorded = self.terms.compare_with().filter(|sku| self.basis.prices.check_sku(sku).is_ok());
        recorded.unwrap_or(configured)
    }

    /// The headline: `costs.compare_with`'s list price for an image on `day`, in the ledger's currency, rounded down. None
    /// if it has none: a comparison is decoration and stops nothing. [`CostModel::price_notices`] says why. An edit is compared
    /// with a price of edits alone.
    pub fn compare(&self, product: Product, day: Date) -> Option<Comparison> {
        self.compare_sku(self.compare_with(), product, day).ok()
    }

    /// The same for an image that is filed under a key and a tag: with the service of the first rule of `costs.mix` that it
    /// meets, if it meets one.
    pub fn compare_filed(&self, product: Product, filed: Filed<'_>, day: Date) -> Option<Comparison> {
        match self.basis.settings.mix.iter().find(|rule| rule.is_for(product, filed)) {
            Some(rule) => self.compare_at(&rule.sku, rule.discount_percent, product, day).ok(),
            None => self.compare(product, day),
        }
    }

    /// `costs.compare_with`, then `costs.also_compare_with`, each once.
    pub fn compared_skus(&self) -> Vec<&str> {
        let mut skus = vec![self.compare_with()];
        for sku in &self.basis.settings.also_compare_with {
            if !skus.contains(&sku.as_str()) {
                skus.push(sku);
            }
        }
        skus
    }

    /// Any sku's list price for an image on `day`, in the ledger's currency, rounded down; never 0.
    ///
    /// # Errors
    /// [`CostError`] if a price or a rate is missing on that day, or an amount is out of range.
    pub fn compare_sku(&self, sku: &str, product: Product, day: Date) -> Result<Comparison, CostError> {
        self.compare_at(sku, 0, product, day)
    }

    fn compare_at(
        &self,
        sku: &str,
        discount_percent: u32,
        product: Product,
        day: Date,
    ) -> Result<Comparison, CostError> {
        let (entry, exchange_rate) = self.price_on(sku, product.operation, day)?;
        let rate = ListRate { entry: entry.clone(), exchange_rate, discount_percent };
        let price = rate.price_of(product)?;
        Ok(Comparison { sku: sku.to_owned(), price, exchange_rate, rate: Some(Arc::new(rate)) })
    }

    /// The price of `sku` for `operation` on `day`, and what a unit of its currency costs in the ledger's.
    pub(in crate::costs) fn price_on(
        &self,
        sku: &str,
        operation: Operation,
        day: Date,
    ) -> Result<(&PriceEntry, Money), CostError> {
        let entry = self.price_entry(sku, operation, day)?;
        Ok((entry, self.rate(entry.currency, day)?))
    }

    /// The price-book entry behind a comparison on `day`: its source, and when it was read.
    ///
    /// # Errors
    /// [`CostError::Price`] if the sku has no price on that day.
    pub fn price_entry(&self, sku: &str, operation: Operation, day: Date) -> Result<&PriceEntry, CostError> {
        Ok(self.basis.prices.entry(sku, operation, day)?)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        costs::{CostSettings, ExchangeRate, MixRule, PriceError},
        domain::{ImageSize, Quality},
        units::Currency,
    };

    const DAY: Date = date(2026, 11, 23);
    const SIZE: ImageSize = ImageSize::square(1024);

    fn model(settings: CostSettings, rate: &str) -> Result<CostModel, CostError> {
        let dollars = ExchangeRate {
            from: Currency::USD,
            to: Currency::CNY,
            rate: rate.parse().expect("a rate"),
            effective_from: date(2026, 1, 1),
        };
        CostModel::new(settings, PriceBook::built_in()?, vec![dollars])
    }

    fn settings(headline: &str, others: &[&str]) -> CostSettings {
        CostSettings {
            compare_with: headline.into(),
            also_compare_with: others.iter().copied().map(String::from).collect(),
            ..CostSettings::default()
        }
    }

    #[test]
    fn the_headline_comes_first_and_no_sku_twice() {
        let settings = settings(
            "bfl/flux-pro-1.1",
            &["openai/gpt-image-2", "bfl/flux-pro-1.1", "openai/gpt-image-2", "venice/z-image-turbo"],
        );
        let model = model(settings, "7").expect("a model");
        assert_eq!(model.compared_skus(), ["bfl/flux-pro-1.1", "openai/gpt-image-2", "venice/z-image-turbo"]);
        let headline = model.compare(Product::generated(SIZE, Quality::High), DAY).expect("a price");
        assert_eq!((headline.sku.as_str(), headline.price.to_string()), ("bfl/flux-pro-1.1", "0.28".into()));
    }

    #[test]
    fn a_mix_compares_each_image_with_what_would_have_been_bought_for_it() {
        let rule = |sku: &str, tags: Option<&str>, discount_percent| MixRule {
            sku: sku.into(),
            tags: tags.map(|tag| vec![tag.to_owned()]),
            keys: None,
            sizes: None,
            qualities: None,
            discount_percent,
        };
        let mix = vec![
            rule("openai/gpt-image-2", Some("ads"), 10),
            MixRule { qualities: Some(vec![Quality::High]), ..rule("bfl/flux-pro-1.1", None, 0) },
        ];
        let model = model(CostSettings { mix, ..settings("fal/z-image-turbo", &[]) }, "7").expect("a model");
        let compared = |tag, quality| {
            let filed = Filed { key: "abc", tag };
            let found = model.compare_filed(Product::generated(SIZE, quality), filed, DAY).expect("a price");
            (found.sku, found.price.to_string())
        };
        let gpt = ("openai/gpt-image-2".to_owned(), "0.3339".to_owned());
        assert_eq!(compared(Some("ads"), Quality::Medium), gpt, "0.053 · 7 less 10 %");
        assert_eq!(compared(None, Quality::High), ("bfl/flux-pro-1.1".into(), "0.28".into()));
        let hosted = ("fal/z-image-turbo".to_owned(), "0.03670016".to_owned());
        assert_eq!(compared(Some("web"), Quality::Medium), hosted, "like for like stays the default");
        assert_eq!(model.compared_skus().len(), 1);
    }

    #[test]
    fn the_quality_changes_the_price_where_the_service_asks_for_it() {
        let model = model(settings("openai/gpt-image-2", &[]), "1").expect("a model");
        let price = |quality| {
            model.compare(Product::generated(SIZE, quality), DAY).map(|found| found.price.to_string())
        };
        assert_eq!(price(Quality::Low), Some("0.006".into()));
        assert_eq!(price(Quality::Medium), Some("0.053".into()));
        assert_eq!(price(Quality::Max), Some("0.211".into()));
    }

    #[test]
    fn a_retired_service_stops_nothing_and_keeps_its_price_of_earlier_days() {
        let model = model(settings("openai/dall-e-3", &[]), "7").expect("a model");
        assert_eq!(model.compare(Product::generated(SIZE, Quality::Medium), DAY), None);
        let past = date(2026, 3, 1);
        let compared = model
            .compare_sku("openai/dall-e-3", Product::generated(SIZE, Quality::Medium), past)
            .expect("priced then");
        assert_eq!(compared.price.to_string(), "0.28");
        let entry = model.price_entry("openai/dall-e-3", Operation::Generate, past).expect("priced then");
        assert_eq!(entry.effective_to, Some(date(2026, 5, 12)));
    }

    #[test]
    fn an_edit_is_compared_with_a_price_of_edits_or_with_nothing() {
        let model = model(settings("fal/z-image-turbo", &["venice/z-image-turbo"]), "7").expect("a model");
        let edit = Product { operation: Operation::Edit, ..Product::generated(SIZE, Quality::Medium) };
        let compared = model.compare(edit, DAY).expect("fal has a price of edits");
        assert_eq!(
            (compared.sku.as_str(), compared.price.to_string()),
            ("fal/z-image-turbo", "0.03670016".into())
        );
        let unpriced = model.compare_sku("venice/z-image-turbo", edit, DAY).expect_err("it sells none");
        assert!(unpriced.to_string().contains("venice/z-image-turbo (edit)"), "{unpriced}");
        assert!(
            model.compare_sku("venice/z-image-turbo", Product::generated(SIZE, Quality::Medium), DAY).is_ok()
        );
    }

    #[test]
    fn an_exchange_rate_makes_nothing_free() {
        let model = model(settings("fal/z-image-turbo", &[]), "0.000000001").expect("a model");
        let refused = model.compare_sku("fal/z-image-turbo", Product::generated(SIZE, Quality::Medium), DAY);
        assert!(matches!(refused, Err(CostError::Price(PriceError::RoundsToZero { .. }))), "{refused:?}");
    }
}

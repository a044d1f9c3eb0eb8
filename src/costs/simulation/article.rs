use std::fmt;

use super::{ComparedPrice, Lifetime, Outcome, PriceOutcome, Scenario, ScenarioError, scenario::refused};
use crate::units::{Money, Proportion};

/// The depreciation in the article's total.
const ARTICLES_DEPRECIATION: Money = Money::from_nano(120_000_000);
/// Images that its 1,095 days of 100 images come to.
const ARTICLES_DAYS: u64 = 109_500;
/// The price against which the article states its saving.
const ARTICLES_PRICE: &str = "Midjourney, low";

/// A figure of the article, and what the formulas give for the same inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleRow {
    /// What it is of.
    pub figure: &'static str,
    /// What the article says.
    pub article: &'static str,
    /// What the formulas give.
    pub formulas: String,
    /// Whether the one is the other.
    pub follows: Follows,
}

/// Whether a figure of the article follows from the article's inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It is one of them.
    Input,
}

impl fmt::Display for Follows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Yes => "follows",
            Self::No => "does not",
            Self::Input => "input",
        })
    }
}

impl ArticleRow {
    /// Every figure of the article, worked out from the shipped scenario.
    ///
    /// # Errors
    /// [`ScenarioError`] if the shipped scenario is not the article's; a test holds it to it.
    pub fn all() -> Result<Vec<Self>, ScenarioError> {
        let (ours, total) = (Variant::shipped()?, Variant::with_articles_depreciation()?);
        let years = &against(&ours.outcome, 0)?.years;
        let saved = |year: usize| years.get(year).map_or(Money::ZERO, |row| row.saved_in_all);
        let bills = ours.scenario.running_costs_per_year.unwrap_or_default();
        let wear = |residual: i64, images: u64, places: u32| -> Result<String, ScenarioError> {
            let variant = Variant::new(|scenario| {
                scenario.parts.iter_mut().for_each(|part| part.residual = Money::ZERO);
                scenario.parts[0].residual = Money::from_nano(residual * 1_000_000_000);
                scenario.lifetime_images = Some(images);
            })?;
            Ok(yuan(variant.outcome.image.depreciation, places))
        };
        let standard = |variant: &Variant, places| yuan(variant.outcome.image.standard, places);
        let (images, share) =
            (ours.images_for_articles_depreciation()?, ours.share_for_articles_depreciation()?);
        let row = |figure, article, formulas, follows| Self { figure, article, formulas, follows };
        Ok(vec![
            row(
                "electricity: 450 W, 15 s, ¥1.2/kWh",
                "¥0.00225",
                yuan(ours.outcome.image.electricity, 5),
                Follows::Yes,
            ),
            row(
                "depreciation: ¥17,300, 30,000 images",
                "¥0.577",
                yuan(ours.outcome.image.depreciation_without_residual, 4),
                Follows::Yes,
            ),
            row(
                "  less a residual of ¥6,000–8,000",
                "¥0.30–0.40",
                format!("{}–{}", wear(8_000, 30_000, 4)?, wear(6_000, 30_000, 4)?),
                Follows::Yes,
            ),
            row(
                "  then, in the total",
                "¥0.12",
                format!("takes {images} images, or {share} % share"),
                Follows::No,
            ),
            row(
                "  1,095 days of 100 images a day",
                "30,000",
                format!(
                    "109500: {}, or {}–{} less the residual",
                    wear(0, ARTICLES_DAYS, 3)?,
                    wear(8_000, ARTICLES_DAYS, 3)?,
                    wear(6_000, ARTICLES_DAYS, 3)?
                ),
                Follows::No,
            ),
            row("upkeep and network", "¥0.03", yuan(ours.outcome.image.upkeep, 2), Follows::Input),
            row(
                "total",
                "¥0.15",
                format!(
                    "{} with ¥0.577; {} with ¥0.12",
                    yuan(ours.outcome.image.standard_without_residual, 3),
                    standard(&total, 3)
                ),
                Follows::No,
            ),
            row(
                "commercial image",
                "¥2.5–4.0",
                format!("¥{}–{}", price(&ours, ARTICLES_PRICE)?, price(&ours, "Midjourney, high")?),
                Follows::Input,
            ),
            row(
                "saving at ¥2.5",
                "94 %",
                format!(
                    "{} with ¥0.577; {} with ¥0.12",
                    Variant::without_residual()?.saving_part()?,
                    total.saving_part()?
                ),
                Follows::No,
            ),
            row("500 images a month at ¥3.0, year 1", "¥400", yuan(saved(0), 2), Follows::Yes),
            row("  with ¥300 a year, year 2", "¥18,100", yuan(saved(1), 2), Follows::Yes),
            row("  year 3", "¥35,800", yuan(saved(2), 2), Follows::Yes),
            row("payback", "6–12 months", against(&ours.outcome, 0)?.payback.to_string(), Follows::Yes),
            row("parts", "¥17,300", yuan(ours.scenario.price()?, 2), Follows::Yes),
            row(
                "electricity in the yearly table",
                "¥300",
                format!(
                    "{}; {} is something else",
                    yuan(ours.outcome.year.electricity, 2),
                    yuan(bills.minus(ours.outcome.year.electricity)?, 2)
                ),
                Follows::No,
            ),
            row(
                "upkeep in the yearly table",
                "none",
                format!("{}; Tintype counts it in the ¥300", yuan(ours.outcome.year.upkeep, 2)),
                Follows::No,
            ),
        ])
    }
}

/// The shipped scenario, or a variant of it, and what follows.
struct Variant {
    scenario: Scenario,
    outcome: Outcome,
}

impl Variant {
    fn new(change: impl FnOnce(&mut Scenario)) -> Result<Self, ScenarioError> {
        let mut scenario = Scenario::shipped()?;
        change(&mut scenario);
        let outcome = scenario.outcome()?;
        Ok(Self { scenario, outcome })
    }

    fn shipped() -> Result<Self, ScenarioError> {
        Self::new(|_| ())
    }

    fn without_residual() -> Result<Self, ScenarioError> {
        Self::new(|scenario| scenario.parts.iter_mut().for_each(|part| part.residual = Money::ZERO))
    }

    /// With as many images as the 0.12 of the article's total takes.
    fn with_articles_depreciation() -> Result<Self, ScenarioError> {
        let images = Self::shipped()?.images_for_articles_depreciation()?;
        let mut variant = Self::without_residual()?;
        variant.scenario.lifetime_images = Some(images);
        variant.outcome = variant.scenario.outcome()?;
        Ok(variant)
    }

    /// Images over which the price is spread at the article's 0.12 an image, rounded up.
    fn images_for_articles_depreciation(&self) -> Result<u64, ScenarioError> {
        let price = self.scenario.price()?.as_nano().unsigned_abs();
        Ok(price.div_ceil(ARTICLES_DEPRECIATION.as_nano().unsigned_abs()))
    }

    /// The share of the hardware that comes to 0.12 an image, in percent, rounded up.
    fn share_for_articles_depreciation(&self) -> Result<u64, ScenarioError> {
        let Lifetime::Images(images) = self.scenario.lifetime()? else {
            return Err(refused("lifetime_images", "the article's life is in images"));
        };
        let price = self.scenario.price()?.as_nano().unsigned_abs();
        let spread = ARTICLES_DEPRECIATION.share_ceil(images.saturating_mul(100), 1)?;
        Ok(spread.as_nano().unsigned_abs().div_ceil(price.max(1)))
    }

    fn saving_part(&self) -> Result<Proportion, ScenarioError> {
        let at = self.outcome.against.iter().find(|against| against.name == ARTICLES_PRICE);
        at.map(PriceOutcome::saving_part).ok_or_else(no_such_price)
    }
}

fn against(outcome: &Outcome, index: usize) -> Result<&PriceOutcome, ScenarioError> {
    outcome.against.get(index).ok_or_else(no_such_price)
}

fn price(variant: &Variant, name: &str) -> Result<String, ScenarioError> {
    let is_named = |compared: &&ComparedPrice| compared.name == name;
    let compared = variant.scenario.compared.iter().find(is_named).ok_or_else(no_such_price)?;
    Ok(compared.price.to_rounded_string(2))
}

fn no_such_price() -> ScenarioError {
    refused("compared", "the article's prices are missing")
}

fn yuan(amount: Money, places: u32) -> String {
    format!("¥{}", amount.to_rounded_string(places))
}

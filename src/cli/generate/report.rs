//! What is said of generated images: a line for each, the whole receipt with -v, or JSON.

use serde::Serialize;

use crate::{
    costs::{Breakdown, CostError, CostModel, Receipt},
    domain::{Computation, LoraUse, RenderSpec, Seed, Unchanged},
    units::{Energy, Money},
};

/// An image that was generated. Amounts are in `currency`; names and units are those of the API's receipts.
#[derive(Debug, Serialize)]
pub(super) struct Generated {
    /// Where it is; null for standard output and for the part of a grid.
    file: Option<String>,
    prompt: String,
    seed: u64,
    size: String,
    steps: u32,
    currency: String,
    #[serde(flatten)]
    cost: Breakdown,
    total: Money,
    compared_with: String,
    /// Null if that service has no price.
    compared_price: Option<Money>,
    saving: Option<Money>,
    energy_kwh: Energy,
    wall_energy_kwh: Energy,
    energy_source: &'static str,
    duration_ms: u64,
    /// Whether the depreciation is that of the example's hardware.
    example_hardware: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    edit: Option<GeneratedEdit>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loras: Vec<LoraUse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    computation: Option<Computation>,
    #[serde(skip)]
    receipt: Receipt,
}

/// How an edit was made, and what it left as it was.
#[derive(Debug, Serialize)]
pub(super) struct GeneratedEdit {
    steps_run: u32,
    /// The noise level of the first step, from 0 to 1.
    sigma: f32,
    edited_pixels: u64,
    /// Null if the file is lossy, or nothing lies outside the mask.
    unchanged_outside_mask: Option<u64>,
    outside_mask: Option<u64>,
}

impl GeneratedEdit {
    /// Of an image whose first step was at noise level `sigma`; none if it was no edit.
    pub(super) fn of(spec: &RenderSpec, sigma: f32, unchanged: Option<Unchanged>) -> Option<Self> {
        let edit = spec.edit.as_deref()?;
        Some(Self {
            steps_run: spec.steps_run(),
            sigma,
            edited_pixels: edit.edited_pixels(),
            unchanged_outside_mask: unchanged.map(|unchanged| unchanged.unchanged),
            outside_mask: unchanged.map(|unchanged| unchanged.outside),
        })
    }
}

impl Generated {
    /// An image of `spec` and what it cost.
    ///
    /// # Errors
    /// [`CostError`] if its total is out of range.
    pub(super) fn new(
        file: Option<String>,
        spec: &RenderSpec,
        seed: Seed,
        receipt: Receipt,
        costs: &CostModel,
        edit: Option<GeneratedEdit>,
    ) -> Result<Self, CostError> {
        let comparison = receipt.comparison.as_ref();
        Ok(Self {
            file,
            prompt: spec.prompt.clone(),
            seed: seed.get(),
            size: spec.size.to_string(),
            steps: spec.steps,
            currency: costs.currency().to_string(),
            cost: receipt.cost,
            total: receipt.standard()?,
            compared_with: comparison
                .map_or_else(|| costs.compare_with().to_owned(), |service| service.sku.clone()),
            compared_price: comparison.map(|service| service.price),
            saving: receipt.saving(),
            energy_kwh: receipt.usage.energy,
            wall_energy_kwh: receipt.wall_energy,
            energy_source: receipt.usage.source.as_str(),
            duration_ms: receipt.usage.duration.get(),
            example_hardware: costs.uses_example_hardware(),
            edit,
            loras: spec.loras.clone(),
            computation: None,
            receipt,
        })
    }

    /// The same with what decided its pixels.
    pub(super) fn with(self, computation: Computation) -> Self {
        Self { computation: Some(computation), ..self }
    }

    /// Whether its depreciation is that of the example's hardware.
    pub(super) const fn example_hardware(&self) -> bool {
        self.example_hardware
    }

    /// Where it is, or what it shows.
    fn title(&self) -> &str {
        self.file.as_deref().unwrap_or(&self.prompt)
    }

    /// `picture.png  256x256, 8 steps, seed 42, 0.262 s, 0.0745 CNY`
    pub(super) fn line(&self) -> String {
        let Self { size, steps, seed, currency, .. } = self;
        let total = self.total.to_rounded_string(4);
        let title = self.title();
        let duration = self.receipt.usage.duration;
        format!("{title}  {size}, {steps} steps, seed {seed}, {duration}, {total} {currency}\n")
    }

    /// Everything about it.
    pub(super) fn block(&self) -> String {
        let Self { currency, compared_with, .. } = self;
        let Receipt { usage, cost, .. } = &self.receipt;
        let mut lines = vec![
            self.title().to_owned(),
            format!("  seed          {}", self.seed),
            format!("  image         {}, {} steps", self.size, self.steps),
            format!("  time          {}", usage.duration),
            format!("  energy        {} ({})", usage.energy, usage.source),
            format!("  electricity   {} {currency}", cost.electricity),
            format!("  depreciation  {} {currency}", cost.depreciation),
            format!("  upkeep        {} {currency}", cost.upkeep),
            format!("  total         {} {currency}", self.total),
        ];
        match self.compared_price.zip(self.saving) {
            Some((price, saving)) => {
                lines.push(format!("  compared      {price} {currency} at {compared_with}"));
                lines.push(format!("  saved         {saving} {currency}"));
            }
            None => lines.push(format!("  compared      - {currency}, {compared_with} has no price")),
        }
        if let Some(edit) = &self.edit {
            lines.push(format!(
                "  edit          {} of {} steps, from noise level {:.4}",
                edit.steps_run, self.steps, edit.sigma
            ));
            lines.push(format!("  edited        {} pixels", edit.edited_pixels));
            if let Some((unchanged, outside)) = edit.unchanged_outside_mask.zip(edit.outside_mask) {
                lines.push(format!("  unchanged     {unchanged} of {outside} pixels outside the mask"));
            }
        }
        lines.extend(self.loras.iter().map(|lora| format!("  lora          {lora}")));
        let rows = self.computation.iter().flat_map(Computation::rows);
        lines.extend(rows.map(|(name, text)| format!("  {name:<12}  {text}")));
        lines.join("\n") + "\n"
    }
}

/// What several images cost together: `3 images, 0.2235 CNY`; nothing to be said of one.
pub(super) fn sum(images: &[Generated]) -> Option<String> {
    let [first, _, ..] = images else { return None };
    let total = images.iter().try_fold(Money::ZERO, |sum, image| sum.plus(image.total)).ok()?;
    Some(format!("{} images, {} {}\n", images.len(), total.to_rounded_string(4), first.currency))
}

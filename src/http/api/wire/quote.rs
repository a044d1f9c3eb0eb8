use serde::Serialize;

use super::{
    Asked, Offer,
    answer::{EditRecordBody, ReceiptBody, expected_receipt},
    loras::{LoraBody, bodies},
};
use crate::{http::api::error::sentence, service::Quoted, units::Currency};

/// What a request would take and cost: the body of a 200 to one with `dry_run`.
#[derive(Serialize)]
pub(in crate::http::api) struct QuoteBody<'a> {
    object: &'static str,
    created: i64,
    model: String,
    size: String,
    steps: u32,
    quality: &'static str,
    n: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loras: Vec<LoraBody<'a>>,
    duration_source: &'static str,
    #[serde(flatten)]
    edit: Option<EditRecordBody>,
    over_budget: Option<String>,
    per_image: ReceiptBody,
    all_images: ReceiptBody,
}

/// The body that says what `asked` would take and cost.
pub(in crate::http::api) fn quote<'a>(
    asked: &Asked,
    quoted: &'a Quoted,
    offer: &Offer,
    currency: Currency,
) -> QuoteBody<'a> {
    let spec = &asked.job.spec;
    QuoteBody {
        object: "quote",
        created: quoted.created.as_second(),
        model: offer.model.clone(),
        size: spec.size.to_string(),
        steps: spec.steps,
        quality: asked.job.quality.as_str(),
        n: asked.job.images,
        loras: bodies(&quoted.loras),
        duration_source: if quoted.is_measured { "measured" } else { "estimated" },
        edit: quoted.edit.map(EditRecordBody::from),
        over_budget: quoted.over_budget.as_ref().map(|over| sentence(over)),
        per_image: expected_receipt(&quoted.quote.image, currency),
        all_images: expected_receipt(&quoted.quote.job, currency),
    }
}

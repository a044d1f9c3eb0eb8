use serde::Serialize;

use super::{
    answer::{EditRecordBody, ReceiptBody, receipt},
    loras::{LoraBody, bodies},
};
use crate::{
    ledger::{SettledImage, StoredImage, StoredRequest},
    units::Currency,
};

/// A settled request with its receipts. `created` is that of its answer.
#[derive(Serialize)]
pub(in crate::http::api) struct ReceiptsBody<'a> {
    id: String,
    object: &'static str,
    created: i64,
    model: String,
    size: String,
    steps: u32,
    quality: Option<String>,
    tag: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loras: Vec<LoraBody<'a>>,
    delivered: bool,
    #[serde(flatten)]
    edit: Option<EditRecordBody>,
    data: Vec<ReceiptedImage>,
}

/// An image. If its receipt was reversed, `correction` is what stands in its place, if anything does.
#[derive(Serialize)]
struct ReceiptedImage {
    seed: u64,
    receipt: ReceiptBody,
    reversed: bool,
    correction: Option<ReceiptBody>,
}

/// The body of GET /v1/receipts/{id}.
pub(in crate::http::api) fn receipts(painted: &StoredRequest, currency: Currency) -> ReceiptsBody<'_> {
    let body = |image: &SettledImage| receipt(painted.id, &image.receipt, painted.edit, currency);
    let image = |image: &StoredImage| ReceiptedImage {
        seed: image.booked.seed.get(),
        receipt: body(&image.booked),
        reversed: image.is_reversed,
        correction: image.correction.as_ref().map(body),
    };
    ReceiptsBody {
        id: painted.id.to_text(),
        object: "receipts",
        created: painted.settled_at.as_second(),
        model: painted.model.clone(),
        size: painted.size.to_string(),
        steps: painted.steps,
        quality: painted.quality.clone(),
        tag: painted.tag.clone(),
        loras: bodies(&painted.loras),
        delivered: painted.is_delivered,
        edit: painted.edit.map(EditRecordBody::from),
        data: painted.images.iter().map(image).collect(),
    }
}

use serde::Serialize;

use super::{
    answer::{EditRecordBody, ReceiptBody, receipt},
    loras::{LoraBody, bodies},
};
use crate::{
    domain::Computation,
    ledger::{Purchase, SettledImage, StoredImage, StoredRequest},
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
    computation: Option<&'a Computation>,
    delivered: bool,
    #[serde(flatten)]
    edit: Option<EditRecordBody>,
    data: Vec<ReceiptedImage>,
}

/// An image. If its receipt was reversed, `correction` is what stands in its place, if anything does.
#[derive(Serialize)]
struct ReceiptedImage {
    /// Null: it was bought.
    seed: Option<u64>,
    receipt: ReceiptBody,
    reversed: bool,
    correction: Option<ReceiptBody>,
}

/// The body of GET /v1/receipts/{id}.
pub(in crate::http::api) fn receipts(request: &StoredRequest, currency: Currency) -> ReceiptsBody<'_> {
    let purchase = request.purchase.as_ref();
    let is_bought = purchase.is_some_and(Purchase::is_bought);
    let body =
        |image: &SettledImage| receipt((request.id, &image.receipt), (request.edit, purchase), currency);
    let image = |image: &StoredImage| ReceiptedImage {
        seed: (!is_bought).then(|| image.booked.seed.get()),
        receipt: body(&image.booked),
        reversed: image.is_reversed,
        correction: image.correction.as_ref().map(body),
    };
    ReceiptsBody {
        id: request.id.to_text(),
        object: "receipts",
        created: request.settled_at.as_second(),
        model: request.model.clone(),
        size: request.size.to_string(),
        steps: request.steps,
        quality: request.quality.clone(),
        tag: request.tag.clone(),
        loras: bodies(&request.loras),
        computation: request.computation.as_ref(),
        delivered: request.is_delivered,
        edit: request.edit.map(EditRecordBody::from),
        data: request.images.iter().map(image).collect(),
    }
}

use serde::Serialize;

use super::{
    Asked, Offer, Part,
    loras::{LoraBody, bodies},
    parts::{FilePlace, with_files},
    purchase::PurchaseBody,
};
use crate::{
    costs::{Breakdown, Receipt},
    domain::{Computation, EditRecord, ImageSize, RequestId},
    image_store::ImageName,
    ledger::Purchase,
    service::{Answer, AnsweredImage, ImageFile, PartialFile},
    units::{Currency, Energy, Grams, Money},
};

/// The body of a 200. Keys that OpenAI does not have (`seed`, `receipt`, `painted_size`) are passed over by its
/// clients.
#[derive(Serialize)]
pub(in crate::http::api) struct ImagesBody<'a> {
    created: i64,
    #[serde(flatten)]
    done: Done,
    #[serde(skip_serializing_if = "Option::is_none")]
    painted_size: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loras: Vec<LoraBody<'a>>,
    computation: Option<&'a Computation>,
    data: Vec<ImageBody>,
    #[serde(flatten)]
    edit: Option<EditRecordBody>,
    usage: UsageBody,
}

/// How an edit ran and what it left as it was.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct EditRecordBody {
    steps_run: u32,
    sigma: f64,
    edited_pixels: u64,
    unchanged_outside_mask: Option<bool>,
}

impl From<EditRecord> for EditRecordBody {
    fn from(edit: EditRecord) -> Self {
        Self {
            steps_run: edit.steps_run,
            sigma: edit.sigma(),
            edited_pixels: edit.edited_pixels,
            unchanged_outside_mask: edit.unchanged_outside_mask,
        }
    }
}

/// What was done, never `auto`.
#[derive(Clone, Serialize)]
struct Done {
    background: &'static str,
    output_format: &'static str,
    quality: &'static str,
    size: String,
}

/// One image: `b64_json` or `url`, never both, or some clients fetch what they have.
#[derive(Serialize)]
struct ImageBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    b64_json: Option<FilePlace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// Null: it was bought.
    seed: Option<u64>,
    receipt: ReceiptBody,
}

/// An image's receipt, all amounts in `currency`. One that is only expected has no request.
#[derive(Serialize)]
pub(super) struct ReceiptBody {
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    currency: String,
    #[serde(flatten)]
    cost: Breakdown,
    total: Option<Money>,
    compared_with: Option<String>,
    compared_price: Option<Money>,
    saving: Option<Money>,
    energy_kwh: Energy,
    wall_energy_kwh: Energy,
    energy_source: &'static str,
    duration_ms: u64,
    /// Not there if no factor was recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    carbon_grams: Option<Grams>,
    #[serde(flatten)]
    edit: Option<EditRecordBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase: Option<PurchaseBody>,
}

/// OpenAI's token counts. Ours: the prompt's tokens in, the image's latent patches out.
#[derive(Serialize)]
struct UsageBody {
    input_tokens: u64,
    input_tokens_details: TokenDetails,
    output_tokens: u64,
    output_tokens_details: TokenDetails,
    total_tokens: u64,
}

#[derive(Serialize)]
struct TokenDetails {
    text_tokens: u64,
    image_tokens: u64,
}

#[derive(Serialize)]
struct PartialEvent {
    #[serde(rename = "type")]
    kind: &'static str,
    b64_json: FilePlace,
    created_at: i64,
    #[serde(flatten)]
    done: Done,
    partial_image_index: u32,
}

#[derive(Serialize)]
struct CompletedEvent<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    b64_json: FilePlace,
    created_at: i64,
    #[serde(flatten)]
    done: Done,
    #[serde(skip_serializing_if = "Option::is_none")]
    painted_size: Option<String>,
    #[serde(flatten)]
    edit: Option<EditRecordBody>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    loras: Vec<LoraBody<'a>>,
    computation: Option<&'a Computation>,
    usage: UsageBody,
    seed: Option<u64>,
    receipt: ReceiptBody,
}

/// The names of a stream's events: of partial images, and of the finished one.
fn event_names(asked: &Asked) -> (&'static str, &'static str) {
    match asked.job.spec.edit {
        None => ("image_generation.partial_image", "image_generation.completed"),
        Some(_) => ("image_edit.partial_image", "image_edit.completed"),
    }
}

/// The body of an answer, with its images as `links` if there are any, else in the body.
pub(in crate::http::api) fn answer(
    asked: &Asked,
    answer: &Answer,
    offer: &Offer,
    currency: Currency,
    links: Option<&[(ImageName, String)]>,
) -> serde_json::Result<Vec<Part>> {
    let mut files = Vec::new();
    let mut image = |image: &AnsweredImage| {
        let link = links.zip(image.file.name()).and_then(|(links, name)| {
            let is_its = |link: &&(ImageName, String)| link.0 == name;
            links.iter().find(is_its)
        });
        let url = link.map(|(_, url)| url.clone());
        let is_inline = url.is_none();
        if is_inline {
            files.push(image.file.clone());
        }
        ImageBody {
            b64_json: is_inline.then_some(FilePlace),
            url,
            seed: seed(answer, image),
            receipt: receipt_of(answer, image, currency),
        }
    };
    let body = ImagesBody {
        created: answer.created.as_second(),
        done: done(asked, answer.size),
        painted_size: painted_size(asked, answer, offer),
        loras: bodies(&answer.loras),
        computation: answer.computation.as_ref(),
        edit: answer.edit.map(EditRecordBody::from),
        data: answer.images.iter().map(&mut image).collect(),
        usage: usage(asked, answer, offer),
    };
    with_files("", &body, "", files)
}

/// A partial image, as an event.
pub(in crate::http::api) fn partial_event(
    asked: &Asked,
    partial: &PartialFile,
    now: i64,
) -> serde_json::Result<Vec<Part>> {
    let (name, _) = event_names(asked);
    let event = PartialEvent {
        kind: name,
        b64_json: FilePlace,
        created_at: now,
        done: done(asked, asked.job.spec.size),
        partial_image_index: partial.index,
    };
    sse(name, &event, vec![ImageFile::InMemory(partial.file.clone())])
}

/// The finished image, as the last event; none without an image, which is a defect.
pub(in crate::http::api) fn completed_event(
    asked: &Asked,
    answer: &Answer,
    offer: &Offer,
    currency: Currency,
) -> Option<serde_json::Result<Vec<Part>>> {
    let image = answer.images.first()?;
    let (_, name) = event_names(asked);
    let event = CompletedEvent {
        kind: name,
        b64_json: FilePlace,
        created_at: answer.created.as_second(),
        done: done(asked, answer.size),
        painted_size: painted_size(asked, answer, offer),
        loras: bodies(&answer.loras),
        computation: answer.computation.as_ref(),
        edit: answer.edit.map(EditRecordBody::from),
        usage: usage(asked, answer, offer),
        seed: seed(answer, image),
        receipt: receipt_of(answer, image, currency),
    };
    Some(sse(name, &event, vec![image.file.clone()]))
}

/// An event of a server-sent stream (WHATWG HTML, section 9.2). JSON has no line breaks of its own, so one data line.
fn sse(name: &str, data: &impl Serialize, files: Vec<ImageFile>) -> serde_json::Result<Vec<Part>> {
    with_files(&format!("event: {name}\ndata: "), data, "\n\n", files)
}

fn done(asked: &Asked, size: ImageSize) -> Done {
    Done {
        background: "opaque",
        output_format: asked.encoding.format.as_str(),
        quality: asked.job.quality.as_str(),
        size: size.to_string(),
    }
}

/// The size that the model generated. A repeat is what it was, whatever size is the default now.
fn generated(asked: &Asked, answer: &Answer, offer: &Offer) -> ImageSize {
    match asked.job.spec.edit.as_deref() {
        Some(edit) => offer.limits.frame(edit).canvas,
        None => offer.limits.generated_size(answer.size),
    }
}

/// The size that the model generated, if the answer's was made from it.
fn painted_size(asked: &Asked, answer: &Answer, offer: &Offer) -> Option<String> {
    let size = generated(asked, answer, offer);
    (size != answer.size).then(|| size.to_string())
}

fn usage(asked: &Asked, answer: &Answer, offer: &Offer) -> UsageBody {
    let patch = u64::from(offer.limits.factor) * u64::from(offer.limits.factor);
    let input_tokens = answer.prompt_tokens as u64;
    let output_tokens = generated(asked, answer, offer).pixels() / patch * answer.images.len() as u64;
    UsageBody {
        input_tokens,
        input_tokens_details: TokenDetails { text_tokens: input_tokens, image_tokens: 0 },
        output_tokens,
        output_tokens_details: TokenDetails { text_tokens: 0, image_tokens: output_tokens },
        total_tokens: input_tokens + output_tokens,
    }
}

/// The seed of an image; none if it was bought.
fn seed(answer: &Answer, image: &AnsweredImage) -> Option<u64> {
    let is_bought = answer.made_by.purchase.as_ref().is_some_and(Purchase::is_bought);
    (!is_bought).then(|| image.seed.get())
}

fn receipt_of(answer: &Answer, image: &AnsweredImage, currency: Currency) -> ReceiptBody {
    receipt((answer.id, &image.receipt), (answer.edit, answer.made_by.purchase.as_ref()), currency)
}

/// The receipt of an image. What was bought costs its price, and nothing of this machine.
pub(super) fn receipt(
    (id, receipt): (RequestId, &Receipt),
    (edit, purchase): (Option<EditRecord>, Option<&Purchase>),
    currency: Currency,
) -> ReceiptBody {
    let (request_id, edit) = (Some(id.to_text()), edit.map(EditRecordBody::from));
    let body = ReceiptBody { request_id, edit, ..expected_receipt(receipt, currency) };
    let price = purchase.filter(|purchase| purchase.is_bought()).map(|purchase| purchase.price.price);
    ReceiptBody { total: price.or(body.total), purchase: purchase.map(PurchaseBody::from), ..body }
}

/// The receipt of what has not been generated.
pub(super) fn expected_receipt(receipt: &Receipt, currency: Currency) -> ReceiptBody {
    ReceiptBody {
        request_id: None,
        currency: currency.to_string(),
        cost: receipt.cost,
        total: receipt.standard().ok(),
        compared_with: receipt.comparison.as_ref().map(|comparison| comparison.sku.clone()),
        compared_price: receipt.comparison.as_ref().map(|comparison| comparison.price),
        saving: receipt.saving(),
        energy_kwh: receipt.usage.energy,
        wall_energy_kwh: receipt.wall_energy,
        energy_source: receipt.usage.source.as_str(),
        duration_ms: receipt.usage.duration.get(),
        carbon_grams: receipt.carbon().map(Grams),
        edit: None,
        purchase: None,
    }
}

//! OpenAI's request and answer, field by field.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Serialize;
use serde_json::{Map, Value};

use super::error::ApiError;
use crate::{
    costs::Receipt,
    domain::{GUIDANCE_MAX, IMAGES_MAX, ImageSize, Quality, RenderJob, RenderSpec, STEPS_MAX, Seed},
    pipeline::SizeLimits,
    service::Answer,
    units::{Currency, Energy, Money},
};

/// What this server offers, and what a request gets where it asks for nothing.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The model's id.
    pub model: String,
    /// Other names that reach it.
    pub aliases: Vec<String>,
    /// Unix seconds at which it was loaded.
    pub loaded_at: i64,
    /// Sizes that it can paint.
    pub limits: SizeLimits,
    /// Size where none is asked for.
    pub default_size: ImageSize,
    /// Steps of medium quality.
    pub steps: u32,
    /// Guidance where none is asked for.
    pub guidance_scale: f64,
    /// Pixels of one picture.
    pub pixels_max: u64,
    /// Characters of a prompt.
    pub prompt_chars_max: usize,
    /// Bytes of a body.
    pub body_bytes_max: usize,
}

impl Offer {
    /// Every name that reaches the model, its id first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.model.as_str()).chain(self.aliases.iter().map(String::as_str))
    }
}

/// A request that says nothing wrong.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) job: RenderJob,
    pub(super) quality: Quality,
}

/// Reads the body of POST /v1/images/generations. A seed that was not asked for is drawn by `draw_seed`.
pub(super) fn parse(body: &[u8], offer: &Offer, draw_seed: impl FnOnce() -> Seed) -> Result<Asked, ApiError> {
    let Ok(Value::Object(fields)) = serde_json::from_slice(body) else {
        return Err(ApiError::body("The body is not a JSON object."));
    };
    let mut fields = Fields(fields);
    let prompt = prompt(&mut fields, offer)?;
    let negative_prompt = fields.text("negative_prompt")?;
    check_length("negative_prompt", negative_prompt.as_deref().unwrap_or(""), offer)?;
    if let Some(model) = fields.text("model")?
        && !offer.names().any(|name| name == model)
    {
        return Err(ApiError::model_not_found(&model, &offer.model));
    }
    let images = fields.integer("n", 1, u64::from(IMAGES_MAX))?.unwrap_or(1);
    let size = size(&mut fields, offer)?;
    let quality = match fields.text("quality")? {
        None => Quality::default(),
        Some(word) => word.parse().map_err(|()| {
            ApiError::parameter(
                "quality",
                "invalid_value",
                "`quality` is auto, low, medium, high, xhigh, max, standard or hd.",
            )
        })?,
    };
    let steps = steps(&mut fields)?.unwrap_or_else(|| quality.steps(offer.steps));
    let guidance_scale = fields.number("guidance_scale", 0.0, GUIDANCE_MAX)?.unwrap_or(offer.guidance_scale);
    let seed = fields.integer("seed", 0, Seed::MAX)?.map_or_else(draw_seed, Seed::new);
    fields.one_of("response_format", &["b64_json"])?;
    fields.one_of("output_format", &["png"])?;
    // A percentage for JPEG and WebP; PNG loses nothing at any.
    fields.integer("output_compression", 0, 100)?;
    fields.one_of("background", &["auto", "opaque"])?;
    fields.one_of("moderation", &["auto", "low"])?;
    fields.one_of("style", &["vivid", "natural"])?;
    fields.text("user")?;
    fields.text("safety_identifier")?;
    fields.refuse_streaming()?;
    fields.refuse_the_rest()?;
    let spec = RenderSpec { prompt, negative_prompt, size, steps, guidance_scale };
    let images = u32::try_from(images).unwrap_or(IMAGES_MAX);
    Ok(Asked { job: RenderJob { spec, images, seed }, quality })
}

fn prompt(fields: &mut Fields, offer: &Offer) -> Result<String, ApiError> {
    let Some(prompt) = fields.text("prompt")? else {
        let message = "Say what to paint in `prompt`.";
        return Err(ApiError::parameter("prompt", "missing_required_parameter", message));
    };
    if prompt.trim().is_empty() {
        return Err(ApiError::parameter("prompt", "empty_string", "`prompt` is empty."));
    }
    check_length("prompt", &prompt, offer)?;
    Ok(prompt)
}

fn check_length(name: &str, text: &str, offer: &Offer) -> Result<(), ApiError> {
    let (length, limit) = (text.chars().count(), offer.prompt_chars_max);
    match length <= limit {
        true => Ok(()),
        false => Err(ApiError::parameter(
            name,
            "string_above_max_length",
            format!("`{name}` has {length} characters; at most {limit} are allowed."),
        )),
    }
}

fn size(fields: &mut Fields, offer: &Offer) -> Result<ImageSize, ApiError> {
    let invalid = |message: String| ApiError::parameter("size", "invalid_value", message);
    let SizeLimits { factor, side_max } = offer.limits;
    let size = match fields.text("size")?.as_deref() {
        None | Some("auto") => return Ok(offer.default_size),
        Some(text) => text.parse::<ImageSize>().map_err(|error| invalid(format!("{error}.")))?,
    };
    if offer.limits.check(size).is_err() {
        return Err(invalid(format!(
            "{size} is not possible; both sides must be multiples of {factor}, at most {side_max}."
        )));
    }
    if size.pixels() > offer.pixels_max {
        return Err(invalid(format!(
            "{size} has {} pixels; at most {} are allowed.",
            size.pixels(),
            offer.pixels_max
        )));
    }
    Ok(size)
}

/// `steps`, or `num_inference_steps` as diffusers calls it.
fn steps(fields: &mut Fields) -> Result<Option<u32>, ApiError> {
    let mut read = |name: &str| fields.integer(name, 1, u64::from(STEPS_MAX));
    let (steps, alias) = (read("steps")?, read("num_inference_steps")?);
    if let (Some(steps), Some(alias)) = (steps, alias)
        && steps != alias
    {
        let message = format!("`steps` is {steps}, but its other name `num_inference_steps` is {alias}.");
        return Err(ApiError::parameter("num_inference_steps", "invalid_value", message));
    }
    Ok(steps.or(alias).and_then(|steps| u32::try_from(steps).ok()))
}

/// The fields of the body that nobody has taken yet. null stands for a field that is not there.
struct Fields(Map<String, Value>);

impl Fields {
    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(name, "a string", &other)),
        }
    }

    fn integer(&mut self, name: &str, min: u64, max: u64) -> Result<Option<u64>, ApiError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let bound = |code, relation, bound| {
            ApiError::parameter(name, code, format!("`{name}` is {value}; it must be at {relation} {bound}."))
        };
        match (value.as_u64(), value.as_i64()) {
            (Some(number), _) if number > max => Err(bound("integer_above_max_value", "most", max)),
            (Some(number), _) if number >= min => Ok(Some(number)),
            (Some(_), _) | (None, Some(_)) => Err(bound("integer_below_min_value", "least", min)),
            (None, None) => Err(wrong_type(name, "an integer", &value)),
        }
    }

    fn number(&mut self, name: &str, min: f64, max: f64) -> Result<Option<f64>, ApiError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match value.as_f64() {
            Some(number) if (min..=max).contains(&number) => Ok(Some(number)),
            Some(_) => {
                let message = format!("`{name}` is {value}; it must be from {min} to {max}.");
                Err(ApiError::parameter(name, "invalid_value", message))
            }
            None => Err(wrong_type(name, "a number", &value)),
        }
    }

    /// A word out of `allowed`; which one makes no difference here.
    fn one_of(&mut self, name: &str, allowed: &[&str]) -> Result<(), ApiError> {
        match self.text(name)? {
            Some(word) if !allowed.contains(&word.as_str()) => {
                let message = format!("`{name}` is `{word}`; this server offers {}.", allowed.join(" or "));
                Err(ApiError::parameter(name, "invalid_value", message))
            }
            _ => Ok(()),
        }
    }

    fn refuse_streaming(&mut self) -> Result<(), ApiError> {
        match self.take("stream") {
            None | Some(Value::Bool(false)) => {}
            Some(Value::Bool(true)) => {
                let message = "This server does not stream yet; leave `stream` out.";
                return Err(ApiError::parameter("stream", "invalid_value", message));
            }
            Some(other) => return Err(wrong_type("stream", "true or false", &other)),
        }
        self.integer("partial_images", 0, 3).map(|_| ())
    }

    fn refuse_the_rest(&self) -> Result<(), ApiError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => {
                Err(ApiError::parameter(name, "unknown_parameter", format!("Unknown parameter: `{name}`.")))
            }
        }
    }
}

fn wrong_type(name: &str, expected: &str, found: &Value) -> ApiError {
    let found = match found {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    };
    ApiError::parameter(name, "invalid_type", format!("`{name}` must be {expected}; it is {found}."))
}

/// The body of a 200. Keys that OpenAI does not have (`seed`, `receipt`) are passed over by its clients.
#[derive(Serialize)]
pub(super) struct ImagesBody {
    created: i64,
    background: &'static str,
    output_format: &'static str,
    quality: &'static str,
    size: String,
    data: Vec<ImageBody>,
    usage: UsageBody,
}

#[derive(Serialize)]
struct ImageBody {
    b64_json: String,
    seed: u64,
    receipt: ReceiptBody,
}

/// A picture's receipt, all amounts in `currency`.
#[derive(Serialize)]
struct ReceiptBody {
    request_id: String,
    currency: String,
    electricity: Money,
    depreciation: Money,
    upkeep: Money,
    total: Option<Money>,
    compared_with: String,
    compared_price: Money,
    saving: Option<Money>,
    energy_kwh: Energy,
    wall_energy_kwh: Energy,
    energy_source: &'static str,
    duration_ms: u64,
}

/// OpenAI's token counts. Ours: the prompt's tokens in, the picture's latent patches out.
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

/// The body that tells what was done.
pub(super) fn answer(asked: &Asked, answer: &Answer, offer: &Offer, currency: Currency) -> ImagesBody {
    let size = asked.job.spec.size;
    let patch = u64::from(offer.limits.factor) * u64::from(offer.limits.factor);
    let input_tokens = answer.prompt_tokens as u64;
    let output_tokens = size.pixels() / patch * answer.images.len() as u64;
    ImagesBody {
        created: answer.created.as_second(),
        background: "opaque",
        output_format: "png",
        quality: asked.quality.as_str(),
        size: size.to_string(),
        data: answer
            .images
            .iter()
            .map(|image| ImageBody {
                b64_json: BASE64_STANDARD.encode(&image.png),
                seed: image.seed.get(),
                receipt: receipt(answer, &image.receipt, currency),
            })
            .collect(),
        usage: UsageBody {
            input_tokens,
            input_tokens_details: TokenDetails { text_tokens: input_tokens, image_tokens: 0 },
            output_tokens,
            output_tokens_details: TokenDetails { text_tokens: 0, image_tokens: output_tokens },
            total_tokens: input_tokens + output_tokens,
        },
    }
}

fn receipt(answer: &Answer, receipt: &Receipt, currency: Currency) -> ReceiptBody {
    ReceiptBody {
        request_id: answer.id.to_text(),
        currency: currency.to_string(),
        electricity: receipt.electricity,
        depreciation: receipt.depreciation,
        upkeep: receipt.upkeep,
        total: receipt.standard().ok(),
        compared_with: receipt.comparison.sku.clone(),
        compared_price: receipt.comparison.price,
        saving: receipt.saving().ok(),
        energy_kwh: receipt.usage.energy,
        wall_energy_kwh: receipt.wall_energy,
        energy_source: receipt.usage.source.as_str(),
        duration_ms: receipt.usage.duration.get(),
    }
}

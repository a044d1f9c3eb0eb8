use std::sync::Arc;

use super::{Offer, fields::Fields, loras::loras};
use crate::{
    domain::{
        CostTag, Edit, Encoding, GUIDANCE_MAX, IMAGES_MAX, ImageFormat, ImageSize, LoraUse, Quality,
        RenderJob, RenderSpec, STEPS_MAX, Seed, is_invisible,
    },
    http::{
        api::{code::Code, error::ApiError},
        text::shortened,
    },
    pipeline::SizeLimits,
};

/// Most partial images of a stream (OpenAI's limit).
const PARTIALS_MAX: u32 = 3;

/// Every field of the body, OpenAI's first, then those of other servers' clients, then ours.
pub const FIELDS: [&str; 32] = [
    "prompt",
    "model",
    "n",
    "size",
    "quality",
    "response_format",
    "output_format",
    "output_compression",
    "stream",
    "partial_images",
    "background",
    "moderation",
    "style",
    "user",
    "safety_identifier",
    "seed",
    "steps",
    "num_inference_steps",
    "step",
    "guidance_scale",
    "true_cfg_scale",
    "cfg_scale",
    "negative_prompt",
    "width",
    "height",
    "image_size",
    "batch_size",
    "prompt_enhancement",
    "lora",
    "loras",
    "dry_run",
    "keep",
];

/// A request that says nothing wrong.
#[derive(Debug)]
pub(in crate::http::api) struct Asked {
    /// What is to be generated.
    pub(in crate::http::api) job: Arc<RenderJob>,
    /// As what file.
    pub(in crate::http::api) encoding: Encoding,
    /// The name by which the model was called.
    pub(in crate::http::api) model: Option<String>,
    /// How the images are handed over.
    pub(in crate::http::api) delivery: Delivery,
    /// `user`, if it is a valid tag. Clients send anything there, so another value is ignored.
    pub(in crate::http::api) user_tag: Option<CostTag>,
    /// Whether the images are kept on the server however they are handed over.
    pub(in crate::http::api) is_kept: bool,
    /// Whether only its price is asked for.
    pub(in crate::http::api) is_dry_run: bool,
    /// Whether it names what another model does not have: a seed, steps or guidance.
    pub(in crate::http::api) is_of_this_model: bool,
}

/// How images are handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::api) enum Delivery {
    /// In the answer, as base64.
    Inline,
    /// As links.
    Links,
    /// As events, with at most this many partial images.
    Stream {
        /// 0 to 3.
        partials: u32,
    },
}

/// Reads the body of POST /v1/images/generations. A seed that was not asked for is drawn by `draw_seed`.
pub(in crate::http::api) fn parse(
    body: &[u8],
    offer: &Offer,
    draw_seed: impl FnOnce() -> Seed,
) -> Result<Asked, ApiError> {
    let mut fields = Fields::read(body)?;
    let prompt_and_loras = prompt_and_loras(&mut fields, offer)?;
    let size = match written_size(&mut fields)? {
        Some((name, size)) => possible(name, size, offer)?,
        None => offer.default_size,
    };
    parse_rest(fields, offer, draw_seed, prompt_and_loras, || Ok((size, None)))
}

/// Reads what generations and edits have in common, and refuses what is left over. Only then `subject` is asked for the
/// answer's size and the image that is edited, which may take long.
pub(super) fn parse_rest(
    mut fields: Fields,
    offer: &Offer,
    draw_seed: impl FnOnce() -> Seed,
    (prompt, loras): (String, Vec<LoraUse>),
    subject: impl FnOnce() -> Result<(ImageSize, Option<Arc<Edit>>), ApiError>,
) -> Result<Asked, ApiError> {
    let fields = &mut fields;
    let negative_prompt = fields.text("negative_prompt")?;
    check_length("negative_prompt", negative_prompt.as_deref().unwrap_or(""), offer)?;
    let model = model(fields, offer)?;
    let count = |fields: &mut Fields, name: &str| fields.count(name, 1, IMAGES_MAX);
    let images = fields.by_any_name(&["n", "batch_size"], count)?.unwrap_or(1);
    let quality = quality(fields)?;
    let read_steps = |fields: &mut Fields, name: &str| fields.count(name, 1, STEPS_MAX);
    let steps = fields.by_any_name(&["steps", "num_inference_steps", "step"], read_steps)?;
    let scale = |fields: &mut Fields, name: &str| fields.number(name, 0.0, GUIDANCE_MAX);
    let guidance_scale = fields.by_any_name(&["guidance_scale", "true_cfg_scale", "cfg_scale"], scale)?;
    let seed = fields.integer("seed", 0, Seed::MAX)?;
    let is_of_this_model = seed.is_some() || steps.is_some() || guidance_scale.is_some();
    let seed = seed.map_or_else(draw_seed, Seed::new);
    let encoding = encoding(fields)?;
    let is_dry_run = fields.truth("dry_run")?.unwrap_or(false);
    let delivery = delivery(fields, model.as_deref(), images, is_dry_run)?;
    let is_kept = fields.truth("keep")?.unwrap_or(false);
    background(fields)?;
    // Often an e-mail address: stored only if the operator wants it.
    let user = fields.text("user")?.filter(|_| offer.user_is_tag);
    let user_tag = user.and_then(|user| user.parse().ok());
    // Taken, and without effect: there is no moderation, one style, and no rewriting of prompts here.
    fields.one_of("moderation", &["auto", "low"])?;
    fields.one_of("style", &["vivid", "natural"])?;
    fields.truth("prompt_enhancement")?;
    fields.text("safety_identifier")?;
    fields.refuse_the_rest()?;
    let (size, edit) = subject()?;
    let spec = RenderSpec {
        prompt,
        negative_prompt,
        size,
        steps: steps.unwrap_or_else(|| offer.usual.steps_of(quality)),
        guidance_scale: guidance_scale.unwrap_or(offer.usual.guidance_scale),
        edit,
        loras,
    };
    let job = Arc::new(RenderJob { spec, images, seed, quality });
    Ok(Asked { job, encoding, model, delivery, user_tag, is_kept, is_dry_run, is_of_this_model })
}

/// The prompt, without the LoRAs that may stand in it, and the request's LoRAs.
pub(super) fn prompt_and_loras(
    fields: &mut Fields,
    offer: &Offer,
) -> Result<(String, Vec<LoraUse>), ApiError> {
    let message = "`prompt` is missing; describe the image in it.";
    let missing = || ApiError::parameter("prompt", Code::MissingRequiredParameter, message);
    let mut prompt = fields.text("prompt")?.ok_or_else(missing)?;
    let loras = loras(fields, &mut prompt, offer)?;
    if is_invisible(&prompt) {
        let message = "`prompt` is empty, or has nothing but invisible characters.";
        return Err(ApiError::parameter("prompt", Code::EmptyString, message));
    }
    check_length("prompt", &prompt, offer)?;
    Ok((prompt, loras))
}

fn check_length(name: &str, text: &str, offer: &Offer) -> Result<(), ApiError> {
    let (length, limit) = (text.chars().count(), offer.prompt_chars_max);
    if length <= limit {
        return Ok(());
    }
    let message = format!("`{name}` has {length} characters; at most {limit} are allowed.");
    Err(ApiError::parameter(name, Code::StringAboveMaxLength, message))
}

fn model(fields: &mut Fields, offer: &Offer) -> Result<Option<String>, ApiError> {
    match fields.text("model")? {
        Some(model) if !offer.names().any(|name| name == model) => {
            Err(ApiError::model_not_found(&model, &offer.model))
        }
        model => Ok(model),
    }
}

fn quality(fields: &mut Fields) -> Result<Quality, ApiError> {
    let word = fields.one_of("quality", &Quality::WORDS)?;
    Ok(word.and_then(|word| word.parse().ok()).unwrap_or_default())
}

/// `size`, also called `image_size`, or `width` and `height`, with the field that has it; none for `auto`. Nothing is rounded.
pub(super) fn written_size(fields: &mut Fields) -> Result<Option<(&'static str, ImageSize)>, ApiError> {
    let written = fields.by_any_name(&["size", "image_size"], Fields::text)?;
    let side = |fields: &mut Fields, name: &str| fields.count(name, 1, u32::MAX);
    let size = match written.as_deref() {
        None | Some("auto") => None,
        Some(text) => {
            let size = shortened(text).parse::<ImageSize>();
            Some(size.map_err(|error| ApiError::invalid("size", format!("{error}.")))?)
        }
    };
    let sides = match (side(fields, "width")?, side(fields, "height")?) {
        (None, None) => None,
        (Some(width), Some(height)) => ImageSize::new(width, height).ok(),
        (Some(_), None) => return Err(other_side_missing("height", "width")),
        (None, Some(_)) => return Err(other_side_missing("width", "height")),
    };
    match (size, sides) {
        (Some(size), Some(sides)) if size != sides => {
            let message =
                format!("`width` and `height` say {sides}, but `size` says {size}; send one of them.");
            Err(ApiError::invalid("width", message))
        }
        (None, Some(sides)) => Ok(Some(("width", sides))),
        (Some(size), _) => Ok(Some(("size", size))),
        (None, None) => Ok(None),
    }
}

fn other_side_missing(missing: &str, given: &str) -> ApiError {
    let message = format!("`{given}` is given and `{missing}` is not; send both, or `size`.");
    ApiError::parameter(missing, Code::MissingRequiredParameter, message)
}

fn possible(name: &str, size: ImageSize, offer: &Offer) -> Result<ImageSize, ApiError> {
    let invalid = |message: String| ApiError::invalid(name, message);
    let SizeLimits { factor, side_max, .. } = offer.limits;
    if offer.limits.check(size).is_err() {
        return Err(invalid(format!(
            "{size} is not possible; both sides must be multiples of {factor}, at most {side_max}."
        )));
    }
    check_pixels(name, size, offer).map(|()| size)
}

pub(super) fn check_pixels(name: &str, size: ImageSize, offer: &Offer) -> Result<(), ApiError> {
    let (pixels, most) = (size.pixels(), offer.pixels_max);
    if pixels <= most {
        return Ok(());
    }
    Err(ApiError::invalid(name, format!("{size} has {pixels} pixels; at most {most} are allowed.")))
}

/// `output_format`, and `output_compression`, which is a quality in percent; PNG loses nothing at any.
fn encoding(fields: &mut Fields) -> Result<Encoding, ApiError> {
    let format = fields.one_of("output_format", &["png", "jpeg", "webp"])?;
    let format = format.and_then(|word| word.parse::<ImageFormat>().ok()).unwrap_or_default();
    let quality = fields.count("output_compression", 0, 100)?.unwrap_or(100);
    Ok(Encoding { format, quality: u8::try_from(quality).unwrap_or(100) })
}

/// Links for clients that know nothing else: those that ask for DALL·E by name expect OpenAI's old default.
fn delivery(
    fields: &mut Fields,
    model: Option<&str>,
    images: u32,
    is_dry_run: bool,
) -> Result<Delivery, ApiError> {
    let response_format = fields.one_of("response_format", &["b64_json", "url"])?;
    let partials = fields.count("partial_images", 0, PARTIALS_MAX)?.unwrap_or(0);
    let refuse = |name: &str, message: &str| Err(ApiError::invalid(name, message));
    match (fields.truth("stream")?.unwrap_or(false), response_format.as_deref()) {
        (true, Some("url")) => {
            refuse("response_format", "A stream carries b64_json; leave `response_format` out.")
        }
        (true, _) if images > 1 => refuse("n", "A stream carries one image; `n` must be 1."),
        (true, _) if is_dry_run => {
            refuse("stream", "With `dry_run` nothing is streamed; leave `stream` out.")
        }
        (true, _) => Ok(Delivery::Stream { partials }),
        (false, _) if partials > 0 => refuse("partial_images", "`partial_images` needs `stream`: true."),
        (false, Some("url")) => Ok(Delivery::Links),
        (false, None) if model.is_some_and(|model| model.starts_with("dall-e-")) => Ok(Delivery::Links),
        (false, _) => Ok(Delivery::Inline),
    }
}

fn background(fields: &mut Fields) -> Result<(), ApiError> {
    match fields.text("background")?.as_deref() {
        None | Some("auto" | "opaque") => Ok(()),
        Some("transparent") => {
            let message = "This model cannot generate a transparent background; send `opaque` or `auto`.";
            Err(ApiError::invalid("background", message))
        }
        Some(other) => {
            let message =
                format!("`background` is `{}`; this server offers auto or opaque.", shortened(other));
            Err(ApiError::invalid("background", message))
        }
    }
}

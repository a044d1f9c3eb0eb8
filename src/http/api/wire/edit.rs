use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Map, Value};

use super::{Asked, Offer, fields::Fields, loras::loras, request};
use crate::{
    domain::{Edit, FEATHER_DEFAULT, FEATHER_MAX, ImageSize, MaskMode, Seed, Strength},
    http::{
        api::{
            code::Code,
            error::{ApiError, sentence},
        },
        text::shortened,
    },
    source_image::{EditOptions, FILE_BYTES_MAX, Fit, MaskError, MaskFile, SourceImage},
};

/// Every field of an edit beyond those of a generation, OpenAI's first, then those of other servers' clients, then ours.
pub const EDIT_FIELDS: [&str; 14] = [
    "image",
    "image[]",
    "images",
    "images[]",
    "mask",
    "mask[]",
    "input_fidelity",
    "mask_image",
    "strength",
    "denoising_strength",
    "mask_mode",
    "crop",
    "fit",
    "feather",
];

/// What clients call the image that is edited.
const IMAGE_NAMES: [&str; 4] = ["image", "image[]", "images", "images[]"];
/// What clients call its mask. `mask_image` is read by its lightness, the others by their transparency.
const MASK_NAMES: [&str; 3] = ["mask", "mask[]", "mask_image"];
const LIGHT_MASK: &str = "mask_image";

/// Most pixels of an image that is edited in part, beyond what the model may generate.
const SOURCE_PIXELS_MAX: u64 = 1 << 24;

/// Which route was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::api) enum EditKind {
    /// POST /v1/images/edits
    Edit,
    /// POST /v1/images/variations, which has no prompt and no mask.
    Variation,
}

impl EditKind {
    /// A word for it.
    pub(in crate::http::api) const fn as_str(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Variation => "variation",
        }
    }
}

/// A body as it came.
#[derive(Debug)]
pub(in crate::http::api) enum EditBody {
    /// `multipart/form-data`: the contents of the parts by their names.
    Parts(Vec<(String, Vec<u8>)>),
    /// `application/json`
    Json {
        /// The body.
        body: Vec<u8>,
        /// The files at the URLs that it names; none if nothing is fetched.
        fetched: Option<Vec<(String, Vec<u8>)>>,
    },
}

/// A field that holds a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http::api) enum FileField {
    /// The image that is edited.
    Image,
    /// A mask of this name.
    Mask(&'static str),
}

impl FileField {
    /// The field that clients call `name`, if it holds a file.
    pub(in crate::http::api) fn of(name: &str) -> Option<Self> {
        if IMAGE_NAMES.contains(&name) {
            return Some(Self::Image);
        }
        MASK_NAMES.into_iter().find(|known| *known == name).map(Self::Mask)
    }
}

/// The files of a body.
#[derive(Default)]
struct Files {
    images: Vec<Vec<u8>>,
    /// Each with the name of its field.
    masks: Vec<(&'static str, Vec<u8>)>,
}

impl Files {
    fn add(&mut self, field: FileField, file: Vec<u8>) {
        match field {
            FileField::Image => self.images.push(file),
            FileField::Mask(name) => self.masks.push((name, file)),
        }
    }
}

/// Reads the body of POST /v1/images/edits, or of a variation. A seed that was not asked for is drawn by `draw_seed`. Images
/// are decoded last, once nothing else is wrong.
pub(in crate::http::api) fn parse_edit(
    body: EditBody,
    kind: EditKind,
    offer: &Offer,
    draw_seed: impl FnOnce() -> Seed,
) -> Result<Asked, ApiError> {
    let (fields, files) = match body {
        EditBody::Parts(parts) => of_parts(parts)?,
        EditBody::Json { body, fetched } => of_json(&body, fetched.as_deref())?,
    };
    parse_fields(fields, files, kind, offer, draw_seed, true)
}

/// The body as JSON: files of a form become `data:` URLs, and its texts what they stand for.
pub(in crate::http::api) fn as_json(body: EditBody) -> Result<Vec<u8>, ApiError> {
    let parts = match body {
        EditBody::Json { body, .. } => return Ok(body),
        EditBody::Parts(parts) => parts,
    };
    let (fields, files) = of_parts(parts)?;
    let mut object = fields.into_json();
    let url = |file: &[u8]| Value::String(format!("data:;base64,{}", BASE64_STANDARD.encode(file)));
    object.insert(IMAGE_NAMES[2].into(), files.images.iter().map(|file| url(file)).collect());
    for name in MASK_NAMES {
        let masks: Vec<Value> =
            files.masks.iter().filter(|(of, _)| *of == name).map(|(_, file)| url(file)).collect();
        if !masks.is_empty() {
            object.insert(name.into(), masks.into());
        }
    }
    serde_json::to_vec(&object).map_err(|error| ApiError::internal(&error))
}

/// Reads the JSON body of an edit, as far as that goes without the images that it names by URLs: if it names any, no image is
/// decoded.
pub(in crate::http::api) fn check_edit(
    body: &[u8],
    fetches: bool,
    offer: &Offer,
    draw_seed: impl FnOnce() -> Seed,
) -> Result<Asked, ApiError> {
    let is_whole = !fetches || image_urls(body)?.is_empty();
    let (fields, files) = of_json(body, fetches.then_some(&[]))?;
    parse_fields(fields, files, EditKind::Edit, offer, draw_seed, is_whole)
}

/// Reads the fields of an edit, and its files if they are here.
fn parse_fields(
    mut fields: Fields,
    files: Files,
    kind: EditKind,
    offer: &Offer,
    draw_seed: impl FnOnce() -> Seed,
    has_files: bool,
) -> Result<Asked, ApiError> {
    let prompt_and_loras = match kind {
        EditKind::Edit => request::prompt_and_loras(&mut fields, offer)?,
        EditKind::Variation => (String::new(), loras(&mut fields, &mut String::new(), offer)?),
    };
    let (image, mask) = one_of_each(files, kind)?;
    let options = options(&mut fields, mask.is_some())?;
    let size = request::written_size(&mut fields)?;
    if let Some((name, size)) = size {
        check_size(name, size, offer)?;
    }
    request::parse_rest(fields, offer, draw_seed, prompt_and_loras, || {
        if !has_files {
            return Ok((size.map_or(offer.default_size, |(_, size)| size), None));
        }
        let edit = edit(&image, mask, kind, &options, size.map(|(_, size)| size))?;
        let answered = check_edit_size(&edit, size, offer)?;
        Ok((answered, Some(Arc::new(edit))))
    })
}

/// A file and the field that it came in.
type NamedFile = (&'static str, Vec<u8>);

/// The edit of the files.
fn edit(
    image: &[u8],
    mask: Option<NamedFile>,
    kind: EditKind,
    options: &EditOptions,
    size: Option<ImageSize>,
) -> Result<Edit, ApiError> {
    let mut image = decode("image", image)?;
    if kind == EditKind::Variation {
        image.alpha = None;
    }
    let name = mask.as_ref().map_or("image", |(name, _)| name);
    let refused = |error: MaskError| ApiError::parameter(name, Code::InvalidMask, sentence(&error));
    let mask = match mask {
        None => None,
        Some((name, file)) => {
            let mask = decode(name, &file)?;
            let may_be_scaled = name == LIGHT_MASK;
            let mask = if may_be_scaled { mask.luminance_mask() } else { mask.alpha_mask() };
            Some(MaskFile { mask: mask.map_err(refused)?, may_be_scaled })
        }
    };
    options.edit(image, mask, size).map_err(refused)
}

fn decode(name: &str, file: &[u8]) -> Result<SourceImage, ApiError> {
    SourceImage::decode(file)
        .map_err(|error| ApiError::parameter(name, Code::InvalidImageFile, sentence(&error)))
}

/// Whether an answer may have `size`: it need not be a multiple of anything, since it is padded for the model.
fn check_size(name: &str, size: ImageSize, offer: &Offer) -> Result<(), ApiError> {
    let side_max = offer.limits.side_max;
    if size.width().max(size.height()) > side_max {
        return Err(ApiError::invalid(
            name,
            format!("{size} is not possible; sides are at most {side_max}."),
        ));
    }
    request::check_pixels(name, size, offer)
}

/// The answer's size, if the model can make it.
fn check_edit_size(
    edit: &Edit,
    asked: Option<(&'static str, ImageSize)>,
    offer: &Offer,
) -> Result<ImageSize, ApiError> {
    let (source, canvas) = (edit.source.size, offer.limits.frame(edit).canvas);
    let side_max = offer.limits.side_max;
    let is_native = offer.limits.native.is_some();
    let invalid = |message: String| Err(ApiError::invalid(asked.map_or("image", |(name, _)| name), message));
    if source.pixels() > SOURCE_PIXELS_MAX.max(offer.pixels_max) {
        return invalid(format!(
            "The image is {source}; at most {SOURCE_PIXELS_MAX} pixels are edited. Send `size`."
        ));
    }
    if offer.limits.check(canvas).is_err() {
        return invalid(format!(
            "The image is {source}; sides of at most {side_max} are edited. Send `size`."
        ));
    }
    // A side is padded to the next multiple, which no limit is about.
    let padding = u64::from(offer.limits.factor) * u64::from(canvas.width() + canvas.height());
    if !is_native && canvas.pixels() > offer.pixels_max.saturating_add(padding) {
        let most = offer.pixels_max;
        return invalid(format!(
            "The image is {source}; at most {most} pixels are generated. Send `size`, or a mask with `crop`."
        ));
    }
    let answered = offer.limits.answered(edit);
    if let Some((name, size)) = asked.filter(|(_, size)| *size != answered) {
        let factor = offer.limits.factor;
        let message = format!(
            "{size} is not possible with `mask_mode` reference; both sides must be multiples of {factor}."
        );
        return Err(ApiError::invalid(name, message));
    }
    Ok(answered)
}

fn options(fields: &mut Fields, has_mask: bool) -> Result<EditOptions, ApiError> {
    let share = |fields: &mut Fields, name: &str| fields.number(name, 0.0, 1.0);
    let strength = fields.by_any_name(&["strength", "denoising_strength"], share)?;
    let fidelity = fields.one_of("input_fidelity", &["high", "low"])?;
    // How much of the image is kept, if no strength says so.
    let by_fidelity = fidelity.map(|fidelity| match (fidelity == "high", has_mask) {
        (true, false) => 0.4,
        (true, true) => 0.8,
        (false, false) => 0.75,
        (false, true) => 1.0,
    });
    let strength = strength.or(by_fidelity).map(Strength::new).transpose();
    let mode = fields.one_of("mask_mode", &MaskMode::WORDS)?;
    let fit = fields.one_of("fit", &Fit::WORDS)?;
    Ok(EditOptions {
        strength: strength.map_err(|error| ApiError::invalid("strength", sentence(&error)))?,
        mode: mode.and_then(|mode| mode.parse().ok()).unwrap_or_default(),
        feather: fields.count("feather", 0, FEATHER_MAX)?.unwrap_or(FEATHER_DEFAULT),
        crop: fields.truth("crop")?,
        fit: fit.and_then(|fit| fit.parse().ok()).unwrap_or_default(),
    })
}

/// Text fields and files of a body in parts.
fn of_parts(parts: Vec<(String, Vec<u8>)>) -> Result<(Fields, Files), ApiError> {
    let (mut texts, mut files) = (Map::new(), Files::default());
    for (name, content) in parts {
        if let Some(field) = FileField::of(&name) {
            files.add(field, content);
            continue;
        }
        let Ok(text) = String::from_utf8(content) else {
            let message = format!("`{}` is not UTF-8.", shortened(&name));
            return Err(ApiError::parameter(&name, Code::InvalidType, message));
        };
        if texts.contains_key(&name) {
            let message = format!("`{}` is given twice; send it once.", shortened(&name));
            return Err(ApiError::invalid(&name, message));
        }
        // Forms of browsers and of Node end their lines so (HTML, 4.10.22.8); the prompt is the same.
        texts.insert(name, Value::String(text.replace("\r\n", "\n")));
    }
    Ok((Fields::of_texts(texts), files))
}

/// Fields and files of a JSON body: `images: [{"image_url": "data:…"}]`, `mask` likewise.
fn of_json(body: &[u8], fetched: Option<&[(String, Vec<u8>)]>) -> Result<(Fields, Files), ApiError> {
    let mut fields = Fields::read(body)?;
    let mut files = Files::default();
    for (name, field, value) in file_values(&mut fields) {
        let file = match url_in_json(name, &value)? {
            JsonUrl::Data(url) => of_data_url(name, url)?,
            JsonUrl::Remote(url) => remote(name, url, fetched)?,
        };
        files.add(field, file);
    }
    Ok((fields, files))
}

/// The URLs that a JSON body has for its image and its mask, each with its field. None if it has too many of either, which
/// [`parse_edit`] refuses.
pub(in crate::http::api) fn image_urls(body: &[u8]) -> Result<Vec<(&'static str, String)>, ApiError> {
    let values = file_values(&mut Fields::read(body)?);
    let (images, masks): (Vec<_>, Vec<_>) =
        values.into_iter().partition(|(_, field, _)| *field == FileField::Image);
    if images.len() > 1 || masks.len() > 1 {
        return Ok(Vec::new());
    }
    let mut urls = Vec::new();
    for (name, _, value) in images.into_iter().chain(masks) {
        if let JsonUrl::Remote(url) = url_in_json(name, &value)? {
            urls.push((name, url.to_owned()));
        }
    }
    Ok(urls)
}

/// The values of a JSON body that stand for files, each with its field.
fn file_values(fields: &mut Fields) -> Vec<(&'static str, FileField, Value)> {
    let mut values = Vec::new();
    for name in IMAGE_NAMES.into_iter().chain(MASK_NAMES) {
        let Some(field) = FileField::of(name) else { continue };
        match fields.take(name) {
            None => {}
            Some(Value::Array(items)) => values.extend(items.into_iter().map(|item| (name, field, item))),
            Some(item) => values.push((name, field, item)),
        }
    }
    values
}

/// Where a JSON value says that a file is.
enum JsonUrl<'a> {
    /// In the URL itself (RFC 2397).
    Data(&'a str),
    /// Elsewhere.
    Remote(&'a str),
}

/// The URL that a JSON value is, alone or as an object's `image_url`.
fn url_in_json<'a>(name: &str, value: &'a Value) -> Result<JsonUrl<'a>, ApiError> {
    let url = match value {
        Value::String(url) => Some(url.as_str()),
        Value::Object(object) if object.contains_key("file_id") => {
            let message = "Files here are for batches, so a `file_id` names no image. Send an `image_url`.";
            return Err(ApiError::parameter(name, Code::UnsupportedValue, message));
        }
        Value::Object(object) => match object.get("image_url") {
            Some(Value::Object(nested)) => nested.get("url").and_then(Value::as_str),
            url => url.and_then(Value::as_str),
        },
        _ => None,
    };
    match url {
        Some(url) if url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) => {
            Ok(JsonUrl::Data(url))
        }
        Some(url) => Ok(JsonUrl::Remote(url)),
        None => {
            let message = format!("`{name}` must be {{\"image_url\": \"data:image/png;base64,…\"}}.");
            Err(ApiError::parameter(name, Code::InvalidType, message))
        }
    }
}

fn of_data_url(name: &str, url: &str) -> Result<Vec<u8>, ApiError> {
    let Some((_, data)) = url.split_once(";base64,") else {
        return Err(ApiError::invalid(name, "The `data:` URL is not in base64."));
    };
    if data.len() / 4 * 3 > FILE_BYTES_MAX + 2 {
        let message = format!("`{name}` is larger than {FILE_BYTES_MAX} bytes.");
        return Err(ApiError::parameter(name, Code::InvalidImageFile, message));
    }
    let bytes = BASE64_STANDARD.decode(data.trim());
    bytes.map_err(|_| ApiError::invalid(name, "The `data:` URL is not valid base64."))
}

/// The file at `url`, of those that were fetched. A URL of too many is not among them, and the request is refused for that.
fn remote(name: &str, url: &str, fetched: Option<&[(String, Vec<u8>)]>) -> Result<Vec<u8>, ApiError> {
    let Some(fetched) = fetched else {
        let message =
            "This server fetches no images. Send a `data:` URL, or the file as multipart/form-data.";
        return Err(ApiError::parameter(name, Code::UnsupportedValue, message));
    };
    let file = fetched.iter().find(|(of, _)| of == url).map(|(_, file)| file.clone());
    Ok(file.unwrap_or_default())
}

/// The image, and its mask if there is one.
fn one_of_each(
    Files { mut images, mut masks }: Files,
    kind: EditKind,
) -> Result<(Vec<u8>, Option<NamedFile>), ApiError> {
    let unsupported =
        |name: &str, message: String| Err(ApiError::parameter(name, Code::UnsupportedValue, message));
    if images.len() > 1 {
        return unsupported("image", format!("This model edits one image; got {}.", images.len()));
    }
    let Some(image) = images.pop() else {
        let message = "`image` is missing; send the image to edit.";
        return Err(ApiError::parameter("image", Code::MissingRequiredParameter, message));
    };
    if masks.len() > 1 {
        return unsupported("mask", format!("An edit has one mask; got {}.", masks.len()));
    }
    if kind == EditKind::Variation && !masks.is_empty() {
        return unsupported("mask", "A variation has no mask. Use POST /v1/images/edits.".into());
    }
    Ok((image, masks.pop()))
}

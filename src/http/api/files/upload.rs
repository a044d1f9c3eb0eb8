use std::io::Write;

use actix_multipart::{Field, Multipart};
use actix_web::{HttpRequest, web};
use futures_util::StreamExt;
use jiff::SignedDuration;

use crate::{
    batches::Draft,
    domain::{FileId, FilePurpose},
    http::{
        State,
        api::{code::Code, edits::broken_form, error::ApiError, images},
        text::shortened,
    },
};

/// Bytes of a file: 200 MiB, as OpenAI's limit for a batch is.
const FILE_BYTES_MAX: u64 = 200 << 20;
/// Bytes of a body beside its file.
pub(super) const OTHER_BYTES: u64 = 1 << 20;
/// Bytes of a field that is no file.
const TEXT_BYTES_MAX: usize = 256;
/// Parts of a body.
const PARTS_MAX: usize = 16;
/// Characters of a file's name that are kept.
const NAME_CHARS_MAX: usize = 255;
/// Seconds after which a file may expire, at least and at most: an hour and 30 days, as OpenAI has it.
const EXPIRES_SECONDS: [i64; 2] = [3_600, 2_592_000];

/// What the operator decided about files.
#[derive(Debug, Clone, Copy)]
pub struct FileTerms {
    /// Bytes that the uploads of one key may have together.
    pub bytes_max_of_key: u64,
    /// How long a file is kept that names no time of its own.
    pub keep: SignedDuration,
}

/// A file that has arrived, not kept yet.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) draft: Draft,
    pub(super) filename: String,
    pub(super) expires_after: SignedDuration,
}

/// The parts of a body as they come.
#[derive(Default)]
struct Parts {
    file: Option<(Draft, String)>,
    purpose: Option<String>,
    anchor: Option<String>,
    seconds: Option<String>,
}

impl Upload {
    /// Takes in the body of `request`; its file goes to the disk as `id` as it comes.
    pub(super) async fn receive(
        request: &HttpRequest,
        payload: web::Payload,
        state: &State,
        id: FileId,
    ) -> Result<Self, ApiError> {
        let headers = request.headers();
        if !images::is_of_type(headers, "multipart/form-data") {
            return Err(ApiError::content_type_of_upload());
        }
        let most = usize::try_from(FILE_BYTES_MAX + OTHER_BYTES).unwrap_or(usize::MAX);
        images::check_announced(headers, most)?;
        let store = state.service.file_store();
        let announced = images::announced_length(headers).unwrap_or(0) as u64;
        store.check_room_for(announced).map_err(|error| ApiError::body_unkept(&error))?;
        let mut body = Multipart::new(headers, payload);
        let (mut parts, mut count) = (Parts::default(), 0);
        while let Some(field) = body.next().await {
            let field = field.map_err(broken_form)?;
            count += 1;
            if count > PARTS_MAX {
                return Err(ApiError::body(format!("The body has more than {PARTS_MAX} parts.")));
            }
            parts.take(field, state, id).await?;
        }
        parts.finish(state.file_terms)
    }
}

impl Parts {
    /// Takes in one part.
    async fn take(&mut self, field: Field, state: &State, id: FileId) -> Result<(), ApiError> {
        let Some(name) = field.name().map(str::to_owned) else {
            return Err(ApiError::body("A part of the body has no name."));
        };
        let place = match name.as_str() {
            "file" if self.file.is_some() => return Err(twice(&name)),
            "file" => {
                let filename = filename(&field);
                let begun = state.service.file_store().begin(id);
                let draft = begun.map_err(|error| ApiError::body_unkept(&error))?;
                self.file = Some((receive_file(field, draft, state).await?, filename));
                return Ok(());
            }
            "purpose" => &mut self.purpose,
            "expires_after[anchor]" => &mut self.anchor,
            "expires_after[seconds]" => &mut self.seconds,
            _ => {
                let message = format!("Unknown parameter: `{}`.", shortened(&name));
                return Err(ApiError::parameter(&name, Code::UnknownParameter, message));
            }
        };
        match place.replace(receive_text(field, &name).await?) {
            None => Ok(()),
            Some(_) => Err(twice(&name)),
        }
    }

    /// The file, if nothing is missing or wrong.
    fn finish(self, terms: FileTerms) -> Result<Upload, ApiError> {
        let missing =
            |name: &str, message: &str| ApiError::parameter(name, Code::MissingRequiredParameter, message);
        let purpose =
            self.purpose.ok_or_else(|| missing("purpose", "`purpose` is missing; send `batch`."))?;
        if purpose.parse() != Ok(FilePurpose::Batch) {
            return Err(refused_purpose(&format!(
                "`{}` is not a purpose here; write batch",
                shortened(&purpose)
            )));
        }
        let expires_after =
            expires_after(self.anchor.as_deref(), self.seconds.as_deref())?.unwrap_or(terms.keep);
        let (draft, filename) =
            self.file.ok_or_else(|| missing("file", "`file` is missing; send a JSONL file."))?;
        if draft.length() == 0 {
            return Err(ApiError::invalid("file", "The file is empty."));
        }
        Ok(Upload { draft, filename, expires_after })
    }
}

/// A purpose that no file here has.
pub(super) fn refused_purpose(words: &str) -> ApiError {
    ApiError::invalid("purpose", format!("{words}."))
}

fn twice(name: &str) -> ApiError {
    ApiError::invalid(name, format!("`{name}` is given twice; send it once."))
}

/// The last part of the name that the client gave the file, as far as it can be shown.
fn filename(field: &Field) -> String {
    let given = field.content_disposition().and_then(|head| head.get_filename()).unwrap_or_default();
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = last.chars().filter(|c| !c.is_control()).take(NAME_CHARS_MAX).collect();
    if shown.trim().is_empty() { "file".into() } else { shown }
}

async fn receive_file(mut field: Field, mut draft: Draft, state: &State) -> Result<Draft, ApiError> {
    let unkept = |error: std::io::Error| ApiError::body_unkept(&error);
    let mut room_until = 0;
    while let Some(chunk) = field.next().await {
        let chunk = chunk.map_err(broken_form)?;
        let length = draft.length() + chunk.len() as u64;
        if length > FILE_BYTES_MAX {
            return Err(ApiError::body_too_large(usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX)));
        }
        if length > room_until {
            state.service.file_store().check_room_for(OTHER_BYTES).map_err(unkept)?;
            room_until = length + OTHER_BYTES;
        }
        let written = web::block(move || draft.write_all(&chunk).map(|()| draft)).await;
        draft = written.map_err(|error| ApiError::internal(&error))?.map_err(unkept)?;
    }
    Ok(draft)
}

async fn receive_text(mut field: Field, name: &str) -> Result<String, ApiError> {
    let mut text = Vec::new();
    while let Some(chunk) = field.next().await {
        text.extend_from_slice(&chunk.map_err(broken_form)?);
        if text.len() > TEXT_BYTES_MAX {
            let message = format!("`{name}` is longer than {TEXT_BYTES_MAX} bytes.");
            return Err(ApiError::parameter(name, Code::StringAboveMaxLength, message));
        }
    }
    String::from_utf8(text)
        .map_err(|_| ApiError::parameter(name, Code::InvalidType, format!("`{name}` is not UTF-8.")))
}

/// When a file expires, counted from its creation; none if the client leaves it to the server.
fn expires_after(anchor: Option<&str>, seconds: Option<&str>) -> Result<Option<SignedDuration>, ApiError> {
    let (anchor_name, seconds_name) = ("expires_after[anchor]", "expires_after[seconds]");
    let missing = |name: &str| {
        let message = format!("`{name}` is missing; send `{anchor_name}` and `{seconds_name}`, or neither.");
        ApiError::parameter(name, Code::MissingRequiredParameter, message)
    };
    let seconds = match (anchor, seconds) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(missing(anchor_name)),
        (Some(_), None) => return Err(missing(seconds_name)),
        (Some("created_at"), Some(seconds)) => seconds,
        (Some(other), _) => {
            let message = format!("`{anchor_name}` is `{}`; write created_at.", shortened(other));
            return Err(ApiError::invalid(anchor_name, message));
        }
    };
    let [least, most] = EXPIRES_SECONDS;
    let refuse = |code, words: String| {
        let message = format!("`{seconds_name}` is `{}`; it must be {words}.", shortened(seconds));
        Err(ApiError::parameter(seconds_name, code, message))
    };
    match seconds.parse::<i64>() {
        Err(_) => refuse(Code::InvalidType, "an integer".into()),
        Ok(seconds) if seconds < least => refuse(Code::IntegerBelowMinValue, format!("at least {least}")),
        Ok(seconds) if seconds > most => refuse(Code::IntegerAboveMaxValue, format!("at most {most}")),
        Ok(seconds) => Ok(Some(SignedDuration::from_secs(seconds))),
    }
}

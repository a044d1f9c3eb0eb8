use std::io::Write;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::{HttpRequest, web};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};

use super::spool::Spool;
use crate::{
    http::{
        State,
        api::{
            code::Code,
            error::{ApiError, sentence},
            images,
            wire::{EditBody, EditKind, FileField},
        },
        text::shortened,
    },
    source_image::FILE_BYTES_MAX,
};

/// Bytes of a whole body: an image and a mask, as base64 or not, and a mebibyte of other fields.
const BODY_BYTES_MAX: usize = 2 * (FILE_BYTES_MAX / 3 + 1) * 4 + (1 << 20);
/// Parts of a body.
const PARTS_MAX: usize = 64;

/// A body that has arrived.
pub(super) enum Body {
    /// `multipart/form-data` (RFC 7578): the contents of the parts by their names.
    Parts(Vec<(String, Spool)>),
    /// `application/json`
    Json {
        /// The body.
        body: Spool,
        /// The files that it names by URLs, once they are fetched; none if nothing is fetched.
        fetched: Option<Vec<(String, Spool)>>,
    },
}

impl Body {
    /// Takes in the body of `request`.
    pub(super) async fn receive(
        request: &HttpRequest,
        payload: web::Payload,
        state: &State,
    ) -> Result<Self, ApiError> {
        let headers = request.headers();
        images::check_announced(headers, BODY_BYTES_MAX)?;
        if images::is_json(headers) {
            return Ok(Self::Json { body: receive_whole(payload, state).await?, fetched: None });
        }
        if !images::is_of_type(headers, "multipart/form-data") {
            return Err(ApiError::content_type_of_edit());
        }
        Ok(Self::Parts(receive_parts(Multipart::new(headers, payload), state).await?))
    }

    /// A JSON body that is at hand.
    pub(super) fn of_json(text: &str, state: &State) -> Result<Self, ApiError> {
        let mut body = Spool::new(&state.bodies);
        body.write_all(text.as_bytes()).map_err(|error| ApiError::body_unkept(&error))?;
        Ok(Self::Json { body, fetched: None })
    }

    /// A hash that depends on neither the boundary, the order of the parts nor their headers.
    pub(super) fn sha256(&self, kind: EditKind) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(kind.as_str());
        match self {
            Self::Json { body, .. } => hash.update(body.sha256()),
            Self::Parts(parts) => {
                let mut parts: Vec<_> =
                    parts.iter().map(|(name, content)| (name.as_str(), content.sha256())).collect();
                parts.sort_unstable();
                for (name, content) in parts {
                    hash.update((name.len() as u64).to_be_bytes());
                    hash.update(name);
                    hash.update(content);
                }
            }
        }
        hash.finalize().into()
    }

    /// The contents. It reads the disk.
    pub(super) fn read(self) -> Result<EditBody, ApiError> {
        match self {
            Self::Json { mut body, fetched } => {
                let fetched = fetched.map(read_each).transpose()?;
                Ok(EditBody::Json { body: body.read().map_err(|error| ApiError::internal(&error))?, fetched })
            }
            Self::Parts(parts) => Ok(EditBody::Parts(read_each(parts)?)),
        }
    }
}

/// Reads each content from the disk.
fn read_each(contents: Vec<(String, Spool)>) -> Result<Vec<(String, Vec<u8>)>, ApiError> {
    let read = |(name, mut content): (String, Spool)| {
        Ok((name, content.read().map_err(|error| ApiError::internal(&error))?))
    };
    contents.into_iter().map(read).collect()
}

async fn receive_whole(mut payload: web::Payload, state: &State) -> Result<Spool, ApiError> {
    let mut body = Spool::new(&state.bodies);
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| ApiError::body_unread(Some(&error)))?;
        if body.length() + chunk.len() > BODY_BYTES_MAX {
            return Err(ApiError::body_too_large(BODY_BYTES_MAX));
        }
        body.push(chunk).await?;
    }
    Ok(body)
}

async fn receive_parts(mut body: Multipart, state: &State) -> Result<Vec<(String, Spool)>, ApiError> {
    let mut parts: Vec<(String, Spool)> = Vec::new();
    let (mut files, mut text_bytes) = (0, 0);
    while let Some(field) = body.next().await {
        let field = field.map_err(broken)?;
        let Some(name) = field.name().map(str::to_owned) else {
            return Err(ApiError::body("A part of the body has no name."));
        };
        if parts.len() == PARTS_MAX {
            return Err(ApiError::body(format!("The body has more than {PARTS_MAX} parts.")));
        }
        let is_file = FileField::of(&name).is_some();
        if is_file && files == FILES_MAX {
            // Which files are too many is said once all fields are read; more than any request has are refused at once.
            return Err(ApiError::parameter(
                "image",
                Code::UnsupportedValue,
                format!("This model edits one image; the body has more than {FILES_MAX} files."),
            ));
        }
        let max =
            if is_file { FILE_BYTES_MAX } else { state.offer.body_bytes_max.saturating_sub(text_bytes) };
        let content = receive_part(field, &name, max, state).await?;
        if is_file {
            files += 1;
        } else {
            text_bytes += content.length();
        }
        parts.push((name, content));
    }
    Ok(parts)
}

/// Files of a body, at most: as many as OpenAI takes, and a mask. All but one image are refused by name later.
const FILES_MAX: usize = 17;

async fn receive_part(mut field: Field, name: &str, max: usize, state: &State) -> Result<Spool, ApiError> {
    let mut content = Spool::new(&state.bodies);
    while let Some(chunk) = field.next().await {
        let chunk = chunk.map_err(broken)?;
        if content.length() + chunk.len() > max {
            let message = format!("`{}` is larger than {max} bytes.", shortened(name));
            return Err(if FileField::of(name).is_some() {
                ApiError::parameter(name, Code::InvalidImageFile, message)
            } else {
                ApiError::parameter(name, Code::StringAboveMaxLength, message)
            });
        }
        content.push(chunk).await?;
    }
    Ok(content)
}

/// A form that cannot be read on.
pub(in crate::http::api) fn broken(error: MultipartError) -> ApiError {
    match error {
        MultipartError::Payload(error) => ApiError::body_unread(Some(&error)),
        error => ApiError::body(format!("The body is not multipart/form-data. {}", sentence(&error))),
    }
}

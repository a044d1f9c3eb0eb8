//! Bodies that cannot be read: one message for each way.

use crate::http::api::error::ApiError;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// The body as text, without its byte order mark.
pub(super) fn text_of(body: &[u8]) -> Result<&str, ApiError> {
    let message = match body {
        [] => "The body is empty. Send a JSON object, such as {\"prompt\": \"a red apple\"}.".to_owned(),
        [0x1f, 0x8b, ..] => "The body is compressed with gzip. Send it as it is.".to_owned(),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "The body is compressed with zstd. Send it as it is.".to_owned(),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, 0, _, ..] | [_, 0, _, 0, ..] => {
            "The body is UTF-16 or UTF-32. Send it as UTF-8.".to_owned()
        }
        _ => match std::str::from_utf8(body) {
            Ok(text) => return Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text)),
            Err(error) => format!(
                "The body is not UTF-8 from byte {} on. Send it as UTF-8; GBK and other encodings are not read.",
                error.valid_up_to() + 1
            ),
        },
    };
    Err(ApiError::body(message))
}

/// The body as a text of its own, without its byte order mark.
pub(in crate::http::api) fn into_text(mut body: Vec<u8>) -> Result<String, ApiError> {
    let mark = body.len() - text_of(&body)?.len();
    body.drain(..mark);
    String::from_utf8(body).map_err(|error| ApiError::internal(&error))
}

/// What to say of `text` that is not a JSON object.
pub(super) fn not_an_object(text: &str, error: &serde_json::Error) -> ApiError {
    use serde_json::error::Category;
    let (line, column) = (error.line(), error.column());
    ApiError::body(match error.classify() {
        Category::Data => {
            "The body is JSON, and not an object. Send one, such as {\"prompt\": \"a red apple\"}.".to_owned()
        }
        Category::Eof => format!("The body's JSON ends too early, at line {line} column {column}."),
        // JSON sets numbers no bounds.
        Category::Syntax if error.to_string().starts_with("number out of range") => format!(
            "A number of the body is larger than any that is read, at line {line} column {column}. Send a smaller one."
        ),
        Category::Syntax | Category::Io => {
            let hint = match text.trim_start().as_bytes().first() {
                Some(b'{') => "",
                _ => " Send a JSON object, such as {\"prompt\": \"a red apple\"}.",
            };
            format!("The body is not valid JSON: {error}.{hint}")
        }
    })
}

use crate::http::{
    api::error::ApiError,
    request_id::{X_REQUEST_ID, request_id},
};

/// Our refusal in place of the parser's `answer` to a head, which begins with a status line and has no body.
pub(super) fn of_a_head(answer: &[u8]) -> Option<ApiError> {
    match answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)? {
        b"400" => Some(ApiError::bad_head()),
        b"431" => Some(ApiError::head_too_large()),
        _ => None,
    }
}

/// `error` as the whole answer of a connection that ends with it.
pub(super) fn raw(error: &ApiError) -> Vec<u8> {
    let body = error.envelope().to_string();
    let status = error.status();
    let retry_after = error.retry_after().map(|seconds| format!("retry-after: {seconds}\r\n"));
    format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\nx-content-type-options: nosniff\r\ncontent-length: {}\r\n\
         {}: {}\r\n{}connection: close\r\n\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
        X_REQUEST_ID,
        request_id(),
        retry_after.unwrap_or_default(),
    )
    .into_bytes()
}

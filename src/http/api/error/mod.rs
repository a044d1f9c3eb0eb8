mod table;

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    error::PayloadError,
    http::{StatusCode, header},
};
use serde_json::json;

use super::code::Code;
use crate::{
    domain::{BatchStatus, FileId},
    http::text::shortened,
    units::Millis,
};

/// The longest wait that OpenAI's Python client accepts in Retry-After.
const RETRY_AFTER_MAX_SECS: u64 = 120;

/// An error, in OpenAI's envelope: `{"error":{"message","type","param","code"}}`.
#[derive(Debug)]
pub(in crate::http) struct ApiError {
    code: Code,
    param: Option<String>,
    message: String,
    retry: Retry,
    allow: Option<&'static str>,
}

/// What the answer says about trying again.
#[derive(Debug, Clone, Copy)]
enum Retry {
    Unsaid,
    After(Millis),
    /// `x-should-retry: false`, which the SDKs obey: another try would be generated and booked again, or refused again.
    Never,
}

/// The code of an error, left on its answer for whoever counts.
#[derive(Debug, Clone, Copy)]
pub(in crate::http) struct Refusal(pub(in crate::http) &'static str);

impl ApiError {
    fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, param: None, message: message.into(), retry: Retry::Unsaid, allow: None }
    }

    /// A parameter that is refused, with its name.
    pub(in crate::http) fn parameter(param: &str, code: Code, message: impl Into<String>) -> Self {
        Self { param: Some(shortened(param).into_owned()), ..Self::new(code, message) }
    }

    /// A parameter whose value is refused, with its name.
    pub(in crate::http) fn invalid(param: &str, message: impl Into<String>) -> Self {
        Self::parameter(param, Code::InvalidValue, message)
    }

    pub(in crate::http) fn body(message: impl Into<String>) -> Self {
        Self::new(Code::Unreadable, message)
    }

    pub(in crate::http) fn query(error: &dyn fmt::Display) -> Self {
        Self::body(format!("The query cannot be read: {error}."))
    }

    pub(in crate::http) fn form(error: &dyn fmt::Display) -> Self {
        Self::body(format!("The form cannot be read: {error}."))
    }

    /// A body that did not arrive whole.
    pub(in crate::http) fn body_unread(error: Option<&PayloadError>) -> Self {
        match error {
            Some(PayloadError::Io(error)) if error.kind() == std::io::ErrorKind::TimedOut => {
                Self::body_too_slow()
            }
            _ => Self::body("The body ended early."),
        }
    }

    pub(in crate::http) fn body_too_slow() -> Self {
        let message = "The body did not arrive in time.";
        Self::new(Code::RequestTimeout, message)
    }

    pub(in crate::http) fn bad_head() -> Self {
        let message = "The head of this request is not valid HTTP/1.1.";
        Self::new(Code::InvalidHttp, message)
    }

    pub(in crate::http) fn head_too_large() -> Self {
        let message = "The head of this request is too large. Send at most 96 headers and 128 KiB.";
        Self::new(Code::HeadersTooLarge, message)
    }

    pub(in crate::http) fn head_too_slow() -> Self {
        let message = "The head of the request did not arrive within 10 s.";
        Self::new(Code::RequestTimeout, message)
    }

    pub(in crate::http) fn connections_full() -> Self {
        let message = "The server has no connection free for this address. Try again in 1 s.";
        Self::new(Code::ServerOverloaded, message).retry(Retry::After(Millis::new(1000)))
    }

    pub(in crate::http) fn too_many_answers() -> Self {
        let message = "Answers on their way hold all the memory that they may. This one is kept: send the same request in 1 s.";
        Self::new(Code::ServerOverloaded, message).retry(Retry::After(Millis::new(1000)))
    }

    /// A line of a batch of which the server died before.
    pub(in crate::http) fn deadly_line(deaths: u32) -> Self {
        let message = format!(
            "The server ended {deaths} times while it generated these images. They are not tried again; tell the operator."
        );
        Self::new(Code::RenderFailed, message).retry(Retry::Never)
    }

    pub(in crate::http) fn link_forged() -> Self {
        let message = "This link was not made by this server, or was changed. Ask for the image again.";
        Self::new(Code::LinkForged, message)
    }

    pub(in crate::http) fn image_gone() -> Self {
        let message = "This link has expired, or its image is no longer kept. Ask for the image again.";
        Self::new(Code::ImageGone, message)
    }

    /// The bucket of images and files cannot be used now.
    fn store_away() -> Self {
        let message = "The server's image store does not answer, so images cannot be kept or read. Try again in a few seconds.";
        Self::new(Code::NotReady, message).retry(Retry::After(Millis::new(5000)))
    }

    /// Every device is lost, or no worker of the cluster is there.
    fn no_device() -> Self {
        let message = "No device generates images now: each one has failed, or no worker runs. Tell the operator; the log says why.";
        Self::new(Code::NotReady, message).retry(Retry::After(Millis::new(30_000)))
    }

    /// What cannot be undone, asked for without the box that a page has beside it.
    pub(in crate::http) fn not_sure() -> Self {
        let message = "This cannot be undone: send `sure=on` with it. Nothing was changed.";
        Self::parameter("sure", Code::MissingRequiredParameter, message)
    }

    pub(in crate::http) fn form_forged() -> Self {
        let message = "This form is too old, or was not made by this server. Load the page again.";
        Self::new(Code::FormForged, message)
    }

    pub(in crate::http) fn content_type() -> Self {
        let message = "Send the body as application/json.";
        Self::new(Code::UnsupportedContentType, message)
    }

    pub(in crate::http) fn compressed(compression: &str) -> Self {
        let message = format!("The body is compressed with {compression}. Send it as it is.");
        Self::new(Code::UnsupportedContentType, message)
    }

    pub(in crate::http) fn content_type_of_edit() -> Self {
        let message = "Send the body as multipart/form-data or application/json.";
        Self::new(Code::UnsupportedContentType, message)
    }

    pub(in crate::http) fn content_type_of_upload() -> Self {
        let message = "Send the file as multipart/form-data.";
        Self::new(Code::UnsupportedContentType, message)
    }

    pub(in crate::http) fn too_many_sources() -> Self {
        let message = "Images that wait to be edited hold all the memory that they may. Try again in 5 s.";
        Self::new(Code::ServerOverloaded, message).retry(Retry::After(Millis::new(5000)))
    }

    /// A body that cannot be kept until it is read.
    pub(in crate::http) fn body_unkept(error: &std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::NotConnected {
            tracing::error!(%error, "a file can be neither kept nor read");
            return Self::store_away();
        }
        if error.kind() != std::io::ErrorKind::StorageFull {
            return Self::internal(error);
        }
        tracing::error!(%error, "a body cannot be kept until it is read");
        let message = "The server's disk is full, so the file cannot be taken in. Tell the operator.";
        Self::new(Code::InsufficientStorage, message).retry(Retry::Never)
    }

    pub(in crate::http) fn body_too_large(limit: usize) -> Self {
        let message = format!("The body is larger than {limit} bytes.");
        Self::new(Code::RequestTooLarge, message)
    }

    pub(in crate::http) fn no_key() -> Self {
        let message = "No API key. Send it as `Authorization: Bearer tt-…`.";
        Self::new(Code::NoKey, message)
    }

    /// Unknown, wrong, revoked, disabled, expired and rotated keys get the same answer; the log says which it was.
    pub(in crate::http) fn invalid_key() -> Self {
        let message = "The API key is not valid. Make one with `tintype key create`.";
        Self::new(Code::InvalidApiKey, message)
    }

    pub(in crate::http) fn model_not_found(model: &str, known: &str) -> Self {
        let message =
            format!("The model `{}` does not exist here. This server has `{known}`.", shortened(model));
        let error = Self::new(Code::ModelNotFound, message);
        Self { param: Some("model".into()), ..error }
    }

    pub(in crate::http) fn receipt_not_found() -> Self {
        let message = "This key has no settled request with this id.";
        Self::new(Code::ReceiptNotFound, message)
    }

    /// OpenAI's words.
    pub(in crate::http) fn file_not_found(id: &str) -> Self {
        Self::parameter("id", Code::FileNotFound, format!("No such File object: {}", shortened(id)))
    }

    /// OpenAI's words.
    pub(in crate::http) fn batch_not_found(id: &str) -> Self {
        Self::new(Code::BatchNotFound, format!("No batch found with id '{}'.", shortened(id)))
    }

    pub(in crate::http) fn async_not_found(id: &str) -> Self {
        let message = format!("There is no asynchronous request `{}`.", shortened(id));
        Self::new(Code::AsyncNotFound, message)
    }

    /// Of an asynchronous request that ended without an answer.
    pub(in crate::http) fn async_unmade(status: BatchStatus) -> Self {
        let message = match status {
            BatchStatus::Expired => "The request was not made within 24 hours. Send it again.",
            _ => "The request was cancelled before it was made. Send it again.",
        };
        Self::new(Code::AsyncUnmade, message).retry(Retry::Never)
    }

    pub(in crate::http) fn endpoint_not_found() -> Self {
        Self::new(Code::EndpointNotFound, "There is no endpoint with this id.")
    }

    /// OpenAI's words, for a batch that cannot be cancelled.
    pub(in crate::http) fn batch_over(status: BatchStatus) -> Self {
        let message = format!("Cannot cancel a batch with status '{status}'.");
        Self::new(Code::BatchOver, message).retry(Retry::Never)
    }

    /// A file whose row is here and whose bytes are not, as after a restore on another machine.
    pub(in crate::http) fn file_lost(id: FileId) -> Self {
        tracing::error!(file = %id, "the bytes of a file are missing in the data directory");
        Self::parameter("id", Code::FileNotFound, format!("The content of {id} is lost; upload it again."))
    }

    pub(in crate::http) fn job_not_found() -> Self {
        let message = "No job with this id is open. It may have ended.";
        Self::new(Code::JobNotFound, message)
    }

    pub(in crate::http) fn key_not_found() -> Self {
        let message = "No key has this public id.";
        Self::new(Code::KeyNotFound, message)
    }

    pub(in crate::http) fn key_revoked() -> Self {
        let message = "This key is revoked, for good, and cannot be changed. Make another key.";
        Self::new(Code::KeyRevoked, message)
    }

    /// An edit of a page that would leave nobody with a key for the pages' writes.
    pub(in crate::http) fn last_admin_key() -> Self {
        let message = "This is the last active key with the admin scope. Give another key that scope first, or use tintype key.";
        Self::new(Code::LastAdminKey, message)
    }

    pub(in crate::http) fn key_disabled() -> Self {
        let message = "This key is disabled already.";
        Self::new(Code::KeyDisabled, message)
    }

    pub(in crate::http) fn key_enabled() -> Self {
        let message = "This key is enabled already.";
        Self::new(Code::KeyEnabled, message)
    }

    pub(in crate::http) fn unknown_url(message: String) -> Self {
        Self::new(Code::UnknownUrl, message)
    }

    pub(in crate::http) fn method_not_supported(allow: &'static str) -> Self {
        let message = format!("Only {allow} is allowed on this URL.");
        let error = Self::new(Code::MethodNotSupported, message);
        Self { allow: Some(allow), ..error }
    }

    /// The same, about the parameter `param`.
    pub(in crate::http) fn about(self, param: &str) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    /// Whether the server is at fault, and not the request.
    pub(in crate::http) fn is_fault_of_server(&self) -> bool {
        self.status().is_server_error()
    }

    /// Whether the same request may be answered later, as soon as the server has room, a device or a new process.
    pub(in crate::http) fn is_passing(&self) -> bool {
        use Code::{InsufficientStorage, NotReady, ServerOverloaded, ServerStopping};
        matches!(self.code, ServerOverloaded | NotReady | ServerStopping | InsufficientStorage)
    }

    /// Whether it says that the request was stopped.
    pub(in crate::http) fn is_cancellation(&self) -> bool {
        matches!(self.code, Code::RequestCancelled)
    }

    fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// A fault of ours: the detail goes to the log, once, and never to the client.
    pub(in crate::http) fn internal(detail: &dyn fmt::Display) -> Self {
        tracing::error!(error = %detail, "a request failed");
        let message = "The server could not answer. Its log says why.";
        Self::new(Code::InternalError, message).retry(Retry::Never)
    }

    pub(in crate::http) fn status(&self) -> StatusCode {
        self.code.status()
    }

    pub(in crate::http) fn code(&self) -> Code {
        self.code
    }

    /// Seconds for Retry-After, if a client is to wait before it tries again.
    pub(in crate::http) fn retry_after(&self) -> Option<u64> {
        match self.retry {
            Retry::After(wait) => Some(seconds(wait)),
            Retry::Unsaid | Retry::Never => None,
        }
    }

    /// The code, for whoever counts.
    pub(in crate::http) fn reason(&self) -> &'static str {
        self.code.reason()
    }

    /// The parameter that cannot be, if it is one.
    pub(in crate::http) fn param(&self) -> Option<&str> {
        self.param.as_deref()
    }

    /// OpenAI's envelope.
    pub(in crate::http) fn envelope(&self) -> serde_json::Value {
        json!({
            "error": {
                "message": self.message,
                "type": self.code.kind(),
                "param": self.param,
                "code": self.code.text(),
            }
        })
    }
}

/// An error message as a sentence.
pub(in crate::http) fn sentence(error: &dyn fmt::Display) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), chars.as_str()),
        None => text,
    }
}

fn seconds(span: Millis) -> u64 {
    span.as_secs_ceil().clamp(1, RETRY_AFTER_MAX_SECS)
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status());
        match self.retry {
            Retry::Unsaid => {}
            Retry::After(span) => {
                response.insert_header((header::RETRY_AFTER, seconds(span)));
            }
            Retry::Never => {
                response.insert_header(("x-should-retry", "false"));
            }
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(allow) = self.allow {
            response.insert_header((header::ALLOW, allow));
        }
        let mut response = response.json(self.envelope());
        response.extensions_mut().insert(Refusal(self.reason()));
        response
    }
}

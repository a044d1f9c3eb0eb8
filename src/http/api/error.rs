use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    error::PayloadError,
    http::{StatusCode, header},
};
use serde_json::json;

use super::code::Code;
use crate::{
    admit::{OverRate, Refused},
    encode::EncodeError,
    engine::{DeviceCounts, OverloadReason, Overloaded, WorkError, WorkFailure},
    http::text::shortened,
    image_store::StoreError,
    ledger::{LedgerError, ReserveError},
    pipeline::RenderError,
    service::ServiceError,
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

/// What a client is told about trying again.
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

    pub(in crate::http) fn link_forged() -> Self {
        let message = "This link was not made by this server, or was changed. Ask for the image again.";
        Self::new(Code::LinkForged, message)
    }

    pub(in crate::http) fn picture_gone() -> Self {
        let message = "This link has expired, or its image is no longer kept. Ask for the image again.";
        Self::new(Code::PictureGone, message)
    }

    pub(in crate::http) fn not_ready(devices: DeviceCounts) -> Self {
        if devices.lost == devices.all {
            return Self::no_device();
        }
        let message =
            "No image has been generated yet: the warm-up is running, or its failure is in the log.";
        Self::new(Code::NotReady, message).retry(Retry::After(Millis::new(1000)))
    }

    /// Every device is lost.
    fn no_device() -> Self {
        let message = "No device of this server works any more. Tell the operator; the log says why.";
        Self::new(Code::NotReady, message).retry(Retry::After(Millis::new(30_000)))
    }

    pub(in crate::http) fn form_forged() -> Self {
        let message = "This form is too old, or was not made by this server. Load the page again.";
        Self::new(Code::FormForged, message)
    }

    pub(in crate::http) fn content_type() -> Self {
        let message = "Send the body as application/json.";
        Self::new(Code::UnsupportedContentType, message)
    }

    pub(in crate::http) fn content_type_of_edit() -> Self {
        let message = "Send the body as multipart/form-data or application/json.";
        Self::new(Code::UnsupportedContentType, message)
    }

    pub(in crate::http) fn too_many_sources() -> Self {
        let message = "Images that wait to be edited hold all the memory that they may. Try again in 5 s.";
        Self::new(Code::ServerOverloaded, message).retry(Retry::After(Millis::new(5000)))
    }

    /// A body that cannot be kept until it is read.
    pub(in crate::http) fn body_unkept(error: &std::io::Error) -> Self {
        if error.kind() != std::io::ErrorKind::StorageFull {
            return Self::internal(error);
        }
        tracing::error!(%error, "a body cannot be kept until it is read");
        let message = "The server's disk is full, so the image cannot be taken in. Tell the operator.";
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

    /// Unknown, wrong, revoked, disabled, expired and rotated keys are not told apart; the log does.
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

    fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// A fault of ours: the detail goes to the log, once, and never to the client.
    pub(in crate::http) fn internal(detail: &dyn fmt::Display) -> Self {
        tracing::error!(error = %detail, "a request failed");
        let message = "The server could not answer. Its log says why.";
        Self::new(Code::InternalError, message).retry(Retry::Never)
    }

    fn ledger(error: &LedgerError) -> Self {
        if !error.is_full_disk() {
            return Self::internal(error);
        }
        tracing::error!(%error, "nothing can be booked");
        let message = "The server's disk is full, so nothing can be booked. Tell the operator.";
        Self::new(Code::InsufficientStorage, message).retry(Retry::Never)
    }

    fn overloaded(overloaded: Overloaded) -> Self {
        let Overloaded { retry_after, wait, reason } = overloaded;
        let error = |message| Self::new(Code::ServerOverloaded, message);
        let wait = wait.as_secs_ceil();
        let seconds = seconds(retry_after);
        match reason {
            OverloadReason::NoDevice => Self::no_device(),
            OverloadReason::Hopeless => error(format!(
                "This would take about {wait} s, and an answer that is not a stream must begin sooner. Send `stream`: true, \
                 or ask for fewer or smaller images."
            ))
            .retry(Retry::Never),
            OverloadReason::TooLong => error(format!(
                "The queue is long: this would take about {wait} s. Send `stream`: true, or try again in {seconds} s."
            ))
            .retry(Retry::After(retry_after)),
            OverloadReason::Full => {
                error(format!("The queue is full: this would take about {wait} s. Try again in {seconds} s."))
                    .retry(Retry::After(retry_after))
            }
        }
    }

    fn rate_limited(what: &str, over: &OverRate) -> Self {
        let limited = |message| Self::new(Code::RateLimitExceeded, message);
        let limit = over.standing.limit;
        match over.retry_after {
            Some(wait) => limited(format!(
                "The key's limit is {limit} {what} a minute; try again in {} s.",
                seconds(wait)
            ))
            .retry(Retry::After(wait)),
            None => limited(format!("The key's limit is {limit} {what} a minute; ask for fewer at once."))
                .retry(Retry::Never),
        }
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

    /// The parameter that cannot be, where it is one.
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

/// The table: what the rooms behind say → what a client is told.
impl From<&ServiceError> for ApiError {
    fn from(error: &ServiceError) -> Self {
        match error {
            ServiceError::PromptTooLong { field, tokens, max } => {
                let message = format!("`{field}` has {tokens} tokens; the model reads {max}. Shorten it.");
                Self::parameter(field, Code::StringAboveMaxLength, message)
            }
            ServiceError::Prompt(reason) => Self::invalid("prompt", sentence(reason)),
            ServiceError::Overloaded(overloaded) => Self::overloaded(*overloaded),
            ServiceError::Refused(refused) => refused.into(),
            ServiceError::NoLongerKept(_) => {
                let message = "This request was answered before, and its images are no longer kept. Use a new \
                               Idempotency-Key.";
                Self::new(Code::IdempotencyKeyUsed, message).retry(Retry::Never)
            }
            ServiceError::Work(WorkError { cause: WorkFailure::DeadlinePassed, spent })
                if spent.is_empty() =>
            {
                let message =
                    "The request's time was up before its turn came; nothing was generated. Try again.";
                Self::new(Code::ServerOverloaded, message).retry(Retry::After(Millis::new(30_000)))
            }
            ServiceError::Work(error) => (&error.cause).into(),
            ServiceError::Store(StoreError::Full { .. }) => {
                tracing::error!(%error, "an image could not be kept");
                let message = "The server's disk is full, so images cannot be kept for links. Ask for b64_json \
                               without an Idempotency-Key, or tell the operator.";
                Self::new(Code::InsufficientStorage, message).retry(Retry::Never)
            }
            ServiceError::Ledger(error) => Self::ledger(error),
            ServiceError::Encode(error @ EncodeError::SideTooLong { .. }) => {
                Self::invalid("size", sentence(error))
            }
            ServiceError::ChangedOutsideMask => {
                tracing::error!(%error, "an edit is not answered");
                let message =
                    "Pixels outside the mask changed, so the edit is not answered. Its energy is booked.";
                Self::new(Code::RenderFailed, message).retry(Retry::Never)
            }
            other @ (ServiceError::Store(_)
            | ServiceError::Cost(_)
            | ServiceError::Encode(_)
            | ServiceError::StillOpen(_)
            | ServiceError::Lost) => Self::internal(other),
        }
    }
}

impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        Self::from(&error)
    }
}

impl From<&WorkFailure> for ApiError {
    fn from(failure: &WorkFailure) -> Self {
        match failure {
            WorkFailure::Stopping => {
                let message = "The server is stopping.";
                Self::new(Code::ServerStopping, message).retry(Retry::After(Millis::new(5000)))
            }
            WorkFailure::NoDevice => Self::no_device(),
            WorkFailure::DeadlinePassed => {
                let message = "The image was not ready in time; its energy is booked. Try fewer steps or a smaller size.";
                Self::new(Code::Timeout, message).retry(Retry::Never)
            }
            WorkFailure::Cancelled => {
                // Nobody is left to hear this: a request that others may join is always finished.
                let message = "The request was cancelled. Send it again.";
                Self::new(Code::RequestCancelled, message).retry(Retry::After(Millis::new(1000)))
            }
            WorkFailure::CancelledByOperator => {
                let message =
                    "The operator cancelled this request. What it took so far is booked as failed work.";
                Self::new(Code::RequestCancelled, message).retry(Retry::Never)
            }
            WorkFailure::OutOfMemory { size, largest } => {
                let fits = match largest {
                    Some(largest) => format!("; {largest} fits"),
                    None => "; ask for a smaller one".into(),
                };
                let message = format!("{size} does not fit into the device's memory{fits}.");
                Self::invalid("size", message)
            }
            WorkFailure::Failed(error @ RenderError::Size { .. }) => Self::invalid("size", sentence(error)),
            WorkFailure::Failed(RenderError::NotFinite { dtype }) => {
                tracing::error!(dtype, "an image was not finite");
                let message = "The image's numbers are not finite. The operator may try another dtype.";
                Self::new(Code::RenderFailed, message).retry(Retry::Never)
            }
            WorkFailure::Failed(_) | WorkFailure::Panicked | WorkFailure::Incomplete => {
                Self::internal(failure)
            }
        }
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        Self::from(&refused)
    }
}

impl From<&Refused> for ApiError {
    fn from(refused: &Refused) -> Self {
        let forbidden = |message| Self::new(Code::InsufficientPermissions, message).retry(Retry::Never);
        match refused {
            Refused::Scope(scope) => forbidden(format!("This key has no `{scope}` scope.")),
            Refused::Model => forbidden("This key may not use this model.".into()),
            Refused::Requests(over) => Self::rate_limited("requests", over),
            Refused::Images(over) => Self::rate_limited("images", over),
            Refused::Concurrent { limit } => {
                let message =
                    format!("The key has {limit} requests at work, which is its limit. Wait for one to end.");
                Self::new(Code::RateLimitExceeded, message).retry(Retry::After(Millis::new(1000)))
            }
            Refused::Reserve(ReserveError::OverBudget(over)) => {
                Self::new(Code::InsufficientQuota, sentence(over)).retry(Retry::Never)
            }
            Refused::Reserve(ReserveError::IdempotencyKeyReused) => {
                let message = "This Idempotency-Key was used with another body. Use a new one.";
                Self::new(Code::IdempotencyKeyReused, message)
            }
            Refused::Reserve(ReserveError::Ledger(error)) => Self::ledger(error),
        }
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        Self::ledger(&error)
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

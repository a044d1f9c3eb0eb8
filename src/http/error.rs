use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{StatusCode, header},
};
use serde_json::json;

use crate::{
    admit::Refused,
    engine::{QueueFull, WorkError},
    ledger::{LedgerError, ReserveError},
    pipeline::RenderError,
    service::ServiceError,
    units::Millis,
};

/// The longest wait that OpenAI's Python client accepts in Retry-After.
const RETRY_AFTER_MAX_SECS: u64 = 120;

/// An answer that is no picture, in OpenAI's envelope: `{"error":{"message","type","param","code"}}`.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    kind: &'static str,
    code: Option<&'static str>,
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
    /// `x-should-retry: false`, which the SDKs obey: another try would be painted and booked again, or refused again.
    Never,
}

const INVALID_REQUEST: &str = "invalid_request_error";
const SERVER_ERROR: &str = "server_error";

impl ApiError {
    fn new(
        status: StatusCode,
        kind: &'static str,
        code: impl Into<Option<&'static str>>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            code: code.into(),
            param: None,
            message: message.into(),
            retry: Retry::Unsaid,
            allow: None,
        }
    }

    /// A parameter that cannot be: 400, with its name.
    pub(super) fn parameter(param: &str, code: &'static str, message: impl Into<String>) -> Self {
        let error = Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, code, message);
        Self { param: Some(param.to_owned()), ..error }
    }

    pub(super) fn body(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, None, message)
    }

    pub(super) fn query(error: &dyn fmt::Display) -> Self {
        Self::body(format!("The query cannot be read: {error}."))
    }

    pub(super) fn form(error: &dyn fmt::Display) -> Self {
        Self::body(format!("The form cannot be read: {error}."))
    }

    pub(super) fn body_too_slow() -> Self {
        let message = "The body did not arrive in time.";
        Self::new(StatusCode::REQUEST_TIMEOUT, INVALID_REQUEST, "request_timeout", message)
    }

    /// Whether signing in is what helps.
    pub(super) fn is_unauthorized(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    pub(super) fn content_type() -> Self {
        let message = "Send the body as application/json.";
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, "unsupported_content_type", message)
    }

    pub(super) fn body_too_large(limit: usize) -> Self {
        let message = format!("The body is larger than {limit} bytes.");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, "request_too_large", message)
    }

    pub(super) fn no_key() -> Self {
        let message = "No API key. Send it as `Authorization: Bearer tt-…`.";
        Self::new(StatusCode::UNAUTHORIZED, INVALID_REQUEST, None, message)
    }

    /// Unknown, wrong and revoked keys are not told apart.
    pub(super) fn invalid_key() -> Self {
        let message = "The API key is not valid. Make one with `tintype key create`.";
        Self::new(StatusCode::UNAUTHORIZED, INVALID_REQUEST, "invalid_api_key", message)
    }

    pub(super) fn model_not_found(model: &str, known: &str) -> Self {
        let message = format!("The model `{model}` does not exist here. This server has `{known}`.");
        let error = Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, "model_not_found", message);
        Self { param: Some("model".into()), ..error }
    }

    pub(super) fn unknown_url(method: &str, path: &str) -> Self {
        let message = format!("Invalid URL ({method} {path}).");
        Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, "unknown_url", message)
    }

    pub(super) fn method_not_supported(allow: &'static str) -> Self {
        let message = format!("Only {allow} is allowed on this URL.");
        let error =
            Self::new(StatusCode::METHOD_NOT_ALLOWED, INVALID_REQUEST, "method_not_supported", message);
        Self { allow: Some(allow), ..error }
    }

    fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// A fault of ours: the detail goes to the log, once, and never to the client.
    pub(super) fn internal(detail: &dyn fmt::Display) -> Self {
        tracing::error!(error = %detail, "a request failed");
        let message = "The server could not answer. Its log says why.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, SERVER_ERROR, "internal_error", message)
            .retry(Retry::Never)
    }

    fn overloaded(full: QueueFull) -> Self {
        let message = format!("The queue is full; try again in {} s.", seconds(full.retry_after));
        Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER_ERROR, "server_overloaded", message)
            .retry(Retry::After(full.retry_after))
    }
}

/// The table: what the rooms behind say → what a client is told.
impl From<ServiceError> for ApiError {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::QueueFull(full) => Self::overloaded(full),
            ServiceError::Refused(refused) => refused.into(),
            ServiceError::Work(WorkError::Stopping) => {
                let message = "The server is stopping.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER_ERROR, "server_stopping", message)
                    .retry(Retry::After(Millis::new(5000)))
            }
            ServiceError::Work(WorkError::Failed { error: error @ RenderError::Size { .. }, .. }) => {
                Self::parameter("size", "invalid_value", sentence(&error))
            }
            ServiceError::Work(WorkError::Failed { error: RenderError::NotFinite { dtype }, .. }) => {
                tracing::error!(dtype, "a picture was not finite");
                let message = "The picture did not come out finite. The operator may try another dtype.";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, SERVER_ERROR, "render_failed", message)
                    .retry(Retry::Never)
            }
            other @ (ServiceError::Work(_)
            | ServiceError::Cost(_)
            | ServiceError::Ledger(_)
            | ServiceError::Encode(_)
            | ServiceError::Lost) => Self::internal(&other),
        }
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Scope(scope) => {
                let message = format!("This key has no `{scope}` scope.");
                Self::new(StatusCode::FORBIDDEN, INVALID_REQUEST, "insufficient_permissions", message)
                    .retry(Retry::Never)
            }
            Refused::RateLimited { retry_after } => {
                let message = format!("Too many requests; try again in {} s.", seconds(retry_after));
                Self::new(StatusCode::TOO_MANY_REQUESTS, "requests", "rate_limit_exceeded", message)
                    .retry(Retry::After(retry_after))
            }
            Refused::Reserve(ReserveError::OverBudget { budget, spent, estimate }) => {
                let message = format!(
                    "The key's budget of {budget} a month does not cover this request: {spent} is spent or reserved, \
                     and it would cost about {estimate}."
                );
                let kind = "insufficient_quota";
                Self::new(StatusCode::TOO_MANY_REQUESTS, kind, "insufficient_quota", message)
                    .retry(Retry::Never)
            }
            Refused::Reserve(ReserveError::IdempotencyKeyUsed { same_body: false }) => {
                let message = "This Idempotency-Key was used with another body. Use a new one.";
                let status = StatusCode::UNPROCESSABLE_ENTITY;
                Self::new(status, INVALID_REQUEST, "idempotency_key_reused", message)
            }
            Refused::Reserve(ReserveError::IdempotencyKeyUsed { same_body: true }) => {
                let message =
                    "This request was taken on before and is not painted twice. Use a new Idempotency-Key.";
                Self::new(StatusCode::CONFLICT, INVALID_REQUEST, "idempotency_key_used", message)
                    .retry(Retry::Never)
            }
            Refused::Reserve(ReserveError::Ledger(error)) => Self::internal(&error),
        }
    }
}

impl From<LedgerError> for ApiError {
    fn from(error: LedgerError) -> Self {
        Self::internal(&error)
    }
}

/// An error message as a sentence.
fn sentence(error: &dyn fmt::Display) -> String {
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
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status);
        match self.retry {
            Retry::Unsaid => {}
            Retry::After(span) => {
                response.insert_header((header::RETRY_AFTER, seconds(span)));
            }
            Retry::Never => {
                response.insert_header(("x-should-retry", "false"));
            }
        }
        if let Some(allow) = self.allow {
            response.insert_header((header::ALLOW, allow));
        }
        response.json(json!({
            "error": { "message": self.message, "type": self.kind, "param": self.param, "code": self.code }
        }))
    }
}

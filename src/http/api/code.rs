use actix_web::http::StatusCode;

const INVALID_REQUEST: &str = "invalid_request_error";
const SERVER_ERROR: &str = "server_error";

/// Declares [`Code`] with its table: one row for each error that a client can get.
macro_rules! codes {
    ($($(#[doc = $doc:literal])* $name:ident: $status:ident, $kind:expr, $text:expr, $page:expr;)*) => {
        /// What went wrong, as clients, counters and pages tell errors apart.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(in crate::http) enum Code {
            $($(#[doc = $doc])* $name,)*
        }

        impl Code {
            pub(super) fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            /// OpenAI's `type`.
            pub(super) fn kind(self) -> &'static str {
                match self { $(Self::$name => $kind,)* }
            }

            /// OpenAI's `code`.
            pub(super) fn text(self) -> Option<&'static str> {
                match self { $(Self::$name => $text,)* }
            }

            /// Name of the sentence that a page says instead of the English message, if it has one.
            pub(in crate::http) fn page_words(self) -> Option<&'static str> {
                match self { $(Self::$name => $page,)* }
            }
        }
    };
}

codes! {
    // name: status, type, code, words of a page
    /// A body or query that cannot be read.
    Unreadable: BAD_REQUEST, INVALID_REQUEST, None, Some("refusal-unreadable");
    MissingRequiredParameter: BAD_REQUEST, INVALID_REQUEST, Some("missing_required_parameter"), None;
    EmptyString: BAD_REQUEST, INVALID_REQUEST, Some("empty_string"), None;
    StringAboveMaxLength: BAD_REQUEST, INVALID_REQUEST, Some("string_above_max_length"), None;
    InvalidType: BAD_REQUEST, INVALID_REQUEST, Some("invalid_type"), None;
    InvalidValue: BAD_REQUEST, INVALID_REQUEST, Some("invalid_value"), None;
    IntegerBelowMinValue: BAD_REQUEST, INVALID_REQUEST, Some("integer_below_min_value"), None;
    IntegerAboveMaxValue: BAD_REQUEST, INVALID_REQUEST, Some("integer_above_max_value"), None;
    /// What OpenAI has and this model cannot do.
    UnsupportedValue: BAD_REQUEST, INVALID_REQUEST, Some("unsupported_value"), None;
    /// A file that is not an image, or of a format that is not read.
    InvalidImageFile: BAD_REQUEST, INVALID_REQUEST, Some("invalid_image_file"), None;
    /// A URL under which there is no image.
    InvalidImageUrl: BAD_REQUEST, INVALID_REQUEST, Some("invalid_image_url"), None;
    InvalidMask: BAD_REQUEST, INVALID_REQUEST, Some("invalid_mask"), None;
    UnknownParameter: BAD_REQUEST, INVALID_REQUEST, Some("unknown_parameter"), None;
    UnsupportedContentType: BAD_REQUEST, INVALID_REQUEST, Some("unsupported_content_type"), None;
    InvalidHttp: BAD_REQUEST, INVALID_REQUEST, Some("invalid_http"), None;
    NoKey: UNAUTHORIZED, INVALID_REQUEST, None, None;
    InvalidApiKey: UNAUTHORIZED, INVALID_REQUEST, Some("invalid_api_key"), None;
    InsufficientPermissions: FORBIDDEN, INVALID_REQUEST, Some("insufficient_permissions"), Some("refusal-scope");
    LinkForged: FORBIDDEN, INVALID_REQUEST, Some("link_forged"), None;
    FormForged: FORBIDDEN, INVALID_REQUEST, Some("form_forged"), Some("refusal-form-forged");
    ModelNotFound: NOT_FOUND, INVALID_REQUEST, Some("model_not_found"), None;
    LoraNotFound: BAD_REQUEST, INVALID_REQUEST, Some("lora_not_found"), None;
    ImageGone: NOT_FOUND, INVALID_REQUEST, Some("picture_gone"), Some("refusal-no-image");
    ReceiptNotFound: NOT_FOUND, INVALID_REQUEST, Some("receipt_not_found"), None;
    /// OpenAI's has no code.
    FileNotFound: NOT_FOUND, INVALID_REQUEST, None, None;
    FileQuotaExceeded: BAD_REQUEST, INVALID_REQUEST, Some("file_quota_exceeded"), None;
    /// OpenAI's has no code.
    BatchNotFound: NOT_FOUND, INVALID_REQUEST, None, Some("refusal-no-batch");
    /// OpenAI's has no code.
    BatchOver: CONFLICT, INVALID_REQUEST, None, Some("refusal-batch-over");
    AsyncNotFound: NOT_FOUND, INVALID_REQUEST, Some("async_not_found"), None;
    AsyncUnmade: CONFLICT, INVALID_REQUEST, Some("request_not_made"), None;
    JobNotFound: NOT_FOUND, INVALID_REQUEST, Some("job_not_found"), Some("refusal-no-job");
    EndpointNotFound: NOT_FOUND, INVALID_REQUEST, Some("endpoint_not_found"), Some("refusal-no-endpoint");
    KeyNotFound: NOT_FOUND, INVALID_REQUEST, Some("key_not_found"), Some("refusal-no-key");
    UnknownUrl: NOT_FOUND, INVALID_REQUEST, Some("unknown_url"), Some("refusal-no-page");
    MethodNotSupported: METHOD_NOT_ALLOWED, INVALID_REQUEST, Some("method_not_supported"), Some("refusal-method");
    RequestTimeout: REQUEST_TIMEOUT, INVALID_REQUEST, Some("request_timeout"), Some("refusal-too-slow");
    IdempotencyKeyUsed: CONFLICT, INVALID_REQUEST, Some("idempotency_key_used"), None;
    KeyRevoked: CONFLICT, INVALID_REQUEST, Some("key_revoked"), Some("refusal-key-revoked");
    LastAdminKey: CONFLICT, INVALID_REQUEST, Some("last_admin_key"), Some("refusal-last-admin");
    KeyDisabled: CONFLICT, INVALID_REQUEST, Some("key_disabled"), Some("refusal-key-disabled");
    KeyEnabled: CONFLICT, INVALID_REQUEST, Some("key_enabled"), Some("refusal-key-enabled");
    RequestTooLarge: PAYLOAD_TOO_LARGE, INVALID_REQUEST, Some("request_too_large"), None;
    IdempotencyKeyReused: UNPROCESSABLE_ENTITY, INVALID_REQUEST, Some("idempotency_key_reused"), None;
    LoraUnfit: UNPROCESSABLE_ENTITY, INVALID_REQUEST, Some("lora_unfit"), None;
    RateLimitExceeded: TOO_MANY_REQUESTS, "requests", Some("rate_limit_exceeded"), Some("refusal-rate");
    InsufficientQuota: TOO_MANY_REQUESTS, "insufficient_quota", Some("insufficient_quota"), None;
    HeadersTooLarge: REQUEST_HEADER_FIELDS_TOO_LARGE, INVALID_REQUEST, Some("headers_too_large"), None;
    InternalError: INTERNAL_SERVER_ERROR, SERVER_ERROR, Some("internal_error"), Some("refusal-internal");
    RenderFailed: INTERNAL_SERVER_ERROR, SERVER_ERROR, Some("render_failed"), None;
    NotReady: SERVICE_UNAVAILABLE, SERVER_ERROR, Some("not_ready"), None;
    ServerOverloaded: SERVICE_UNAVAILABLE, SERVER_ERROR, Some("server_overloaded"), None;
    ServerStopping: SERVICE_UNAVAILABLE, SERVER_ERROR, Some("server_stopping"), None;
    RequestCancelled: SERVICE_UNAVAILABLE, SERVER_ERROR, Some("request_cancelled"), None;
    Timeout: GATEWAY_TIMEOUT, SERVER_ERROR, Some("timeout"), None;
    InsufficientStorage: INSUFFICIENT_STORAGE, SERVER_ERROR, Some("insufficient_storage"), Some("refusal-disk-full");
}

impl Code {
    /// The code for whoever counts: there is one for errors without OpenAI's `code`, too.
    pub(super) fn reason(self) -> &'static str {
        self.text().unwrap_or("invalid_request")
    }
}

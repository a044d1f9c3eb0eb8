use actix_web::http::header::HeaderName;

pub(super) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A new id for a request's answer and its log lines.
pub(super) fn request_id() -> String {
    format!("req_{}", uuid::Uuid::now_v7().simple())
}

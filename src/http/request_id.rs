use actix_web::{
    Error,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::{HeaderName, HeaderValue},
    middleware::Next,
};

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Puts a fresh `x-request-id` on every answer, refusals included; never an echo of the client's.
pub(super) async fn stamp<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let mut response = next.call(request).await?;
    let id = format!("req_{}", uuid::Uuid::now_v7().simple());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(X_REQUEST_ID, value);
    }
    Ok(response)
}

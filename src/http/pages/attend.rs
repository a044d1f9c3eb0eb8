use actix_web::{
    Error, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{Method, StatusCode, header},
    middleware::Next,
    web,
};

use super::{
    cookies::take_cookies,
    frame::{refusal_page, wants_page},
    places::HOME,
    session,
};
use crate::http::{
    State,
    api::{
        auth::bearer_token,
        error::{ApiError, Refusal},
    },
};

/// Stands around every page: cookies that the handler set go with the answer; a browser that has not signed in is sent to
/// do so, and gets an error as a page.
pub(super) async fn attend<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let is_browser = wants_page(request.request()) && bearer_token(request.request()).is_none();
    let response = next.call(request).await?.map_into_boxed_body();
    let mut response = if is_browser { for_browser(response).await } else { response };
    for cookie in take_cookies(response.request()) {
        response.response_mut().add_cookie(&cookie)?;
    }
    Ok(response)
}

async fn for_browser(response: ServiceResponse) -> ServiceResponse {
    let Some(refusal) = response.response().error().and_then(|error| error.as_error::<ApiError>()) else {
        return response;
    };
    let Some(state) = response.request().app_data::<web::Data<State>>().cloned() else { return response };
    if response.status() == StatusCode::UNAUTHORIZED {
        let to = sign_in_from(response.request());
        return response
            .into_response(HttpResponse::SeeOther().insert_header((header::LOCATION, to)).finish());
    }
    let visit = session::visit(response.request(), &state).await;
    let mut page = refusal_page(&visit, refusal);
    for name in [header::RETRY_AFTER, header::ALLOW] {
        if let Some(value) = response.headers().get(&name) {
            page.headers_mut().insert(name, value.clone());
        }
    }
    if let Some(refusal) = response.response().extensions().get::<Refusal>() {
        page.extensions_mut().insert(*refusal);
    }
    response.into_response(page)
}

/// The sign-in page, with the way back to the page that was asked for.
fn sign_in_from(request: &HttpRequest) -> String {
    let here =
        request.uri().path_and_query().filter(|_| matches!(*request.method(), Method::GET | Method::HEAD));
    match here {
        Some(here) if here.as_str() != HOME => {
            let next: String = form_encoded(here.as_str());
            format!("/admin/sign-in?next={next}")
        }
        _ => "/admin/sign-in".to_owned(),
    }
}

/// A value in a query. What is in a path and query already needs only the marks between values hidden.
fn form_encoded(text: &str) -> String {
    text.replace('%', "%25").replace('&', "%26").replace('+', "%2B").replace('#', "%23")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_way_back_survives_the_sign_in() {
        let from = |uri: &str| sign_in_from(&TestRequest::get().uri(uri).to_http_request());
        assert_eq!(from("/admin/costs"), "/admin/sign-in");
        assert_eq!(
            from("/admin/costs?month=2026-11&by=key"),
            "/admin/sign-in?next=/admin/costs?month=2026-11%26by=key"
        );
        assert_eq!(from("/admin/roi?x=%26"), "/admin/sign-in?next=/admin/roi?x=%2526");
        let posted = TestRequest::post().uri("/admin/sign-out").to_http_request();
        assert_eq!(sign_in_from(&posted), "/admin/sign-in");
    }
}

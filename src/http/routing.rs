use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route, web};

use super::api::error::ApiError;

/// A resource that is read: by GET, and by HEAD, as probes do.
pub(super) fn readable<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args> + Clone,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(handler.clone()))
        .route(web::head().to(handler))
        .default_service(only("GET, HEAD"))
}

/// A resource that a form is sent to.
pub(super) fn posted<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path).route(web::post().to(handler)).default_service(only("POST"))
}

/// A page with a form that is sent to the page's own address.
pub(super) fn readable_and_posted<F, Args, G, PostArgs>(path: &str, read: F, post: G) -> Resource
where
    F: Handler<Args> + Clone,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
    G: Handler<PostArgs>,
    PostArgs: FromRequest + 'static,
    G::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::get().to(read.clone()))
        .route(web::head().to(read))
        .route(web::post().to(post))
        .default_service(only("GET, HEAD, POST"))
}

/// Refuses every method but `methods`.
pub(super) fn only(methods: &'static str) -> Route {
    web::to(move || async move { Err::<HttpResponse, _>(ApiError::method_not_supported(methods)) })
}

/// Answers every address that has no route.
pub(super) async fn unknown_url(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Err(ApiError::unknown_url(request.method().as_str(), request.path()))
}

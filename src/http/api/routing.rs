use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource, Responder, Route, web};

use super::error::ApiError;
use crate::http::{State, text::shortened};

/// What clients ask for under a wrong base URL: the end of the path, and the whole of it here.
const RESOURCES: [(&str, &str); 7] = [
    ("images/generations", "POST /v1/images/generations"),
    ("images/edits", "POST /v1/images/edits"),
    ("images/variations", "POST /v1/images/variations"),
    ("models", "GET /v1/models"),
    ("receipts", "GET /v1/receipts/{id}"),
    ("files", "POST /v1/files"),
    ("batches", "POST /v1/batches"),
];

/// What OpenAI's API has and this server does not.
const ABSENT: [&str; 5] = ["chat/completions", "completions", "responses", "embeddings", "audio/speech"];

/// A resource that is read: by GET, and by HEAD, as probes do.
pub(in crate::http) fn readable<F, Args>(path: &str, handler: F) -> Resource
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
pub(in crate::http) fn posted<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path).route(web::post().to(handler)).default_service(only("POST"))
}

/// A page with a form that is sent to the page's own address.
pub(in crate::http) fn readable_and_posted<F, Args, G, PostArgs>(path: &str, read: F, post: G) -> Resource
where
    F: Handler<Args> + Clone,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
    G: Handler<PostArgs>,
    PostArgs: FromRequest + 'static,
    G::Output: Responder + 'static,
{
    readable(path, read).route(web::post().to(post)).default_service(only("GET, HEAD, POST"))
}

/// A resource that is read, and deleted by DELETE.
pub(in crate::http) fn readable_and_deleted<F, Args, G, DeleteArgs>(
    path: &str,
    read: F,
    delete: G,
) -> Resource
where
    F: Handler<Args> + Clone,
    Args: FromRequest + 'static,
    F::Output: Responder + 'static,
    G: Handler<DeleteArgs>,
    DeleteArgs: FromRequest + 'static,
    G::Output: Responder + 'static,
{
    readable(path, read).route(web::delete().to(delete)).default_service(only("GET, HEAD, DELETE"))
}

/// Refuses every method but `methods`.
pub(in crate::http) fn only(methods: &'static str) -> Route {
    web::to(move || async move { Err::<HttpResponse, _>(ApiError::method_not_supported(methods)) })
}

/// Answers 404, with the right address where the wrong one shows what was meant.
pub(in crate::http) async fn unknown_url(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    Err(no_such_url(&request))
}

/// What such an answer says.
pub(in crate::http) fn no_such_url(request: &HttpRequest) -> ApiError {
    let (method, path) = (request.method().as_str(), request.path());
    let base = request.app_data::<web::Data<State>>().map(|state| state.address.base(request));
    let remedy = remedy(path, base.as_deref().unwrap_or_default()).unwrap_or_default();
    ApiError::unknown_url(format!("Invalid URL ({method} {}).{remedy}", shortened(path)))
}

fn remedy(path: &str, base: &str) -> Option<String> {
    let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let ends_with = |end: &str| {
        let end: Vec<_> = end.split('/').collect();
        segments.ends_with(&end)
    };
    if let Some((_, right)) = RESOURCES.iter().find(|(end, _)| ends_with(end)) {
        return Some(format!(
            " Use {right}: the client's base URL is `{base}/v1`, without a slash at the end."
        ));
    }
    let is_absent = ABSENT.iter().any(|end| ends_with(end));
    is_absent.then(|| " This server generates images: use POST /v1/images/generations.".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_base_url_is_answered_with_the_right_one() {
        for path in [
            "/images/generations",
            "/v1/v1/images/generations",
            "/v1/images/generations/",
            "/api/v1/images/generations",
            "//v1//images/generations",
            "/openai/deployments/dall-e-3/images/generations",
            "/openai/v1/images/generations",
        ] {
            let remedy = remedy(path, "http://here").expect(path);
            assert!(remedy.contains("POST /v1/images/generations"), "{remedy}");
            assert!(remedy.contains("`http://here/v1`"), "{remedy}");
        }
        assert!(remedy("/models", "").is_some_and(|text| text.contains("GET /v1/models")));
        assert!(remedy("/v1/chat/completions", "").is_some_and(|text| text.contains("generates images")));
        assert_eq!(remedy("/favicon.ico", ""), None);
    }
}

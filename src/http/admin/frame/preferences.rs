use actix_web::{HttpRequest, HttpResponse, cookie::time::Duration, http::header, web};
use serde::Deserialize;

use super::{
    attend::set_cookie,
    visit::{THEME_COOKIE, Theme, cookie, is_local, posted},
    words::{LANGUAGE_COOKIE, Language},
};
use crate::http::{State, error::ApiError};

/// How long a choice of language or colours is remembered.
const REMEMBERED: Duration = Duration::days(365);

#[derive(Deserialize)]
struct Preference {
    language: Option<String>,
    theme: Option<String>,
    back: String,
}

/// POST /admin/preferences: remembers a language or colours, and goes back to where it was chosen.
pub(in crate::http) async fn prefer(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let preference: Preference = posted(&request, payload, &state).await?;
    let remember =
        |name, value: &str| set_cookie(&request, cookie(name, value.to_owned(), Some(REMEMBERED), &state));
    if let Some(language) = preference.language.as_deref().and_then(Language::from_tag) {
        remember(LANGUAGE_COOKIE, language.tag());
    }
    if let Some(theme) = preference.theme.as_deref().and_then(Theme::from_name) {
        remember(THEME_COOKIE, theme.name());
    }
    let back = if is_local(&preference.back) { preference.back } else { "/admin/costs".to_owned() };
    Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, back)).finish())
}

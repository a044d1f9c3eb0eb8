use actix_web::{HttpRequest, HttpResponse, cookie::time::Duration, web};
use serde::Deserialize;

use super::{visit::Theme, words::Language};
use crate::http::{
    State,
    api::error::ApiError,
    pages::{
        cookies::{self, cookie, set_cookie},
        forms::posted,
        places::{HOME, is_local},
        see_other,
    },
};

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
    let remember = |name, value: &str| {
        set_cookie(&request, cookie(name, value.to_owned(), Some(REMEMBERED), &request, &state));
    };
    if let Some(language) = preference.language.as_deref().and_then(Language::from_tag) {
        remember(cookies::LANGUAGE, language.tag());
    }
    if let Some(theme) = preference.theme.as_deref().and_then(Theme::from_name) {
        remember(cookies::THEME, theme.name());
    }
    let back = if is_local(&preference.back) { preference.back } else { HOME.to_owned() };
    Ok(see_other(&back))
}

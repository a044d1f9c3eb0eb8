use actix_web::{HttpResponse, ResponseError, http::StatusCode};
use maud::html;

use super::{page::Page, parts::rich, visit::Visit, words::Words};
use crate::http::{api::error::ApiError, pages::places::section_of};

/// What to say of a parameter that is refused, by its name. The API says the same in English.
const BY_PARAMETER: [(&str, &str); 8] = [
    ("before", "refusal-before"),
    ("by", "refusal-by"),
    ("format", "refusal-format"),
    ("from", "refusal-span"),
    ("id", "refusal-no-file"),
    ("month", "refusal-month"),
    ("to", "refusal-span"),
    ("year", "refusal-year"),
];

/// A refusal as a page: what happened, what to do, and the way back to where it happened.
pub(in crate::http) fn page(visit: &Visit, refusal: &ApiError) -> HttpResponse {
    let (words, status) = (visit.words, refusal.status_code());
    let title = words.say(title(status));
    let (section, href, name) = section_of(visit.here());
    let body = html! {
        div.page-head { h1 { (title) } }
        @match sentence(words, refusal) {
            Some(sentence) => p { (rich(&sentence)) },
            // A code without words of ours, as a new one may be.
            None => p lang="en" { (rich(&refusal.to_string())) },
        }
        p { a.button href=(href) { (words.format("error-back", &[("place", words.say(name).into())])) } }
        p.note { (words.format("error-status", &[("status", status.as_str().into())])) }
    };
    Page::new(visit, section, &title).narrow().status(status).show(&body)
}

fn sentence(words: Words, refusal: &ApiError) -> Option<String> {
    match refusal.param() {
        None => refusal.code().page_words().map(|key| words.say(key).into_owned()),
        Some(param) => Some(match BY_PARAMETER.iter().find(|(name, _)| *name == param) {
            Some((_, key)) => words.say(key).into_owned(),
            None => words.format("refusal-parameter", &[("name", param.into())]),
        }),
    }
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::FORBIDDEN => "error-forbidden",
        StatusCode::NOT_FOUND => "error-not-found",
        StatusCode::CONFLICT => "error-conflict",
        StatusCode::TOO_MANY_REQUESTS => "error-too-many",
        status if status.is_server_error() => "error-server",
        _ => "error-request",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::BatchStatus;

    #[test]
    fn what_a_page_may_be_refused_with_is_said_in_both_languages() {
        let parameter = |name| ApiError::invalid(name, "no");
        let refusals = [
            ApiError::batch_not_found("no"),
            ApiError::batch_over(BatchStatus::Completed),
            ApiError::body_too_slow(),
            ApiError::endpoint_not_found(),
            ApiError::file_not_found("no"),
            ApiError::form(&"no"),
            ApiError::form_forged(),
            ApiError::internal(&"no"),
            ApiError::job_not_found(),
            ApiError::key_disabled(),
            ApiError::key_enabled(),
            ApiError::key_not_found(),
            ApiError::key_revoked(),
            ApiError::last_admin_key(),
            ApiError::method_not_supported("GET"),
            ApiError::image_gone(),
            ApiError::query(&"no"),
            ApiError::unknown_url("no".into()),
            parameter("month"),
            parameter("watts"),
        ];
        for refusal in refusals {
            let said = |words| sentence(words, &refusal).unwrap_or_else(|| panic!("{refusal}"));
            assert_ne!(said(Words::ENGLISH), said(Words::CHINESE));
        }
    }
}

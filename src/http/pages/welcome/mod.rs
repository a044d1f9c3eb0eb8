//! /: what this server is, and where to go.

use actix_web::{HttpRequest, HttpResponse, web};
use maud::{Markup, html};
use serde_json::json;

use super::{
    frame::{Page, Visit, rich},
    places::{HOME, Section},
    session,
};
use crate::http::{State, api::error::ApiError};

/// GET /
pub(super) async fn show(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, ApiError> {
    let visit = session::visit(&request, &state).await;
    let base = state.address.base(&request);
    if !visit.wants_page {
        let places = json!({
            "name": "tintype",
            "base_url": format!("{base}/v1"),
            "docs": format!("{base}/docs"),
            "openapi": format!("{base}/openapi.json"),
            "playground": format!("{base}/playground"),
            "pages": format!("{base}{HOME}"),
        });
        return Ok(super::json(&places));
    }
    Ok(Page::new(&visit, Section::Elsewhere, "Tintype").narrow().show(&body(
        &visit,
        &base,
        &state.offer.model,
    )))
}

fn body(visit: &Visit, base: &str, model: &str) -> Markup {
    let words = visit.words;
    let (pages, pages_how) = if visit.is_signed_in() {
        ("nav-costs", "welcome-costs")
    } else {
        ("nav-sign-in", "welcome-sign-in")
    };
    html! {
        div.page-head { h1 { "Tintype" } }
        p { (words.format("welcome-lead", &[("model", model.into())])) }
        div.card.stack {
            p { a.button href="/playground" { (words.say("nav-playground")) } }
            p { (words.say("welcome-playground")) }
        }
        div.card.stack {
            p { a.button.second href=(HOME) { (words.say(pages)) } }
            p { (words.say(pages_how)) }
        }
        div.card.stack {
            p { (rich(&words.say("welcome-api"))) }
            pre tabindex="0" { code { "OPENAI_BASE_URL=" (base) "/v1" } }
            p { a href="/docs" { (words.say("reference-title")) } " · " a href="/openapi.json" { (words.say("welcome-openapi")) } }
        }
    }
}

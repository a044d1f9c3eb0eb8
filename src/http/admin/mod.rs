//! The operator's pages, behind a key with the admin scope: as a bearer key for scripts, as a session for browsers.

mod costs;
mod export;
mod roi;
mod session;

use actix_web::{HttpResponse, http::header, web};

pub use self::session::SessionSecret;
use super::only;

/// Nothing from elsewhere, no script, no frame.
const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(super) fn routes(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/costs").route(web::get().to(costs::show)).default_service(only("GET")))
        .service(web::resource("/costs.json").route(web::get().to(export::json)).default_service(only("GET")))
        .service(web::resource("/costs.csv").route(web::get().to(export::csv)).default_service(only("GET")))
        .service(web::resource("/roi").route(web::get().to(roi::show)).default_service(only("GET")))
        .service(
            web::resource("/sign-in")
                .route(web::get().to(session::form))
                .route(web::post().to(session::sign_in))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/sign-out").route(web::post().to(session::sign_out)).default_service(only("POST")),
        )
        .service(web::resource("/style.css").route(web::get().to(style)).default_service(only("GET")));
}

async fn style() -> HttpResponse {
    HttpResponse::Ok().content_type("text/css; charset=utf-8").body(include_str!("style.css"))
}

/// The same figures for scripts.
fn json(report: &impl serde::Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(report)
}

/// A page, with the headers that every page has.
fn page(title: &str, body: &maud::Markup) -> HttpResponse {
    let html = maud::html! {
        (maud::DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Tintype" }
                link rel="stylesheet" href="/admin/style.css";
            }
            body { main { (body) } }
        }
    };
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(html.into_string())
}

/// The page's words and figures: tags become spaces, rows become lines.
#[cfg(test)]
fn text(page: &maud::Markup) -> String {
    let ends = ["</tr>", "</div>", "</caption>", "</header>"];
    let html = ends.iter().fold(page.0.clone(), |html, end| html.replace(end, "\n"));
    let words: String = html
        .split('<')
        .map(|part| part.split_once('>').map_or(part, |(_, words)| words).to_owned() + " ")
        .collect();
    let lines = words.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

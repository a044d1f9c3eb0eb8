//! The operator's pages, behind a key with the admin scope: as a bearer key for scripts, as a session for browsers.

mod charts;
mod costs;
mod export;
mod frame;
mod jobs;
mod keys;
mod playground;
mod roi;
mod session;

use actix_web::{HttpResponse, http::header, middleware::from_fn, web};

pub use self::session::{Attempts, SessionSecret};
use super::only;

/// Everything for browsers: pages under /admin, and the files that they ask for.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    let file = web::resource("/assets/{version}/{name}").route(web::get().to(frame::serve_asset));
    let playground = web::resource("/playground").route(web::get().to(playground::show));
    config
        .service(file.default_service(only("GET")))
        .service(playground.default_service(only("GET")).wrap(from_fn(frame::attend)))
        .service(web::scope("/admin").configure(operator).wrap(from_fn(frame::attend)));
}

fn operator(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("").route(web::get().to(home)).default_service(only("GET")))
        .service(web::resource("/costs").route(web::get().to(costs::show)).default_service(only("GET")))
        .service(web::resource("/costs.json").route(web::get().to(export::json)).default_service(only("GET")))
        .service(web::resource("/costs.csv").route(web::get().to(export::csv)).default_service(only("GET")))
        .service(web::resource("/roi").route(web::get().to(roi::show)).default_service(only("GET")))
        .service(web::resource("/jobs").route(web::get().to(jobs::show)).default_service(only("GET")))
        .service(
            web::resource("/jobs.json").route(web::get().to(jobs::show_json)).default_service(only("GET")),
        )
        .service(posted("/jobs/{id}/cancel", web::post().to(jobs::cancel)))
        .service(
            web::resource("/jobs/{id}/preview")
                .route(web::get().to(jobs::preview))
                .default_service(only("GET")),
        )
        .service(
            web::resource("/pictures/{name}")
                .route(web::get().to(jobs::picture))
                .default_service(only("GET")),
        )
        .service(
            web::resource("/pictures/{name}/small")
                .route(web::get().to(jobs::thumbnail))
                .default_service(only("GET")),
        )
        .service(
            web::resource("/keys")
                .route(web::get().to(keys::show))
                .route(web::post().to(keys::create))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/keys/{public_id}")
                .route(web::get().to(keys::show_one))
                .route(web::post().to(keys::change))
                .default_service(only("GET, POST")),
        )
        .service(posted("/keys/{public_id}/rotate", web::post().to(keys::rotate)))
        .service(posted("/keys/{public_id}/{switch:disable|enable|revoke}", web::post().to(keys::switch)))
        .service(posted("/preferences", web::post().to(frame::prefer)))
        .service(
            web::resource("/sign-in")
                .route(web::get().to(session::form))
                .route(web::post().to(session::sign_in))
                .default_service(only("GET, POST")),
        )
        .service(posted("/sign-out", web::post().to(session::sign_out)))
        .service(
            web::resource("/sessions").route(web::get().to(session::show_list)).default_service(only("GET")),
        )
        .service(posted("/sessions/end", web::post().to(session::end)))
        .service(posted("/sessions/end-all", web::post().to(session::end_all)))
        .default_service(web::to(super::unknown_url));
}

/// What a form is sent to.
fn posted(path: &str, route: actix_web::Route) -> actix_web::Resource {
    web::resource(path).route(route).default_service(only("POST"))
}

/// GET /admin
async fn home() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/admin/costs")).finish()
}

/// The same figures for scripts.
fn json(report: &(impl serde::Serialize + ?Sized)) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(report)
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

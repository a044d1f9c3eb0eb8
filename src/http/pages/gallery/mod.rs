//! /admin/gallery: the images that are still kept, to look at, download and delete.

mod archive;
mod grid;

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::Deserialize;

use super::{
    forms::{Nothing, posted},
    frame::Page,
    jobs::JobsQuery,
    json,
    places::Section,
    see_other,
    session::{enter, enter_with},
};
use crate::{
    domain::{RequestId, Scope},
    http::{State, api::error::ApiError},
    image_store::ImageName,
    ledger::{KeyRow, RequestFilter},
    service::RecentJob,
    units::Currency,
};

/// Where the page is.
const HERE: &str = "/admin/gallery";
/// Images of a page, at least as long as there are as many.
const ON_PAGE: usize = 48;
/// Requests that are looked at together, and how often, until a page is full: not every request's images are kept.
const TOGETHER: usize = 100;
const LOOKS_MAX: usize = 10;

/// What the page shows.
struct GalleryView {
    jobs: Vec<RecentJob>,
    /// Where older ones begin.
    older: Option<RequestId>,
    keys: Vec<KeyRow>,
    query: JobsQuery,
    currency: Currency,
    /// Days for which images are kept.
    keep_days: i64,
}

impl GalleryView {
    /// Every image, the newest first, with what is known of its request.
    fn images(&self) -> impl Iterator<Item = (&RecentJob, ImageName)> {
        self.jobs.iter().flat_map(|job| job.kept.iter().map(move |name| (job, *name)))
    }
}

/// The names between commas, `a,b`.
#[derive(Deserialize)]
pub(super) struct Chosen {
    names: String,
}

/// GET /admin/gallery
pub(super) async fn show(
    request: HttpRequest,
    question: web::Query<JobsQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let visit = enter(&request, &state, Scope::Admin).await?;
    let view = view(&question, &state).await?;
    if !visit.wants_page {
        let images: Vec<_> = view.images().map(|(_, name)| format!("/admin/pictures/{name}")).collect();
        let older = view.older.map(RequestId::to_text);
        return Ok(json(&serde_json::json!({ "images": images, "before": older })));
    }
    let title = visit.words.say("nav-gallery");
    let body = grid::body(&visit, &view, &|at: Timestamp| state.service.civil(at));
    Ok(Page::new(&visit, Section::Gallery, &title)
        .sheet("jobs.css")
        .sheet("gallery.css")
        .script("gallery.js")
        .show(&body))
}

/// POST /admin/gallery/{name}/delete: takes an image's file away. What it cost stays in the books.
pub(super) async fn delete(
    request: HttpRequest,
    payload: web::Payload,
    name: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (visit, Nothing {}) = enter_with(&request, payload, &state).await?;
    let name: ImageName = name.parse().map_err(|_| ApiError::image_gone())?;
    let is_there = state.service.remove_image(name).await?;
    if is_there {
        tracing::info!(%name, by = visit.visitor.actor(), "an administrator has deleted an image");
    }
    match (visit.wants_page, is_there) {
        // A second press finds it gone, as it should be.
        (true, _) => Ok(see_other(HERE)),
        (false, true) => Ok(json(&serde_json::json!({ "name": name.to_string(), "deleted": true }))),
        (false, false) => Err(ApiError::image_gone()),
    }
}

/// POST /admin/gallery/zip: the chosen images in one file.
pub(super) async fn zip(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    enter(&request, &state, Scope::Admin).await?;
    let Chosen { names } = posted(&request, payload, &state).await?;
    let names = names.split(',').filter(|name| !name.trim().is_empty());
    let names = names.map(|name| name.trim().parse()).collect::<Result<Vec<ImageName>, _>>();
    let names = names.map_err(|_| ApiError::image_gone())?;
    if names.is_empty() || names.len() > archive::IMAGES_MAX {
        let message =
            format!("`names` must be 1 to {} names of images, with commas between.", archive::IMAGES_MAX);
        return Err(ApiError::invalid("names", message));
    }
    archive::sent(names, &state).await
}

async fn view(question: &JobsQuery, state: &State) -> Result<GalleryView, ApiError> {
    let service = &state.service;
    let mut filter = question.filter(service.zone())?;
    let horizon = service.oldest_kept();
    let (mut jobs, mut images, mut older) = (Vec::new(), 0, None);
    for _ in 0..LOOKS_MAX {
        let found = service.recent_jobs(filter.clone(), TOGETHER).await?;
        let is_last = found.len() < TOGETHER || found.last().is_none_or(|job| job.request.came_at < horizon);
        let last = found.last().map(|job| job.request.id);
        for job in found.into_iter().filter(|job| !job.kept.is_empty()) {
            if images >= ON_PAGE {
                break;
            }
            images += job.kept.len();
            older = Some(job.request.id);
            jobs.push(job);
        }
        if images >= ON_PAGE {
            break;
        }
        older = None;
        if is_last {
            break;
        }
        filter = RequestFilter { before: last, ..filter };
        older = last;
    }
    let keys = service.ask_ledger(|ledger| ledger.keys()).await?;
    Ok(GalleryView {
        jobs,
        older,
        keys,
        query: question.clone(),
        currency: service.costs().currency(),
        keep_days: service.keep_days(),
    })
}

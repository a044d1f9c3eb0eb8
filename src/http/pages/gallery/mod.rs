//! /admin/gallery and /gallery: the images that are still kept, to look at, find, ask for again, download and delete.

mod archive;
mod asked;
mod grid;
mod pictures;
mod reach;

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use serde::{Deserialize, de::DeserializeOwned};

use self::reach::Reach;
pub(super) use self::{
    asked::asked,
    pictures::{image, thumbnail},
};
use super::{
    forms::posted,
    frame::Page,
    jobs::JobsQuery,
    json,
    places::{Section, is_local},
    see_other,
};
use crate::{
    domain::RequestId,
    http::{State, api::error::ApiError},
    image_store::ImageName,
    ledger::{KeyRow, RequestFilter},
    service::RecentJob,
    units::Currency,
};

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
    /// To choose from; none in a key's own gallery.
    keys: Vec<KeyRow>,
    query: JobsQuery,
    currency: Currency,
    keeping: Keeping,
    /// Whether the model can edit.
    can_edit: bool,
}

/// What is kept, and how long.
struct Keeping {
    /// Days for which images are kept.
    days: i64,
    /// Whether prompts are kept as long as images.
    prompts: bool,
    /// Whether images with a star are kept until somebody deletes them.
    favourites: bool,
}

impl GalleryView {
    /// Every image, the newest first, with what is known of its request.
    fn images(&self) -> impl Iterator<Item = (&RecentJob, ImageName)> {
        let is_shown =
            |job: &RecentJob, index: u32| !self.query.is_favourite() || job.favourites.contains(&index);
        self.jobs.iter().flat_map(move |job| {
            let shown = job.kept.iter().filter(move |name| is_shown(job, name.index));
            shown.map(move |name| (job, *name))
        })
    }
}

/// The names between commas, `a,b`.
#[derive(Deserialize)]
pub(super) struct Chosen {
    names: String,
}

/// Where a form of the page goes back to.
#[derive(Deserialize)]
struct GoBack {
    back: Option<String>,
}

/// Whether an image is to have a star: `1` or `0`.
#[derive(Deserialize)]
struct Star {
    on: String,
    back: Option<String>,
}

/// GET /admin/gallery, /gallery
pub(super) async fn show(
    request: HttpRequest,
    question: web::Query<JobsQuery>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let reach = Reach::enter(&request, &state).await?;
    let view = view(&reach, &question, &state).await?;
    if !reach.visit.wants_page {
        let images: Vec<_> = view.images().map(|(_, name)| reach.image(name)).collect();
        let older = view.older.map(RequestId::to_text);
        return Ok(json(&serde_json::json!({ "images": images, "before": older })));
    }
    let (section, key) = if reach.is_own() {
        (Section::OwnGallery, "nav-own-gallery")
    } else {
        (Section::Gallery, "nav-gallery")
    };
    let title = reach.visit.words.say(key);
    let body = grid::body(&reach, &view, &title, &|at: Timestamp| state.service.civil(at));
    Ok(Page::new(&reach.visit, section, &title)
        .sheet("jobs.css")
        .sheet("gallery.css")
        .script("gallery.js")
        .show(&body))
}

/// POST …/gallery/{name}/delete: takes an image's file away. What it cost stays in the books.
pub(super) async fn delete(
    request: HttpRequest,
    payload: web::Payload,
    name: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (reach, name, GoBack { back }) = enter_for_one(&request, payload, &name, &state).await?;
    let is_there = state.service.remove_image(name).await?;
    if is_there {
        tracing::info!(%name, by = reach.visit.visitor.actor(), "an image was deleted");
    }
    match (reach.visit.wants_page, is_there) {
        // A second press finds it gone, as it should be.
        (true, _) => Ok(go_back(&reach, back)),
        (false, true) => Ok(json(&serde_json::json!({ "name": name.to_string(), "deleted": true }))),
        (false, false) => Err(ApiError::image_gone()),
    }
}

/// POST …/gallery/{name}/star: gives an image a star, or takes it away.
pub(super) async fn star(
    request: HttpRequest,
    payload: web::Payload,
    name: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (reach, name, Star { on, back }) = enter_for_one(&request, payload, &name, &state).await?;
    let is_favourite = match on.as_str() {
        "1" => true,
        "0" => false,
        _ => return Err(ApiError::invalid("on", "`on` is 1, or 0.".to_owned())),
    };
    if !state.service.set_favourite(name, is_favourite).await? {
        return Err(ApiError::image_gone());
    }
    if reach.visit.wants_page {
        return Ok(go_back(&reach, back));
    }
    Ok(json(&serde_json::json!({ "name": name.to_string(), "favourite": is_favourite })))
}

/// Lets in who sends a form of the image `name`, which is within their reach, and returns what the form brought.
async fn enter_for_one<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: web::Payload,
    name: &str,
    state: &State,
) -> Result<(Reach, ImageName, T), ApiError> {
    let reach = Reach::enter(request, state).await?;
    let brought = posted(request, payload, state).await?;
    let name: ImageName = name.parse().map_err(|_| ApiError::image_gone())?;
    reach.check(&[name], state).await?;
    Ok((reach, name, brought))
}

/// POST …/gallery/zip: the chosen images in one file.
pub(super) async fn zip(
    request: HttpRequest,
    payload: web::Payload,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let reach = Reach::enter(&request, &state).await?;
    let Chosen { names } = posted(&request, payload, &state).await?;
    let names = names.split(',').filter(|name| !name.trim().is_empty());
    let names = names.map(|name| name.trim().parse()).collect::<Result<Vec<ImageName>, _>>();
    let names = names.map_err(|_| ApiError::image_gone())?;
    if names.is_empty() || names.len() > archive::IMAGES_MAX {
        let message =
            format!("`names` must be 1 to {} names of images, with commas between.", archive::IMAGES_MAX);
        return Err(ApiError::invalid("names", message));
    }
    reach.check(&names, &state).await?;
    archive::sent(names, &state).await
}

/// To the page that the form was on, with its filter.
fn go_back(reach: &Reach, back: Option<String>) -> HttpResponse {
    let back = back.filter(|back| is_local(back) && back.starts_with(reach.place));
    see_other(back.as_deref().unwrap_or(reach.place))
}

async fn view(reach: &Reach, question: &JobsQuery, state: &State) -> Result<GalleryView, ApiError> {
    let service = &state.service;
    let mut filter = question.filter(service.zone())?;
    if reach.key.is_some() {
        filter.key.clone_from(&reach.key);
    }
    let keeping = Keeping {
        days: service.keep_days(),
        prompts: service.keeps_prompts(),
        favourites: service.keeps_favourites(),
    };
    // What has a star may be older than all else.
    let horizon =
        if keeping.favourites && question.is_favourite() { Timestamp::MIN } else { service.oldest_kept() };
    let (jobs, older) = kept_jobs(filter, horizon, state).await?;
    let keys = match reach.key {
        None => service.ask_ledger(|ledger| ledger.keys()).await?,
        Some(_) => Vec::new(),
    };
    Ok(GalleryView {
        jobs,
        older,
        keys,
        query: question.clone(),
        currency: service.costs().currency(),
        keeping,
        can_edit: state.offer.can_edit,
    })
}

/// Requests with images that are kept, enough for a page, and where older ones begin.
async fn kept_jobs(
    mut filter: RequestFilter,
    horizon: Timestamp,
    state: &State,
) -> Result<(Vec<RecentJob>, Option<RequestId>), ApiError> {
    let (mut jobs, mut images, mut older) = (Vec::new(), 0, None);
    for _ in 0..LOOKS_MAX {
        let found = state.service.recent_jobs(filter.clone(), TOGETHER).await?;
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
    Ok((jobs, older))
}

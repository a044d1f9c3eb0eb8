use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;

use super::reach::Reach;
use crate::{
    domain::{LoraUse, RequestId},
    http::{State, api::error::ApiError, pages::json},
    ledger::RequestFilter,
    service::RecentJob,
};

/// What a request asked for, as the playground fills its form with it. What is not kept is absent.
#[derive(Serialize)]
struct AskedBody<'a> {
    prompt: Option<&'a str>,
    negative_prompt: Option<&'a str>,
    size: Option<String>,
    quality: Option<&'a str>,
    steps: Option<u32>,
    guidance_scale: Option<f64>,
    /// As text: it may be larger than numbers of a browser are exact.
    seed: Option<String>,
    images: u32,
    loras: &'a [LoraUse],
    /// How strongly an image was edited, which is not kept.
    strength: Option<f64>,
}

/// GET /admin/gallery/asked/{id}, /gallery/asked/{id}
pub(in crate::http::pages) async fn asked(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let reach = Reach::enter(&request, &state).await?;
    let id = RequestId::from_digits(&id).ok_or_else(ApiError::image_gone)?;
    let filter = RequestFilter { id: Some(id), key: reach.key, ..RequestFilter::default() };
    let job = state.service.recent_jobs(filter, 1).await?.pop().ok_or_else(ApiError::image_gone)?;
    Ok(json(&body(&job)))
}

fn body(job: &RecentJob) -> AskedBody<'_> {
    let (asked, work) = (job.asked.as_ref(), job.request.work.as_ref());
    let size = asked.map(|asked| asked.size).or_else(|| work.map(|work| work.size));
    let seed = asked.map(|asked| asked.seed).or_else(|| work.map(|work| work.seed.get()));
    AskedBody {
        prompt: asked.map(|asked| asked.prompt.as_str()),
        negative_prompt: asked.and_then(|asked| asked.negative_prompt.as_deref()),
        size: size.map(|size| size.to_string()),
        quality: asked.map(|asked| asked.quality.as_str()),
        steps: asked.map(|asked| asked.steps).or_else(|| work.map(|work| work.steps)),
        guidance_scale: asked.map(|asked| asked.guidance_scale),
        seed: seed.map(|seed| seed.to_string()),
        images: job.request.images,
        loras: &job.request.loras,
        strength: asked.and_then(|asked| asked.strength),
    }
}

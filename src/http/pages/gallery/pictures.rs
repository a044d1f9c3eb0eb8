use actix_web::{HttpRequest, HttpResponse, web};

use super::reach::Reach;
use crate::{
    domain::ImageFormat,
    http::{State, api::error::ApiError, pages::jobs::file},
    image_store::ImageName,
};

/// GET /admin/pictures/{name}, /gallery/pictures/{name}: a kept image.
pub(in crate::http::pages) async fn image(
    request: HttpRequest,
    name: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let name = reached(&request, &name, &state).await?;
    let found = state.service.image_file(name).await?.ok_or_else(ApiError::image_gone)?;
    Ok(file(name.format.media_type(), found))
}

/// The same as a small JPEG, for a list.
pub(in crate::http::pages) async fn thumbnail(
    request: HttpRequest,
    name: web::Path<String>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let name = reached(&request, &name, &state).await?;
    let small = state.service.thumbnail(name).await?.ok_or_else(ApiError::image_gone)?;
    Ok(file(ImageFormat::Jpeg.media_type(), small))
}

async fn reached(request: &HttpRequest, name: &str, state: &State) -> Result<ImageName, ApiError> {
    let reach = Reach::enter(request, state).await?;
    let name: ImageName = name.parse().map_err(|_| ApiError::image_gone())?;
    reach.check(&[name], state).await?;
    Ok(name)
}

use actix_web::{HttpResponse, http::header, web};
use serde::Deserialize;

use super::{error::ApiError, links::BadLink};
use crate::{http::State, image_store::ImageName, ledger::KeyState};

#[derive(Deserialize)]
pub(super) struct Ticket {
    expires: i64,
    signature: String,
}

/// GET /pictures/{name}: a kept image, for whoever has the link.
pub(super) async fn show(
    name: web::Path<String>,
    ticket: Option<web::Query<Ticket>>,
    state: web::Data<State>,
) -> Result<HttpResponse, ApiError> {
    let name = name.parse::<ImageName>().map_err(|_| ApiError::link_forged())?;
    let Some(ticket) = ticket else { return Err(ApiError::link_forged()) };
    let now = state.service.now().as_second();
    match state.links.check(name, ticket.expires, &ticket.signature, now) {
        Ok(()) => {}
        Err(BadLink::Forged) => return Err(ApiError::link_forged()),
        Err(BadLink::Expired) => return Err(ApiError::image_gone()),
    }
    let (request, at) = (name.request, state.service.now());
    let key = state.service.ask_ledger(move |ledger| ledger.key_state_of_request(request, at)).await?;
    if key.is_some_and(|key| key != KeyState::Active) {
        // A link ends with the key that it was given to.
        return Err(ApiError::image_gone());
    }
    let image = state.service.image_file(name).await.map_err(|error| ApiError::from(&error))?;
    let file = image.ok_or_else(ApiError::image_gone)?;
    let rest = ticket.expires.saturating_sub(now);
    Ok(HttpResponse::Ok()
        .content_type(name.format.media_type())
        .insert_header((header::CACHE_CONTROL, format!("private, max-age={rest}, immutable")))
        .insert_header((header::CONTENT_DISPOSITION, format!("inline; filename=\"{name}\"")))
        .body(file))
}

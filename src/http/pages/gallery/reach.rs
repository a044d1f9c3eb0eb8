use actix_web::HttpRequest;

use crate::{
    domain::Scope,
    http::{
        State,
        api::error::ApiError,
        pages::{frame::Visit, places::OWN_GALLERY, session::enter},
    },
    image_store::ImageName,
    ledger::LedgerError,
};

/// Where an operator sees everybody's images.
pub(super) const EVERYBODYS: &str = "/admin/gallery";

/// A visit to a gallery, and whose images it reaches: under /admin everybody's, for administrators; elsewhere those of the key that
/// the visitor came with. Of other keys' images it is said that they are not there.
pub(super) struct Reach {
    pub(super) visit: Visit,
    /// Where the gallery is.
    pub(super) place: &'static str,
    /// The public id of the only key whose images are reached; none: every key's.
    pub(super) key: Option<String>,
}

impl Reach {
    /// Lets whoever sent `request` into the gallery that its address lies in.
    pub(super) async fn enter(request: &HttpRequest, state: &State) -> Result<Self, ApiError> {
        let is_own = request.path().starts_with(OWN_GALLERY);
        let scope = if is_own { Scope::Images } else { Scope::Admin };
        let visit = enter(request, state, scope).await?;
        // An operator who came by password or link has no key, and reaches all.
        let key = visit.visitor.key().filter(|_| is_own).map(str::to_owned);
        Ok(Self { visit, place: if is_own { OWN_GALLERY } else { EVERYBODYS }, key })
    }

    /// Whether it is the gallery of whoever has a key.
    pub(super) fn is_own(&self) -> bool {
        self.place == OWN_GALLERY
    }

    /// The address of an image's file.
    pub(super) fn image(&self, name: ImageName) -> String {
        let place = if self.is_own() { OWN_GALLERY } else { "/admin" };
        format!("{place}/pictures/{name}")
    }

    /// Refuses, as if they were not there, images that it does not reach.
    pub(super) async fn check(&self, names: &[ImageName], state: &State) -> Result<(), ApiError> {
        let Some(key) = self.key.clone() else { return Ok(()) };
        let requests: Vec<_> = names.iter().map(|name| name.request).collect();
        let are_its = state.service.ask_ledger(move |ledger| {
            for request in requests {
                if ledger.owner_of(request)?.as_ref() != Some(&key) {
                    return Ok::<_, LedgerError>(false);
                }
            }
            Ok(true)
        });
        if are_its.await? { Ok(()) } else { Err(ApiError::image_gone()) }
    }
}

use actix_web::web;

use super::{body::Body, spool::Spool};
use crate::{
    http::{
        State,
        api::{
            code::Code,
            error::{ApiError, sentence},
            wire,
        },
    },
    source_image::FetchError,
};

impl Body {
    /// Fetches the images that a JSON body names by https URLs, if the configuration allows any host. No decoder is held
    /// meanwhile: a slow host keeps nobody else's edit waiting.
    pub(super) async fn with_images(self, state: &State) -> Result<Self, ApiError> {
        let Self::Json { mut body, .. } = self else { return Ok(self) };
        if state.elsewhere.images.is_off() {
            return Ok(Self::Json { body, fetched: None });
        }
        let find = move || {
            let text = body.read().map_err(|error| ApiError::internal(&error))?;
            Ok::<_, ApiError>((wire::image_urls(&text)?, body))
        };
        let (urls, body) = state.source_memory.decoding(find).await??;
        if urls.is_empty() {
            return Ok(Self::Json { body, fetched: Some(Vec::new()) });
        }
        let slot = state.source_memory.fetching().await?;
        let (fetcher, directory) = (state.elsewhere.images.clone(), state.bodies.clone());
        let fetch = move || {
            let fetch = |(name, url): (&'static str, String)| {
                let mut file = Spool::new(&directory);
                fetcher.fetch(&url, &mut file).map_err(|error| refused(name, &error))?;
                Ok((url, file))
            };
            let fetched = urls.into_iter().map(fetch).collect::<Result<Vec<_>, ApiError>>();
            drop(slot);
            fetched
        };
        let fetched = web::block(fetch).await.map_err(|error| ApiError::internal(&error))??;
        Ok(Self::Json { body, fetched: Some(fetched) })
    }
}

fn refused(name: &str, error: &FetchError) -> ApiError {
    let code = match error {
        FetchError::Unkept(error) => return ApiError::body_unkept(error),
        FetchError::NotHttps | FetchError::TooLong | FetchError::Credentials => Code::InvalidValue,
        FetchError::HostNotAllowed(_) => Code::UnsupportedValue,
        FetchError::TooManyBytes => Code::InvalidImageFile,
        FetchError::Outbound(_) | FetchError::Redirects | FetchError::Status { .. } => Code::InvalidImageUrl,
    };
    ApiError::parameter(name, code, format!("`{name}`: {}", sentence(error)))
}

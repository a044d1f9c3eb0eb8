//! Images that are kept, and what is kept beside them: prompts, where the owner wants them, and stars.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::{Service, ServiceError};
use crate::{
    domain::{AskedFor, RenderJob, RequestId},
    image_store::{ImageName, Swept},
    ledger::Keeping,
};

impl Service {
    /// Keeps what request `id` asks for. An image without its prompt is better than none, so that a failure is only logged.
    pub(super) async fn keep_prompt(&self, id: RequestId, job: &RenderJob) {
        let asked = AskedFor::from(job);
        if let Err(error) = self.ask_ledger(move |ledger| ledger.keep_prompt(id, &asked)).await {
            tracing::warn!(request = %id, %error, "cannot keep the request's prompt");
        }
    }

    /// Whether prompts are kept.
    pub fn keeps_prompts(&self) -> bool {
        self.parts.settings.keep_prompts
    }

    /// Whether images with a star are kept until somebody deletes them.
    pub fn keeps_favourites(&self) -> bool {
        self.parts.settings.keep_favourites
    }

    /// Takes a kept image away with its star, and with the last image of a request its prompt; false if it is not kept any more.
    ///
    /// # Errors
    /// [`ServiceError`] if the disk or the ledger fails.
    pub async fn remove_image(&self, name: ImageName) -> Result<bool, ServiceError> {
        let store = Arc::clone(&self.parts.storage.images);
        let (was_there, is_last) = self
            .blocking(move || {
                let was_there = store.remove(name)?;
                Ok::<_, ServiceError>((was_there, !store.has_any(name.request)?))
            })
            .await?;
        let now = self.now();
        self.ask_ledger(move |ledger| {
            if is_last {
                ledger.drop_kept(name.request)
            } else {
                ledger.set_favourite((name.request, name.index), false, now)
            }
        })
        .await?;
        Ok(was_there)
    }

    /// Gives a kept image a star, or takes it away; false if the image is not kept any more.
    ///
    /// # Errors
    /// [`ServiceError`] if the disk or the ledger fails.
    pub async fn set_favourite(&self, name: ImageName, is_favourite: bool) -> Result<bool, ServiceError> {
        let store = Arc::clone(&self.parts.storage.images);
        let is_there = self.blocking(move || store.length(name)).await?.is_some();
        if is_there {
            let now = self.now();
            let image = (name.request, name.index);
            self.ask_ledger(move |ledger| ledger.set_favourite(image, is_favourite, now)).await?;
        }
        Ok(is_there)
    }

    /// Days for which images are kept, after the one on which they were made.
    pub fn keep_days(&self) -> i64 {
        self.parts.settings.keeping().days
    }

    /// The first moment of which an image may still be kept; favourites apart, where they stay.
    pub fn oldest_kept(&self) -> Timestamp {
        let a_day = SignedDuration::from_hours(24);
        let kept = self.parts.settings.keep_images.saturating_add(a_day);
        self.now().checked_sub(kept).unwrap_or(Timestamp::MIN)
    }

    /// Deletes the images that have been kept long enough, with their prompts and stars; all prompts, if none are to be kept. In a cluster
    /// that is what no gateway keeps.
    ///
    /// # Errors
    /// [`ServiceError`] if the disk or the ledger fails.
    pub async fn sweep(&self) -> Result<Swept, ServiceError> {
        let own = self.parts.settings.keeping();
        let Keeping { days, favourites: spares, prompts } =
            self.ask_ledger(move |ledger| ledger.keeping(own)).await?;
        let kept = SignedDuration::from_hours(24).saturating_mul(i32::try_from(days).unwrap_or(i32::MAX));
        // Images go by whole UTC days, and what is kept beside them goes with them.
        let horizon = self.now().checked_sub(kept).map_or(Timestamp::MIN, start_of_day);
        let spared =
            if spares { self.ask_ledger(|ledger| ledger.favourites()).await? } else { BTreeSet::new() };
        let store = Arc::clone(&self.parts.storage.images);
        let swept = self.blocking(move || store.sweep(horizon, &spared)).await?;
        let prompts_before = prompts.then_some(horizon);
        self.ask_ledger(move |ledger| ledger.sweep_kept(prompts_before, horizon, spares)).await?;
        Ok(swept)
    }
}

/// The first moment of the UTC day of `at`.
fn start_of_day(at: Timestamp) -> Timestamp {
    TimeZone::UTC.to_timestamp(TimeZone::UTC.to_datetime(at).date().into()).unwrap_or(at)
}

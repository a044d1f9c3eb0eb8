//! What travels between the nodes of a cluster through the store of images: what is edited, sealed, from a gateway to a worker; and
//! images on their way, from a worker to a gateway.

use std::{collections::HashMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::{Audience, GenerateRequest, PartialFile, Preview, Service, ServiceError, ServiceParts, Studio};
use crate::{
    cluster::{
        ClusterSecret, PARTIALS, QueuedEditError, QueuedJob, SOURCES, look_of, partial, remove_sources,
        request_of,
    },
    domain::{ImageFormat, RequestId},
    engine::Partial,
    ledger::{RequestEnd, RequestStand, Topic},
};

/// Between two looks for an image on its way, if no hint comes.
const LOOK: Duration = Duration::from_millis(500);
/// What is older than this was written by no gateway that still admits its request, and is awaited by none.
const SETTLES: SignedDuration = SignedDuration::from_mins(15);

/// A gateway's looks at an image on its way.
pub(super) struct Looks {
    id: RequestId,
    format: ImageFormat,
    /// The next look.
    next: u32,
    /// One after the last; 0 if none is asked for.
    end: u32,
    hints: Option<watch::Receiver<u64>>,
}

impl Looks {
    /// At the image of request `id`.
    pub(super) fn new(id: RequestId, request: &GenerateRequest, parts: &ServiceParts) -> Self {
        Self {
            id,
            format: request.encoding.format,
            next: 0,
            end: request.partials.unwrap_or(0),
            hints: parts.cluster.as_ref().map(|cluster| cluster.news.about(Topic::Partials)),
        }
    }

    /// Resolves once it is time to look; never, if there is nothing more to see.
    pub(super) async fn is_time(&mut self) {
        match &mut self.hints {
            Some(hints) if self.next < self.end => {
                tokio::select! {
                    changed = hints.changed() => if changed.is_err() {
                        tokio::time::sleep(LOOK).await;
                    },
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
            _ => std::future::pending().await,
        }
    }
}

impl Service {
    /// A request out of the queue with what it edits.
    pub(super) async fn with_sources(
        &self,
        id: RequestId,
        mut queued: QueuedJob,
        secret: &ClusterSecret,
    ) -> Result<QueuedJob, ServiceError> {
        let Some(edit) = queued.edit.clone() else { return Ok(queued) };
        let (store, secret) = (Arc::clone(&self.parts.storage.images), secret.clone());
        let edit = self.blocking(move || {
            edit.fetch(id, &secret, store.objects()).map_err(|error| match error {
                QueuedEditError::Store(error) => ServiceError::Store(error),
                other => ServiceError::Prompt(other.to_string()),
            })
        });
        queued.job.spec.edit = Some(Arc::new(edit.await?));
        Ok(queued)
    }

    /// Takes what a request edited out of the store, if the request has ended and is not put back for another worker.
    pub(super) async fn remove_sources_if_ended(&self, id: RequestId) {
        let stands = self.ask_ledger(move |ledger| ledger.stands(&[id])).await;
        let has_ended =
            matches!(stands.as_ref().ok().and_then(|stands| stands.get(&id)), Some(RequestStand::Ended(_)));
        if has_ended {
            self.remove_sources_of(id).await;
        }
    }

    async fn remove_sources_of(&self, id: RequestId) {
        let store = Arc::clone(&self.parts.storage.images);
        let removed = self.blocking(move || remove_sources(id, store.objects())).await;
        if let Err(error) = removed {
            tracing::warn!(request = %id, %error, "what was edited is left to the sweep");
        }
    }

    /// Takes what travelled for a request out of the store: its gateway has seen its end.
    pub(super) async fn clear_transit(&self, id: RequestId, request: &GenerateRequest) {
        if request.job.spec.edit.is_some() {
            self.remove_sources_of(id).await;
        }
        let Some(looks) = request.partials.filter(|looks| *looks > 0) else { return };
        let (format, store) = (request.encoding.format, Arc::clone(&self.parts.storage.images));
        let removed = self.blocking(move || {
            (0..looks)
                .try_for_each(|index| store.objects().remove(&partial(id, 0, index, format)).map(|_| ()))
        });
        if let Err(error) = removed.await {
            tracing::warn!(request = %id, %error, "images on their way are left to the sweep");
        }
    }

    /// Puts a look at an image where the gateway finds it whose client streams. One that cannot be put is left out.
    pub(super) async fn show_elsewhere(&self, look: Partial, request: &GenerateRequest, id: RequestId) {
        let path = partial(id, look.image, look.index, request.encoding.format);
        let Some(file) = self.encode_partial(look, request, id).await else { return };
        let store = Arc::clone(&self.parts.storage.images);
        match self.blocking(move || store.objects().put(&path, &file)).await {
            Ok(()) => {
                if let Some(cluster) = &self.parts.cluster {
                    cluster.news.partial_shown();
                }
            }
            Err(error) => tracing::warn!(request = %id, %error, "left out a partial image"),
        }
    }

    /// Sends what has come of an image on its way to its client.
    pub(super) async fn pass_on_partials(&self, looks: &mut Looks, audience: &Audience) {
        while looks.next < looks.end {
            let (index, path) = (looks.next, partial(looks.id, 0, looks.next, looks.format));
            let store = Arc::clone(&self.parts.storage.images);
            match self.blocking(move || store.objects().get(&path)).await {
                Ok(Some(file)) => {
                    looks.next += 1;
                    audience.partials.send(PartialFile { index, file: file.into() }).ok();
                }
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(request = %looks.id, %error, "an image on its way could not be read");
                    return;
                }
            }
        }
    }

    /// The last look at each image that is on its way at a worker. It is decoration: if the store cannot be read, there is none.
    pub(super) async fn looks(&self) -> HashMap<RequestId, u32> {
        let store = Arc::clone(&self.parts.storage.images);
        let found = self.blocking(move || store.objects().list(PARTIALS)).await;
        let found = found.unwrap_or_else(|error| {
            tracing::warn!(%error, "images on their way could not be listed");
            Vec::new()
        });
        let mut looks = HashMap::<_, u32>::new();
        for object in found {
            if let (Some(id), Some(look)) = (request_of(&object.path), look_of(&object.path)) {
                looks.entry(id).and_modify(|last| *last = look.max(*last)).or_insert(look);
            }
        }
        looks
    }

    /// The last partial image of request `id`, if its client had one made, wherever it is made.
    ///
    /// # Errors
    /// [`ServiceError::Store`] if the store fails.
    pub async fn preview(&self, id: RequestId) -> Result<Option<Preview>, ServiceError> {
        let Studio::Cluster(_) = self.studio() else { return Ok(self.preview_here(id)) };
        let store = Arc::clone(&self.parts.storage.images);
        self.blocking(move || {
            let mut found = store.objects().list(PARTIALS)?;
            found.retain(|object| request_of(&object.path) == Some(id));
            let last = found.into_iter().filter_map(|object| Some((look_of(&object.path)?, object.path)));
            let Some((index, path)) = last.max() else { return Ok(None) };
            let format = [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::Webp]
                .into_iter()
                .find(|format| path.ends_with(&format!(".{}", format.extension())));
            let file = store.objects().get(&path)?;
            let preview = format.zip(file).map(|(format, file)| Preview { index, format, file: file.into() });
            Ok::<_, ServiceError>(preview)
        })
        .await
    }

    /// Deletes what travelled for requests that have ended: their gateways died. Returns how many objects.
    ///
    /// # Errors
    /// [`ServiceError`] if the store or the ledger fails.
    pub async fn sweep_transit(&self) -> Result<usize, ServiceError> {
        if self.parts.cluster.is_none() {
            return Ok(0);
        }
        let store = Arc::clone(&self.parts.storage.images);
        let found = self.blocking(move || {
            let (mut found, looks) = (store.objects().list(SOURCES)?, store.objects().list(PARTIALS)?);
            found.extend(looks);
            Ok::<_, ServiceError>(found)
        });
        let of_request = |path: String| Some((request_of(&path)?, path));
        let found: Vec<_> = found.await?.into_iter().filter_map(|object| of_request(object.path)).collect();
        let ids: Vec<_> = found.iter().map(|(id, _)| *id).collect();
        let stands = self.ask_ledger(move |ledger| ledger.stands(&ids)).await?;
        let settled_before = self.now().checked_sub(SETTLES).unwrap_or(Timestamp::MIN);
        let is_over = |(id, path): &(RequestId, String)| match stands.get(id) {
            // One that the ledger does not have may be about to come.
            Some(RequestStand::Ended(RequestEnd::Abandoned)) => id.created_at() < settled_before,
            Some(RequestStand::Ended(_)) => path.starts_with(SOURCES) || id.created_at() < settled_before,
            _ => false,
        };
        let over: Vec<_> = found.into_iter().filter(is_over).collect();
        let store = Arc::clone(&self.parts.storage.images);
        self.blocking(move || {
            let removed = over.iter().map(|(_, path)| store.objects().remove(path));
            let removed = removed.collect::<Result<Vec<_>, _>>()?;
            Ok::<_, ServiceError>(removed.into_iter().filter(|was_there| *was_there).count())
        })
        .await
    }
}

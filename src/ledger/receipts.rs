use std::sync::LazyLock;

use jiff::Timestamp;

use super::{
    Ledger, LedgerError, Purchase, SettledImage, computations, edits,
    entries::{IMAGE_COLUMNS, image, images_of},
    loras, purchases,
    store::{Conn, Row, params},
};
use crate::domain::{Computation, EditRecord, ImageSize, KeyId, LoraUse, RequestId};

/// A settled request, for whoever made it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRequest {
    /// Its id.
    pub id: RequestId,
    /// When it was settled.
    pub settled_at: Timestamp,
    /// The model that generated its images.
    pub model: String,
    /// Width and height of its images.
    pub size: ImageSize,
    /// Denoising steps of each.
    pub steps: u32,
    /// The quality that was asked for; none if it was not noted.
    pub quality: Option<String>,
    /// What it is filed under.
    pub tag: Option<String>,
    /// What came of it as an edit; none for images from noise.
    pub edit: Option<EditRecord>,
    /// The LoRAs that were applied.
    pub loras: Vec<LoraUse>,
    /// What decided its images' pixels; none if an earlier version made them.
    pub computation: Option<Computation>,
    /// Whether the answer was handed over.
    pub is_delivered: bool,
    /// Its images, in order.
    pub images: Vec<StoredImage>,
    /// What was bought for it, or was to be; none if nobody was asked.
    pub purchase: Option<Purchase>,
}

/// An image with all that was booked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// As it was first booked.
    pub booked: SettledImage,
    /// Whether that was taken back.
    pub is_reversed: bool,
    /// What stands in its place.
    pub correction: Option<SettledImage>,
}

/// The settled request ?1 of key ?2, with what its entries have in common.
pub(super) static HEAD: LazyLock<String> = LazyLock::new(|| {
    let of_edit = edits::COLUMNS;
    format!(
        "SELECT ended_at_ms, model, quality, tag, loras, delivered, width, height, steps, {of_edit},
                computations.computation AS computation
         FROM requests
         JOIN (SELECT request_id, width, height, steps FROM entries WHERE request_id = ?1
               UNION ALL SELECT request_id, width, height, 0 AS steps FROM bought_images
               WHERE request_id = ?1 AND state = 'bought') AS made
           ON made.request_id = requests.id
         LEFT JOIN computations ON computations.id = requests.computation
         WHERE requests.id = ?1 AND key_id = ?2 AND state = 'settled' LIMIT 1"
    )
});

impl Ledger {
    /// The settled request `id` of `key`; none if the key has none with this id.
    ///
    /// # Errors
    /// [`LedgerError`] if the database refuses or a row holds what none should.
    pub fn stored_request(&self, id: RequestId, key: KeyId) -> Result<Option<StoredRequest>, LedgerError> {
        self.store.read(|conn| {
            let head =
                conn.query_first(&HEAD, params![id.to_text(), key.get()], |row| stored_head(id, row))?;
            let Some(head) = head else { return Ok(None) };
            let purchase = purchases::of_request(conn, id)?;
            if let Some(bought) = purchase.as_ref().filter(|purchase| purchase.is_bought()) {
                let images = SettledImage::bought(bought.images).into_iter();
                let image = |booked| StoredImage { booked, is_reversed: false, correction: None };
                return Ok(Some(StoredRequest { images: images.map(image).collect(), purchase, ..head }));
            }
            let (_, booked) = images_of(conn, id)?;
            let images = (0..).zip(booked).map(|(index, booked)| {
                let in_force = in_force(conn, id, index)?;
                let is_reversed = in_force.as_ref().is_none_or(|(is_correction, _)| *is_correction);
                let correction = in_force.filter(|(is_correction, _)| *is_correction).map(|(_, image)| image);
                Ok::<_, LedgerError>(StoredImage { booked, is_reversed, correction })
            });
            Ok(Some(StoredRequest { images: images.collect::<Result<_, _>>()?, purchase, ..head }))
        })
    }
}

/// The request without its images.
fn stored_head(id: RequestId, row: &Row<'_>) -> Result<StoredRequest, LedgerError> {
    let size = ImageSize::new(row.get("width")?, row.get("height")?);
    Ok(StoredRequest {
        id,
        settled_at: row.get("ended_at_ms")?,
        model: row.get("model")?,
        size: size.map_err(|_| LedgerError::OutOfRange { what: "entries.width" })?,
        steps: row.get("steps")?,
        quality: row.get("quality")?,
        tag: row.get("tag")?,
        edit: edits::of_row(row)?,
        loras: loras::from_row(row)?,
        computation: computations::from_row(row)?,
        is_delivered: row.get::<Option<bool>>("delivered")?.unwrap_or(false),
        images: Vec::new(),
        purchase: None,
    })
}

/// The entry of image ?2 of request ?1 that has not been taken back.
pub(super) static IN_FORCE: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {IMAGE_COLUMNS}, corrects IS NOT NULL AS is_correction FROM entries
         WHERE request_id = ?1 AND image_index = ?2 AND kind = 'image' AND +reverses IS NULL
           AND id NOT IN (SELECT reverses FROM entries WHERE request_id = ?1 AND reverses IS NOT NULL)"
    )
});

/// The entry of an image that has not been taken back, and whether it is a correction.
fn in_force(conn: &Conn<'_>, id: RequestId, index: u32) -> Result<Option<(bool, SettledImage)>, LedgerError> {
    conn.query_first(&IN_FORCE, params![id.to_text(), index], |row| {
        Ok((row.get("is_correction")?, image(row)?))
    })
}

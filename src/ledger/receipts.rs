use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    Ledger, LedgerError, SettledImage,
    entries::{IMAGE_COLUMNS, image, images_of},
    timestamp,
};
use crate::domain::{ImageSize, KeyId, RequestId};

/// A settled request, for whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaintedRequest {
    /// Its id.
    pub id: RequestId,
    /// When it was settled.
    pub settled_at: Timestamp,
    /// The model that painted.
    pub model: String,
    /// Width and height of its pictures.
    pub size: ImageSize,
    /// Denoising steps of each.
    pub steps: u32,
    /// The quality that was asked for; none where it was not noted.
    pub quality: Option<String>,
    /// What it is filed under.
    pub tag: Option<String>,
    /// Whether the answer was handed over.
    pub is_delivered: bool,
    /// Its pictures, in order.
    pub images: Vec<PaintedImage>,
}

/// A picture with all that was booked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaintedImage {
    /// As it was first booked.
    pub booked: SettledImage,
    /// Whether that was taken back.
    pub is_reversed: bool,
    /// What stands in its place.
    pub correction: Option<SettledImage>,
}

impl Ledger {
    /// The settled request `id` of `key`; none where the key has none with this id.
    ///
    /// # Errors
    /// [`LedgerError`] where SQLite refuses or a row holds what none should.
    pub fn painted(&self, id: RequestId, key: KeyId) -> Result<Option<PaintedRequest>, LedgerError> {
        let mut reader = self.reader();
        let view = reader.transaction()?;
        let head = view
            .query_row(
                "SELECT ended_at_ms, model, quality, tag, delivered, width, height, steps
                 FROM requests JOIN entries ON request_id = requests.id
                 WHERE requests.id = ?1 AND key_id = ?2 AND state = 'settled' LIMIT 1",
                params![id.to_text(), key.get()],
                |row| Ok(painted_head(id, row)),
            )
            .optional()?;
        let Some(head) = head else { return Ok(None) };
        let (_, booked) = images_of(&view, id)?;
        let images = (0..).zip(booked).map(|(index, booked)| {
            let in_force = in_force(&view, id, index)?;
            let is_reversed = in_force.as_ref().is_none_or(|(is_correction, _)| *is_correction);
            let correction = in_force.filter(|(is_correction, _)| *is_correction).map(|(_, image)| image);
            Ok::<_, LedgerError>(PaintedImage { booked, is_reversed, correction })
        });
        let images = images.collect::<Result<_, _>>()?;
        Ok(Some(PaintedRequest { images, ..head? }))
    }
}

/// The request without its pictures.
fn painted_head(id: RequestId, row: &Row<'_>) -> Result<PaintedRequest, LedgerError> {
    let size = ImageSize::new(row.get("width")?, row.get("height")?);
    Ok(PaintedRequest {
        id,
        settled_at: timestamp(row.get("ended_at_ms")?)?,
        model: row.get("model")?,
        size: size.map_err(|_| LedgerError::OutOfRange { what: "entries.width" })?,
        steps: row.get("steps")?,
        quality: row.get("quality")?,
        tag: row.get("tag")?,
        is_delivered: row.get::<_, Option<bool>>("delivered")?.unwrap_or(false),
        images: Vec::new(),
    })
}

/// The entry of a picture that has not been taken back, and whether it is a correction.
fn in_force(
    connection: &Connection,
    id: RequestId,
    index: u32,
) -> Result<Option<(bool, SettledImage)>, LedgerError> {
    let sql = format!(
        "SELECT {IMAGE_COLUMNS}, corrects IS NOT NULL AS is_correction FROM entries
         WHERE request_id = ?1 AND image_index = ?2 AND kind = 'image' AND reverses IS NULL
           AND id NOT IN (SELECT reverses FROM entries WHERE request_id = ?1 AND reverses IS NOT NULL)"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params![id.to_text(), index])?;
    match rows.next()? {
        Some(row) => Ok(Some((row.get("is_correction")?, image(row)?))),
        None => Ok(None),
    }
}

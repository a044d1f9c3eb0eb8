use super::{
    LedgerError, signed,
    store::{Conn, Row, params},
    unsigned,
};
use crate::domain::{EditRecord, RequestId};

/// The columns of a request that say how an edit ran.
pub(super) const COLUMNS: &str = "edit_steps_run, edit_sigma_ppm, edit_pixels, edit_unchanged";

/// Notes how the edit of `request` ran.
pub(super) fn note(conn: &Conn<'_>, request: RequestId, edit: &EditRecord) -> Result<(), LedgerError> {
    conn.send(
        "UPDATE requests SET edit_steps_run = ?2, edit_sigma_ppm = ?3, edit_pixels = ?4, edit_unchanged = ?5
         WHERE id = ?1",
        params![
            request.to_text(),
            edit.steps_run,
            edit.sigma_ppm,
            signed(edit.edited_pixels, "edit_pixels")?,
            edit.unchanged_outside_mask,
        ],
    )
}

/// How the edit of a row that has [`COLUMNS`] ran; none for images from noise.
pub(super) fn of_row(row: &Row<'_>) -> Result<Option<EditRecord>, LedgerError> {
    let Some(steps_run) = row.get("edit_steps_run")? else { return Ok(None) };
    Ok(Some(EditRecord {
        steps_run,
        sigma_ppm: row.get::<Option<u32>>("edit_sigma_ppm")?.unwrap_or_default(),
        edited_pixels: unsigned(row.get::<Option<i64>>("edit_pixels")?.unwrap_or_default(), "edit_pixels")?,
        unchanged_outside_mask: row.get("edit_unchanged")?,
    }))
}

//! The hash over a month in its canonical form.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::{
    canonical::{Form, Head, first_line, line},
    hash::Sha256Hash,
    lines::{self, LineId},
};
use crate::ledger::{
    LedgerError,
    store::{Conn, params},
};

/// Version of the canonical row format. Bump it when a column is added; closed months keep the version they were sealed with.
pub(super) const FORMAT: i64 = 3;
/// From this version on the seal is over everything that the month depends on, and over its statement.
pub(super) const STATEMENT_SINCE: i64 = 3;
/// The version in which a month of texts is sealed again.
pub(super) const RESEALED: i64 = 2;
/// Up to this version the text of a tag is hashed, since then what the text stands in.
pub(super) const TEXTS_UNTIL: i64 = 1;

/// What is written of an entry, and of the request and the key it belongs to: everything that a report or an export
/// depends on and that never changes.
const COLUMNS: &str = "
    entries.id, request_id, kind, image_index, reverses, corrects, entries.images, entered_at_ms, duration_ms, energy_mj,
    wall_energy_mj, energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano, compared_sku, compared_nano,
    exchange_rate_nano, width, height, steps, seed, epoch, reason, keys.public_id, model, quality, {tag}, requests.created_at_ms";

/// What version 3 adds: who reversed an entry, what it was priced with, how an edit ran, and whether the request says
/// otherwise than its delivery that its answer was handed over.
const COLUMNS_SINCE_3: &str = ", entries.actor, rate_card, steps_done, steps_of, images_shown, requests.images,
    edit_steps_run, edit_sigma_ppm, edit_pixels, edit_unchanged,
    (delivered = 1) IS NOT DISTINCT FROM EXISTS (SELECT 1 FROM deliveries WHERE deliveries.request_id = requests.id)";

/// What a request is filed under, so that the text can be forgotten: its label, as long as it says what the label says.
const LABEL: &str = "CASE WHEN tag IS NOT DISTINCT FROM labels.text THEN tag_id ELSE -1 END";

/// What is sealed beside a month's rows since version 3.
#[derive(Debug, Clone, Default)]
pub(super) struct Beside {
    /// Who closed the month.
    pub(super) actor: String,
    pub(super) statement: String,
    /// The hashes that keys' names had.
    pub(super) names: Vec<(LineId, Sha256Hash)>,
}

/// The hashes of a month's entries, of everything beside them, and of the whole.
pub(super) struct Seal {
    pub(super) rows: Vec<(i64, Sha256Hash)>,
    pub(super) lines: Vec<(LineId, Sha256Hash)>,
    pub(super) sha256: Sha256Hash,
    /// What was hashed, if it was kept.
    pub(super) text: Option<String>,
}

impl Seal {
    /// The seal of a month, from its rows as they are now.
    pub(super) fn of(conn: &Conn<'_>, head: &Head, beside: &Beside) -> Result<Self, LedgerError> {
        Self::written(conn, head, beside, Form::new(false))
    }

    /// The same, with the text that is hashed.
    pub(super) fn with_text(conn: &Conn<'_>, head: &Head, beside: &Beside) -> Result<Self, LedgerError> {
        Self::written(conn, head, beside, Form::new(true))
    }

    fn written(conn: &Conn<'_>, head: &Head, beside: &Beside, mut whole: Form) -> Result<Self, LedgerError> {
        let mut columns = COLUMNS.replace("{tag}", if head.format <= TEXTS_UNTIL { "tag" } else { LABEL });
        let has_statement = head.format >= STATEMENT_SINCE;
        if has_statement {
            columns += COLUMNS_SINCE_3;
        }
        let sql = format!(
            "SELECT {columns} FROM entries
             LEFT JOIN requests ON requests.id = request_id LEFT JOIN keys ON keys.id = key_id
             LEFT JOIN labels ON labels.id = tag_id
             WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2 ORDER BY entries.id"
        );
        let mut rows = Vec::new();
        whole.line(&first_line(head));
        conn.for_each(&sql, params![head.start, head.end], |entry| -> Result<(), LedgerError> {
            rows.push((entry.get(0)?, whole.line(&line(entry)?)));
            Ok(())
        })?;
        let mut lines = Vec::new();
        if has_statement {
            lines = lines::hash(conn, head, &mut whole)?;
            lines::hash_names(&beside.names, &mut whole);
            let statement = Sha256Hash::new(Sha256::digest(&beside.statement).into());
            whole.line(&(json!(["statement", statement.to_string(), beside.actor]).to_string() + "\n"));
        }
        let (sha256, text) = whole.end();
        Ok(Self { rows, lines, sha256, text })
    }
}

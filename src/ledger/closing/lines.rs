//! What a closing covers beside entries, line by line: overheads, the sums of the meter, parts and what was paid for them,
//! lines of cost, adjustments, deliveries, keys.

use sha2::{Digest, Sha256};

use super::{
    canonical::{Form, Head, line},
    hash::Sha256Hash,
};
use crate::ledger::{
    LedgerError,
    store::{Conn, params},
};

/// Which moments the rows of a kind depend on.
enum Of {
    /// ?1 is the month's first moment, ?2 the first moment after it.
    Span,
    /// ?1 is the moment of the closing.
    Closing,
    /// All three: of the month, up to the closing.
    Both,
}

/// Kinds of lines, with the rows of each as they were when the month was closed. The first column is the row's number.
const KINDS: &[(&str, Of, &str)] = &[
    (
        "overhead",
        Of::Span,
        "SELECT id, kind, entered_at_ms, duration_ms, energy_mj, wall_energy_mj, energy_source, epoch, currency,
                electricity_nano, rate_card
         FROM overheads WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2 ORDER BY id",
    ),
    (
        "epoch",
        Of::Span,
        "SELECT id, device, source, begun_at_ms, start_mj,
                CAST(coalesce((SELECT sum(energy_mj) FROM entries
                               WHERE epoch = meter_epochs.id AND entered_at_ms < ?2), 0)
                   + coalesce((SELECT sum(energy_mj) FROM overheads
                               WHERE epoch = meter_epochs.id AND entered_at_ms < ?2), 0) AS BIGINT)
         FROM meter_epochs
         WHERE id IN (SELECT epoch FROM entries WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2)
            OR id IN (SELECT epoch FROM overheads WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2)
         ORDER BY id",
    ),
    (
        "part",
        Of::Closing,
        "SELECT id, name, currency, price_nano, residual_nano, share_percent, purchased_on, method, lifetime_images,
                life_years, normal_utilisation_percent, added_at_ms, actor, document, machine
         FROM assets WHERE added_at_ms <= ?1 ORDER BY id",
    ),
    (
        "retirement of part",
        Of::Closing,
        "SELECT asset_id, retired_on, proceeds_nano, noted_at_ms, actor, document
         FROM asset_retirements WHERE noted_at_ms <= ?1 ORDER BY asset_id",
    ),
    (
        "line of cost",
        Of::Closing,
        "SELECT id, kind, name, machine, currency, amount_nano, per, normal_utilisation_percent, first_day, document, actor,
                recorded_at_ms
         FROM cost_lines WHERE recorded_at_ms <= ?1 ORDER BY id",
    ),
    (
        "end of line of cost",
        Of::Closing,
        "SELECT line_id, ended_on, document, actor, recorded_at_ms
         FROM cost_line_ends WHERE recorded_at_ms <= ?1 ORDER BY line_id",
    ),
    (
        "rent of line of cost",
        Of::Closing,
        "SELECT id, hours_a_day, minimum_hours FROM cost_lines
         WHERE hours_a_day IS NOT NULL AND recorded_at_ms <= ?1 ORDER BY id",
    ),
    (
        "invoice of line of cost",
        Of::Closing,
        "SELECT id, invoice FROM cost_lines WHERE invoice IS NOT NULL AND recorded_at_ms <= ?1 ORDER BY id",
    ),
    (
        "invoice of part",
        Of::Closing,
        "SELECT id, invoice FROM assets WHERE invoice IS NOT NULL AND added_at_ms <= ?1 ORDER BY id",
    ),
    (
        "years of part",
        Of::Closing,
        "SELECT id, planned_years FROM assets WHERE planned_years IS NOT NULL AND added_at_ms <= ?1 ORDER BY id",
    ),
    (
        "invoice of term",
        Of::Closing,
        "SELECT id, invoice FROM terms WHERE invoice IS NOT NULL AND recorded_at_ms <= ?1 ORDER BY id",
    ),
    (
        "cost centre",
        Of::Closing,
        "SELECT id, name, document, actor, recorded_at_ms FROM cost_centres WHERE recorded_at_ms <= ?1 ORDER BY id",
    ),
    (
        "member of cost centre",
        Of::Closing,
        "SELECT id, centre_id, key_id, label_id, first_day, document, actor, recorded_at_ms
         FROM cost_centre_members WHERE recorded_at_ms <= ?1 ORDER BY id",
    ),
    (
        "term",
        Of::Closing,
        "SELECT id, name, machine, term, from_ms, document, actor, recorded_at_ms
         FROM terms WHERE recorded_at_ms <= ?1 ORDER BY id",
    ),
    (
        "adjustment",
        Of::Closing,
        "SELECT id, recorded_at_ms, kind, currency, amount_nano, first_day, end_day, reason, actor, document
         FROM adjustments WHERE recorded_at_ms <= ?1 ORDER BY id",
    ),
    (
        "delivery",
        Of::Both,
        "SELECT deliveries.id, request_id, delivered_at_ms FROM deliveries JOIN requests ON requests.id = request_id
         WHERE ended_at_ms >= ?1 AND ended_at_ms < ?2 AND delivered_at_ms <= ?3 ORDER BY deliveries.id",
    ),
    (
        "bought image",
        Of::Span,
        "SELECT id, request_id, image_index, purchase_id, state, entered_at_ms, seller, sku, list_currency, list_nano,
                exchange_rate_nano, currency, price_nano, here_nano, width, height
         FROM bought_images WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2 ORDER BY id",
    ),
    (
        "resolution of purchase",
        Of::Span,
        "SELECT id, purchase_id, recorded_at_ms, list_nano, paid_nano, note, actor
         FROM purchase_resolutions WHERE recorded_at_ms >= ?1 AND recorded_at_ms < ?2 ORDER BY id",
    ),
    (
        "rate card",
        Of::Span,
        "SELECT id, card FROM rate_cards
         WHERE id IN (SELECT rate_card FROM entries WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2)
            OR id IN (SELECT rate_card FROM overheads WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2)
         ORDER BY id",
    ),
];

/// The keys of the month's entries.
const KEYS: &str = "SELECT DISTINCT keys.id, keys.name FROM entries
    JOIN requests ON requests.id = request_id JOIN keys ON keys.id = key_id
    WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2 ORDER BY keys.id";

/// The kind of a key's name. A key may be renamed, and its name forgotten, which its history says: so the whole is hashed
/// over the name's own hash.
pub(super) const NAME: &str = "name of key";

/// A line of a closing, by what it is of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct LineId {
    pub(super) kind: &'static str,
    pub(super) row: i64,
}

/// The hashes of all lines of `head`'s month, in the order in which they are hashed into `whole`.
pub(super) fn hash(
    conn: &Conn<'_>,
    head: &Head,
    whole: &mut Form,
) -> Result<Vec<(LineId, Sha256Hash)>, LedgerError> {
    let mut hashes = Vec::new();
    for (kind, of, sql) in KINDS {
        let all = params![head.start, head.end, head.closed_at];
        let moments = match of {
            Of::Span => &all[..2],
            Of::Closing => &all[2..],
            Of::Both => &all[..],
        };
        conn.for_each(sql, moments, |row| -> Result<(), LedgerError> {
            let line = format!("[\"{kind}\",{}", &line(row)?[1..]);
            hashes.push((LineId { kind, row: row.get(0)? }, whole.line(&line)));
            Ok(())
        })?;
    }
    Ok(hashes)
}

/// The names of the keys of `head`'s month as they are now, by the keys' numbers.
pub(super) fn names(conn: &Conn<'_>, head: &Head) -> Result<Vec<(LineId, Sha256Hash)>, LedgerError> {
    conn.query(KEYS, params![head.start, head.end], |row| {
        let name: String = row.get(1)?;
        Ok((LineId { kind: NAME, row: row.get(0)? }, Sha256Hash::new(Sha256::digest(name).into())))
    })
}

/// Hashes names of keys, by their hashes, into `whole`.
pub(super) fn hash_names(names: &[(LineId, Sha256Hash)], whole: &mut Form) {
    for (id, sha256) in names {
        whole.line(&format!("[\"{NAME}\",{},\"{sha256}\"]\n", id.row));
    }
}

/// The name of a kind as it is known here.
pub(super) fn kind_named(name: &str) -> Option<&'static str> {
    KINDS.iter().map(|(kind, ..)| *kind).chain([NAME]).find(|kind| *kind == name)
}

//! What was bought, row by row: images as they were booked, and what was found out later about purchases in doubt.

use jiff::Timestamp;

use crate::{
    domain::ImageSize,
    ledger::{
        LedgerError,
        store::{Conn, Row, params},
    },
    units::{Currency, Money, RangeError},
};

/// What became of images that were bought, or were to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ledger) enum BoughtKind {
    /// They came.
    Bought,
    /// They did not come, and nobody knows whether they were paid for. Below 0 where that was found out later.
    Doubtful,
    /// They did not come, and were paid for.
    Lost,
}

/// Images of one seller, price-book entry and kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ledger) struct BoughtSum {
    pub(in crate::ledger) seller: String,
    pub(in crate::ledger) sku: String,
    pub(in crate::ledger) list_currency: Currency,
    pub(in crate::ledger) kind: BoughtKind,
    pub(in crate::ledger) images: i64,
    pub(in crate::ledger) list: Money,
    pub(in crate::ledger) paid: Money,
    pub(in crate::ledger) here: Money,
}

/// One image, or what was found out about a purchase, with what its request says.
#[derive(Debug, Clone)]
pub(in crate::ledger) struct BoughtRow {
    pub(in crate::ledger) at: Timestamp,
    pub(in crate::ledger) sum: BoughtSum,
    pub(in crate::ledger) size: ImageSize,
    pub(in crate::ledger) quality: Option<String>,
    /// The key's public id, and what its owner calls it.
    pub(in crate::ledger) key: String,
    pub(in crate::ledger) key_name: String,
    pub(in crate::ledger) tag: Option<String>,
}

/// Images as they were booked; then each finding, which takes its purchase out of doubt, and books what was paid.
const ROWS: &str = "
    SELECT at_ms, bought.state, seller, sku, list_currency, width, height, bought.images, list_nano, price_nano, here_nano,
           quality, tag, public_id, keys.name AS key_name
    FROM (SELECT request_id, entered_at_ms AS at_ms, state, seller, sku, list_currency, width, height,
                 CAST(1 AS BIGINT) AS images, list_nano, price_nano, here_nano
          FROM bought_images WHERE entered_at_ms >= ?1 AND entered_at_ms < ?2
          UNION ALL
          SELECT request_id, recorded_at_ms, 'doubtful', seller, sku, list_currency, width, height,
                 -images, -images * purchases.list_nano, -images * price_nano, -images * here_nano
          FROM purchase_resolutions JOIN purchases ON purchases.id = purchase_id
          WHERE recorded_at_ms >= ?1 AND recorded_at_ms < ?2
          UNION ALL
          SELECT request_id, recorded_at_ms, 'lost', seller, sku, list_currency, width, height,
                 images, purchase_resolutions.list_nano, paid_nano, CAST(0 AS BIGINT)
          FROM purchase_resolutions JOIN purchases ON purchases.id = purchase_id
          WHERE paid_nano > 0 AND recorded_at_ms >= ?1 AND recorded_at_ms < ?2) AS bought
    JOIN requests ON requests.id = request_id JOIN keys ON keys.id = key_id
    ORDER BY seller, sku, list_currency, bought.state, at_ms, request_id";

/// What was booked from `start` up to, not including, `end`, seller by seller.
pub(in crate::ledger) fn of_span(
    conn: &Conn<'_>,
    start: Timestamp,
    end: Timestamp,
) -> Result<Vec<BoughtRow>, LedgerError> {
    conn.query(ROWS, params![start, end], bought_row)
}

fn bought_row(row: &Row<'_>) -> Result<BoughtRow, LedgerError> {
    let out_of_range = |what| LedgerError::OutOfRange { what };
    let (code, state): (String, String) = (row.get("list_currency")?, row.get("state")?);
    let size = ImageSize::new(row.get("width")?, row.get("height")?);
    Ok(BoughtRow {
        at: row.get("at_ms")?,
        sum: BoughtSum {
            seller: row.get("seller")?,
            sku: row.get("sku")?,
            list_currency: Currency::meant_by(&code).ok_or(out_of_range("bought_images.list_currency"))?,
            kind: match state.as_str() {
                "bought" => BoughtKind::Bought,
                "doubtful" => BoughtKind::Doubtful,
                _ => BoughtKind::Lost,
            },
            images: row.get("images")?,
            list: Money::from_nano(row.get("list_nano")?),
            paid: Money::from_nano(row.get("price_nano")?),
            here: Money::from_nano(row.get("here_nano")?),
        },
        size: size.map_err(|_| out_of_range("bought_images.width"))?,
        quality: row.get("quality")?,
        key: row.get("public_id")?,
        key_name: row.get("key_name")?,
        tag: row.get("tag")?,
    })
}

impl BoughtSum {
    /// Adds `other`, which is of the same seller, entry and kind.
    ///
    /// # Errors
    /// [`RangeError`] past 64 bits.
    pub(in crate::ledger) fn add(&mut self, other: &Self) -> Result<(), RangeError> {
        self.images += other.images;
        self.list = self.list.plus(other.list)?;
        self.paid = self.paid.plus(other.paid)?;
        self.here = self.here.plus(other.here)?;
        Ok(())
    }

    /// Whether it comes to nothing.
    pub(in crate::ledger) fn is_nothing(&self) -> bool {
        self.images == 0 && self.paid == Money::ZERO
    }
}

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;

use super::{
    FailedWork, LedgerError, SettledImage, rate_cards, signed,
    store::{Conn, Row, params},
    unsigned,
};
use crate::{
    costs::{Breakdown, Comparison, PricedWork, RateCard, Receipt, Share},
    domain::{EnergySource, ImageSize, RenderSpec, RequestId, Seed, Usage},
    units::{Currency, Energy, Millis, Money},
};

/// What all entries of one request have in common.
pub(super) struct Entries<'a> {
    pub(super) request: RequestId,
    pub(super) spec: &'a RenderSpec,
    pub(super) currency: Currency,
    pub(super) now: Timestamp,
}

/// What differs between an image and a failure.
struct Columns<'a> {
    kind: &'static str,
    index: u32,
    images: i64,
    images_shown: u32,
    seed: Seed,
    usage: Usage,
    wall_energy: Energy,
    cost: Breakdown,
    comparison: Option<&'a Comparison>,
    rates: Option<&'a RateCard>,
    share: Option<Share>,
}

impl Entries<'_> {
    pub(super) fn insert_image(
        &self,
        conn: &Conn<'_>,
        index: u32,
        image: &SettledImage,
    ) -> Result<(), LedgerError> {
        let receipt = &image.receipt;
        let row = Columns {
            kind: "image",
            index,
            images: 1,
            images_shown: 0,
            seed: image.seed,
            usage: receipt.usage,
            wall_energy: receipt.wall_energy,
            cost: receipt.cost,
            comparison: receipt.comparison.as_ref(),
            rates: receipt.rates.as_deref(),
            share: None,
        };
        self.insert(conn, &row)
    }

    pub(super) fn insert_failure(&self, conn: &Conn<'_>, work: &FailedWork) -> Result<(), LedgerError> {
        let PricedWork { wall_energy, cost, rates } = &work.priced;
        let row = Columns {
            kind: "failed",
            index: work.index,
            images: 0,
            images_shown: work.images_shown,
            seed: work.seed,
            usage: work.usage,
            wall_energy: *wall_energy,
            cost: *cost,
            comparison: None,
            rates: rates.as_deref(),
            share: Some(work.share),
        };
        self.insert(conn, &row)
    }

    fn insert(&self, conn: &Conn<'_>, row: &Columns<'_>) -> Result<(), LedgerError> {
        // Failed work has never had a price; an image without one has none.
        let none = (row.kind == "failed").then_some(0);
        let rate_card = row.rates.map(|rates| rate_cards::keep(conn, rates)).transpose()?;
        let steps_done = row.share.map(|share| signed(share.steps_done, "steps_done")).transpose()?;
        conn.send(
                "INSERT INTO entries
                     (request_id, kind, image_index, images, entered_at_ms, duration_ms, energy_mj, wall_energy_mj,
                      energy_source, currency, electricity_nano, depreciation_nano, upkeep_nano, compared_sku,
                      compared_nano, exchange_rate_nano, width, height, steps, seed, epoch, images_shown,
                      rate_card, steps_done, steps_of)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22,
                         ?23, ?24, ?25)",
            params![
                self.request.to_text(),
                row.kind,
                row.index,
                row.images,
                self.now,
                signed(row.usage.duration.get(), "duration_ms")?,
                signed(row.usage.energy.as_millijoules(), "energy_mj")?,
                signed(row.wall_energy.as_millijoules(), "wall_energy_mj")?,
                row.usage.source.as_str(),
                self.currency.code(),
                row.cost.electricity.as_nano(),
                row.cost.depreciation.as_nano(),
                row.cost.upkeep.as_nano(),
                row.comparison.map(|comparison| comparison.sku.as_str()),
                row.comparison.map(|comparison| comparison.price.as_nano()).or(none),
                row.comparison.map(|comparison| comparison.exchange_rate.as_nano()).or(none),
                self.spec.size.width(),
                self.spec.size.height(),
                self.spec.steps,
                signed(row.seed.get(), "seed")?,
                row.usage.epoch,
                row.images_shown,
                rate_card,
                steps_done,
                row.share.map(|share| share.steps),
            ])
    }
}

/// What [`image`] reads, first in its row.
pub(super) const IMAGE_COLUMNS: &str = "
    seed, duration_ms, energy_mj, wall_energy_mj, energy_source, electricity_nano, depreciation_nano, upkeep_nano,
    compared_sku, compared_nano, exchange_rate_nano, epoch,
    (SELECT card FROM rate_cards WHERE rate_cards.id = entries.rate_card) AS card";

/// Each settled request, with the images that were asked for and those that were booked for it first, or bought.
pub(super) const IMAGES_BY_REQUEST: &str = "
    SELECT requests.id, requests.images,
           CAST(count(entries.id)
                + (SELECT count(*) FROM bought_images
                   WHERE bought_images.request_id = requests.id AND bought_images.state = 'bought') AS BIGINT)
    FROM requests
    LEFT JOIN entries ON entries.request_id = requests.id AND kind = 'image' AND reverses IS NULL AND corrects IS NULL
    WHERE requests.state = 'settled' GROUP BY requests.id, requests.images ORDER BY requests.id";

/// The images of request ?1 as they were first booked.
pub(super) static IMAGES: LazyLock<String> = LazyLock::new(|| {
    format!(
        "SELECT {IMAGE_COLUMNS}, width, height FROM entries
         WHERE request_id = ?1 AND kind = 'image' AND +reverses IS NULL AND +corrects IS NULL ORDER BY image_index"
    )
});

/// The images of a request as they were first booked, in order, and their size.
pub(super) fn images_of(
    conn: &Conn<'_>,
    id: RequestId,
) -> Result<(ImageSize, Vec<SettledImage>), LedgerError> {
    let mut size = None;
    let images = conn.query(&IMAGES, params![id.to_text()], |row| {
        size = ImageSize::new(row.get("width")?, row.get("height")?).ok();
        image(row)
    })?;
    Ok((size.ok_or(LedgerError::OutOfRange { what: "width" })?, images))
}

/// The word in `column`.
pub(super) fn energy_source(row: &Row<'_>, column: usize) -> Result<EnergySource, LedgerError> {
    let word = row.value(column)?.as_str().and_then(|word| word.parse().ok());
    word.ok_or(LedgerError::OutOfRange { what: "energy_source" })
}

/// An image with its receipt.
pub(super) fn image(row: &Row<'_>) -> Result<SettledImage, LedgerError> {
    let count = |column: usize, what| unsigned(row.get(column)?, what);
    let money = |column: usize| -> Result<Money, LedgerError> { Ok(Money::from_nano(row.get(column)?)) };
    Ok(SettledImage {
        seed: Seed::new(count(0, "seed")?),
        receipt: Receipt {
            usage: Usage {
                duration: Millis::new(count(1, "duration_ms")?),
                energy: Energy::from_millijoules(count(2, "energy_mj")?),
                source: energy_source(row, 4)?,
                epoch: row.get(11)?,
            },
            wall_energy: Energy::from_millijoules(count(3, "wall_energy_mj")?),
            cost: Breakdown { electricity: money(5)?, depreciation: money(6)?, upkeep: money(7)? },
            comparison: match row.get(8)? {
                Some(sku) => {
                    Some(Comparison { sku, price: money(9)?, exchange_rate: money(10)?, rate: None })
                }
                None => None,
            },
            rates: match row.get::<Option<String>>(12)? {
                Some(card) => Some(Arc::new(serde_json::from_str(&card)?)),
                None => None,
            },
        },
    })
}

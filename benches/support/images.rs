//! A month's images at once, in the program's own schema with its triggers at work: a million commits would take an
//! hour.

use jiff::Timestamp;
use rusqlite::{Transaction, params};

/// ?3 requests from ?1 to ?2, of ?4 keys. `random` is the number scattered by Knuth's constant.
const REQUESTS: &str = "
    WITH RECURSIVE number (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < ?3 - 1),
         scattered (n, ms, random) AS (SELECT n, ?1 + n * (?2 - ?1) / ?3, (n * 2654435761 & 4294967295) >> 8 FROM number)
    INSERT INTO requests (id, key_id, body_sha256, state, model, images, reserved_nano, created_at_ms, quality, tag)
    SELECT printf('%08x-%04x-7000-8000-%012x', ms >> 16, ms & 65535, n), 1 + random % ?4, zeroblob(32), 'running',
           'Z-Image-Turbo', 1, 375583334, ms,
           CASE random / 5 % 3 WHEN 0 THEN 'low' WHEN 1 THEN 'medium' ELSE 'high' END,
           CASE random / 15 % 4 WHEN 0 THEN 'spring' WHEN 1 THEN 'autumn' WHEN 2 THEN 'client 12' END
    FROM scattered";

const ENTRIES: &str = "
    INSERT INTO entries
        (request_id, kind, image_index, images, entered_at_ms, duration_ms, energy_mj, wall_energy_mj, energy_source,
         currency, electricity_nano, depreciation_nano, upkeep_nano, compared_sku, compared_nano, exchange_rate_nano,
         width, height, steps, seed)
    SELECT id, 'image', 0, 1, created_at_ms, 900, 300000 + rowid % 9973, 330000, 'metered', 'CNY', 110000 + rowid % 997,
           343333334, 30000000, 'fal/z-image-turbo', 36543000, 6970000000,
           CASE rowid / 7 % 4 WHEN 0 THEN 768 WHEN 1 THEN 512 ELSE 1024 END,
           CASE rowid / 7 % 4 WHEN 1 THEN 512 WHEN 2 THEN 768 ELSE 1024 END, 8, rowid
    FROM requests WHERE state = 'running'";

const SETTLEMENTS: &str = "
    UPDATE requests SET state = 'settled', ended_at_ms = created_at_ms, delivered = 0, prompt_tokens = 18
    WHERE state = 'running'";

const DELIVERIES: &str = "
    INSERT INTO deliveries (request_id, delivered_at_ms) SELECT id, ended_at_ms FROM requests WHERE delivered = 0";

/// Books `images` requests of an image each from `start` to `end`, of the first `keys` keys: four tags, four sizes, three
/// qualities.
pub fn book(transaction: &Transaction<'_>, start: Timestamp, end: Timestamp, images: u32, keys: u32) {
    let span = params![start.as_millisecond(), end.as_millisecond(), images, keys];
    let images = images as usize;
    assert_eq!(transaction.execute(REQUESTS, span).expect("requests"), images);
    assert_eq!(transaction.execute(ENTRIES, []).expect("entries"), images);
    assert_eq!(transaction.execute(SETTLEMENTS, []).expect("settled"), images);
    assert_eq!(transaction.execute(DELIVERIES, []).expect("deliveries"), images);
}

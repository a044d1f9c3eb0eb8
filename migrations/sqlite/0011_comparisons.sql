-- A comparison is decoration: an image that has no price elsewhere on its day is booked all the same, and compared with
-- nothing. Then compared_sku, compared_nano and exchange_rate_nano are NULL, and so is saving_nano.
--
-- NOT NULL and CHECK are only what SQLite asks of new rows, so dropping them changes no row: this is the procedure of
-- https://sqlite.org/lang_altertable.html, section 7, for a change that leaves the stored content as it is. A million rows
-- are not copied, and the triggers and foreign keys stay in force.
PRAGMA writable_schema = ON;

UPDATE sqlite_schema SET sql = replace(replace(replace(replace(sql,
    'compared_nano      INTEGER NOT NULL,', 'compared_nano      INTEGER,'),
    'exchange_rate_nano INTEGER NOT NULL,', 'exchange_rate_nano INTEGER,'),
    'saving_nano        INTEGER NOT NULL GENERATED', 'saving_nano        INTEGER GENERATED'),
    'CHECK ((kind = ''failed'') = (compared_sku IS NULL))',
    'CHECK (kind <> ''failed'' OR compared_sku IS NULL),
    CHECK (kind = ''failed'' OR (compared_sku IS NULL) = (compared_nano IS NULL)),
    CHECK ((compared_nano IS NULL) = (exchange_rate_nano IS NULL))')
WHERE type = 'table' AND name = 'entries';

-- Electricity has a price below 0 in some hours of day-ahead tariffs, in idle ones too.
UPDATE sqlite_schema SET sql = replace(sql,
    'electricity_nano INTEGER NOT NULL CHECK (electricity_nano >= 0)', 'electricity_nano INTEGER NOT NULL')
WHERE type = 'table' AND name = 'overheads';

-- Reads the schema again; the statements below tell other connections to do the same.
PRAGMA writable_schema = RESET;

DROP TRIGGER entries_are_reversed_as_they_are;

CREATE TRIGGER entries_are_reversed_as_they_are
BEFORE INSERT ON entries
WHEN NEW.reverses IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM entries AS old
    WHERE old.id = NEW.reverses AND old.reverses IS NULL
      AND old.request_id = NEW.request_id AND old.kind = NEW.kind AND old.image_index = NEW.image_index
      AND old.currency = NEW.currency
      AND old.images = -NEW.images AND old.duration_ms = -NEW.duration_ms
      AND old.energy_mj = -NEW.energy_mj AND old.wall_energy_mj = -NEW.wall_energy_mj
      AND old.electricity_nano = -NEW.electricity_nano AND old.depreciation_nano = -NEW.depreciation_nano
      AND old.upkeep_nano = -NEW.upkeep_nano AND old.compared_nano IS NOT DISTINCT FROM -NEW.compared_nano)
BEGIN
    SELECT RAISE(ABORT, 'a reversal takes back the whole of an entry that is no reversal itself');
END;

-- What a request is filed under. SQLite keeps a comment before the semicolon in the table's schema.
ALTER TABLE requests ADD COLUMN tag TEXT
    CHECK (length(tag) BETWEEN 1 AND 128) /* X-Cost-Tag, or the body's user; NULL: neither */;
ALTER TABLE requests ADD COLUMN quality TEXT
    CHECK (quality IN ('low', 'medium', 'high', 'xhigh', 'max')) /* NULL: booked before this was kept */;

-- Why an entry was reversed or corrected.
ALTER TABLE entries ADD COLUMN reason TEXT CHECK (length(reason) BETWEEN 1 AND 500);

CREATE TRIGGER requests_keep_what_they_are_filed_under
BEFORE UPDATE OF tag, quality ON requests
BEGIN
    SELECT RAISE(ABORT, 'a request is not rewritten');
END;

CREATE TRIGGER entries_say_why_they_change_others
BEFORE INSERT ON entries
WHEN (NEW.reverses IS NULL AND NEW.corrects IS NULL) <> (NEW.reason IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'a reversal and a correction have a reason, and nothing else has one');
END;

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
      AND old.upkeep_nano = -NEW.upkeep_nano AND old.compared_nano = -NEW.compared_nano)
BEGIN
    SELECT RAISE(ABORT, 'a reversal takes back the whole of an entry that is no reversal itself');
END;

CREATE TRIGGER entries_are_corrected_once_they_are_reversed
BEFORE INSERT ON entries
WHEN NEW.corrects IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM entries AS old JOIN entries AS reversal ON reversal.reverses = old.id
    WHERE old.id = NEW.corrects AND old.request_id = NEW.request_id AND old.kind = NEW.kind
      AND old.image_index = NEW.image_index AND old.currency = NEW.currency)
BEGIN
    SELECT RAISE(ABORT, 'a correction takes the place of an entry that has been reversed');
END;

-- A month whose entries are complete. Append-only; each closing's hash covers the one before.
CREATE TABLE month_closings (
    month           TEXT    PRIMARY KEY CHECK (month GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]'),
    start_ms        INTEGER NOT NULL,               -- its first moment, in the zone of that time
    end_ms          INTEGER NOT NULL CHECK (end_ms > start_ms), -- the first moment after it
    closed_at_ms    INTEGER NOT NULL,
    format          INTEGER NOT NULL,               -- how its entries were written down for the hash
    rows            INTEGER NOT NULL CHECK (rows >= 0),
    sha256          BLOB    NOT NULL CHECK (length(sha256) = 32),
    previous_sha256 BLOB    CHECK (length(previous_sha256) = 32) -- NULL: the first closing
) STRICT;

CREATE UNIQUE INDEX month_closings_are_one_chain ON month_closings (coalesce(previous_sha256, x''));

-- The hash of each entry in a closed month, so that a change can be told to the row.
CREATE TABLE month_closing_rows (
    entry_id INTEGER PRIMARY KEY REFERENCES entries (id),
    month    TEXT    NOT NULL REFERENCES month_closings (month),
    sha256   BLOB    NOT NULL CHECK (length(sha256) = 32)
) STRICT;

CREATE INDEX month_closing_rows_by_month ON month_closing_rows (month);

CREATE TRIGGER entries_of_a_closed_month_are_complete
BEFORE INSERT ON entries
WHEN EXISTS (SELECT 1 FROM month_closings WHERE NEW.entered_at_ms >= start_ms AND NEW.entered_at_ms < end_ms)
BEGIN
    SELECT RAISE(ABORT, 'the month of this entry is closed: reverse the old entry in the current month');
END;

CREATE TRIGGER month_closings_are_never_replaced
BEFORE INSERT ON month_closings
WHEN EXISTS (SELECT 1 FROM month_closings WHERE month = NEW.month OR previous_sha256 IS NEW.previous_sha256)
BEGIN
    SELECT RAISE(ABORT, 'a month is closed once, and for good');
END;

CREATE TRIGGER month_closings_are_never_rewritten
BEFORE UPDATE ON month_closings
BEGIN
    SELECT RAISE(ABORT, 'a month is closed once, and for good');
END;

CREATE TRIGGER month_closings_are_never_deleted
BEFORE DELETE ON month_closings
BEGIN
    SELECT RAISE(ABORT, 'a month is closed once, and for good');
END;

CREATE TRIGGER month_closing_rows_are_never_replaced
BEFORE INSERT ON month_closing_rows
WHEN EXISTS (SELECT 1 FROM month_closing_rows WHERE entry_id = NEW.entry_id)
BEGIN
    SELECT RAISE(ABORT, 'a month is closed once, and for good');
END;

CREATE TRIGGER month_closing_rows_are_never_rewritten
BEFORE UPDATE ON month_closing_rows
BEGIN
    SELECT RAISE(ABORT, 'a month is closed once, and for good');
END;

CREATE TRIGGER month_closing_rows_are_never_deleted
BEFORE DELETE ON month_closing_rows
BEGIN
    SELECT RAISE(ABORT, 'a month is closed once, and for good');
END;

-- That an answer was handed over: a row of its own, which a keyed repeat days later adds. requests.delivered follows it.
CREATE TABLE deliveries (
    id              INTEGER PRIMARY KEY,
    request_id      TEXT    NOT NULL UNIQUE REFERENCES requests (id),
    delivered_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX deliveries_by_time ON deliveries (delivered_at_ms);

INSERT INTO deliveries (request_id, delivered_at_ms)
SELECT id, ended_at_ms FROM requests WHERE delivered = 1 ORDER BY ended_at_ms, id;

-- REPLACE deletes without asking the trigger for it.
CREATE TRIGGER deliveries_are_never_replaced BEFORE INSERT ON deliveries
WHEN EXISTS (SELECT 1 FROM deliveries WHERE id = NEW.id OR request_id = NEW.request_id)
BEGIN
    SELECT RAISE(ABORT, 'deliveries are append-only');
END;

CREATE TRIGGER deliveries_are_of_settled_requests BEFORE INSERT ON deliveries
WHEN (SELECT state FROM requests WHERE id = NEW.request_id) IS NOT 'settled'
BEGIN
    SELECT RAISE(ABORT, 'only a settled request is delivered');
END;

CREATE TRIGGER deliveries_mark_their_request AFTER INSERT ON deliveries
BEGIN
    UPDATE requests SET delivered = 1 WHERE id = NEW.request_id;
END;

CREATE TRIGGER deliveries_are_never_rewritten BEFORE UPDATE ON deliveries
BEGIN
    SELECT RAISE(ABORT, 'deliveries are append-only');
END;

CREATE TRIGGER deliveries_are_never_deleted BEFORE DELETE ON deliveries
BEGIN
    SELECT RAISE(ABORT, 'deliveries are append-only');
END;

CREATE TRIGGER requests_are_delivered_by_deliveries BEFORE UPDATE OF delivered ON requests
WHEN NEW.delivered IS NOT OLD.delivered
 AND NOT (OLD.delivered IS NULL AND NEW.delivered = 0)
 AND NOT (NEW.delivered = 1 AND EXISTS (SELECT 1 FROM deliveries WHERE request_id = NEW.id))
BEGIN
    SELECT RAISE(ABORT, 'a request is delivered by a row of deliveries');
END;

-- What a closing closed: every figure of the month's report and what it was made from, as JSON. Texts that name people are
-- numbers in it. Closings before format 3 have none.
CREATE TABLE month_statements (
    month     TEXT PRIMARY KEY REFERENCES month_closings (month),
    statement TEXT NOT NULL CHECK (json_valid(statement))
) STRICT;

-- The hash of each row beside entries that a closing covers, so that a change can be told to the row.
CREATE TABLE month_seal_rows (
    month   TEXT    NOT NULL REFERENCES month_closings (month),
    kind    TEXT    NOT NULL,                       -- 'overhead', 'epoch', 'part', …, as closing/lines.rs lists them
    row_id  INTEGER NOT NULL,
    sha256  BLOB    NOT NULL CHECK (length(sha256) = 32),
    PRIMARY KEY (month, kind, row_id)
) STRICT;

CREATE TRIGGER month_statements_are_never_replaced BEFORE INSERT ON month_statements
WHEN EXISTS (SELECT 1 FROM month_statements WHERE month = NEW.month)
BEGIN
    SELECT RAISE(ABORT, 'a month is closed once, and for good');
END;

CREATE TRIGGER month_statements_are_never_rewritten BEFORE UPDATE ON month_statements
BEGIN
    SELECT RAISE(ABORT, 'a month is closed once, and for good');
END;

CREATE TRIGGER month_statements_are_never_deleted BEFORE DELETE ON month_statements
BEGIN
    SELECT RAISE(ABORT, 'a month is closed once, and for good');
END;

CREATE TRIGGER month_seal_rows_are_never_replaced BEFORE INSERT ON month_seal_rows
WHEN EXISTS (SELECT 1 FROM month_seal_rows WHERE month = NEW.month AND kind = NEW.kind AND row_id = NEW.row_id)
BEGIN
    SELECT RAISE(ABORT, 'a month is closed once, and for good');
END;

CREATE TRIGGER month_seal_rows_are_never_rewritten BEFORE UPDATE ON month_seal_rows
BEGIN
    SELECT RAISE(ABORT, 'a month is closed once, and for good');
END;

CREATE TRIGGER month_seal_rows_are_never_deleted BEFORE DELETE ON month_seal_rows
BEGIN
    SELECT RAISE(ABORT, 'a month is closed once, and for good');
END;

-- What a fact that was recorded late costs on days that are closed. It belongs to the open month in which it was recorded.
CREATE TABLE adjustments (
    id             INTEGER PRIMARY KEY,
    recorded_at_ms INTEGER NOT NULL,
    kind           TEXT    NOT NULL CHECK (kind IN ('depreciation', 'upkeep', 'disposal')),
    currency       TEXT    NOT NULL CHECK (length(currency) = 3),
    amount_nano    INTEGER NOT NULL CHECK (amount_nano <> 0), -- above 0: the closed days cost more
    first_day      TEXT    NOT NULL CHECK (first_day IS date(first_day)), -- of the closed days
    end_day        TEXT    NOT NULL CHECK (end_day IS date(end_day)),     -- the first day after them
    reason         TEXT    NOT NULL CHECK (reason <> ''),
    actor          TEXT    NOT NULL CHECK (actor <> '' AND actor NOT GLOB '*[.:]*'),
    document       TEXT    CHECK (document <> ''),
    CHECK (first_day < end_day)
) STRICT;

CREATE INDEX adjustments_by_time ON adjustments (recorded_at_ms);

CREATE TRIGGER adjustments_are_never_replaced BEFORE INSERT ON adjustments
WHEN EXISTS (SELECT 1 FROM adjustments WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'adjustments are append-only');
END;

CREATE TRIGGER adjustments_are_never_rewritten BEFORE UPDATE ON adjustments
BEGIN
    SELECT RAISE(ABORT, 'adjustments are append-only');
END;

CREATE TRIGGER adjustments_are_never_deleted BEFORE DELETE ON adjustments
BEGIN
    SELECT RAISE(ABORT, 'adjustments are append-only');
END;

-- Nothing that a closing covers can be added to it. Entries have a trigger of their own since closings exist.
CREATE TRIGGER overheads_of_a_closed_month_are_complete BEFORE INSERT ON overheads
WHEN EXISTS (SELECT 1 FROM month_closings WHERE NEW.entered_at_ms >= start_ms AND NEW.entered_at_ms < end_ms)
BEGIN
    SELECT RAISE(ABORT, 'the month of this energy is closed');
END;

CREATE TRIGGER adjustments_are_of_an_open_month BEFORE INSERT ON adjustments
WHEN EXISTS (SELECT 1 FROM month_closings WHERE NEW.recorded_at_ms <= closed_at_ms OR NEW.recorded_at_ms < end_ms)
BEGIN
    SELECT RAISE(ABORT, 'what is recorded now is recorded after all closings');
END;

CREATE TRIGGER deliveries_are_after_the_closing BEFORE INSERT ON deliveries
WHEN EXISTS (SELECT 1 FROM month_closings JOIN requests ON requests.id = NEW.request_id
             WHERE ended_at_ms >= start_ms AND ended_at_ms < end_ms AND NEW.delivered_at_ms <= closed_at_ms)
BEGIN
    SELECT RAISE(ABORT, 'what is recorded now is recorded after all closings');
END;

CREATE TRIGGER assets_are_after_the_closing BEFORE INSERT ON assets
WHEN EXISTS (SELECT 1 FROM month_closings WHERE NEW.added_at_ms <= closed_at_ms)
BEGIN
    SELECT RAISE(ABORT, 'what is recorded now is recorded after all closings');
END;

CREATE TRIGGER asset_retirements_are_after_the_closing BEFORE INSERT ON asset_retirements
WHEN EXISTS (SELECT 1 FROM month_closings WHERE NEW.noted_at_ms <= closed_at_ms)
BEGIN
    SELECT RAISE(ABORT, 'what is recorded now is recorded after all closings');
END;

CREATE TRIGGER cost_lines_are_after_the_closing BEFORE INSERT ON cost_lines
WHEN EXISTS (SELECT 1 FROM month_closings WHERE NEW.recorded_at_ms <= closed_at_ms)
BEGIN
    SELECT RAISE(ABORT, 'what is recorded now is recorded after all closings');
END;

CREATE TRIGGER cost_line_ends_are_after_the_closing BEFORE INSERT ON cost_line_ends
WHEN EXISTS (SELECT 1 FROM month_closings WHERE NEW.recorded_at_ms <= closed_at_ms)
BEGIN
    SELECT RAISE(ABORT, 'what is recorded now is recorded after all closings');
END;

CREATE TRIGGER meter_epochs_are_never_replaced BEFORE INSERT ON meter_epochs
WHEN EXISTS (SELECT 1 FROM meter_epochs WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'epochs are append-only');
END;

CREATE TRIGGER requests_keep_how_an_edit_ran
BEFORE UPDATE OF edit_steps_run, edit_sigma_ppm, edit_pixels, edit_unchanged ON requests
WHEN OLD.edit_steps_run IS NOT NULL
  OR EXISTS (SELECT 1 FROM month_closings WHERE OLD.ended_at_ms >= start_ms AND OLD.ended_at_ms < end_ms)
BEGIN
    SELECT RAISE(ABORT, 'how an edit ran is noted once, while its month is open');
END;

-- What work was priced with: prices, factors, lines and parts of one moment, as JSON. One row for each that was ever used.
CREATE TABLE rate_cards (
    id     INTEGER PRIMARY KEY,
    sha256 BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32), -- of card
    card   TEXT    NOT NULL CHECK (json_valid(card))
) STRICT;

CREATE TRIGGER rate_cards_are_never_replaced BEFORE INSERT ON rate_cards
WHEN EXISTS (SELECT 1 FROM rate_cards WHERE id = NEW.id OR sha256 = NEW.sha256)
BEGIN
    SELECT RAISE(ABORT, 'rate cards are append-only');
END;

CREATE TRIGGER rate_cards_are_never_rewritten BEFORE UPDATE ON rate_cards
BEGIN
    SELECT RAISE(ABORT, 'rate cards are append-only');
END;

CREATE TRIGGER rate_cards_are_never_deleted BEFORE DELETE ON rate_cards
BEGIN
    SELECT RAISE(ABORT, 'rate cards are append-only');
END;

-- SQLite keeps a comment before the semicolon in the table's schema.
ALTER TABLE entries ADD COLUMN rate_card INTEGER REFERENCES rate_cards (id) /* NULL: an earlier version's */;
ALTER TABLE entries ADD COLUMN steps_done INTEGER CHECK (steps_done >= 0) /* of failed work; NULL: an image, or not kept */;
ALTER TABLE entries ADD COLUMN steps_of INTEGER CHECK (steps_of >= 0) /* of an image, of which steps_done were done */;
ALTER TABLE overheads ADD COLUMN rate_card INTEGER REFERENCES rate_cards (id) /* NULL: an earlier version's */;

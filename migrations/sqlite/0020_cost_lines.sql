-- A dated line of cost: what is paid beside electricity and the loss of the parts, such as rent, a network, an insurance.
-- Never rewritten: another amount is another line, and the old one ends on the day on which the new one begins.
CREATE TABLE cost_lines (
    id                         INTEGER PRIMARY KEY,
    kind                       TEXT    NOT NULL CHECK (kind IN ('upkeep', 'rental')),
    name                       TEXT    NOT NULL CHECK (name <> ''),
    machine                    TEXT    CHECK (machine <> ''),               -- NULL: all machines
    currency                   TEXT    NOT NULL CHECK (length(currency) = 3),
    amount_nano                INTEGER NOT NULL CHECK (amount_nano >= 0),
    per                        TEXT    NOT NULL CHECK (per IN ('image', 'hour', 'day', 'month', 'year', 'once')),
    normal_utilisation_percent INTEGER CHECK (normal_utilisation_percent BETWEEN 1 AND 100), -- what goes by time
    first_day                  TEXT    NOT NULL CHECK (first_day IS date(first_day)),
    document                   TEXT    CHECK (document <> ''),              -- an invoice's number, a contract; NULL: none
    -- 'configuration', 'command line', or a key's public id. Never an address.
    actor                      TEXT    NOT NULL CHECK (actor <> '' AND actor NOT GLOB '*[.:]*'),
    recorded_at_ms             INTEGER NOT NULL,
    CHECK (per <> 'image' OR normal_utilisation_percent IS NULL)
) STRICT;

-- The end of a line, at most once.
CREATE TABLE cost_line_ends (
    line_id        INTEGER PRIMARY KEY REFERENCES cost_lines (id),
    ended_on       TEXT    NOT NULL CHECK (ended_on IS date(ended_on)),     -- the first day on which it is not paid
    document       TEXT    CHECK (document <> ''),
    actor          TEXT    NOT NULL CHECK (actor <> '' AND actor NOT GLOB '*[.:]*'),
    recorded_at_ms INTEGER NOT NULL
) STRICT;

-- REPLACE deletes without asking the trigger for it.
CREATE TRIGGER cost_lines_are_never_replaced BEFORE INSERT ON cost_lines
WHEN EXISTS (SELECT 1 FROM cost_lines WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'lines of cost are append-only: end the line and add another');
END;

CREATE TRIGGER cost_lines_are_never_rewritten BEFORE UPDATE ON cost_lines
BEGIN
    SELECT RAISE(ABORT, 'lines of cost are append-only: end the line and add another');
END;

CREATE TRIGGER cost_lines_are_never_deleted BEFORE DELETE ON cost_lines
BEGIN
    SELECT RAISE(ABORT, 'lines of cost are append-only: end the line and add another');
END;

CREATE TRIGGER cost_lines_end_once BEFORE INSERT ON cost_line_ends
WHEN EXISTS (SELECT 1 FROM cost_line_ends WHERE line_id = NEW.line_id)
BEGIN
    SELECT RAISE(ABORT, 'a line of cost ends once');
END;

CREATE TRIGGER cost_lines_end_after_they_begin BEFORE INSERT ON cost_line_ends
WHEN NEW.ended_on < (SELECT first_day FROM cost_lines WHERE id = NEW.line_id)
BEGIN
    SELECT RAISE(ABORT, 'a line of cost does not end before its first day');
END;

CREATE TRIGGER cost_line_ends_are_never_rewritten BEFORE UPDATE ON cost_line_ends
BEGIN
    SELECT RAISE(ABORT, 'the end of a line of cost is not rewritten');
END;

CREATE TRIGGER cost_line_ends_are_never_deleted BEFORE DELETE ON cost_line_ends
BEGIN
    SELECT RAISE(ABORT, 'the end of a line of cost is never deleted');
END;

-- Evidence of parts, and whose they are. SQLite keeps a comment before the semicolon in the table's schema.
ALTER TABLE assets ADD COLUMN document TEXT CHECK (document <> '') /* an invoice's number; NULL: none */;
ALTER TABLE assets ADD COLUMN machine TEXT CHECK (machine <> '') /* NULL: all machines */;
ALTER TABLE asset_retirements ADD COLUMN document TEXT CHECK (document <> '') /* of the sale; NULL: none */;
ALTER TABLE entries ADD COLUMN actor TEXT
    CHECK (actor <> '' AND actor NOT GLOB '*[.:]*') /* who reversed or corrected; NULL: an image, or an earlier version */;

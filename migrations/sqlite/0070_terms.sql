-- What costs are counted with and what changes from time to time: electricity, exchange rates, watts, the service that is
-- compared with, the time zone. Each row holds from a moment on, until the next one of its name begins. Never rewritten:
-- another value is another row, and of two from one moment the later row counts.
CREATE TABLE terms (
    id             INTEGER PRIMARY KEY,
    name           TEXT    NOT NULL CHECK (name <> ''),     -- 'electricity', 'exchange_rate.USD-CNY', …
    machine        TEXT    CHECK (machine <> ''),           -- NULL: all machines
    term           TEXT    NOT NULL CHECK (json_valid(term)),
    from_ms        INTEGER,                                 -- its first moment; NULL: it has always held
    document       TEXT    CHECK (document <> ''),          -- an invoice's number, a contract; NULL: none
    -- 'configuration', 'command line', or a key's public id. Never an address.
    actor          TEXT    NOT NULL CHECK (actor <> '' AND actor NOT GLOB '*[.:]*'),
    recorded_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX terms_by_name ON terms (name);

-- The zone that the ledger kept until now.
INSERT INTO terms (name, term, actor, recorded_at_ms)
SELECT 'time_zone', json_object('term', 'time_zone', 'value', value), 'configuration',
       coalesce((SELECT max(closed_at_ms) + 1 FROM month_closings), 0)
FROM settings WHERE name = 'time_zone';

DELETE FROM settings WHERE name = 'time_zone';

-- REPLACE deletes without asking the trigger for it.
CREATE TRIGGER terms_are_never_replaced BEFORE INSERT ON terms
WHEN EXISTS (SELECT 1 FROM terms WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'terms are append-only: record another value from a later moment');
END;

CREATE TRIGGER terms_are_never_rewritten BEFORE UPDATE ON terms
BEGIN
    SELECT RAISE(ABORT, 'terms are append-only: record another value from a later moment');
END;

CREATE TRIGGER terms_are_never_deleted BEFORE DELETE ON terms
BEGIN
    SELECT RAISE(ABORT, 'terms are append-only: record another value from a later moment');
END;

-- The first value of a name may have always held. Another one never holds in a month that is closed.
CREATE TRIGGER terms_are_after_the_closing BEFORE INSERT ON terms
WHEN EXISTS (SELECT 1 FROM month_closings WHERE NEW.recorded_at_ms <= closed_at_ms)
  OR (EXISTS (SELECT 1 FROM terms WHERE name = NEW.name AND machine IS NEW.machine)
      AND EXISTS (SELECT 1 FROM month_closings WHERE NEW.from_ms IS NULL OR NEW.from_ms < end_ms))
BEGIN
    SELECT RAISE(ABORT, 'what is recorded now is recorded after all closings');
END;

-- What a wall meter counted in a month, or the power company billed: from outside, so that it can disagree with the ledger.
CREATE TABLE reconciliations (
    id             INTEGER PRIMARY KEY,
    month          TEXT    NOT NULL CHECK (month GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]'),
    energy_mj      INTEGER NOT NULL CHECK (energy_mj >= 0),
    currency       TEXT    NOT NULL CHECK (length(currency) = 3),
    amount_nano    INTEGER,                                   -- NULL: a meter's reading, without an amount
    document       TEXT    CHECK (document <> ''),
    actor          TEXT    NOT NULL CHECK (actor <> ''),
    recorded_at_ms INTEGER NOT NULL
) STRICT;

CREATE TRIGGER reconciliations_are_never_replaced BEFORE INSERT ON reconciliations
WHEN EXISTS (SELECT 1 FROM reconciliations WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'reconciliations are append-only');
END;

CREATE TRIGGER reconciliations_are_never_rewritten BEFORE UPDATE ON reconciliations
BEGIN
    SELECT RAISE(ABORT, 'reconciliations are append-only');
END;

CREATE TRIGGER reconciliations_are_never_deleted BEFORE DELETE ON reconciliations
BEGIN
    SELECT RAISE(ABORT, 'reconciliations are append-only');
END;

-- One run of a device's energy counter, from one beginning to the next. What its pieces add up to is what it counted.
CREATE TABLE meter_epochs (
    id          INTEGER PRIMARY KEY,
    device      TEXT    NOT NULL,                   -- an NVIDIA card's UUID
    source      TEXT    NOT NULL CHECK (source IN ('metered', 'integrated')),
    begun_at_ms INTEGER NOT NULL,
    start_mj    INTEGER NOT NULL CHECK (start_mj >= 0) -- the counter when the epoch began
) STRICT;

CREATE TRIGGER meter_epochs_are_never_rewritten BEFORE UPDATE ON meter_epochs
BEGIN
    SELECT RAISE(ABORT, 'epochs are append-only');
END;

CREATE TRIGGER meter_epochs_are_kept BEFORE DELETE ON meter_epochs
BEGIN
    SELECT RAISE(ABORT, 'epochs are append-only');
END;

-- The epoch in whose sum a picture's energy is; NULL where it was estimated without a counter.
ALTER TABLE entries ADD COLUMN epoch INTEGER REFERENCES meter_epochs (id);

-- Energy that went into no request: idle hours, warm-up pictures, and what the counter counted while nobody looked.
CREATE TABLE overheads (
    id               INTEGER PRIMARY KEY,
    kind             TEXT    NOT NULL CHECK (kind IN ('idle', 'warm-up', 'gap')),
    entered_at_ms    INTEGER NOT NULL,
    duration_ms      INTEGER NOT NULL CHECK (duration_ms >= 0),
    energy_mj        INTEGER NOT NULL CHECK (energy_mj >= 0),
    wall_energy_mj   INTEGER NOT NULL CHECK (wall_energy_mj >= 0),
    energy_source    TEXT    NOT NULL CHECK (energy_source IN ('metered', 'integrated', 'estimated')),
    epoch            INTEGER REFERENCES meter_epochs (id),
    currency         TEXT    NOT NULL CHECK (length(currency) = 3),
    electricity_nano INTEGER NOT NULL CHECK (electricity_nano >= 0)
) STRICT;

CREATE INDEX overheads_by_time ON overheads (entered_at_ms);

CREATE TRIGGER overheads_are_never_replaced BEFORE INSERT ON overheads
WHEN EXISTS (SELECT 1 FROM overheads WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'overheads are append-only');
END;

CREATE TRIGGER overheads_are_never_rewritten BEFORE UPDATE ON overheads
BEGIN
    SELECT RAISE(ABORT, 'overheads are append-only');
END;

CREATE TRIGGER overheads_are_never_deleted BEFORE DELETE ON overheads
BEGIN
    SELECT RAISE(ABORT, 'overheads are append-only');
END;

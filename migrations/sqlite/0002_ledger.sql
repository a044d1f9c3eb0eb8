-- A request for pictures, from the moment its money is reserved.
CREATE TABLE requests (
    id              TEXT    PRIMARY KEY,            -- UUID version 7
    key_id          INTEGER NOT NULL REFERENCES keys (id),
    idempotency_key TEXT,                           -- the client's; NULL where it sent none
    body_sha256     BLOB    NOT NULL CHECK (length(body_sha256) = 32),
    state           TEXT    NOT NULL CHECK (state IN ('reserved', 'running', 'settled', 'failed', 'abandoned')),
    model           TEXT    NOT NULL,
    images          INTEGER NOT NULL CHECK (images > 0),
    reserved_nano   INTEGER NOT NULL CHECK (reserved_nano >= 0), -- counts against the budget while the request is open
    created_at_ms   INTEGER NOT NULL,
    ended_at_ms     INTEGER,
    delivered       INTEGER CHECK (delivered IN (0, 1))          -- 1: the answer was handed over; NULL: not settled
) STRICT;

-- A request that failed may be tried again under the same key.
CREATE UNIQUE INDEX requests_idempotency ON requests (key_id, idempotency_key) WHERE state NOT IN ('failed', 'abandoned');

CREATE INDEX requests_open ON requests (key_id) WHERE state IN ('reserved', 'running');

CREATE TRIGGER requests_states_go_one_way
BEFORE UPDATE OF state ON requests
WHEN NOT (
    (OLD.state = 'reserved' AND NEW.state IN ('running', 'failed', 'abandoned')) OR
    (OLD.state = 'running' AND NEW.state IN ('settled', 'failed', 'abandoned'))
)
BEGIN
    SELECT RAISE(ABORT, 'a request goes reserved, running, then settled, failed or abandoned');
END;

CREATE TRIGGER requests_keep_what_was_asked
BEFORE UPDATE OF id, key_id, idempotency_key, body_sha256, model, images, reserved_nano, created_at_ms ON requests
BEGIN
    SELECT RAISE(ABORT, 'a request is not rewritten');
END;

-- REPLACE deletes without asking the trigger below.
CREATE TRIGGER requests_are_not_replaced
BEFORE INSERT ON requests
WHEN EXISTS (SELECT 1 FROM requests WHERE id = NEW.id)
  OR EXISTS (SELECT 1 FROM requests WHERE key_id = NEW.key_id AND idempotency_key = NEW.idempotency_key
             AND state NOT IN ('failed', 'abandoned'))
BEGIN
    SELECT RAISE(ABORT, 'requests are never replaced');
END;

CREATE TRIGGER requests_are_kept
BEFORE DELETE ON requests
BEGIN
    SELECT RAISE(ABORT, 'requests are never deleted');
END;

-- What a picture, or work that gave none, took and cost. Append-only; totals are sums over these rows.
CREATE TABLE entries (
    id                 INTEGER PRIMARY KEY,
    request_id         TEXT    NOT NULL REFERENCES requests (id),
    kind               TEXT    NOT NULL CHECK (kind IN ('image', 'failed')),
    image_index        INTEGER NOT NULL CHECK (image_index >= 0), -- the picture's place in its request
    reverses           INTEGER UNIQUE REFERENCES entries (id),    -- a reversal: the entry it takes back, amounts negated
    corrects           INTEGER UNIQUE REFERENCES entries (id),    -- a correction: the entry whose place it takes
    images             INTEGER NOT NULL CHECK (images IN (-1, 0, 1)), -- 1 a picture, 0 failed work, -1 one taken back
    entered_at_ms      INTEGER NOT NULL,
    duration_ms        INTEGER NOT NULL,
    energy_mj          INTEGER NOT NULL,            -- of the device
    wall_energy_mj     INTEGER NOT NULL,            -- at the plug: device, machine around it, power supply
    energy_source      TEXT    NOT NULL CHECK (energy_source IN ('metered', 'integrated', 'estimated')),
    currency           TEXT    NOT NULL CHECK (length(currency) = 3),
    electricity_nano   INTEGER NOT NULL,            -- *_nano: billionths of the currency
    depreciation_nano  INTEGER NOT NULL,
    upkeep_nano        INTEGER NOT NULL,
    standard_nano      INTEGER NOT NULL GENERATED ALWAYS AS (electricity_nano + depreciation_nano + upkeep_nano) VIRTUAL,
    compared_sku       TEXT,                        -- price book entry; NULL for failed work
    compared_nano      INTEGER NOT NULL,            -- its list price that day, in the ledger's currency
    exchange_rate_nano INTEGER NOT NULL,            -- of the list's currency that day
    saving_nano        INTEGER NOT NULL GENERATED ALWAYS AS
        (CASE kind WHEN 'failed' THEN 0 ELSE compared_nano - electricity_nano - depreciation_nano - upkeep_nano END) VIRTUAL,
    width              INTEGER NOT NULL,
    height             INTEGER NOT NULL,
    steps              INTEGER NOT NULL,
    seed               INTEGER NOT NULL,
    CHECK (reverses IS NULL OR corrects IS NULL),
    CHECK (images = CASE WHEN kind = 'failed' THEN 0 WHEN reverses IS NULL THEN 1 ELSE -1 END),
    CHECK ((kind = 'failed') = (compared_sku IS NULL))
) STRICT;

-- At most one picture, and at most one failure, for each place in a request.
CREATE UNIQUE INDEX entries_once ON entries (request_id, image_index, kind) WHERE reverses IS NULL AND corrects IS NULL;
CREATE INDEX entries_by_time ON entries (entered_at_ms);

CREATE TRIGGER entries_are_never_replaced
BEFORE INSERT ON entries
WHEN EXISTS (SELECT 1 FROM entries WHERE id = NEW.id OR reverses = NEW.reverses OR corrects = NEW.corrects)
  OR (NEW.reverses IS NULL AND NEW.corrects IS NULL AND EXISTS (
      SELECT 1 FROM entries WHERE request_id = NEW.request_id AND image_index = NEW.image_index AND kind = NEW.kind
      AND reverses IS NULL AND corrects IS NULL))
BEGIN
    SELECT RAISE(ABORT, 'entries are append-only: reverse the entry and add a correction');
END;

CREATE TRIGGER entries_are_never_rewritten
BEFORE UPDATE ON entries
BEGIN
    SELECT RAISE(ABORT, 'entries are append-only: reverse the entry and add a correction');
END;

CREATE TRIGGER entries_are_never_deleted
BEFORE DELETE ON entries
BEGIN
    SELECT RAISE(ABORT, 'entries are append-only: reverse the entry and add a correction');
END;

-- A picture belongs to a request that is being settled, failed work to one that has failed.
CREATE TRIGGER entries_belong_to_a_running_request
BEFORE INSERT ON entries
WHEN NEW.reverses IS NULL AND NEW.corrects IS NULL
 AND (SELECT state FROM requests WHERE id = NEW.request_id) IS NOT 'running'
BEGIN
    SELECT RAISE(ABORT, 'entries are made while their request runs');
END;

-- Endpoints of webhooks, and the events that they are still to get. An event is written in the transaction of what it is about.
CREATE TABLE webhook_endpoints (
    id            TEXT    PRIMARY KEY,                  -- we_… : a UUID version 7
    key_id        INTEGER REFERENCES keys (id),         -- whose events it gets; NULL: everybody's
    url           TEXT    NOT NULL,
    secret        TEXT    NOT NULL,                     -- whsec_…, which signs its messages
    kinds         TEXT    NOT NULL CHECK (kinds LIKE ' % '),  -- of the events that it gets, each between spaces
    created_at_ms INTEGER NOT NULL,
    removed_at_ms INTEGER
) STRICT;

CREATE TABLE webhook_events (
    id            TEXT    PRIMARY KEY,                  -- evt_… : the webhook-id of its messages
    kind          TEXT    NOT NULL,
    body          TEXT    NOT NULL,                     -- JSON, as it is sent
    created_at_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE webhook_deliveries (
    event_id        TEXT    NOT NULL REFERENCES webhook_events (id),
    endpoint_id     TEXT    NOT NULL REFERENCES webhook_endpoints (id),
    attempts        INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_at_ms      INTEGER,                            -- of the next attempt; NULL: it has arrived, or is given up
    delivered_at_ms INTEGER,
    failed_at_ms    INTEGER,                            -- of the last attempt that failed
    error           TEXT,                               -- why it failed
    PRIMARY KEY (event_id, endpoint_id)
) STRICT;

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (next_at_ms) WHERE next_at_ms IS NOT NULL;
CREATE INDEX webhook_deliveries_of ON webhook_deliveries (endpoint_id);

-- Batches of requests that can wait. A status goes one way: validating → in_progress → finalizing → completed or expired;
-- validating → failed; validating or in_progress → cancelling → cancelled.
CREATE TABLE batches (
    id                TEXT    PRIMARY KEY,                    -- batch_… : a UUID version 7, so ids sort by time
    key_id            INTEGER NOT NULL REFERENCES keys (id),
    endpoint          TEXT    NOT NULL CHECK (endpoint IN ('/v1/images/generations', '/v1/images/edits')),
    input_file_id     TEXT    NOT NULL REFERENCES files (id),
    window_hours      INTEGER NOT NULL CHECK (window_hours BETWEEN 1 AND 168),
    tag               TEXT    CHECK (tag <> ''),              -- what its requests are filed under
    metadata          TEXT,                                   -- a JSON object of texts
    starts_at_ms      INTEGER,                                -- not before; NULL: in the cheapest hours of its window
    base_url          TEXT    NOT NULL,                       -- what links begin with
    output_seconds    INTEGER CHECK (output_seconds > 0),     -- for which its files are kept; NULL: the server's time
    output_file_id    TEXT    NOT NULL UNIQUE,                -- a row of files once the batch has ended, unless it is empty
    error_file_id     TEXT    NOT NULL UNIQUE,                -- likewise
    status            TEXT    NOT NULL CHECK (status IN ('validating', 'failed', 'in_progress', 'finalizing', 'completed',
                                                         'expired', 'cancelling', 'cancelled')),
    errors            TEXT,                                   -- JSON: why it failed or was cancelled
    total             INTEGER NOT NULL DEFAULT 0 CHECK (total >= 0),  -- lines
    images            INTEGER NOT NULL DEFAULT 0 CHECK (images >= 0),
    work              INTEGER NOT NULL DEFAULT 0 CHECK (work >= 0),   -- of all images, in pixel-steps
    created_at_ms     INTEGER NOT NULL,
    expires_at_ms     INTEGER NOT NULL,
    in_progress_at_ms INTEGER,
    finalizing_at_ms  INTEGER,
    completed_at_ms   INTEGER,
    failed_at_ms      INTEGER,
    expired_at_ms     INTEGER,
    cancelling_at_ms  INTEGER,
    cancelled_at_ms   INTEGER
) STRICT;

CREATE INDEX batches_of_key ON batches (key_id, id);
CREATE INDEX batches_open ON batches (id) WHERE status IN ('validating', 'in_progress', 'finalizing', 'cancelling');
CREATE INDEX batches_by_input ON batches (input_file_id);

-- What came of a line. Its answer, or its error, is in the batch's file, which had so many bytes with it.
CREATE TABLE batch_lines (
    batch_id   TEXT    NOT NULL REFERENCES batches (id),
    line       INTEGER NOT NULL CHECK (line > 0),
    request_id TEXT    REFERENCES requests (id),              -- NULL: refused before there was one
    is_error   INTEGER NOT NULL CHECK (is_error IN (0, 1)),
    file_bytes INTEGER NOT NULL CHECK (file_bytes > 0),
    PRIMARY KEY (batch_id, line)
) STRICT;

CREATE INDEX batch_lines_of_request ON batch_lines (request_id);

CREATE TRIGGER batches_go_one_way BEFORE UPDATE OF status ON batches
WHEN NEW.status <> OLD.status AND NOT (
       OLD.status = 'validating'  AND NEW.status IN ('failed', 'in_progress', 'cancelling')
    OR OLD.status = 'in_progress' AND NEW.status IN ('finalizing', 'cancelling')
    OR OLD.status = 'finalizing'  AND NEW.status IN ('completed', 'expired')
    OR OLD.status = 'cancelling'  AND NEW.status = 'cancelled')
BEGIN
    SELECT RAISE(ABORT, 'a batch never goes back');
END;

-- Files that clients upload and that batches write. Their bytes are in the data directory, under their ids.
CREATE TABLE files (
    id            TEXT    PRIMARY KEY,                        -- file-… : a UUID version 7, so ids sort by time
    key_id        INTEGER NOT NULL REFERENCES keys (id),
    purpose       TEXT    NOT NULL CHECK (purpose IN ('batch', 'batch_output')),
    filename      TEXT    NOT NULL CHECK (filename <> ''),
    bytes         INTEGER NOT NULL CHECK (bytes >= 0),
    sha256        BLOB    NOT NULL CHECK (length(sha256) = 32),
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER,                                    -- NULL: never
    deleted_at_ms INTEGER                                     -- by its key, or with a name that was forgotten
) STRICT;

CREATE INDEX files_of_key ON files (key_id, id);

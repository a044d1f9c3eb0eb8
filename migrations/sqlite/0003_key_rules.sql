-- What else a key may be held to. SQLite keeps a comment before the semicolon in the table's schema.
ALTER TABLE keys ADD COLUMN expires_at_ms INTEGER /* from here on it opens nothing; NULL: never */;
ALTER TABLE keys ADD COLUMN disabled_at_ms INTEGER /* NULL while it is enabled */;
ALTER TABLE keys ADD COLUMN models TEXT
    CHECK (json_array_length(models) > 0)           -- 0, or an error, for what is no array
    /* JSON array of model ids; NULL: every model. Read and written as a whole with its key, so no table of its own */;
ALTER TABLE keys ADD COLUMN requests_per_minute INTEGER
    CHECK (requests_per_minute BETWEEN 1 AND 4294967295) /* NULL, as in the next two: the configured limit */;
ALTER TABLE keys ADD COLUMN images_per_minute INTEGER CHECK (images_per_minute BETWEEN 1 AND 4294967295);
ALTER TABLE keys ADD COLUMN concurrent_jobs INTEGER CHECK (concurrent_jobs BETWEEN 1 AND 4294967295);

-- A rotation gives a key another secret. The one before opens until its grace ends, and is kept after that, so that the
-- log can tell it from a guess. Both are NULL before the first rotation.
ALTER TABLE keys ADD COLUMN previous_secret_sha256 BLOB CHECK (length(previous_secret_sha256) = 32);
ALTER TABLE keys ADD COLUMN previous_until_ms INTEGER
    CHECK ((previous_until_ms IS NULL) = (previous_secret_sha256 IS NULL)) /* end of the grace, and of all sessions before it */;

ALTER TABLE keys ADD COLUMN last_used_at_ms INTEGER /* to the minute; NULL: never */;

-- Who changed a key, and how. Append-only.
CREATE TABLE key_events (
    id     INTEGER PRIMARY KEY,
    key_id INTEGER NOT NULL REFERENCES keys (id),
    at_ms  INTEGER NOT NULL,
    event  TEXT    NOT NULL CHECK (event IN ('created', 'changed', 'disabled', 'enabled', 'rotated', 'revoked')),
    -- 'command line', 'first start', or an admin key's public id. Never an address: none fits without '.' and ':'.
    actor  TEXT    NOT NULL CHECK (actor <> '' AND actor NOT GLOB '*[.:]*'),
    detail TEXT    NOT NULL                         -- the rules as they were set, or ''
) STRICT;

CREATE INDEX key_events_by_key ON key_events (key_id);

INSERT INTO key_events (key_id, at_ms, event, actor, detail)
SELECT id, created_at_ms AS at_ms, 'created', 'an earlier version', '' FROM keys
UNION ALL
SELECT id, revoked_at_ms, 'revoked', 'an earlier version', '' FROM keys WHERE revoked_at_ms IS NOT NULL
ORDER BY at_ms;

-- REPLACE deletes without asking the trigger below.
CREATE TRIGGER key_events_are_never_replaced
BEFORE INSERT ON key_events
WHEN EXISTS (SELECT 1 FROM key_events WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'key events are append-only');
END;

CREATE TRIGGER key_events_are_never_rewritten
BEFORE UPDATE ON key_events
BEGIN
    SELECT RAISE(ABORT, 'key events are append-only');
END;

CREATE TRIGGER key_events_are_never_deleted
BEFORE DELETE ON key_events
BEGIN
    SELECT RAISE(ABORT, 'key events are append-only');
END;

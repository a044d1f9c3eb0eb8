-- What requests are filed under, so that a text can be forgotten: requests point here, seals hash the pointer, and
-- requests.tag follows the text.
CREATE TABLE labels (
    id              INTEGER PRIMARY KEY,
    text            TEXT    NOT NULL UNIQUE,
    forgotten_at_ms INTEGER                         -- NULL while the text is the client's own
) STRICT;

INSERT INTO labels (text) SELECT tag FROM requests WHERE tag IS NOT NULL GROUP BY tag ORDER BY min(created_at_ms);

-- SQLite keeps a comment before the semicolon in the table's schema.
ALTER TABLE requests ADD COLUMN tag_id INTEGER REFERENCES labels (id) /* of tag; NULL where that is */;

UPDATE requests SET tag_id = (SELECT id FROM labels WHERE text = tag) WHERE tag IS NOT NULL;

CREATE INDEX requests_by_tag ON requests (tag_id) WHERE tag_id IS NOT NULL;

CREATE TRIGGER requests_point_to_their_label AFTER INSERT ON requests
WHEN NEW.tag IS NOT NULL AND NEW.tag_id IS NULL
BEGIN
    INSERT INTO labels (text) VALUES (NEW.tag) ON CONFLICT (text) DO NOTHING;
    UPDATE requests SET tag_id = (SELECT id FROM labels WHERE text = NEW.tag) WHERE id = NEW.id;
END;

DROP TRIGGER requests_keep_what_they_are_filed_under;

CREATE TRIGGER requests_keep_what_they_are_filed_under
BEFORE UPDATE OF tag, tag_id, quality ON requests
WHEN NEW.quality IS NOT OLD.quality
  OR (NEW.tag_id IS NOT OLD.tag_id
      AND (OLD.tag_id IS NOT NULL OR NEW.tag_id IS NOT (SELECT id FROM labels WHERE text = OLD.tag)))
  OR (NEW.tag IS NOT OLD.tag
      AND NEW.tag IS NOT (SELECT text FROM labels WHERE id = OLD.tag_id AND forgotten_at_ms IS NOT NULL))
BEGIN
    SELECT RAISE(ABORT, 'a request is not rewritten');
END;

CREATE TRIGGER labels_are_only_forgotten BEFORE UPDATE ON labels
WHEN NEW.id <> OLD.id OR OLD.forgotten_at_ms IS NOT NULL OR NEW.forgotten_at_ms IS NULL
BEGIN
    SELECT RAISE(ABORT, 'a label is forgotten once, and not changed otherwise');
END;

CREATE TRIGGER labels_are_kept BEFORE DELETE ON labels
BEGIN
    SELECT RAISE(ABORT, 'a label is never deleted');
END;

-- A key whose name was forgotten: what its history says of the name may be taken out.
ALTER TABLE keys ADD COLUMN forgotten_at_ms INTEGER;

DROP TRIGGER key_events_are_never_rewritten;

CREATE TRIGGER key_events_are_never_rewritten
BEFORE UPDATE ON key_events
WHEN NEW.id <> OLD.id OR NEW.key_id <> OLD.key_id OR NEW.at_ms <> OLD.at_ms OR NEW.event <> OLD.event
  OR NEW.actor <> OLD.actor OR (SELECT forgotten_at_ms FROM keys WHERE id = OLD.key_id) IS NULL
BEGIN
    SELECT RAISE(ABORT, 'key events are append-only');
END;

-- A month that was sealed while seals hashed texts, sealed again over pointers before a text in it was forgotten. The first
-- seal stays, and the chain goes through it; this one is over it.
CREATE TABLE month_reseals (
    month          TEXT    PRIMARY KEY REFERENCES month_closings (month),
    resealed_at_ms INTEGER NOT NULL,
    format         INTEGER NOT NULL CHECK (format > 1),
    sha256         BLOB    NOT NULL CHECK (length(sha256) = 32)
) STRICT;

CREATE TABLE month_reseal_rows (
    entry_id INTEGER PRIMARY KEY REFERENCES entries (id),
    month    TEXT    NOT NULL REFERENCES month_reseals (month),
    sha256   BLOB    NOT NULL CHECK (length(sha256) = 32)
) STRICT;

CREATE INDEX month_reseal_rows_by_month ON month_reseal_rows (month);

CREATE TRIGGER month_reseals_are_never_rewritten BEFORE UPDATE ON month_reseals
BEGIN
    SELECT RAISE(ABORT, 'a month is sealed again once, and for good');
END;

CREATE TRIGGER month_reseals_are_never_deleted BEFORE DELETE ON month_reseals
BEGIN
    SELECT RAISE(ABORT, 'a month is sealed again once, and for good');
END;

CREATE TRIGGER month_reseal_rows_are_never_rewritten BEFORE UPDATE ON month_reseal_rows
BEGIN
    SELECT RAISE(ABORT, 'a month is sealed again once, and for good');
END;

CREATE TRIGGER month_reseal_rows_are_never_deleted BEFORE DELETE ON month_reseal_rows
BEGIN
    SELECT RAISE(ABORT, 'a month is sealed again once, and for good');
END;

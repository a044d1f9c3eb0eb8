-- A request's entries: receipts, exports and the list of jobs find them by it.
CREATE INDEX entries_by_request ON entries (request_id, image_index);
-- What changes other entries, which is little.
CREATE INDEX entries_that_change_others ON entries (entered_at_ms) WHERE coalesce(reverses, corrects) IS NOT NULL;
-- The images of a key, day by day, from the index alone.
CREATE INDEX requests_settled ON requests (key_id, ended_at_ms, images) WHERE state = 'settled';
-- Counters that begin at an epoch's sum.
CREATE INDEX entries_by_epoch ON entries (epoch, energy_mj) WHERE epoch IS NOT NULL;
CREATE INDEX overheads_by_epoch ON overheads (epoch, energy_mj) WHERE epoch IS NOT NULL;

-- Whoever holds keys in memory looks here whether they are still what they were.
CREATE TABLE change_counters (
    name    TEXT    PRIMARY KEY,
    changes INTEGER NOT NULL
) STRICT;

INSERT INTO change_counters (name, changes) VALUES ('keys', 0);

CREATE TRIGGER keys_count_their_insertions AFTER INSERT ON keys
BEGIN
    UPDATE change_counters SET changes = changes + 1 WHERE name = 'keys';
END;

-- Uses are noted often, and change nothing that a key opens.
CREATE TRIGGER keys_count_their_changes AFTER UPDATE ON keys
WHEN NEW.last_used_at_ms IS OLD.last_used_at_ms
BEGIN
    UPDATE change_counters SET changes = changes + 1 WHERE name = 'keys';
END;

CREATE TRIGGER keys_count_their_deletions AFTER DELETE ON keys
BEGIN
    UPDATE change_counters SET changes = changes + 1 WHERE name = 'keys';
END;

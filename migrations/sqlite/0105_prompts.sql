-- What requests asked for, where pictures.keep_prompts says so: to find images by their prompts, and to ask for them again. A row
-- goes with the images of its day, with the last image of its request, and when its key or tag is forgotten.
CREATE TABLE request_prompts (
    request_id TEXT    PRIMARY KEY REFERENCES requests (id),
    folded     TEXT    NOT NULL,                           -- the prompt in small letters, for search
    asked      TEXT    NOT NULL CHECK (json_valid(asked)), -- the prompt and its settings
    kept_at_ms INTEGER NOT NULL
) STRICT;

CREATE INDEX request_prompts_by_time ON request_prompts (kept_at_ms);

ALTER TABLE requests ADD COLUMN started_at_ms INTEGER /* when a device began; NULL: never, or an earlier version's */;

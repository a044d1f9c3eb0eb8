-- What requests asked for, where pictures.keep_prompts says so: to find images by their prompts, and to ask for them again. A row
-- goes with the images of its day, with the last image of its request, and when its key or tag is forgotten.
CREATE TABLE request_prompts (
    request_id TEXT COLLATE "C" PRIMARY KEY REFERENCES requests (id),
    folded     TEXT COLLATE "C" NOT NULL,                         -- the prompt in small letters, for search
    asked      TEXT COLLATE "C" NOT NULL CHECK (is_json(asked)),  -- the prompt and its settings
    kept_at_ms BIGINT NOT NULL
);

CREATE INDEX request_prompts_by_time ON request_prompts (kept_at_ms);

ALTER TABLE requests ADD COLUMN started_at_ms BIGINT;  -- when a device began; NULL: never, or an earlier version's

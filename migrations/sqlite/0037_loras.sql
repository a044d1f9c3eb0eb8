-- The LoRAs of a request, in its order: [{"name", "weight", "sha256"}].
ALTER TABLE requests ADD COLUMN loras TEXT CHECK (json_type(loras) = 'array') /* NULL: none, or an earlier version */;

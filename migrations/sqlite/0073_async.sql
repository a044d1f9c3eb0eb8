-- Asynchronous requests: a batch of one line each, which begins at once and is listed with no others.
ALTER TABLE batches ADD COLUMN is_async INTEGER NOT NULL DEFAULT 0 CHECK (is_async IN (0, 1));
ALTER TABLE batches ADD COLUMN idempotency_key TEXT;    -- its client's; the request is the same while its input file is

CREATE UNIQUE INDEX batches_by_idempotency_key ON batches (key_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

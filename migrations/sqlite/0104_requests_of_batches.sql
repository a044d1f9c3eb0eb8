-- What the requests of a batch have cost: their keys begin with its id, and failed ones count. SQLite keeps a comment before the semicolon.
CREATE INDEX requests_by_idempotency_key ON requests (key_id, idempotency_key) WHERE idempotency_key IS NOT NULL;

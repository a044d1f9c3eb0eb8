-- Each booking wrote a page of these for nothing. entries_pictures_by_time begins with the same column as
DROP INDEX entries_by_time;
-- and hardly any request has a key of its client's, of which alone there may be one.
DROP INDEX requests_idempotency;
CREATE UNIQUE INDEX requests_idempotency ON requests (key_id, idempotency_key)
    WHERE idempotency_key IS NOT NULL AND state NOT IN ('failed', 'abandoned');

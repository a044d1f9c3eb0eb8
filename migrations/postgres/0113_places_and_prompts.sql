-- What a request finds before it in the queue is read from this index alone: a row holds all that was asked for, and an admission
-- reads of each that waits.
CREATE INDEX queue_place ON queue (is_live, state, start_tag) INCLUDE (key_id, cost);

-- A prompt that was deleted lies in the table until it is vacuumed. By default that is once a fifth of the rows are gone.
ALTER TABLE request_prompts SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 50);

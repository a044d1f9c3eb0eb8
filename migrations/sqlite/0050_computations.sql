-- What beside a request decided its images' pixels, as JSON: hashes of the weights, the noise's generator, the schedule, the
-- number format. One row for each that was ever used.
CREATE TABLE computations (
    id          INTEGER PRIMARY KEY,
    sha256      BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32), -- of computation
    computation TEXT    NOT NULL CHECK (json_valid(computation))
) STRICT;

CREATE TRIGGER computations_are_never_replaced BEFORE INSERT ON computations
WHEN EXISTS (SELECT 1 FROM computations WHERE id = NEW.id OR sha256 = NEW.sha256)
BEGIN
    SELECT RAISE(ABORT, 'computations are append-only');
END;

CREATE TRIGGER computations_are_never_rewritten BEFORE UPDATE ON computations
BEGIN
    SELECT RAISE(ABORT, 'computations are append-only');
END;

CREATE TRIGGER computations_are_never_deleted BEFORE DELETE ON computations
BEGIN
    SELECT RAISE(ABORT, 'computations are append-only');
END;

ALTER TABLE requests ADD COLUMN computation INTEGER REFERENCES computations (id) /* NULL: an earlier version's */;

CREATE TRIGGER requests_keep_their_computation BEFORE UPDATE OF computation ON requests
WHEN OLD.computation IS NOT NULL
  OR EXISTS (SELECT 1 FROM month_closings WHERE OLD.ended_at_ms >= start_ms AND OLD.ended_at_ms < end_ms)
BEGIN
    SELECT RAISE(ABORT, 'what decided the pixels is noted once, while its month is open');
END;

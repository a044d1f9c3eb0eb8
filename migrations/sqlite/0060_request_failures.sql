-- Why a request gave no image; requests that failed before this table existed have no row.
CREATE TABLE request_failures (
    request_id TEXT PRIMARY KEY REFERENCES requests (id),
    reason     TEXT NOT NULL CHECK (reason IN ('client_gone', 'cancelled_by_operator', 'deadline_passed', 'server_stopping',
                                               'no_device', 'out_of_memory', 'generation_failed', 'not_stored'))
) STRICT;

CREATE TRIGGER request_failures_are_never_replaced BEFORE INSERT ON request_failures
WHEN EXISTS (SELECT 1 FROM request_failures WHERE request_id = NEW.request_id)
BEGIN
    SELECT RAISE(ABORT, 'request_failures are append-only');
END;

CREATE TRIGGER request_failures_are_never_rewritten BEFORE UPDATE ON request_failures
BEGIN
    SELECT RAISE(ABORT, 'request_failures are append-only');
END;

CREATE TRIGGER request_failures_are_never_deleted BEFORE DELETE ON request_failures
BEGIN
    SELECT RAISE(ABORT, 'request_failures are append-only');
END;

CREATE TABLE keys (
    id                INTEGER PRIMARY KEY,
    public_id         TEXT    NOT NULL UNIQUE,      -- the part of tt-<public id>-<secret> that may be shown
    name              TEXT    NOT NULL,             -- what its owner calls it
    secret_sha256     BLOB    NOT NULL CHECK (length(secret_sha256) = 32),
    scope_images      INTEGER NOT NULL CHECK (scope_images IN (0, 1)),
    scope_admin       INTEGER NOT NULL CHECK (scope_admin IN (0, 1)),
    budget_month_nano INTEGER CHECK (budget_month_nano >= 0),   -- standard cost a calendar month; NULL: no limit
    created_at_ms     INTEGER NOT NULL,             -- Unix time in milliseconds, as every *_at_ms
    revoked_at_ms     INTEGER                       -- NULL while the key holds
) STRICT;

-- Browsers that have signed in.
CREATE TABLE sessions (
    id           TEXT    PRIMARY KEY,               -- random; the cookie is signed, so knowing an id opens nothing
    opened_with  TEXT    NOT NULL CHECK (opened_with IN ('key', 'password', 'link')),
    key_id       INTEGER REFERENCES keys (id),      -- the key that opened it, which it lives and dies with
    agent        TEXT    NOT NULL,                  -- browser and system in two words, never an address
    opened_at_ms INTEGER NOT NULL,
    seen_at_ms   INTEGER NOT NULL,                  -- to the minute
    ended_at_ms  INTEGER,                           -- signed out or revoked; NULL while it may be used
    CHECK ((key_id IS NOT NULL) = (opened_with = 'key'))
) STRICT;

CREATE INDEX sessions_by_opening ON sessions (opened_at_ms);

-- Links that sign in once. Their secret is random, so a fast hash of it is enough.
CREATE TABLE sign_in_links (
    secret_sha256 BLOB    PRIMARY KEY CHECK (length(secret_sha256) = 32),
    made_at_ms    INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    used_at_ms    INTEGER                           -- NULL until it has signed somebody in
) STRICT;

-- The operator's password: no row, or one.
CREATE TABLE operator_password (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    hash      TEXT    NOT NULL,                     -- argon2id, in the form of PHC strings
    set_at_ms INTEGER NOT NULL
) STRICT;

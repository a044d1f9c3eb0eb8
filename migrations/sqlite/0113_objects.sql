-- Whose files count, as in a cluster: the images of these requests were made by this claim, which is in their names. Rows come with a
-- ledger that is moved here from PostgreSQL; one server makes none.
CREATE TABLE objects (
    request_id TEXT    PRIMARY KEY REFERENCES requests (id),
    claim      INTEGER NOT NULL
) STRICT;

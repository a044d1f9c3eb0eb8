-- What holds for the whole ledger, such as the zone in which its days and months are counted.
CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

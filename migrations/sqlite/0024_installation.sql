-- Which installation a ledger belongs to: exports of two servers are told apart by it. A restored backup keeps it.
INSERT INTO settings (name, value) VALUES ('installation', lower(hex(randomblob(8))));

CREATE TRIGGER installation_is_never_changed BEFORE UPDATE ON settings
WHEN OLD.name = 'installation'
BEGIN
    SELECT RAISE(ABORT, 'the installation is never changed');
END;

CREATE TRIGGER installation_is_never_deleted BEFORE DELETE ON settings
WHEN OLD.name = 'installation'
BEGIN
    SELECT RAISE(ABORT, 'the installation is never deleted');
END;

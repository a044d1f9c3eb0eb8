-- What a key may use up in a calendar day or month of the configured zone.
CREATE TABLE key_budgets (
    key_id INTEGER NOT NULL REFERENCES keys (id),
    period TEXT    NOT NULL CHECK (period IN ('day', 'month')),
    unit   TEXT    NOT NULL CHECK (unit IN ('money', 'images', 'energy')),
    amount INTEGER NOT NULL CHECK (amount >= 0),    -- billionths of the currency, pictures, or millijoules at the plug
    hard   INTEGER NOT NULL CHECK (hard IN (0, 1)), -- 1: requests beyond it are refused; 0: answers and the log say so
    PRIMARY KEY (key_id, period, unit, hard)
) STRICT, WITHOUT ROWID;

INSERT INTO key_budgets (key_id, period, unit, amount, hard)
SELECT id, 'month', 'money', budget_month_nano, 1 FROM keys WHERE budget_month_nano IS NOT NULL;

ALTER TABLE keys DROP COLUMN budget_month_nano;

-- SQLite keeps a comment before the semicolon in the table's schema.
ALTER TABLE requests ADD COLUMN reserved_mj INTEGER NOT NULL DEFAULT 0
    CHECK (reserved_mj >= 0) /* at the plug; counts against budgets while the request is open */;

CREATE TRIGGER requests_keep_the_energy_they_reserved
BEFORE UPDATE OF reserved_mj ON requests
BEGIN
    SELECT RAISE(ABORT, 'a request is not rewritten');
END;

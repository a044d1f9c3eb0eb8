-- What somebody found out about a purchase in doubt: whether it was paid for, and how much. Append-only: the purchase stays
-- as it was booked, and sums take what is known now, at the moment of the finding. SQLite keeps a comment before the semicolon.
CREATE TABLE purchase_resolutions (
    id             INTEGER PRIMARY KEY,
    purchase_id    INTEGER NOT NULL UNIQUE REFERENCES purchases (id),
    recorded_at_ms INTEGER NOT NULL,
    list_nano      INTEGER NOT NULL CHECK (list_nano >= 0), -- paid for all its images, in the seller's currency; 0: not paid
    paid_nano      INTEGER NOT NULL CHECK (paid_nano >= 0), -- the same in the ledger's, at the purchase's exchange rate
    note           TEXT    NOT NULL,
    actor          TEXT    NOT NULL CHECK (actor <> ''),
    CHECK ((list_nano = 0) = (paid_nano = 0))
) STRICT;

CREATE INDEX purchase_resolutions_by_time ON purchase_resolutions (recorded_at_ms);

-- REPLACE deletes without asking the trigger for it.
CREATE TRIGGER purchase_resolutions_are_never_replaced BEFORE INSERT ON purchase_resolutions
WHEN EXISTS (SELECT 1 FROM purchase_resolutions WHERE id = NEW.id OR purchase_id = NEW.purchase_id)
BEGIN
    SELECT RAISE(ABORT, 'a doubt is resolved once');
END;

CREATE TRIGGER purchase_resolutions_are_never_rewritten BEFORE UPDATE ON purchase_resolutions
BEGIN
    SELECT RAISE(ABORT, 'a doubt is resolved once');
END;

CREATE TRIGGER purchase_resolutions_are_never_deleted BEFORE DELETE ON purchase_resolutions
BEGIN
    SELECT RAISE(ABORT, 'a doubt is resolved once');
END;

CREATE TRIGGER purchase_resolutions_are_of_a_doubt BEFORE INSERT ON purchase_resolutions
WHEN (SELECT state FROM purchases WHERE id = NEW.purchase_id) IS NOT 'doubtful'
BEGIN
    SELECT RAISE(ABORT, 'only a purchase in doubt is resolved');
END;

CREATE TRIGGER purchase_resolutions_of_a_closed_month_are_complete BEFORE INSERT ON purchase_resolutions
WHEN EXISTS (SELECT 1 FROM month_closings WHERE NEW.recorded_at_ms >= start_ms AND NEW.recorded_at_ms < end_ms)
BEGIN
    SELECT RAISE(ABORT, 'the month of this finding is closed');
END;

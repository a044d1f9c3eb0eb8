-- Who bears costs: a client, a project, a department. Keys and tags belong to one, each from a day on.
CREATE TABLE cost_centres (
    id             INTEGER PRIMARY KEY,
    name           TEXT    NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 128),
    document       TEXT    CHECK (document <> ''),              -- a contract; NULL: none
    actor          TEXT    NOT NULL CHECK (actor <> '' AND actor NOT GLOB '*[.:]*'),
    recorded_at_ms INTEGER NOT NULL
) STRICT;

-- That a key, or what is filed under a tag, belongs to a centre from a day on, until the next row of the same key or tag.
CREATE TABLE cost_centre_members (
    id             INTEGER PRIMARY KEY,
    centre_id      INTEGER REFERENCES cost_centres (id),        -- NULL: to none any more
    key_id         INTEGER REFERENCES keys (id),
    label_id       INTEGER REFERENCES labels (id),
    first_day      TEXT    NOT NULL CHECK (first_day IS date(first_day)),
    document       TEXT    CHECK (document <> ''),
    actor          TEXT    NOT NULL CHECK (actor <> '' AND actor NOT GLOB '*[.:]*'),
    recorded_at_ms INTEGER NOT NULL,
    CHECK ((key_id IS NULL) <> (label_id IS NULL))
) STRICT;

-- REPLACE deletes without asking the trigger for it.
CREATE TRIGGER cost_centres_are_never_replaced BEFORE INSERT ON cost_centres
WHEN EXISTS (SELECT 1 FROM cost_centres WHERE id = NEW.id OR name = NEW.name)
BEGIN
    SELECT RAISE(ABORT, 'cost centres are append-only');
END;

CREATE TRIGGER cost_centres_are_never_rewritten BEFORE UPDATE ON cost_centres
BEGIN
    SELECT RAISE(ABORT, 'cost centres are append-only');
END;

CREATE TRIGGER cost_centres_are_never_deleted BEFORE DELETE ON cost_centres
BEGIN
    SELECT RAISE(ABORT, 'cost centres are append-only');
END;

CREATE TRIGGER cost_centre_members_are_never_replaced BEFORE INSERT ON cost_centre_members
WHEN EXISTS (SELECT 1 FROM cost_centre_members WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'members of cost centres are append-only: record another centre from a later day');
END;

CREATE TRIGGER cost_centre_members_are_never_rewritten BEFORE UPDATE ON cost_centre_members
BEGIN
    SELECT RAISE(ABORT, 'members of cost centres are append-only: record another centre from a later day');
END;

CREATE TRIGGER cost_centre_members_are_never_deleted BEFORE DELETE ON cost_centre_members
BEGIN
    SELECT RAISE(ABORT, 'members of cost centres are append-only: record another centre from a later day');
END;

-- A closing covers who belonged where in its month.
CREATE TRIGGER cost_centre_members_are_after_the_closing BEFORE INSERT ON cost_centre_members
WHEN EXISTS (SELECT 1 FROM month_closings
             WHERE NEW.recorded_at_ms <= closed_at_ms OR NEW.first_day < date(month || '-01', '+1 month'))
BEGIN
    SELECT RAISE(ABORT, 'what is recorded now is recorded after all closings');
END;

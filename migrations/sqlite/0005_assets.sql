-- A part of the machine that wears out, as it was bought. Never rewritten: other figures are another row, and a row that
-- was a mistake is retired on the day of its purchase for its price.
CREATE TABLE assets (
    id                         INTEGER PRIMARY KEY,
    name                       TEXT    NOT NULL CHECK (name <> ''),
    currency                   TEXT    NOT NULL CHECK (length(currency) = 3),
    price_nano                 INTEGER NOT NULL CHECK (price_nano >= 0),
    residual_nano              INTEGER NOT NULL CHECK (residual_nano BETWEEN 0 AND price_nano), -- what it will be sold for
    share_percent              INTEGER NOT NULL CHECK (share_percent BETWEEN 1 AND 100),        -- of it works for Tintype
    purchased_on               TEXT    NOT NULL CHECK (purchased_on IS date(purchased_on)),     -- its first day in service
    method                     TEXT    NOT NULL CHECK (method IN ('units', 'time')),
    lifetime_images            INTEGER CHECK (lifetime_images > 0),                             -- by units
    life_years                 INTEGER CHECK (life_years BETWEEN 1 AND 100),                    -- by time, of 365 days
    normal_utilisation_percent INTEGER CHECK (normal_utilisation_percent BETWEEN 1 AND 100),    -- by time
    added_at_ms                INTEGER NOT NULL,
    CHECK ((method = 'units') = (lifetime_images IS NOT NULL)),
    CHECK ((method = 'time') = (life_years IS NOT NULL)),
    CHECK ((method = 'time') = (normal_utilisation_percent IS NOT NULL))
) STRICT;

-- The end of a part's service, at most once.
CREATE TABLE asset_retirements (
    asset_id      INTEGER PRIMARY KEY REFERENCES assets (id),
    retired_on    TEXT    NOT NULL CHECK (retired_on IS date(retired_on)), -- its first day out of service
    proceeds_nano INTEGER NOT NULL CHECK (proceeds_nano >= 0),             -- what the whole part was sold for
    noted_at_ms   INTEGER NOT NULL
) STRICT;

-- Pictures of a span, from the index alone.
CREATE INDEX entries_pictures_by_time ON entries (entered_at_ms, images);

-- REPLACE deletes without asking the trigger for it.
CREATE TRIGGER assets_are_never_replaced
BEFORE INSERT ON assets
WHEN EXISTS (SELECT 1 FROM assets WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'assets are append-only: retire the asset and add another');
END;

CREATE TRIGGER assets_are_never_rewritten
BEFORE UPDATE ON assets
BEGIN
    SELECT RAISE(ABORT, 'assets are append-only: retire the asset and add another');
END;

CREATE TRIGGER assets_are_never_deleted
BEFORE DELETE ON assets
BEGIN
    SELECT RAISE(ABORT, 'assets are append-only: retire the asset and add another');
END;

CREATE TRIGGER assets_are_retired_once
BEFORE INSERT ON asset_retirements
WHEN EXISTS (SELECT 1 FROM asset_retirements WHERE asset_id = NEW.asset_id)
BEGIN
    SELECT RAISE(ABORT, 'an asset is retired once');
END;

CREATE TRIGGER assets_are_bought_before_they_are_retired
BEFORE INSERT ON asset_retirements
WHEN NEW.retired_on < (SELECT purchased_on FROM assets WHERE id = NEW.asset_id)
BEGIN
    SELECT RAISE(ABORT, 'an asset is not retired before its purchase');
END;

CREATE TRIGGER asset_retirements_are_never_rewritten
BEFORE UPDATE ON asset_retirements
BEGIN
    SELECT RAISE(ABORT, 'a retirement is not rewritten');
END;

CREATE TRIGGER asset_retirements_are_never_deleted
BEFORE DELETE ON asset_retirements
BEGIN
    SELECT RAISE(ABORT, 'a retirement is never deleted');
END;

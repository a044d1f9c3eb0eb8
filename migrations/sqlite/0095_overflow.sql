-- Images that are bought from a commercial service while there is no room here. SQLite keeps a comment before the semicolon.
ALTER TABLE keys ADD COLUMN may_overflow INTEGER NOT NULL DEFAULT 0
    CHECK (may_overflow IN (0, 1)) /* 1: its prompts may leave the house */;

-- A purchase of a request's images, written before the service is asked. Prices are those of one image.
CREATE TABLE purchases (
    id                 INTEGER PRIMARY KEY,
    request_id         TEXT    NOT NULL UNIQUE REFERENCES requests (id),
    seller             TEXT    NOT NULL CHECK (seller <> ''),            -- the name of the [[overflow]]
    sku                TEXT    NOT NULL CHECK (sku <> ''),               -- price book entry
    images             INTEGER NOT NULL CHECK (images > 0),
    width              INTEGER NOT NULL,
    height             INTEGER NOT NULL,
    list_currency      TEXT    NOT NULL CHECK (length(list_currency) = 3),
    list_nano          INTEGER NOT NULL CHECK (list_nano > 0),           -- in the seller's currency
    exchange_rate_nano INTEGER NOT NULL CHECK (exchange_rate_nano > 0),  -- of that currency, on that day
    currency           TEXT    NOT NULL CHECK (length(currency) = 3),
    price_nano         INTEGER NOT NULL CHECK (price_nano > 0),          -- the same in the ledger's currency
    here_nano          INTEGER NOT NULL,                                 -- what one more image was expected to cost here
    why                TEXT    NOT NULL CHECK (why <> ''),
    begun_at_ms        INTEGER NOT NULL,
    state              TEXT    NOT NULL CHECK (state IN ('open', 'bought', 'doubtful', 'refused')),
    ended_at_ms        INTEGER,
    outcome            TEXT,                                             -- what came back; NULL while it is open
    CHECK ((state = 'open') = (ended_at_ms IS NULL))
) STRICT;

CREATE INDEX purchases_open ON purchases (seller) WHERE state = 'open';

-- An image that was bought, or that may have been paid for. Append-only.
CREATE TABLE bought_images (
    id                 INTEGER PRIMARY KEY,
    request_id         TEXT    NOT NULL REFERENCES requests (id),
    image_index        INTEGER NOT NULL CHECK (image_index >= 0),
    purchase_id        INTEGER NOT NULL REFERENCES purchases (id),
    state              TEXT    NOT NULL CHECK (state IN ('bought', 'doubtful')), -- doubtful: paid for, perhaps; no image came
    entered_at_ms      INTEGER NOT NULL,
    seller             TEXT    NOT NULL,
    sku                TEXT    NOT NULL,
    list_currency      TEXT    NOT NULL CHECK (length(list_currency) = 3),
    list_nano          INTEGER NOT NULL,
    exchange_rate_nano INTEGER NOT NULL,
    currency           TEXT    NOT NULL CHECK (length(currency) = 3),
    price_nano         INTEGER NOT NULL CHECK (price_nano > 0),
    here_nano          INTEGER NOT NULL,
    width              INTEGER NOT NULL,
    height             INTEGER NOT NULL,
    UNIQUE (request_id, image_index)
) STRICT;

CREATE INDEX bought_images_by_time ON bought_images (entered_at_ms);

-- REPLACE deletes without asking the trigger for it.
CREATE TRIGGER purchases_are_never_replaced BEFORE INSERT ON purchases
WHEN EXISTS (SELECT 1 FROM purchases WHERE id = NEW.id OR request_id = NEW.request_id)
BEGIN
    SELECT RAISE(ABORT, 'a purchase is not rewritten');
END;

CREATE TRIGGER purchases_keep_what_was_asked
BEFORE UPDATE OF id, request_id, seller, sku, images, width, height, list_currency, list_nano, exchange_rate_nano, currency, price_nano, here_nano, why, begun_at_ms ON purchases
BEGIN
    SELECT RAISE(ABORT, 'a purchase is not rewritten');
END;

CREATE TRIGGER purchases_end_once BEFORE UPDATE OF state, ended_at_ms, outcome ON purchases
WHEN OLD.state <> 'open' OR NEW.state = 'open'
BEGIN
    SELECT RAISE(ABORT, 'a purchase ends once');
END;

CREATE TRIGGER purchases_are_never_deleted BEFORE DELETE ON purchases
BEGIN
    SELECT RAISE(ABORT, 'purchases are never deleted');
END;

CREATE TRIGGER bought_images_are_never_replaced BEFORE INSERT ON bought_images
WHEN EXISTS (SELECT 1 FROM bought_images
             WHERE id = NEW.id OR (request_id = NEW.request_id AND image_index = NEW.image_index))
BEGIN
    SELECT RAISE(ABORT, 'bought images are append-only');
END;

CREATE TRIGGER bought_images_are_never_rewritten BEFORE UPDATE ON bought_images
BEGIN
    SELECT RAISE(ABORT, 'bought images are append-only');
END;

CREATE TRIGGER bought_images_are_never_deleted BEFORE DELETE ON bought_images
BEGIN
    SELECT RAISE(ABORT, 'bought images are append-only');
END;

CREATE TRIGGER bought_images_are_of_an_open_purchase BEFORE INSERT ON bought_images
WHEN (SELECT state FROM purchases WHERE id = NEW.purchase_id AND request_id = NEW.request_id) IS NOT 'open'
BEGIN
    SELECT RAISE(ABORT, 'images are booked while their purchase is open');
END;

CREATE TRIGGER bought_images_are_of_a_running_request BEFORE INSERT ON bought_images
WHEN NEW.state = 'bought' AND (SELECT state FROM requests WHERE id = NEW.request_id) IS NOT 'running'
BEGIN
    SELECT RAISE(ABORT, 'images are booked while their request runs');
END;

CREATE TRIGGER bought_images_of_a_closed_month_are_complete BEFORE INSERT ON bought_images
WHEN EXISTS (SELECT 1 FROM month_closings WHERE NEW.entered_at_ms >= start_ms AND NEW.entered_at_ms < end_ms)
BEGIN
    SELECT RAISE(ABORT, 'the month of this image is closed');
END;

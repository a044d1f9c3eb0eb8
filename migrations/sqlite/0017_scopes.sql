-- What a key may do, apart: until now one scope both read costs and changed keys.
ALTER TABLE keys ADD COLUMN scope_costs INTEGER NOT NULL DEFAULT 0
    CHECK (scope_costs IN (0, 1)) /* reads reports */;

-- Who had the admin scope could read, and still can.
UPDATE keys SET scope_costs = scope_admin;

-- Which secret opened a session: it ends with that secret. NULL: the password or a link did, or an earlier version, whose
-- sessions by key have to be opened again.
ALTER TABLE sessions ADD COLUMN key_secret_sha256 BLOB
    CHECK (key_secret_sha256 IS NULL OR (key_id IS NOT NULL AND length(key_secret_sha256) = 32));

-- Who did it, as in key_events. Until now only the command line could.
ALTER TABLE assets ADD COLUMN actor TEXT NOT NULL DEFAULT 'command line'
    CHECK (actor <> '' AND actor NOT GLOB '*[.:]*');
ALTER TABLE asset_retirements ADD COLUMN actor TEXT NOT NULL DEFAULT 'command line'
    CHECK (actor <> '' AND actor NOT GLOB '*[.:]*');
ALTER TABLE month_closings ADD COLUMN actor TEXT NOT NULL DEFAULT 'command line'
    CHECK (actor <> '' AND actor NOT GLOB '*[.:]*');
ALTER TABLE operator_password ADD COLUMN actor TEXT NOT NULL DEFAULT 'command line'
    CHECK (actor <> '' AND actor NOT GLOB '*[.:]*');

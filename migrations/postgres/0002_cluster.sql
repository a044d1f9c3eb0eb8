-- Several machines on one ledger. Only PostgreSQL has these tables, and nothing in them is booked: what is booked stays in the
-- ledger's own. A request's row in `queue` is written with its reservation and leaves with its end, in the same commits.

-- What all nodes must agree on: the first that joins says it.
CREATE TABLE cluster (
    id           BIGINT PRIMARY KEY CHECK (id = 1),
    secret_check BYTEA NOT NULL CHECK (length(secret_check) = 32),  -- of the secret that all nodes have
    model        TEXT COLLATE "C" NOT NULL,
    computation  TEXT COLLATE "C"  -- what decides the pixels of its images; NULL: no worker has joined yet
);

-- Processes: gateways and workers. Only the database's clock judges a lease.
CREATE TABLE nodes (
    id           TEXT COLLATE "C" PRIMARY KEY,
    role         TEXT COLLATE "C" NOT NULL CHECK (role IN ('gateway', 'worker', 'both')),
    machine      TEXT COLLATE "C" NOT NULL,
    version      TEXT COLLATE "C" NOT NULL,
    joined_at_ms BIGINT NOT NULL,
    lease_until  TIMESTAMPTZ NOT NULL,
    fenced       BIGINT NOT NULL DEFAULT 0 CHECK (fenced IN (0, 1)),    -- for good: it joins again under another id
    draining     BIGINT NOT NULL DEFAULT 0 CHECK (draining IN (0, 1)),  -- it finishes what it holds, and takes nothing more
    devices      BIGINT NOT NULL DEFAULT 0,
    generating   BIGINT NOT NULL DEFAULT 0,  -- devices that have generated an image
    lost         BIGINT NOT NULL DEFAULT 0,
    pace_ms      BIGINT,                     -- what all its devices together take for 10^9 pixel-steps
    watts        BIGINT NOT NULL DEFAULT 0,  -- of the device that draws most
    images       BIGINT NOT NULL DEFAULT 0,  -- that it has settled since it joined
    energy_mj    BIGINT NOT NULL DEFAULT 0   -- of those
) WITH (fillfactor = 50);

CREATE TABLE queue (
    request_id     TEXT COLLATE "C" PRIMARY KEY REFERENCES requests (id),
    key_id         BIGINT NOT NULL REFERENCES keys (id),
    model          TEXT COLLATE "C" NOT NULL,
    shape          TEXT COLLATE "C" NOT NULL,  -- what requests must have in common to share a batch
    images         BIGINT NOT NULL CHECK (images > 0),
    cost           BIGINT NOT NULL,            -- pixel-steps of all its images
    start_tag      BIGINT NOT NULL,            -- whose is smallest is next: start-time fair queueing
    is_live        BIGINT NOT NULL CHECK (is_live IN (0, 1)),
    state          BIGINT NOT NULL DEFAULT 0 CHECK (state IN (0, 1)),  -- 0 waits, 1 is held by a worker
    attempt        BIGINT NOT NULL DEFAULT 0,
    claim          BIGINT,                     -- by which its worker holds it
    worker         TEXT COLLATE "C",
    failed_on      TEXT COLLATE "C",           -- a worker that could not do it
    gateway        TEXT COLLATE "C" NOT NULL,  -- whose client waits for it
    finishes_alone BIGINT NOT NULL CHECK (finishes_alone IN (0, 1)),   -- whether it goes on if that client is gone
    deadline_ms    BIGINT,
    stop           TEXT COLLATE "C",           -- why it is to end: a reason of failure
    steps_done     BIGINT NOT NULL DEFAULT 0,
    spec           BYTEA NOT NULL,             -- prompt and all, sealed: no prompt is readable in the database or its copies
    CHECK ((state = 1) = (claim IS NOT NULL AND worker IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000);

-- How far the work of each key has come, in pixel-steps.
CREATE TABLE turns (
    key_id     BIGINT PRIMARY KEY REFERENCES keys (id),
    finish_tag BIGINT NOT NULL
) WITH (fillfactor = 50);

-- Whose files count: of a settled request, those that were made by this claim.
CREATE TABLE objects (
    request_id TEXT COLLATE "C" PRIMARY KEY REFERENCES requests (id),
    claim      BIGINT NOT NULL
);

-- Limits a minute: the theoretical time of the next arrival. A crash of the database forgets them, as a restart of a server does.
CREATE UNLOGGED TABLE rates (
    key_id BIGINT NOT NULL,
    kind   BIGINT NOT NULL,  -- 0 requests, 1 images
    tat_us BIGINT NOT NULL,
    PRIMARY KEY (key_id, kind)
) WITH (fillfactor = 50);

CREATE INDEX queue_turn ON queue (model, is_live DESC, start_tag, key_id, request_id) WHERE state = 0;
CREATE INDEX queue_shape ON queue (model, shape, start_tag) WHERE state = 0;
CREATE INDEX queue_held ON queue (worker) WHERE state = 1;
CREATE INDEX queue_of_key ON queue (key_id);

-- What gateways need of each other beside the queue: who looks after batches, whose turn it is among what can wait, and how the
-- nodes' clocks stand. Nothing in here is booked.

-- What one node does for all, until it is fenced or drained: then another takes it over.
CREATE TABLE duties (
    duty TEXT COLLATE "C" PRIMARY KEY,
    node TEXT COLLATE "C" NOT NULL
);

-- How far the work of each key has come that can wait, in pixel-steps: it has turns of its own, below live work.
ALTER TABLE turns ADD COLUMN later_tag BIGINT NOT NULL DEFAULT 0;

-- By how much the clock of its machine is ahead of the database's; NULL: it was not compared yet.
ALTER TABLE nodes ADD COLUMN clock_ahead_ms BIGINT;

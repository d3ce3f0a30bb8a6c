-- What this database is, and which buckets of users it owns.
-- +goose Up

-- One row. Clients compare it with the shard map before they do anything.
CREATE TABLE scalestack.shard (
    only_row       boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    cluster        text        NOT NULL,
    shard_id       integer     NOT NULL CHECK (shard_id >= 0),
    buckets        integer     NOT NULL CHECK (buckets > 0),
    initial_shards integer     NOT NULL CHECK (initial_shards BETWEEN 1 AND buckets),
    created_at     timestamptz NOT NULL DEFAULT now()
);

-- The buckets that this shard owns or has owned; this table, not the shard
-- map, decides. A bucket without a row was never here.
--   owned   reads and writes
--   fenced  reads only: a move to another shard is about to end
--   moved   neither: owner has it
CREATE TABLE scalestack.ownership (
    bucket     integer     PRIMARY KEY CHECK (bucket >= 0),
    state      text        NOT NULL CHECK (state IN ('owned', 'fenced', 'moved')),
    -- Grows with every change of owner, so that late news can be told from new.
    epoch      bigint      NOT NULL DEFAULT 1 CHECK (epoch > 0),
    owner      integer     NOT NULL CHECK (owner >= 0),
    changed_at timestamptz NOT NULL DEFAULT now()
);

GRANT USAGE ON SCHEMA scalestack TO app;
GRANT SELECT ON scalestack.shard, scalestack.ownership TO app;

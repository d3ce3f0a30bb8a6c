-- What shardctl reconcile keeps after a restore.
-- +goose Up

-- Rows that nobody owns here any more: they were taken out of their table, and stay until
-- somebody deletes them. Nobody but the operator may read them.
CREATE TABLE scalestack.set_aside (
    at     timestamptz NOT NULL DEFAULT now(),
    -- The table that they were in, qualified and quoted.
    source text        NOT NULL,
    bucket integer     NOT NULL,
    key    bigint      NOT NULL,
    -- json_populate_record(NULL::<table>, content) is the row as it was.
    content json       NOT NULL
);

-- The restores of this shard, by the name that postgres.restore gave them, that have been
-- reconciled with the other shards.
CREATE TABLE scalestack.reconciled (
    restore text        PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now()
);

-- +goose Up

-- The moves whose buckets this shard gives away; a move's row lies on its
-- source, because a fence and the state that explains it must change together.
-- Everything else that a move makes is named after the row, so that whoever
-- takes up the move finds it again.
CREATE TABLE scalestack.move (
    id         bigint           PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    target     integer          NOT NULL CHECK (target >= 0),
    buckets    integer[]        NOT NULL CHECK (cardinality(buckets) > 0),
    state      text             NOT NULL DEFAULT 'planned',
    -- What the operator wants: run, pause or abort.
    wanted     text             NOT NULL DEFAULT 'run' CHECK (wanted IN ('run', 'pause', 'abort')),
    -- Why the move was aborted or rolled back.
    reason     text             NOT NULL DEFAULT '',
    -- When each state was reached.
    history    jsonb            NOT NULL DEFAULT '{}',
    rows       bigint,
    -- How long the buckets took no writes, in milliseconds, as the mover saw it.
    pause_ms   double precision,
    created_at timestamptz      NOT NULL DEFAULT now(),
    changed_at timestamptz      NOT NULL DEFAULT now()
);

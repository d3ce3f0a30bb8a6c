-- Work that follows a change of a user: what is to be published, and what each
-- consumer has done. Every table is sharded by user_id and fenced, so that
-- re-sharding moves it with its user.
-- +goose Up

-- A deleted user's row stays, without personal data: its version goes on if the
-- user comes back, so that nobody mistakes old news for new.
ALTER TABLE public.users
    ADD COLUMN deleted_at    timestamptz,
    -- The version with which the user came, or came back.
    ADD COLUMN first_version bigint NOT NULL DEFAULT 1,
    -- Counts the events of the user, its products' included, and orders them.
    ADD COLUMN events        bigint NOT NULL DEFAULT 0,
    -- Of the request that made the user, if it had an Idempotency-Key.
    ADD COLUMN request_hash  uuid,
    ADD CONSTRAINT users_forgotten CHECK (deleted_at IS NULL OR (name = '' AND email = '' AND request_hash IS NULL));

CREATE TABLE public.products (
    user_id     bigint      NOT NULL,
    sku         text        NOT NULL,
    name        text        NOT NULL,
    price_cents bigint      NOT NULL CHECK (price_cents >= 0),
    -- The number of the event in its user's; so it also grows over a deletion.
    version     bigint      NOT NULL CHECK (version > 0),
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, sku)
);

-- Written in the transaction of the change, deleted once Kafka has it. A row is
-- the whole event: a newer relay must not put a newer label on an older one.
CREATE TABLE public.outbox (
    user_id     bigint      NOT NULL,
    sequence    bigint      NOT NULL CHECK (sequence > 0),
    event_id    uuid        NOT NULL DEFAULT gen_random_uuid(),
    topic       text        NOT NULL,
    type        text        NOT NULL,
    schema      text        NOT NULL,
    occurred_at timestamptz NOT NULL DEFAULT now(),
    data        jsonb       NOT NULL,
    PRIMARY KEY (user_id, sequence)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);

-- The events that a consumer has begun or done.
CREATE TABLE public.inbox (
    user_id    bigint      NOT NULL,
    consumer   text        NOT NULL,
    event_id   uuid        NOT NULL,
    done       boolean     NOT NULL DEFAULT true,
    -- Who is at it, while it is not done.
    claimed_by uuid,
    changed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, consumer, event_id)
);
-- Rows come in the order of time, so that this finds the old ones for next to nothing.
CREATE INDEX inbox_age ON public.inbox USING brin (changed_at) WITH (autosummarize = on);

-- What users did, by day (UTC): the tables of the consumer analytics.
CREATE TABLE public.activity (
    user_id bigint      NOT NULL,
    day     date        NOT NULL,
    type    text        NOT NULL,
    count   bigint      NOT NULL CHECK (count > 0),
    last_at timestamptz NOT NULL,
    PRIMARY KEY (user_id, day, type)
);

CREATE TRIGGER fence BEFORE INSERT OR UPDATE OR DELETE ON public.products
    FOR EACH ROW EXECUTE FUNCTION scalestack.fence();
CREATE TRIGGER fence BEFORE INSERT OR UPDATE OR DELETE ON public.outbox
    FOR EACH ROW EXECUTE FUNCTION scalestack.fence();
CREATE TRIGGER fence BEFORE INSERT OR UPDATE OR DELETE ON public.inbox
    FOR EACH ROW EXECUTE FUNCTION scalestack.fence();
CREATE TRIGGER fence BEFORE INSERT OR UPDATE OR DELETE ON public.activity
    FOR EACH ROW EXECUTE FUNCTION scalestack.fence();

GRANT SELECT, INSERT, UPDATE, DELETE ON public.products, public.inbox TO app;
GRANT SELECT, INSERT, DELETE ON public.outbox TO app;
GRANT SELECT, INSERT, UPDATE ON public.activity TO app;

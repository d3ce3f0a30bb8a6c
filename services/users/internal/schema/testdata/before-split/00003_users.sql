-- +goose Up

-- user_id is the primary key and so part of the replica identity: a move by
-- logical replication filters rows by it.
CREATE TABLE public.users (
    user_id    bigint      PRIMARY KEY,
    name       text        NOT NULL,
    email      text        NOT NULL,
    -- Counts the changes; the cache never replaces a higher one by a lower one.
    version    bigint      NOT NULL DEFAULT 1 CHECK (version > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);

CREATE TRIGGER fence BEFORE INSERT OR UPDATE OR DELETE ON public.users
    FOR EACH ROW EXECUTE FUNCTION scalestack.fence();

GRANT SELECT, INSERT, UPDATE, DELETE ON public.users TO app;

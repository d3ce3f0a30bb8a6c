-- Work on a user in pieces, events that Kafka refuses, and a relay that is woken.
-- +goose Up

-- A deleted user whose products are not all gone yet. They are invisible, since
-- their user is, and deleted in pieces.
ALTER TABLE public.users
    ADD COLUMN clearing boolean NOT NULL DEFAULT false,
    ADD CONSTRAINT users_clearing CHECK (NOT clearing OR deleted_at IS NOT NULL) NOT VALID;

-- Why Kafka refuses the event for good; the relay leaves such a row alone. NULL
-- for all others.
ALTER TABLE public.outbox ADD COLUMN parked text;

-- A deletion takes name and address out of events that are not published yet.
GRANT UPDATE ON public.outbox TO app;

-- Wakes the shard's relay when it sleeps. NOTIFY makes commits queue for one lock
-- of the whole database, so it must be rare: the relay holds the advisory lock
-- "wake" while it sleeps and only then. A writer that gets the lock shared keeps it
-- until its commit is visible, and the relay cannot fall asleep before that; one
-- that does not get it notifies. No commit falls between the two.
-- +goose StatementBegin
CREATE FUNCTION public.wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock_shared(x'77616b65'::bigint) THEN
        NOTIFY outbox;
    END IF;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER wake AFTER INSERT ON public.outbox
    FOR EACH STATEMENT EXECUTE FUNCTION public.wake_relay();

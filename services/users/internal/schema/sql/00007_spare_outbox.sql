-- A second table for the outbox. A snapshot that somebody holds keeps every deleted
-- row in its table and index, and a relay that looks for the first row passes all
-- of them. So the relay turns: the two tables change names, writers go on in the
-- empty one, and what is drained is truncated. Nobody else knows of it.
-- +goose Up

CREATE TABLE public.outbox_spare (LIKE public.outbox INCLUDING ALL)
    WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
ALTER INDEX public.outbox_spare_topic_user_id_sequence_idx RENAME TO outbox_spare_waiting;

CREATE TRIGGER wake AFTER INSERT ON public.outbox_spare
    FOR EACH STATEMENT EXECUTE FUNCTION public.wake_relay();
SELECT scalestack.adopt('public.outbox_spare', guarded => false);
GRANT SELECT, INSERT, UPDATE, DELETE ON public.outbox_spare TO app;

-- Both, whichever has which name.
CREATE VIEW public.outbox_all AS SELECT * FROM public.outbox UNION ALL SELECT * FROM public.outbox_spare;
GRANT SELECT ON public.outbox_all TO app;

-- +goose StatementBegin
-- Truncates the spare table if it has no rows, and gives it the other's place. Says
-- whether it did. It waits for nobody for long, since writers would wait behind it.
-- Not while a mover works or a move has not ended, whose stream goes by the tables'
-- names; that is also when rows of others' buckets lie here. What Kafka refused
-- goes along.
CREATE FUNCTION public.turn_outbox() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '20ms' AS $$
BEGIN
    -- The lock of movers, and of migrations, whose steps go by names too.
    IF NOT pg_try_advisory_xact_lock_shared(x'72657368617264'::bigint) THEN
        RETURN false;
    END IF;
    LOCK TABLE public.outbox, public.outbox_spare IN ACCESS EXCLUSIVE MODE;
    PERFORM scalestack.require_no_move('public.outbox'::regclass), scalestack.require_no_move('public.outbox_spare'::regclass);
    IF EXISTS (SELECT FROM public.outbox_spare WHERE parked IS NULL) THEN
        RETURN false;
    END IF;
    PERFORM scalestack.sweep();
    WITH parked AS (DELETE FROM public.outbox_spare RETURNING *) INSERT INTO public.outbox SELECT * FROM parked;
    TRUNCATE public.outbox_spare;
    -- The names of the indexes change too: a move compares the tables of two shards.
    ALTER TABLE public.outbox RENAME TO outbox_turning;
    ALTER TABLE public.outbox_spare RENAME TO outbox;
    ALTER TABLE public.outbox_turning RENAME TO outbox_spare;
    ALTER INDEX public.outbox_pkey RENAME TO outbox_turning;
    ALTER INDEX public.outbox_spare_pkey RENAME TO outbox_pkey;
    ALTER INDEX public.outbox_turning RENAME TO outbox_spare_pkey;
    ALTER INDEX public.outbox_waiting RENAME TO outbox_turning;
    ALTER INDEX public.outbox_spare_waiting RENAME TO outbox_waiting;
    ALTER INDEX public.outbox_turning RENAME TO outbox_spare_waiting;
    RETURN true;
EXCEPTION WHEN lock_not_available OR object_in_use OR deadlock_detected OR SQLSTATE 'SS001' THEN
    RETURN false;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION public.turn_outbox() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.turn_outbox() TO app;

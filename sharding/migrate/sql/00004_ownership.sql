-- What queries over all shards need, and a fence that ends by itself.
-- +goose Up

-- The buckets whose rows count here. During a move a table also holds rows of
-- others: copies for a bucket that is about to come, old rows of one that went.
CREATE VIEW scalestack.owned_buckets AS
    SELECT bucket, epoch FROM scalestack.ownership WHERE state IN ('owned', 'fenced');

-- +goose StatementBegin
-- For queries that find few rows, by an index; a scan joins the view instead.
-- The cost makes the planner ask for a row last.
CREATE FUNCTION scalestack.owned(user_id bigint) RETURNS boolean
STABLE PARALLEL SAFE COST 1000 LANGUAGE plpgsql AS $$
BEGIN
    RETURN EXISTS (SELECT FROM scalestack.owned_buckets WHERE bucket = scalestack.bucket_of(user_id));
END $$;
-- +goose StatementEnd

GRANT SELECT ON scalestack.owned_buckets TO app;
-- The plan of a move shows what earlier moves took.
GRANT SELECT ON scalestack.move TO app;

-- Until when a fence holds; NULL is for ever. A mover that dies must not keep
-- writers out.
ALTER TABLE scalestack.ownership ADD COLUMN fenced_until timestamptz;

-- +goose StatementBegin
-- The writer that comes first after the end lifts the fence, in the transaction
-- of its write. So a late mover finds the bucket owned again, whatever its own
-- clock or the server's says, and cannot hand over a bucket without that write.
CREATE FUNCTION scalestack.lift_lapsed(wanted integer) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE scalestack.ownership SET state = 'owned', epoch = epoch + 1, fenced_until = NULL, changed_at = now()
    WHERE bucket = wanted AND state = 'fenced' AND fenced_until <= clock_timestamp();
    -- Also true when another writer has lifted it while this one waited.
    RETURN EXISTS (SELECT FROM scalestack.ownership WHERE bucket = wanted AND state = 'owned');
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION scalestack.require_writable(user_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    wanted integer := scalestack.bucket_of(user_id);
    found_state text;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(21331, wanted);
    IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
        -- The snapshot may be older than the lock; FOR SHARE fails with a
        -- serialization error if the row has changed since.
        SELECT state INTO found_state FROM scalestack.ownership WHERE bucket = wanted FOR SHARE;
    ELSE
        SELECT state INTO found_state FROM scalestack.ownership WHERE bucket = wanted;
    END IF;
    IF found_state = 'fenced' AND scalestack.lift_lapsed(wanted) THEN
        RETURN;
    END IF;
    IF found_state IS DISTINCT FROM 'owned' THEN
        PERFORM scalestack.refuse(wanted);
    END IF;
END $$;
-- +goose StatementEnd

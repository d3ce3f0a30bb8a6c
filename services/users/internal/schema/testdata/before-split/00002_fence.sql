-- The fence: the database itself refuses what does not belong here, so that a
-- client with an old shard map, in any language, cannot misplace a write.
-- +goose Up

-- +goose StatementBegin
-- Positive for every user id; NULL until the shard is claimed, and NULL is
-- refused below. Not in the language SQL, which would plan it at every call.
CREATE FUNCTION scalestack.bucket_of(user_id bigint) RETURNS integer
STABLE LANGUAGE plpgsql AS $$
BEGIN
    RETURN ((user_id % buckets + buckets) % buckets)::integer FROM scalestack.shard;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- SS001 is this refusal and nothing else. DETAIL is JSON for programs; owner is
-- a hint: the last owner this shard knows of, or the one of the base map.
CREATE FUNCTION scalestack.refuse(refused integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    s scalestack.shard;
    o scalestack.ownership;
BEGIN
    SELECT * INTO s FROM scalestack.shard;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the database is not a shard yet' USING ERRCODE = 'SS001', HINT = 'Run migrate.';
    END IF;
    SELECT * INTO o FROM scalestack.ownership WHERE bucket = refused;
    RAISE EXCEPTION 'bucket % is not owned by shard %', refused, s.shard_id USING
        ERRCODE = 'SS001',
        DETAIL = jsonb_build_object(
            'bucket', refused, 'shard', s.shard_id, 'state', o.state, 'epoch', o.epoch,
            'owner', coalesce(o.owner, nullif(refused % s.initial_shards, s.shard_id)))::text,
        HINT = 'Load the current shard map and ask the owner.';
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The shared lock lets writers of a bucket run side by side. Who fences the
-- bucket takes the lock alone (21331 is 0x5353, "SS"): that waits for writers
-- that have passed, and those that come later see the new state.
CREATE FUNCTION scalestack.require_writable(user_id bigint) RETURNS void
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
    IF found_state IS DISTINCT FROM 'owned' THEN
        PERFORM scalestack.refuse(wanted);
    END IF;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Reads of what is elsewhere would find nothing, or old rows not yet deleted.
-- STABLE: it sees the very snapshot of the query that calls it.
CREATE FUNCTION scalestack.require_readable(user_id bigint) RETURNS boolean
STABLE LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted integer := scalestack.bucket_of(user_id);
BEGIN
    PERFORM FROM scalestack.ownership WHERE bucket = wanted AND state IN ('owned', 'fenced');
    IF NOT FOUND THEN
        PERFORM scalestack.refuse(wanted);
    END IF;
    RETURN true;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Runs with its owner's rights, so that no role needs rights of its own on the
-- ownership table to write users. The apply worker of a logical replication
-- does not fire it, which is what lets a move fill a bucket before it is owned.
CREATE FUNCTION scalestack.fence() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM scalestack.require_writable(OLD.user_id);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' OR NEW.user_id <> OLD.user_id THEN
        PERFORM scalestack.require_writable(NEW.user_id);
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd

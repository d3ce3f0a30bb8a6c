-- The same fence for less: the usual way is one index probe behind one lock, in
-- as few calls as PL/pgSQL allows. docs/resharding.md has the figures.
-- +goose Up

-- Who may use the schema may read what it says, so that the usual way needs no
-- other role's rights; switching to them costs as much as the probe.
GRANT USAGE ON SCHEMA scalestack TO PUBLIC;
GRANT SELECT ON scalestack.shard, scalestack.ownership, scalestack.owned_buckets TO PUBLIC;

-- +goose StatementBegin
-- Writes the number of buckets, which is fixed for the life of the data, into
-- bucket_of: the planner then puts the formula where the call was.
CREATE FUNCTION scalestack.fix_buckets() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    b integer := (SELECT buckets FROM scalestack.shard);
BEGIN
    IF b IS NOT NULL THEN
        EXECUTE format('CREATE OR REPLACE FUNCTION scalestack.bucket_of(user_id bigint) RETURNS integer
            IMMUTABLE PARALLEL SAFE LANGUAGE sql AS ''SELECT ((user_id %% %1$s + %1$s) %% %1$s)::integer''', b);
    END IF;
END $$;
-- +goose StatementEnd

SELECT scalestack.fix_buckets();

-- +goose StatementBegin
-- What is not the usual way: another isolation level, a lapsed fence, a refusal.
-- The caller holds the lock.
CREATE FUNCTION scalestack.settle(wanted integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found_state text;
BEGIN
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

-- +goose StatementBegin
-- Called in an assignment, which is no query of its own. So is the first try at
-- the lock, which fails only while the bucket is being fenced.
CREATE FUNCTION scalestack.pass(key bigint) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    wanted integer := scalestack.bucket_of(key);
    found_state text;
BEGIN
    IF NOT pg_try_advisory_xact_lock_shared(21331, wanted) THEN
        PERFORM pg_advisory_xact_lock_shared(21331, wanted);
    END IF;
    IF current_setting('transaction_isolation') = 'read committed' THEN
        SELECT state INTO found_state FROM scalestack.ownership WHERE bucket = wanted;
        IF found_state = 'owned' THEN
            RETURN true;
        END IF;
    END IF;
    PERFORM scalestack.settle(wanted);
    RETURN true;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION scalestack.require_writable(user_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    passed boolean := scalestack.pass(user_id);
BEGIN
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION scalestack.hold(user_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    passed boolean := scalestack.pass(user_id);
    held text := set_config('scalestack.held', 'key', true);
BEGIN
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- STABLE: it sees the very snapshot of the query that calls it.
CREATE OR REPLACE FUNCTION scalestack.require_readable(user_id bigint) RETURNS boolean
STABLE LANGUAGE plpgsql AS $$
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
CREATE OR REPLACE FUNCTION scalestack.fence_source(key text) RETURNS text
IMMUTABLE LANGUAGE sql AS $outer$ SELECT format($$
DECLARE
    passed boolean;
BEGIN
    IF TG_OP <> 'INSERT' THEN
        passed := scalestack.pass(OLD.%1$I);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' OR NEW.%1$I IS DISTINCT FROM OLD.%1$I THEN
        passed := scalestack.pass(NEW.%1$I);
    END IF;
    RETURN NEW;
END $$, key) $outer$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION scalestack.make_fence(key text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION scalestack.%I() RETURNS trigger LANGUAGE plpgsql AS %L',
        scalestack.fence_name(key), scalestack.fence_source(key));
END $$;
-- +goose StatementEnd

SELECT scalestack.make_fence(CASE proname WHEN 'fence' THEN 'user_id' ELSE substr(proname, 10) END)
FROM pg_proc WHERE pronamespace = 'scalestack'::regnamespace AND (proname = 'fence' OR proname LIKE 'fence\_by\_%');

-- Every key that a transaction changes is held, not only one of them; a hold
-- counts only where its statement sees the bucket's rows.
-- +goose Up

-- The setting scalestack.held of a transaction is one of
--   empty    nothing was held
--   +        nothing was held, and an inserted row has met the fence
--   ,4,17,   these buckets are held until the transaction ends
--   sweep    whatever rows are here may be changed

-- +goose StatementBegin
-- Locks a bucket until the transaction ends and returns its epoch, or refuses.
-- Called in an assignment, which is no query of its own. So is the first try at
-- the lock, which fails only while the bucket is being fenced.
CREATE FUNCTION scalestack.enter(wanted integer) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    found_epoch bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock_shared(21331, wanted) THEN
        PERFORM pg_advisory_xact_lock_shared(21331, wanted);
    END IF;
    IF current_setting('transaction_isolation') = 'read committed' THEN
        SELECT epoch INTO found_epoch FROM scalestack.ownership WHERE bucket = wanted AND state = 'owned';
        IF FOUND THEN
            RETURN found_epoch;
        END IF;
    END IF;
    PERFORM scalestack.settle(wanted);
    RETURN (SELECT epoch FROM scalestack.ownership WHERE bucket = wanted);
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION scalestack.require_writable(user_id bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    entered bigint := scalestack.enter(scalestack.bucket_of(user_id));
BEGIN
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- STABLE: it sees the snapshot of the statement that calls it, while enter sees
-- what is now. A statement that holds and changes rows at once must not miss rows
-- that have arrived since it began. A bucket that left and came back has passed
-- five epochs at least; a fence that was lifted, two.
CREATE OR REPLACE FUNCTION scalestack.hold(user_id bigint) RETURNS void
STABLE LANGUAGE plpgsql AS $$
DECLARE
    wanted integer := scalestack.bucket_of(user_id);
    held text := coalesce(current_setting('scalestack.held', true), '');
    entered bigint;
BEGIN
    IF strpos(held, ',' || wanted || ',') > 0 THEN
        RETURN;
    END IF;
    entered := scalestack.enter(wanted);
    PERFORM FROM scalestack.ownership WHERE bucket = wanted AND state IN ('owned', 'fenced') AND epoch > entered - 5;
    IF NOT FOUND THEN
        PERFORM scalestack.refuse(wanted);
    END IF;
    IF held <> 'sweep' THEN
        held := set_config('scalestack.held', CASE WHEN held LIKE ',%' THEN held ELSE ',' END || wanted || ',', true);
    END IF;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- For statements on several keys: one call for each bucket, in one order.
CREATE FUNCTION scalestack.hold_all(keys bigint[]) RETURNS void
STABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM scalestack.hold(key) FROM (
        SELECT DISTINCT ON (scalestack.bucket_of(key)) key FROM unnest(keys) AS key ORDER BY scalestack.bucket_of(key)) AS wanted;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Called for a row that a statement changes and whose key its transaction does
-- not hold. It is here by luck: with the bucket elsewhere, the same statement
-- would have found nothing. 'key' is what a transaction has set that began before
-- this migration.
CREATE FUNCTION scalestack.unheld(relation oid, key bigint) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('scalestack.held', true) = 'key' OR NOT EXISTS (SELECT FROM scalestack.shard WHERE strict)
        OR EXISTS (SELECT FROM pg_trigger WHERE tgrelid = relation AND tgfoid = 'scalestack.guard'::regproc AND tgnargs > 0) THEN
        RETURN;
    END IF;
    RAISE EXCEPTION 'the transaction changes the key % in % and has not held it', key, relation::regclass USING
        ERRCODE = 'SS002',
        HINT = 'First call scalestack.hold(key) or scalestack.hold_all(keys) for every key, in the same transaction.';
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION scalestack.fence_source(key text) RETURNS text
IMMUTABLE LANGUAGE sql AS $outer$ SELECT format($$
DECLARE
    held text := coalesce(current_setting('scalestack.held', true), '');
    entered bigint;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF strpos(held, ',' || scalestack.bucket_of(NEW.%1$I) || ',') > 0 THEN
            RETURN NEW;
        END IF;
        entered := scalestack.enter(scalestack.bucket_of(NEW.%1$I));
        IF held = '' THEN
            held := set_config('scalestack.held', '+', true);
        END IF;
        RETURN NEW;
    END IF;
    IF coalesce(strpos(held, ',' || scalestack.bucket_of(OLD.%1$I) || ','), 0) = 0 THEN
        entered := scalestack.enter(scalestack.bucket_of(OLD.%1$I));
        IF held <> 'sweep' THEN
            PERFORM scalestack.unheld(TG_RELID, OLD.%1$I);
        END IF;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.%1$I IS DISTINCT FROM OLD.%1$I THEN
        entered := scalestack.enter(scalestack.bucket_of(NEW.%1$I));
    END IF;
    RETURN NEW;
END $$, key) $outer$;
-- +goose StatementEnd

SELECT scalestack.make_fence(CASE proname WHEN 'fence' THEN 'user_id' ELSE substr(proname, 10) END)
FROM pg_proc WHERE pronamespace = 'scalestack'::regnamespace AND (proname = 'fence' OR proname LIKE 'fence\_by\_%');

DROP FUNCTION scalestack.pass(bigint);

-- +goose StatementBegin
-- Refuses what a row trigger cannot see: an UPDATE or DELETE that finds no row, an
-- INSERT … SELECT that has none to insert, both on the wrong shard perhaps; and
-- TRUNCATE, which asks no row. COPY says itself what it brings.
CREATE OR REPLACE FUNCTION scalestack.guard() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    held text := coalesce(current_setting('scalestack.held', true), '');
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM scalestack.require_no_move(TG_RELID);
    END IF;
    IF TG_NARGS > 0 THEN
        RETURN NULL;
    END IF;
    CASE TG_OP
        WHEN 'TRUNCATE' THEN
            IF held = 'sweep' THEN RETURN NULL; END IF;
        WHEN 'INSERT' THEN
            IF held <> '' THEN RETURN NULL; END IF;
        ELSE
            IF held NOT IN ('', '+') THEN RETURN NULL; END IF;
    END CASE;
    IF NOT EXISTS (SELECT FROM scalestack.shard WHERE strict)
        OR TG_OP = 'INSERT' AND EXISTS (SELECT FROM pg_stat_progress_copy WHERE pid = pg_backend_pid()) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'the transaction holds no key that it could write in %', TG_RELID::regclass USING
        ERRCODE = 'SS002',
        HINT = 'First call scalestack.hold(key) in the same transaction, or scalestack.sweep() to work on whatever rows are here.';
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- A truncation does not travel with a move: the copies would come back to life.
CREATE FUNCTION scalestack.require_no_move(relation oid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM pg_publication_rel JOIN pg_publication p ON p.oid = prpubid WHERE prrelid = relation AND starts_with(pubname, 'scalestack_move_'))
        OR EXISTS (SELECT FROM pg_subscription_rel JOIN pg_subscription s ON s.oid = srsubid WHERE srrelid = relation AND starts_with(subname, 'scalestack_move_')) THEN
        RAISE EXCEPTION 'a move of % is under way', relation::regclass USING
            ERRCODE = 'object_in_use', HINT = 'Wait for its end or abort it; DELETE works meanwhile.';
    END IF;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION scalestack.adopt(sharded regclass, key text DEFAULT 'user_id', guarded boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    old name;
BEGIN
    IF octet_length(scalestack.fence_name(key)) > 63 THEN
        RAISE EXCEPTION 'the key column % has more than 54 bytes', key USING ERRCODE = 'name_too_long';
    END IF;
    PERFORM scalestack.make_fence(key);
    FOR old IN SELECT tgname FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid
        WHERE tgrelid = sharded AND pronamespace = 'scalestack'::regnamespace AND (proname IN ('fence', 'guard') OR proname LIKE 'fence\_by\_%')
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', old, sharded);
    END LOOP;
    EXECUTE format('CREATE TRIGGER fence BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION scalestack.%I()',
        sharded, scalestack.fence_name(key));
    EXECUTE format('CREATE TRIGGER fence_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION scalestack.guard(%s)',
        sharded, CASE WHEN NOT guarded THEN '''off''' END);
    IF guarded THEN
        EXECUTE format('CREATE TRIGGER fence_guard_insert AFTER INSERT ON %s FOR EACH STATEMENT EXECUTE FUNCTION scalestack.guard()', sharded);
    END IF;
END $$;
-- +goose StatementEnd

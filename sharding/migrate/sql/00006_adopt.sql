-- The fence for any table and key column, and the guard of statements that meet no row.
-- +goose Up

-- Whether the guard is enforced. Databases that were claimed before it existed
-- switch it on once every client declares what it writes: docs/client.md.
ALTER TABLE scalestack.shard ADD COLUMN strict boolean NOT NULL DEFAULT false;

-- +goose StatementBegin
-- The name of the fence's function for a key column, without its schema.
CREATE FUNCTION scalestack.fence_name(key text) RETURNS text
IMMUTABLE LANGUAGE sql AS $$ SELECT CASE key WHEN 'user_id' THEN 'fence' ELSE 'fence_by_' || key END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- The body of that function. PL/pgSQL reads a column fast only when its name is
-- in the source, so that each key column has a function of its own; preflight
-- compares the two texts.
CREATE FUNCTION scalestack.fence_source(key text) RETURNS text
IMMUTABLE LANGUAGE sql AS $outer$ SELECT format($$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM scalestack.require_writable(OLD.%1$I);
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'INSERT' OR NEW.%1$I IS DISTINCT FROM OLD.%1$I THEN
        PERFORM scalestack.require_writable(NEW.%1$I);
    END IF;
    RETURN NEW;
END $$, key) $outer$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION scalestack.make_fence(key text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION scalestack.%I() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS %L',
        scalestack.fence_name(key), scalestack.fence_source(key));
END $$;
-- +goose StatementEnd

SELECT scalestack.make_fence('user_id');

-- +goose StatementBegin
-- A row trigger does not fire where no row matches: an UPDATE on the wrong shard
-- would report 0 rows. The guard refuses every UPDATE, DELETE and upsert of a
-- transaction that has held nothing; holding a key of another shard is refused.
CREATE FUNCTION scalestack.guard() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF TG_NARGS > 0 OR pg_catalog.current_setting('scalestack.held', true) <> '' THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM scalestack.shard WHERE strict) THEN
        RAISE EXCEPTION 'the transaction holds no key that it could write in %', TG_RELID::regclass USING
            ERRCODE = 'SS002',
            HINT = 'First call scalestack.hold(key) in the same transaction, or scalestack.sweep() to work on whatever rows are here.';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION scalestack.hold(user_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM scalestack.require_writable(user_id);
    PERFORM set_config('scalestack.held', 'key', true);
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- For transactions that work on whatever rows are here, and for which it is right
-- to find none: cleaning up, repairs by hand. The rows still meet the fence.
CREATE FUNCTION scalestack.sweep() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_catalog.set_config('scalestack.held', 'sweep', true);
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Puts fence and guard on a table, for migrations in SQL; shardctl adopt also
-- checks first whether the table can be moved. Doing it again changes nothing
-- but triggers that are not as they should be. Where guarded is false, the guard
-- has the argument 'off' and lets every statement pass: a misplaced UPDATE or
-- DELETE goes unnoticed. That is for tables whose clients cannot call hold.
CREATE FUNCTION scalestack.adopt(sharded regclass, key text DEFAULT 'user_id', guarded boolean DEFAULT true) RETURNS void
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
    EXECUTE format('CREATE TRIGGER fence_guard BEFORE UPDATE OR DELETE ON %s FOR EACH STATEMENT EXECUTE FUNCTION scalestack.guard(%s)',
        sharded, CASE WHEN NOT guarded THEN '''off''' END);
END $$;
-- +goose StatementEnd

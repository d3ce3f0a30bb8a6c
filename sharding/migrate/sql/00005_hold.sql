-- For statements that meet no row, or many: they hold a bucket in its place
-- without the fence of a table.
-- +goose Up

-- +goose StatementBegin
-- Keeps the user's bucket here until the transaction ends, or refuses: what finds
-- no row does not meet the fence. A role needs no rights on the ownership for it.
CREATE FUNCTION scalestack.hold(user_id bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM scalestack.require_writable(user_id);
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- For statements that touch many users: those whose bucket is about to move are
-- left out rather than waited for. Two statements inside, so that the second
-- sees what was committed before the lock was had.
CREATE FUNCTION scalestack.try_hold(user_id bigint) RETURNS boolean
COST 1000 LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    wanted integer := scalestack.bucket_of(user_id);
BEGIN
    IF NOT pg_try_advisory_xact_lock_shared(21331, wanted) THEN
        RETURN false;
    END IF;
    RETURN EXISTS (SELECT FROM scalestack.ownership WHERE bucket = wanted AND state = 'owned')
        OR scalestack.lift_lapsed(wanted);
END $$;
-- +goose StatementEnd

-- The question of a read as a query of its own, which the planner puts in the
-- place of the call: one index probe, and no function on the usual way.
-- +goose Up

-- +goose StatementBegin
CREATE FUNCTION scalestack.refuse_read(wanted integer) RETURNS boolean
STABLE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM scalestack.refuse(wanted);
    RETURN false;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- One row, or a refusal: FROM scalestack.readable($1) LEFT JOIN … The condition is
-- asked whether or not the column is. Only queries without side effects are put in
-- the place of their call, and only those see the snapshot of the whole statement.
CREATE FUNCTION scalestack.readable(user_id bigint) RETURNS TABLE (readable boolean)
STABLE ROWS 1 LANGUAGE sql AS $$
    SELECT true WHERE coalesce(
        (SELECT true FROM scalestack.ownership WHERE bucket = scalestack.bucket_of($1) AND state IN ('owned', 'fenced')),
        scalestack.refuse_read(scalestack.bucket_of($1)))
$$;
-- +goose StatementEnd

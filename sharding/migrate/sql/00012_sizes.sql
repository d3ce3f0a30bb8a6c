-- How many rows each bucket has.
-- +goose Up

-- +goose StatementBegin
-- Counts a sharded table's rows by bucket in a sample of its pages, percent of all,
-- and returns what that is for the whole. It tells numbers and no row, for roles
-- that may not read the table.
CREATE FUNCTION scalestack.bucket_rows(sharded oid, percent double precision) RETURNS TABLE (bucket integer, rows bigint)
STABLE LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    key text := (SELECT CASE p.proname WHEN 'fence' THEN 'user_id' ELSE substr(p.proname, 10) END
        FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
        WHERE t.tgrelid = sharded AND NOT t.tgisinternal AND p.pronamespace = to_regnamespace('scalestack')
            AND (p.proname = 'fence' OR p.proname LIKE 'fence\_by\_%')
        ORDER BY t.tgname LIMIT 1);
BEGIN
    IF key IS NULL THEN
        RAISE EXCEPTION '% is not a sharded table', sharded::regclass USING ERRCODE = 'wrong_object_type';
    END IF;
    RETURN QUERY EXECUTE format('SELECT ((%1$I %% s.buckets + s.buckets) %% s.buckets)::integer, round(count(*) * 100 / $1)::bigint
        FROM %2$s TABLESAMPLE SYSTEM ($1), scalestack.shard AS s GROUP BY 1', key, sharded::regclass) USING percent;
END $$;
-- +goose StatementEnd

REVOKE EXECUTE ON FUNCTION scalestack.bucket_rows FROM PUBLIC;
GRANT EXECUTE ON FUNCTION scalestack.bucket_rows TO app, scalestack_client;

SELECT scalestack.seal();

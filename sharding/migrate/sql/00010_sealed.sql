-- The engine's functions as this release made them, so that one that was replaced
-- by hand is noticed before a move, and put back by shardctl adopt.
-- Each later step that changes a function ends with SELECT scalestack.seal().
-- +goose Up

CREATE TABLE scalestack.sealed (
    signature  text PRIMARY KEY,
    definition text NOT NULL
);

-- The functions of the key columns have fence_source to be compared with, and
-- bucket_of is written for the number of buckets.
CREATE VIEW scalestack.definitions AS
    SELECT proname || '(' || pg_get_function_identity_arguments(oid) || ')' AS signature, pg_get_functiondef(oid) AS definition
    FROM pg_proc WHERE pronamespace = 'scalestack'::regnamespace AND prokind = 'f'
        AND proname NOT IN ('fence', 'bucket_of') AND proname NOT LIKE 'fence\_by\_%';

-- +goose StatementBegin
CREATE FUNCTION scalestack.changed_functions() RETURNS TABLE (signature text, definition text)
STABLE LANGUAGE sql AS $$
    SELECT s.signature, s.definition FROM scalestack.sealed AS s LEFT JOIN scalestack.definitions AS d USING (signature)
    WHERE d.definition IS DISTINCT FROM s.definition
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION scalestack.seal() RETURNS void
LANGUAGE sql AS $$
    DELETE FROM scalestack.sealed;
    INSERT INTO scalestack.sealed SELECT signature, definition FROM scalestack.definitions;
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION scalestack.repair_functions() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    sound text;
BEGIN
    FOR sound IN SELECT definition FROM scalestack.changed_functions() LOOP
        EXECUTE sound;
    END LOOP;
    PERFORM scalestack.fix_buckets();
END $$;
-- +goose StatementEnd

SELECT scalestack.seal();

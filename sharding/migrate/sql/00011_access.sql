-- A role for each service, with rights on what the service declares.
-- +goose Up

-- Every service's role is a member: it may read what a client needs of the engine.
-- Roles belong to the server, so that another database of it may have made this one.
-- +goose StatementBegin
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'scalestack_client') THEN
        CREATE ROLE scalestack_client NOLOGIN;
    END IF;
END $$;
-- +goose StatementEnd

GRANT USAGE ON SCHEMA scalestack TO scalestack_client;
GRANT SELECT ON scalestack.shard, scalestack.ownership, scalestack.owned_buckets, scalestack.move TO scalestack_client;

-- What each role may do, whether or not the object exists yet: read and write are
-- for tables, views and sequences, execute is for functions. An object of NULL means
-- everything in the schema.
CREATE TABLE scalestack.access (
    role      name NOT NULL,
    privilege text NOT NULL CHECK (privilege IN ('read', 'write', 'execute')),
    schema    name NOT NULL,
    object    name,
    UNIQUE NULLS NOT DISTINCT (role, privilege, schema, object)
);

-- One row: how often the services' passwords were rotated, and when last.
CREATE TABLE scalestack.rotation (
    only_row   boolean     PRIMARY KEY DEFAULT true CHECK (only_row),
    rotation   integer     NOT NULL CHECK (rotation >= 0),
    changed_at timestamptz NOT NULL DEFAULT now()
);

-- +goose StatementBegin
-- Grants what is declared, on the objects with these ids or, for NULL, on all. A
-- table's sequences come with it: a serial column needs them.
CREATE FUNCTION scalestack.grant_access(wanted oid[] DEFAULT NULL) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        WITH declared AS (
            SELECT a.*, n.oid AS namespace FROM scalestack.access AS a JOIN pg_roles ON rolname = role JOIN pg_namespace AS n ON nspname = schema
        ), relations AS (
            SELECT c.oid, c.relnamespace, c.relname, c.relkind, owner.oid AS owner, coalesce(owner.relname, c.relname) AS object
            FROM pg_class AS c
            LEFT JOIN pg_depend AS d ON c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid
                AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a'
            LEFT JOIN pg_class AS owner ON owner.oid = d.refobjid
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND (wanted IS NULL OR c.oid = ANY (wanted) OR owner.oid = ANY (wanted))
        )
        SELECT format('GRANT USAGE ON SCHEMA %I TO %I', schema, role) FROM declared
        WHERE wanted IS NULL OR NOT has_schema_privilege(role, namespace, 'USAGE') GROUP BY schema, role
        UNION ALL
        SELECT format('GRANT %s ON %I.%I TO %I', CASE privilege WHEN 'write' THEN 'SELECT, INSERT, UPDATE, DELETE' ELSE 'SELECT' END, schema, relname, role)
        FROM declared AS a JOIN relations AS r ON relnamespace = namespace AND r.object = coalesce(a.object, r.object)
        WHERE privilege <> 'execute' AND relkind <> 'S'
        UNION ALL
        SELECT format('GRANT USAGE ON SEQUENCE %I.%I TO %I', schema, relname, role)
        FROM declared AS a JOIN relations AS r ON relnamespace = namespace AND r.object = coalesce(a.object, r.object)
        WHERE privilege = 'write' AND relkind = 'S'
        UNION ALL
        SELECT format('GRANT EXECUTE ON ROUTINE %s TO %I', p.oid::regprocedure, role)
        FROM declared AS a JOIN pg_proc AS p ON pronamespace = namespace AND proname = coalesce(a.object, proname)
        WHERE privilege = 'execute' AND prokind IN ('f', 'p') AND (wanted IS NULL OR p.oid = ANY (wanted))
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Takes from a role every right on tables, sequences, functions and schemas that was
-- granted to it by name.
CREATE FUNCTION scalestack.revoke_access(role name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('REVOKE ALL ON %s %I.%I FROM %I CASCADE', CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, nspname, relname, role)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace, pg_roles AS r
        WHERE rolname = role AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND (
            EXISTS (SELECT FROM aclexplode(relacl) WHERE grantee = r.oid)
            OR EXISTS (SELECT FROM pg_attribute, aclexplode(attacl) WHERE attrelid = c.oid AND grantee = r.oid))
        UNION ALL
        SELECT format('REVOKE ALL ON ROUTINE %s FROM %I CASCADE', p.oid::regprocedure, role)
        FROM pg_proc AS p, pg_roles AS r
        WHERE rolname = role AND EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = r.oid)
        UNION ALL
        SELECT format('REVOKE ALL ON SCHEMA %I FROM %I CASCADE', nspname, role)
        FROM pg_namespace, pg_roles AS r
        WHERE rolname = role AND EXISTS (SELECT FROM aclexplode(nspacl) WHERE grantee = r.oid)
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- What a migration makes, renames or makes anew gets its rights in the same
-- transaction: no service sees it without. Temporary tables are their maker's.
CREATE FUNCTION scalestack.grant_on_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed oid[] := ARRAY(SELECT objid FROM pg_event_trigger_ddl_commands()
        WHERE classid IN ('pg_class'::regclass, 'pg_proc'::regclass) AND schema_name IS DISTINCT FROM 'pg_temp');
BEGIN
    IF changed <> '{}' THEN
        PERFORM scalestack.grant_access(changed);
    END IF;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- An object whose rights two transactions change at once fails one of them. Who
-- applies roles takes this lock ("access" in ASCII) alone, and before any other.
CREATE FUNCTION scalestack.await_access() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(x'616363657373'::bigint);
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
DO $$
DECLARE
    tags text := $tags$ 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE FOREIGN TABLE', 'CREATE VIEW', 'CREATE MATERIALIZED VIEW',
        'CREATE SEQUENCE', 'ALTER TABLE', 'ALTER SEQUENCE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW',
        'CREATE FUNCTION', 'CREATE PROCEDURE', 'ALTER FUNCTION', 'ALTER PROCEDURE' $tags$;
BEGIN
    -- The shard's pod has made its own, as package owner says: nobody but a superuser may.
    IF EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'scalestack_pod_access') THEN
        RETURN;
    END IF;
    EXECUTE format('CREATE EVENT TRIGGER scalestack_access ON ddl_command_end WHEN TAG IN (%s) EXECUTE FUNCTION scalestack.grant_on_ddl()', tags);
    EXECUTE format('CREATE EVENT TRIGGER scalestack_access_await ON ddl_command_start WHEN TAG IN (%s) EXECUTE FUNCTION scalestack.await_access()', tags);
END $$;
-- +goose StatementEnd

-- Only the engine and its operator change rights.
REVOKE EXECUTE ON FUNCTION scalestack.grant_access, scalestack.revoke_access FROM PUBLIC;

SELECT scalestack.seal();

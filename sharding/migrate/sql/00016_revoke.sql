-- Everything that a role was granted is taken back, whatever it is on and whoever did it.
-- +goose Up

-- +goose StatementBegin
-- What was granted to a role by name and is to be taken back, in words that REVOKE
-- understands. Left out are types and languages, which everybody may use, temporary
-- tables, which are their maker's, and what lets a role in: a database where nobody else
-- may connect has it for a reason. The role of all clients keeps what it may read of the
-- engine, which the engine's steps have granted.
CREATE FUNCTION scalestack.granted(role name) RETURNS TABLE (rights text, kind text, object text, owner oid, grantor oid)
STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    WITH objects (kind, object, part, schema, owner, acl) AS (
        SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, acls.part, nspname, relowner, acls.acl
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
            CROSS JOIN LATERAL (SELECT '', relacl UNION ALL SELECT format('(%I)', attname), attacl FROM pg_attribute WHERE attrelid = c.oid) AS acls (part, acl)
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't'
        UNION ALL SELECT 'ROUTINE', p.oid::regprocedure::text, '', nspname, proowner, proacl FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
        WHERE nspname NOT LIKE 'pg\_temp%'
        UNION ALL SELECT 'SCHEMA', quote_ident(nspname), '', nspname, nspowner, nspacl FROM pg_namespace
        UNION ALL SELECT 'DATABASE', quote_ident(datname), '', NULL, datdba, datacl FROM pg_database
        UNION ALL SELECT 'TABLESPACE', quote_ident(spcname), '', NULL, spcowner, spcacl FROM pg_tablespace
        UNION ALL SELECT 'FOREIGN DATA WRAPPER', quote_ident(fdwname), '', NULL, fdwowner, fdwacl FROM pg_foreign_data_wrapper
        UNION ALL SELECT 'FOREIGN SERVER', quote_ident(srvname), '', NULL, srvowner, srvacl FROM pg_foreign_server
        UNION ALL SELECT 'LARGE OBJECT', oid::text, '', NULL, lomowner, lomacl FROM pg_largeobject_metadata
        -- Parameters belong to the role that founded the server, which has this id.
        UNION ALL SELECT 'PARAMETER', quote_ident(parname), '', NULL, 10, paracl FROM pg_parameter_acl
    )
    -- Who is no owner may be refused more than was granted by him.
    SELECT DISTINCT CASE WHEN a.grantor = o.owner AND o.kind <> 'DATABASE' AND role <> 'scalestack_client' THEN 'ALL' ELSE a.privilege_type END || o.part,
        o.kind, o.object, o.owner, a.grantor
    FROM objects AS o, pg_roles AS r, aclexplode(o.acl) AS a
    WHERE o.acl IS NOT NULL AND r.rolname = role AND a.grantee = r.oid AND r.oid <> o.owner AND (o.kind <> 'DATABASE' OR a.privilege_type = 'CREATE')
        AND NOT (role = 'scalestack_client' AND o.schema IS NOT DISTINCT FROM 'scalestack' AND a.privilege_type IN ('SELECT', 'USAGE', 'EXECUTE'))
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- A right can be taken back in the name of who has granted it only. What that role may
-- not do any more is left for the caller to find.
CREATE FUNCTION scalestack.revoke_as(grantor name, statement text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    acting text := current_setting('role');
BEGIN
    PERFORM set_config('role', grantor, true);
    EXECUTE statement;
    PERFORM set_config('role', acting, true);
EXCEPTION WHEN insufficient_privilege THEN
    NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Takes from a role every right that was granted to it by name, also on what is made later.
CREATE OR REPLACE FUNCTION scalestack.revoke_access(role name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found record;
    statement text;
BEGIN
    FOR found IN SELECT g.*, r.rolname FROM scalestack.granted(role) AS g JOIN pg_roles AS r ON r.oid = g.grantor LOOP
        statement := format('REVOKE %s ON %s %s FROM %I CASCADE', found.rights, found.kind, found.object, role);
        IF found.grantor = found.owner THEN
            EXECUTE statement;
        ELSE
            PERFORM scalestack.revoke_as(found.rolname, statement);
        END IF;
    END LOOP;
    FOR statement IN
        SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I %s REVOKE ALL ON %s FROM %I CASCADE', maker.rolname, 'IN SCHEMA ' || quote_ident(nspname),
            CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES' ELSE 'SCHEMAS' END, role)
        FROM pg_default_acl JOIN pg_roles AS maker ON maker.oid = defaclrole LEFT JOIN pg_namespace AS n ON n.oid = defaclnamespace, pg_roles AS r
        WHERE r.rolname = role AND r.oid <> defaclrole AND EXISTS (SELECT FROM aclexplode(defaclacl) WHERE grantee = r.oid)
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
-- +goose StatementEnd

REVOKE EXECUTE ON FUNCTION scalestack.granted, scalestack.revoke_as FROM PUBLIC;

SELECT scalestack.seal();

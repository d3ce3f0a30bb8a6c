-- The engine's steps and its mover work as a role that is no superuser, and services' migrations as another (package owner).
-- +goose Up

-- A service's migration adopts its tables, and may not write the engine's functions otherwise.
ALTER FUNCTION scalestack.make_fence SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
REVOKE EXECUTE ON FUNCTION scalestack.make_fence FROM PUBLIC;

-- +goose StatementBegin
-- As before, save for objects whose owner the caller cannot act as: those of extensions.
CREATE OR REPLACE FUNCTION scalestack.grant_access(wanted oid[] DEFAULT NULL) RETURNS void
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
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND pg_has_role(c.relowner, 'USAGE') AND (wanted IS NULL OR c.oid = ANY (wanted) OR owner.oid = ANY (wanted))
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
        WHERE privilege = 'execute' AND prokind IN ('f', 'p') AND pg_has_role(proowner, 'USAGE') AND (wanted IS NULL OR p.oid = ANY (wanted))
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- As before, save for the objects of extensions: the superuser has them.
CREATE OR REPLACE FUNCTION scalestack.granted(role name) RETURNS TABLE (rights text, kind text, object text, owner oid, grantor oid)
STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    WITH objects (kind, object, part, schema, owner, acl) AS (
        SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, acls.part, nspname, relowner, acls.acl
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
            CROSS JOIN LATERAL (SELECT '', relacl UNION ALL SELECT format('(%I)', attname), attacl FROM pg_attribute WHERE attrelid = c.oid) AS acls (part, acl)
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't'
            AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        UNION ALL SELECT 'ROUTINE', p.oid::regprocedure::text, '', nspname, proowner, proacl FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
        WHERE nspname NOT LIKE 'pg\_temp%' AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')
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

DROP FUNCTION scalestack.revoke_as;

-- +goose StatementBegin
-- A right can be taken back in the name of who has granted it only. What the caller or that
-- role may not do is left for the caller to find.
CREATE FUNCTION scalestack.revoke_as(grantor name, owns boolean, statement text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    acting text := current_setting('role');
BEGIN
    IF NOT owns THEN
        PERFORM set_config('role', grantor, true);
    END IF;
    EXECUTE statement;
    PERFORM set_config('role', acting, true);
EXCEPTION WHEN insufficient_privilege THEN
    NULL;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- As before, save for what is made later by who the caller cannot act as.
CREATE OR REPLACE FUNCTION scalestack.revoke_access(role name) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found record;
    statement text;
BEGIN
    FOR found IN SELECT g.*, r.rolname FROM scalestack.granted(role) AS g JOIN pg_roles AS r ON r.oid = g.grantor LOOP
        statement := format('REVOKE %s ON %s %s FROM %I CASCADE', found.rights, found.kind, found.object, role);
        PERFORM scalestack.revoke_as(found.rolname, found.grantor = found.owner, statement);
    END LOOP;
    FOR statement IN
        SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I %s REVOKE ALL ON %s FROM %I CASCADE', maker.rolname, 'IN SCHEMA ' || quote_ident(nspname),
            CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES' ELSE 'SCHEMAS' END, role)
        FROM pg_default_acl JOIN pg_roles AS maker ON maker.oid = defaclrole LEFT JOIN pg_namespace AS n ON n.oid = defaclnamespace, pg_roles AS r
        WHERE r.rolname = role AND r.oid <> defaclrole AND pg_has_role(defaclrole, 'USAGE') AND EXISTS (SELECT FROM aclexplode(defaclacl) WHERE grantee = r.oid)
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
-- +goose StatementEnd

REVOKE EXECUTE ON FUNCTION scalestack.revoke_as FROM PUBLIC;

SELECT scalestack.seal();

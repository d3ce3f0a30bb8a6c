-- Run by a shard's own pod as the superuser, in the shard's database, again and again: what is as it should be is left alone. One
-- statement ends and the next begins with an empty line, which is how postgres --single reads them; none may run inside a transaction.
SET search_path = pg_catalog, pg_temp;

-- A lock that is not to be had at once is left for the next time: whoever waits for it makes writers wait.
SET lock_timeout = '100ms';

-- The database's owner may have set it there.
SET default_transaction_read_only = off;

-- scalestack_owner has what services keep in the shard, for their migrations. scalestack_mover may do what the engine's own programs need,
-- among it what the owner may. scalestack_pod is nobody's login: what a superuser must not run runs as it, out of the mover's reach.
DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('CREATE ROLE %I', one) FROM unnest('{scalestack_owner,scalestack_mover,scalestack_pod}'::text[]) AS one
        WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = one)
    LOOP
        EXECUTE statement;
    END LOOP;
    FOR statement IN
        SELECT format('ALTER ROLE %I WITH %s INHERIT NOSUPERUSER NOCREATEDB NOBYPASSRLS', role, attributes)
        FROM (VALUES ('scalestack_owner', 'LOGIN NOREPLICATION NOCREATEROLE', true, false), ('scalestack_mover', 'LOGIN REPLICATION CREATEROLE', true, true),
            ('scalestack_pod', 'NOLOGIN NOREPLICATION NOCREATEROLE', false, false), ('monitor', 'LOGIN NOREPLICATION NOCREATEROLE', true, false)) AS wanted (role, attributes, login, powers)
            JOIN pg_roles ON rolname = role
        WHERE NOT rolinherit OR rolsuper OR rolcreatedb OR rolbypassrls OR (rolcanlogin, rolreplication, rolcreaterole) <> (login, powers, powers)
        UNION ALL
        SELECT format('GRANT %I TO %I WITH INHERIT TRUE, SET %3$s, ADMIN %3$s', role, member, admin::text)
        FROM (VALUES ('scalestack_owner', 'scalestack_mover', true), ('pg_create_subscription', 'scalestack_mover', false),
            ('pg_monitor', 'scalestack_mover', true), ('pg_use_reserved_connections', 'scalestack_mover', true),
            ('pg_signal_backend', 'scalestack_mover', false), ('scalestack_mover', 'scalestack_pod', false))
            AS wanted (role, member, admin)
        WHERE NOT EXISTS (SELECT FROM pg_auth_members AS m WHERE roleid = role::regrole AND m.member = wanted.member::regrole
            AND inherit_option AND (set_option, admin_option) = (admin, admin))
        UNION ALL
        SELECT format('GRANT SET ON PARAMETER %s TO scalestack_mover', parameter)
        FROM unnest('{session_replication_role,log_statement,log_min_duration_statement,log_min_error_statement,log_duration,
            pg_stat_statements.track_utility}'::text[]) AS parameter
        WHERE NOT EXISTS (SELECT FROM pg_parameter_acl, aclexplode(paracl) WHERE parname = parameter AND grantee = 'scalestack_mover'::regrole)
        UNION ALL
        SELECT 'GRANT SELECT ON pg_replication_origin_status TO scalestack_mover'
        WHERE NOT has_table_privilege('scalestack_mover', 'pg_replication_origin_status', 'SELECT')
        UNION ALL
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO scalestack_mover', name)
        FROM unnest('{pg_show_replication_origin_status(),pg_create_restore_point(text),pg_switch_wal()}'::text[]) AS name
        WHERE NOT has_function_privilege('scalestack_mover', name, 'EXECUTE')
        UNION ALL
        -- No other role can make it, and the server counts only where it is loaded.
        SELECT 'CREATE EXTENSION pg_stat_statements SCHEMA public'
        WHERE current_setting('shared_preload_libraries') LIKE '%pg_stat_statements%' AND to_regnamespace('public') IS NOT NULL
            AND NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_stat_statements')
        UNION ALL
        -- The roles of services and of the exporter that the superuser has made. The mover has this of those that it makes itself.
        SELECT format('GRANT %I TO scalestack_mover WITH ADMIN OPTION, INHERIT FALSE, SET FALSE', rolname) FROM pg_roles AS r
        WHERE (rolname LIKE 'svc\_%' OR rolname IN ('scalestack_client', 'app', 'monitor')) AND NOT EXISTS (
            SELECT FROM pg_auth_members WHERE roleid = r.oid AND member = 'scalestack_mover'::regrole AND admin_option)
        UNION ALL
        SELECT format('ALTER DATABASE %I OWNER TO scalestack_owner', datname) FROM pg_database
        WHERE datname = current_database() AND datdba <> 'scalestack_owner'::regrole
        UNION ALL
        SELECT 'CREATE SCHEMA scalestack AUTHORIZATION scalestack_mover' WHERE to_regnamespace('scalestack') IS NULL
        UNION ALL
        SELECT 'CREATE SCHEMA scalestack_pod' WHERE to_regnamespace('scalestack_pod') IS NULL
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;

-- What only the superuser can do, made anew when this text differs from the one that is there.
DO $do$
DECLARE
    statement text;
    functions text[] := ARRAY[
-- Which restores this server's data has seen. The right to read one file would be the right to read them all.
$f$CREATE OR REPLACE FUNCTION scalestack_pod.restores() RETURNS text
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT coalesce(pg_read_file('scalestack.restores', 0, 1048576, true), '') $$$f$,
-- What a deployment asks about the shard's archive. The server's settings are beside its pg_hba.conf.
$f$CREATE OR REPLACE FUNCTION scalestack_pod.archiving() RETURNS json
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$ SELECT json_build_object('system', (SELECT system_identifier::text FROM pg_control_system()), 'standby', pg_is_in_recovery(),
    'told', pg_read_file(regexp_replace(current_setting('hba_file'), '[^/]*$', 'backup.json'), true)::json ->> 'revision',
    'archiving', encode(pg_read_binary_file('scalestack.archiving', true), 'base64'), 'failed', (SELECT last_failed_wal FROM pg_stat_archiver),
    'restores', coalesce(pg_read_file('scalestack.restores', true), ''), 'asked', encode(pg_read_binary_file('scalestack.restores.json', true), 'base64')) $$$f$,
-- What the services' roles may do, from a table of the mover's: reading it could run the mover's code.
$f$CREATE OR REPLACE FUNCTION scalestack_pod.declared() RETURNS TABLE (role name, privilege text, schema name, object name)
STABLE LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF to_regclass('scalestack.access') IS NOT NULL THEN
        RETURN QUERY SELECT a.role, a.privilege, a.schema, a.object FROM scalestack.access AS a;
    END IF;
END $$$f$,
-- scalestack.grant_access for what a migration has just made, renamed or made anew, in the same transaction.
$f$CREATE OR REPLACE FUNCTION scalestack_pod.grant_on_ddl() RETURNS event_trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    changed oid[] := ARRAY(SELECT objid FROM pg_event_trigger_ddl_commands()
        WHERE classid IN ('pg_class'::regclass, 'pg_proc'::regclass) AND NOT in_extension AND schema_name NOT LIKE 'pg\_%' AND schema_name NOT IN ('scalestack', 'scalestack_pod'));
    statement text;
BEGIN
    IF changed = '{}' THEN
        RETURN;
    END IF;
    FOR statement IN
        WITH declared AS (
            SELECT d.*, n.oid AS namespace FROM scalestack_pod.declared() AS d JOIN pg_roles ON rolname = role JOIN pg_namespace AS n ON nspname = schema
        ), objects AS (
            SELECT c.relnamespace AS namespace, coalesce(owner.relname, c.relname) AS object, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS kind,
                c.oid::regclass::text AS name
            FROM pg_class AS c
            LEFT JOIN pg_depend AS d ON c.relkind = 'S' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid
                AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a'
            LEFT JOIN pg_class AS owner ON owner.oid = d.refobjid
            WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND (c.oid = ANY (changed) OR owner.oid = ANY (changed))
            UNION ALL
            SELECT pronamespace, proname, 'ROUTINE', oid::regprocedure::text FROM pg_proc WHERE prokind IN ('f', 'p') AND oid = ANY (changed)
        ), wanted AS (
            SELECT role, schema, namespace, kind, name, CASE kind WHEN 'ROUTINE' THEN 'EXECUTE' WHEN 'SEQUENCE' THEN 'USAGE'
                ELSE CASE privilege WHEN 'write' THEN 'SELECT, INSERT, UPDATE, DELETE' ELSE 'SELECT' END END AS rights
            FROM declared JOIN objects USING (namespace)
            WHERE objects.object = coalesce(declared.object, objects.object)
                AND CASE kind WHEN 'ROUTINE' THEN privilege = 'execute' WHEN 'SEQUENCE' THEN privilege = 'write' ELSE privilege <> 'execute' END
        )
        SELECT DISTINCT format('GRANT USAGE ON SCHEMA %I TO %I', schema, role) FROM wanted WHERE NOT has_schema_privilege(role, namespace, 'USAGE')
        UNION ALL
        SELECT format('GRANT %s ON %s %s TO %I', rights, kind, name, role) FROM wanted
    LOOP
        EXECUTE statement;
    END LOOP;
END $$$f$,
-- An object whose rights two transactions change at once fails one of them: who applies the services' roles has this lock alone.
$f$CREATE OR REPLACE FUNCTION scalestack_pod.await_access() RETURNS event_trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(x'616363657373'::bigint);
END $$$f$,
-- What the superuser still has in this database and does not keep, and the statement that gives it to its owner. What belongs to an
-- extension stays; a table takes its sequences with it.
$f$CREATE OR REPLACE FUNCTION scalestack_pod.unowned() RETURNS TABLE (class regclass, id oid, object text, statement text)
STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    WITH objects (class, id, schema, kind, name) AS (
        SELECT 'pg_namespace'::regclass, oid, nspname, 'SCHEMA', quote_ident(nspname) FROM pg_namespace WHERE nspowner = 10
        UNION ALL
        SELECT 'pg_class'::regclass, c.oid, nspname, CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW' WHEN 'm' THEN 'MATERIALIZED VIEW'
            WHEN 'f' THEN 'FOREIGN TABLE' WHEN 'c' THEN 'TYPE' ELSE 'TABLE' END, c.oid::regclass::text
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
        WHERE relowner = 10 AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND relpersistence <> 't' AND NOT (relkind = 'S' AND EXISTS (
            SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')))
        UNION ALL
        SELECT 'pg_proc'::regclass, p.oid, nspname, 'ROUTINE', p.oid::regprocedure::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace WHERE proowner = 10
        UNION ALL
        SELECT 'pg_type'::regclass, t.oid, nspname, 'TYPE', t.oid::regtype::text FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = typnamespace
        WHERE typowner = 10 AND typtype IN ('d', 'e', 'r')
        UNION ALL
        SELECT 'pg_statistic_ext'::regclass, s.oid, nspname, 'STATISTICS', format('%I.%I', nspname, stxname)
        FROM pg_statistic_ext AS s JOIN pg_namespace AS n ON n.oid = stxnamespace WHERE stxowner = 10
        UNION ALL
        SELECT 'pg_publication'::regclass, oid, 'scalestack', 'PUBLICATION', quote_ident(pubname) FROM pg_publication WHERE pubowner = 10
        UNION ALL
        SELECT 'pg_subscription'::regclass, oid, 'scalestack', 'SUBSCRIPTION', quote_ident(subname) FROM pg_subscription
        WHERE subowner = 10 AND subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
    SELECT o.class, o.id, concat_ws(' ', lower(kind), name), format('ALTER %s %s OWNER TO %s', kind, name, CASE schema WHEN 'scalestack' THEN 'scalestack_mover' ELSE 'scalestack_owner' END)
    FROM objects AS o
    WHERE schema NOT LIKE 'pg\_%' AND schema NOT IN ('information_schema', 'scalestack_pod')
        AND NOT EXISTS (SELECT FROM pg_depend WHERE deptype = 'e' AND classid = o.class AND objid = o.id)
$$$f$,
-- Does so for one of them, for whoever cannot wait for the pod: a single server's looks at its start only.
$f$CREATE OR REPLACE FUNCTION scalestack_pod.own(wanted regclass, object oid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
DECLARE
    one text;
BEGIN
    FOR one IN SELECT statement FROM scalestack_pod.unowned() WHERE class = wanted AND id = own.object LOOP
        EXECUTE one;
    END LOOP;
END $$$f$,
-- What services' roles were granted by hand and the mover cannot revoke, since it is neither in its name nor on what is its own. An
-- extension's objects keep what they have: nobody but the superuser could grant it again.
$f$CREATE OR REPLACE FUNCTION scalestack_pod.granted() RETURNS TABLE (rolname name, rights text, kind text, object text, owner oid, grantor oid)
STABLE LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
    WITH objects (kind, object, part, owner, acl, class, id) AS (
        SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, acls.part, relowner, acls.acl, 'pg_class'::regclass, c.oid
        FROM pg_class AS c
            CROSS JOIN LATERAL (SELECT '', relacl UNION ALL SELECT format('(%I)', attname), attacl FROM pg_attribute WHERE attrelid = c.oid) AS acls (part, acl)
        WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't'
        UNION ALL SELECT 'ROUTINE', oid::regprocedure::text, '', proowner, proacl, 'pg_proc'::regclass, oid FROM pg_proc
        UNION ALL SELECT 'SCHEMA', quote_ident(nspname), '', nspowner, nspacl, 'pg_namespace'::regclass, oid FROM pg_namespace
        UNION ALL SELECT 'DATABASE', quote_ident(datname), '', datdba, datacl, 'pg_database'::regclass, oid FROM pg_database
        UNION ALL SELECT 'TABLESPACE', quote_ident(spcname), '', spcowner, spcacl, 'pg_tablespace'::regclass, oid FROM pg_tablespace
        UNION ALL SELECT 'FOREIGN DATA WRAPPER', quote_ident(fdwname), '', fdwowner, fdwacl, 'pg_foreign_data_wrapper'::regclass, oid FROM pg_foreign_data_wrapper
        UNION ALL SELECT 'FOREIGN SERVER', quote_ident(srvname), '', srvowner, srvacl, 'pg_foreign_server'::regclass, oid FROM pg_foreign_server
        UNION ALL SELECT 'LARGE OBJECT', oid::text, '', lomowner, lomacl, 'pg_largeobject'::regclass, oid FROM pg_largeobject_metadata
        UNION ALL SELECT 'PARAMETER', quote_ident(parname), '', 10, paracl, 'pg_parameter_acl'::regclass, oid FROM pg_parameter_acl
    )
    SELECT DISTINCT r.rolname, CASE WHEN a.grantor = o.owner AND kind <> 'DATABASE' THEN 'ALL' ELSE a.privilege_type END || part, kind, object, o.owner, a.grantor
    FROM objects AS o, pg_roles AS r, aclexplode(acl) AS a
    WHERE acl IS NOT NULL AND r.oid = a.grantee AND r.oid <> o.owner AND (r.rolname LIKE 'svc\_%' OR r.rolname IN ('scalestack_client', 'app'))
        AND (kind <> 'DATABASE' OR a.privilege_type = 'CREATE')
        AND NOT (pg_has_role('scalestack_mover', a.grantor, 'USAGE') AND pg_has_role('scalestack_mover', o.owner, 'USAGE'))
        AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = o.class AND d.objid = o.id AND d.deptype = 'e')
        AND NOT EXISTS (SELECT FROM scalestack_pod.unowned() AS u WHERE u.id = o.id AND u.class = o.class)
$$$f$,
-- Takes from these roles of services' what was granted by hand and the mover may not revoke, and hands it the memberships that it may;
-- resets settings of all roles and the superuser's. Called by who applies the services' roles. It tells what it did.
$f$CREATE OR REPLACE FUNCTION scalestack_pod.take_back(roles name[]) RETURNS SETOF text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        WITH taken (oid, rolname) AS (
            SELECT oid, rolname FROM pg_roles WHERE rolname = ANY (roles) AND (rolname LIKE 'svc\_%' OR rolname IN ('scalestack_client', 'app'))
        ), attributes AS (
            SELECT format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS', rolname) AS statement
            FROM pg_roles JOIN taken USING (rolname) WHERE rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls
        ), memberships AS (
            SELECT g.rolname AS role, t.rolname AS member, a.rolname AS grantor, admin_option, inherit_option, set_option
            FROM pg_auth_members AS m JOIN taken AS t ON t.oid = m.member JOIN pg_roles AS g ON g.oid = m.roleid JOIN pg_roles AS a ON a.oid = m.grantor
            WHERE NOT pg_has_role('scalestack_mover', m.grantor, 'USAGE')
        )
        SELECT a.statement FROM attributes AS a
        UNION ALL
        SELECT format('GRANT %I TO %I WITH ADMIN %s, INHERIT %s, SET %s GRANTED BY scalestack_mover', role, member,
            admin_option::text, inherit_option::text, set_option::text)
        FROM memberships WHERE pg_has_role('scalestack_mover', role, 'MEMBER WITH ADMIN OPTION')
        UNION ALL
        SELECT format('REVOKE %I FROM %I GRANTED BY %I CASCADE', role, member, grantor) FROM memberships
        UNION ALL
        SELECT format('REVOKE %s ON %s %s FROM %I CASCADE', rights, kind, object, rolname) FROM scalestack_pod.granted() JOIN taken USING (rolname) WHERE grantor = owner
        UNION ALL
        SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE %I %s REVOKE ALL ON %s FROM %I CASCADE', maker.rolname, 'IN SCHEMA ' || quote_ident(nspname),
            CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'ROUTINES' WHEN 'T' THEN 'TYPES' ELSE 'SCHEMAS' END, t.rolname)
        FROM pg_default_acl JOIN pg_roles AS maker ON maker.oid = defaclrole LEFT JOIN pg_namespace AS n ON n.oid = defaclnamespace, taken AS t
        WHERE t.oid <> defaclrole AND EXISTS (SELECT FROM aclexplode(defaclacl) WHERE grantee = t.oid)
        UNION ALL
        SELECT format('ALTER %s RESET ALL', CASE WHEN setrole = 0 AND setdatabase <> 0 THEN format('DATABASE %I', datname)
            ELSE format('ROLE %s%s', coalesce(quote_ident(rolname), 'ALL'), ' IN DATABASE ' || quote_ident(datname)) END)
        FROM pg_db_role_setting LEFT JOIN pg_roles AS r ON r.oid = setrole LEFT JOIN pg_database AS d ON d.oid = setdatabase
        WHERE setrole IN (0, 10) AND (setdatabase = 0 OR datname = current_database())
    LOOP
        EXECUTE statement;
        RETURN NEXT statement;
    END LOOP;
END $$$f$];
BEGIN
    IF obj_description('scalestack_pod'::regnamespace) IS DISTINCT FROM md5(functions::text) THEN
        FOREACH statement IN ARRAY functions LOOP
            EXECUTE statement;
        END LOOP;
        EXECUTE format('COMMENT ON SCHEMA scalestack_pod IS %L', md5(functions::text));
    END IF;
END $do$;

-- The functions of before belong to the mover from now on, and would run as whoever changes a table, superuser or not.
DO $$
DECLARE
    tags text := $tags$ 'CREATE TABLE', 'CREATE TABLE AS', 'SELECT INTO', 'CREATE FOREIGN TABLE', 'CREATE VIEW', 'CREATE MATERIALIZED VIEW',
        'CREATE SEQUENCE', 'ALTER TABLE', 'ALTER SEQUENCE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW',
        'CREATE FUNCTION', 'CREATE PROCEDURE', 'ALTER FUNCTION', 'ALTER PROCEDURE' $tags$;
    statement text;
BEGIN
    FOR statement IN
        SELECT 'GRANT USAGE ON SCHEMA scalestack_pod TO PUBLIC' WHERE NOT has_schema_privilege('public', 'scalestack_pod', 'USAGE')
        UNION ALL
        -- A service's migration looks at the engine's tables, and calls functions that run as the mover.
        SELECT format('GRANT %s scalestack TO scalestack_owner', granted) FROM (VALUES
            ('USAGE ON SCHEMA', has_schema_privilege('scalestack_owner', 'scalestack', 'USAGE')),
            ('SELECT ON ALL TABLES IN SCHEMA', NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'scalestack'::regnamespace
                AND relkind IN ('r', 'v') AND NOT has_table_privilege('scalestack_owner', oid, 'SELECT'))),
            ('EXECUTE ON ALL FUNCTIONS IN SCHEMA', NOT EXISTS (SELECT FROM pg_proc WHERE pronamespace = 'scalestack'::regnamespace
                AND NOT EXISTS (SELECT FROM aclexplode(proacl) WHERE grantee = 'scalestack_owner'::regrole)))) AS wanted (granted, has)
        WHERE NOT has
        UNION ALL
        SELECT format('ALTER DEFAULT PRIVILEGES FOR ROLE scalestack_mover IN SCHEMA scalestack GRANT %s TO scalestack_owner', granted)
        FROM (VALUES ('SELECT ON TABLES', 'r'), ('EXECUTE ON FUNCTIONS', 'f')) AS wanted (granted, type)
        WHERE NOT EXISTS (SELECT FROM pg_default_acl WHERE defaclrole = 'scalestack_mover'::regrole AND defaclnamespace = 'scalestack'::regnamespace
            AND defaclobjtype = type)
        UNION ALL
        SELECT format('ALTER FUNCTION %s OWNER TO scalestack_pod', p.oid::regprocedure) FROM pg_proc AS p
        WHERE pronamespace = 'scalestack_pod'::regnamespace AND proname = 'declared' AND proowner <> 'scalestack_pod'::regrole
        UNION ALL
        SELECT format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', p.oid::regprocedure) FROM pg_proc AS p
        WHERE pronamespace = 'scalestack_pod'::regnamespace AND proname IN ('restores', 'archiving', 'declared', 'own', 'take_back')
            AND has_function_privilege('public', p.oid, 'EXECUTE')
        UNION ALL
        SELECT format('GRANT EXECUTE ON FUNCTION %s TO scalestack_mover', p.oid::regprocedure) FROM pg_proc AS p
        WHERE pronamespace = 'scalestack_pod'::regnamespace AND proname IN ('restores', 'archiving', 'own', 'take_back')
            AND NOT has_function_privilege('scalestack_mover', p.oid, 'EXECUTE')
        UNION ALL
        SELECT format('CREATE EVENT TRIGGER scalestack_pod_%s ON ddl_command_%s WHEN TAG IN (%s) EXECUTE FUNCTION scalestack_pod.%s()', name, moment, tags, function)
        FROM (VALUES ('access', 'end', 'grant_on_ddl'), ('access_await', 'start', 'await_access')) AS wanted (name, moment, function)
        WHERE NOT EXISTS (SELECT FROM pg_event_trigger WHERE evtname = 'scalestack_pod_' || name)
        UNION ALL
        SELECT format('DROP EVENT TRIGGER %I', evtname) FROM pg_event_trigger WHERE evtname IN ('scalestack_access', 'scalestack_access_await')
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;

-- Each in a transaction of its own.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT * FROM scalestack_pod.unowned() LOOP
        BEGIN
            EXECUTE one.statement;
        EXCEPTION WHEN OTHERS THEN
            RAISE WARNING '% belongs to the superuser until the next attempt: %', one.object, SQLERRM;
        END;
        COMMIT;
    END LOOP;
END $$;

-- Only who has granted a right on what is another's can take it back, and only a superuser can act as anybody.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN
        SELECT a.rolname AS grantor, format('REVOKE %s ON %s %s FROM %I CASCADE', rights, kind, object, g.rolname) AS statement
        FROM scalestack_pod.granted() AS g JOIN pg_roles AS a ON a.oid = g.grantor WHERE g.grantor <> g.owner AND g.rolname <> 'app'
    LOOP
        RAISE WARNING 'as %: %', one.grantor, one.statement;
        PERFORM set_config('role', one.grantor, true);
        EXECUTE one.statement;
        PERFORM set_config('role', 'none', true);
    END LOOP;
END $$;

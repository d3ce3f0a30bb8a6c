package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/locks"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// betweenRotations is how long clients may take to read their new login. A kubelet
// renews a mounted Secret within two minutes by default.
const betweenRotations = 5 * time.Minute

// Roles brings the services' roles on every shard to their description, after Run.
// All of them exist on all shards before it returns, so that credentials can be
// handed out afterwards. It returns a *RefusedError for a rotation that would change
// the password of a login in use; nothing is changed then. Limits of connections are only
// raised: Retire lowers them.
//
// Whatever was granted to these roles by others is taken back, by the shard's pod where a
// superuser is needed (package owner), save on objects of extensions. A *RefusedError names
// what cannot be: a table that one of them owns, before anything is changed, or a right
// whose grantor may not take it back any more, or was no owner and the pod has yet to look.
//
// Settings that somebody made with ALTER ROLE for these roles, the administrator or
// all roles, or with ALTER DATABASE, are reset and logged: what a service meets is
// decided in one place. Roles that are not of the description keep theirs.
func Roles(ctx context.Context, m *shardmap.Map, connect Connector, spec *access.Spec, log *slog.Logger) error {
	if err := spec.Validate(); err != nil {
		return &RefusedError{err}
	}
	if err := checkRoles(ctx, m, connect, spec, log); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	return eachShard(ctx, m, connect, log, func(conn *pgx.Conn, log *slog.Logger) error {
		return locks.Retry(ctx, conn, log, func(tx pgx.Tx) error { return applyRoles(ctx, tx, spec, log) })
	})
}

// eachShard works on one shard after the other, alone on each.
func eachShard(ctx context.Context, m *shardmap.Map, connect Connector, log *slog.Logger, do func(*pgx.Conn, *slog.Logger) error) error {
	for i := range m.Shards {
		shard := &m.Shards[i]
		log := log.With("shard", shard.Name)
		err := whileLocked(ctx, shard, connect, log, func(conn *pgx.Conn) error { return do(conn, log) })
		if err != nil {
			return fmt.Errorf("%s: %w", shard.Name, err)
		}
	}
	return nil
}

// rotated is what a shard knows of the last rotation.
type rotated struct {
	shard  string
	number int
	age    time.Duration
	// retired is the last rotation whose credentials are with their users, -1 for none.
	retired int
}

const selectRotation = `
	SELECT rotation, extract(epoch FROM now() - changed_at)::float8, coalesce(retired, -1) FROM scalestack.rotation`

// checkRoles asks all shards: a new or a restored one knows less than the others of the
// last rotation.
func checkRoles(ctx context.Context, m *shardmap.Map, connect Connector, spec *access.Spec, log *slog.Logger) error {
	known := make([]rotated, len(m.Shards))
	err := forEach(m, func(i int, shard *shardmap.Shard) error {
		conn, err := waitFor(ctx, shard, connect, log)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		one := rotated{shard: shard.Name, number: -1, retired: -1}
		var seconds float64
		err = conn.QueryRow(ctx, selectRotation).Scan(&one.number, &seconds, &one.retired)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		one.age = time.Duration(seconds * float64(time.Second))
		known[i] = one
		return refuseOwners(ctx, conn, shard, spec)
	})
	if err != nil {
		return err
	}
	return allowRotation(known, spec.Rotation)
}

// allowRotation lets a new rotation begin only when the one before has ended: when it has
// reached every shard, and a mover has retired what it replaced, which comes after the
// rollouts. Until then pods may have the logins whose passwords the new one would change.
func allowRotation(known []rotated, wanted int) error {
	last := rotated{number: -1, retired: -1}
	for _, one := range known {
		retired := max(one.retired, last.retired)
		if one.number > last.number || one.number == last.number && one.age < last.age {
			last = one
		}
		last.retired = retired
	}
	if last.number < 0 || wanted == last.number {
		return nil
	}
	refuse := func(format string, args ...any) error {
		return &RefusedError{fmt.Errorf("rotation %d of the services' passwords: %s", wanted, fmt.Sprintf(format, args...))}
	}
	if wanted != last.number+1 {
		return refuse("must be %d or, for new passwords, %d: any other changes a login that is in use", last.number, last.number+1)
	}
	if last.age < betweenRotations {
		return refuse("the last one was %s ago, and clients may need %s to read it: try again later", last.age.Round(time.Second), betweenRotations)
	}
	for _, one := range known {
		if one.number >= 0 && one.number < last.number {
			return refuse("rotation %d has not reached %s, so that pods may use the logins of before. Fix: deploy with %[1]d first", last.number, one.shard)
		}
	}
	if last.retired < last.number {
		return refuse("rotation %d has not ended, so that pods may use the logins of before. Fix: deploy with %[1]d to the end, after which the Job shards-reshard notes that", last.number)
	}
	return nil
}

const (
	makeRole = `DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %[2]s) THEN CREATE ROLE %[1]s; END IF; END $$`
	setRole  = "ALTER ROLE %s WITH %s INHERIT"
	// takeBack finds the attributes that somebody has added. PostgreSQL lets none but a superuser say NOSUPERUSER of a role that is none.
	takeBack = `
		SELECT format('ALTER ROLE %I WITH %s', rolname, concat_ws(' ', CASE WHEN rolsuper THEN 'NOSUPERUSER' END, CASE WHEN rolcreatedb THEN 'NOCREATEDB' END,
			CASE WHEN rolcreaterole THEN 'NOCREATEROLE' END, CASE WHEN rolreplication THEN 'NOREPLICATION' END, CASE WHEN rolbypassrls THEN 'NOBYPASSRLS' END))
		FROM pg_roles WHERE rolname = $1 AND (rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls)`

	// foreignMemberships are also those in the role's own group that can be passed on, or do
	// not count for what the role does. Each has a grantor who alone takes it back.
	foreignMemberships = `
		SELECT format('REVOKE %I FROM %I GRANTED BY %I CASCADE', g.rolname, r.rolname, a.rolname)
		FROM pg_auth_members AS m JOIN pg_roles AS g ON g.oid = m.roleid JOIN pg_roles AS r ON r.oid = m.member JOIN pg_roles AS a ON a.oid = m.grantor
		WHERE r.rolname = $1 AND (g.rolname <> $2 OR m.admin_option OR NOT m.inherit_option OR NOT m.set_option)`

	// quiet keeps verifiers out of the server's log, whatever it is set to: all DDL, what takes
	// long, or what fails.
	quiet = "SET LOCAL log_statement = 'none'; SET LOCAL log_min_duration_statement = -1; " +
		"SET LOCAL log_duration = off; SET LOCAL log_min_error_statement = 'panic'"

	recordRotation = `
		INSERT INTO scalestack.rotation AS last (rotation, description) VALUES ($1, $2)
		ON CONFLICT (only_row) DO UPDATE SET rotation = excluded.rotation, description = excluded.description,
			changed_at = CASE last.rotation WHEN excluded.rotation THEN last.changed_at ELSE now() END
		WHERE (last.rotation, last.description) IS DISTINCT FROM (excluded.rotation, excluded.description)`
)

// alone keeps others from changing tables, with their rights, until the transaction
// ends: scalestack.await_access waits for the same lock, "access" in ASCII.
func alone(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(x'616363657373'::bigint)")
	return err
}

func applyRoles(ctx context.Context, tx pgx.Tx, spec *access.Spec, log *slog.Logger) error {
	if err := alone(ctx, tx); err != nil {
		return err
	}
	if err := takeByPod(ctx, tx, access.Client, log); err != nil {
		return err
	}
	if err := resetSettings(ctx, tx, append([]string{access.Client}, spec.Former...), log); err != nil {
		return fmt.Errorf("resetting settings: %w", err)
	}
	if err := revokeAll(ctx, tx, access.Client); err != nil {
		return err
	}
	for _, service := range spec.Services {
		if err := applyService(ctx, tx, service, spec.Rotation); err != nil {
			return fmt.Errorf("role of service %s: %w", service.Name, err)
		}
	}
	digest, err := spec.Digest()
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, recordRotation, spec.Rotation, digest)
	return err
}

func applyService(ctx context.Context, tx pgx.Tx, service access.Service, rotation int) error {
	role, login := access.Role(service.Name), access.Login(service.Name, rotation)
	other := access.Login(service.Name, rotation+1)
	for _, one := range []struct{ role, attributes, memberOf string }{
		{role, "NOLOGIN CONNECTION LIMIT -1", access.Client}, {login, "LOGIN", role}, {other, "LOGIN", role},
	} {
		if err := applyRole(ctx, tx, one.role, one.attributes, one.memberOf); err != nil {
			return err
		}
	}
	verifier, err := access.Verifier(service.Password)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, quiet); err != nil {
		return err
	}
	if err := execf(ctx, tx, "ALTER ROLE %s PASSWORD %s VALID UNTIL 'infinity'", name(login), literal(verifier)); err != nil {
		return err
	}
	for _, login := range []string{login, other} {
		if err := limit(ctx, tx, login, service); err != nil {
			return err
		}
	}
	return grant(ctx, tx, role, service)
}

// applyRole makes a role and leaves it in one group only.
func applyRole(ctx context.Context, tx pgx.Tx, role, attributes, memberOf string) error {
	if err := execf(ctx, tx, makeRole, name(role), literal(role)); err != nil {
		return err
	}
	if err := execf(ctx, tx, setRole, name(role), attributes); err != nil {
		return err
	}
	if err := execEach(ctx, tx, takeBack, role); err != nil {
		return err
	}
	if err := execEach(ctx, tx, foreignMemberships, role, memberOf); err != nil {
		return err
	}
	return execf(ctx, tx, "GRANT %s TO %s", name(memberOf), name(role))
}

func limit(ctx context.Context, tx pgx.Tx, login string, s access.Service) error {
	if err := execEach(ctx, tx, raiseLimit, login, s.Connections); err != nil {
		return err
	}
	for setting, value := range map[string]string{
		"statement_timeout":                   fmt.Sprintf("%ds", s.StatementTimeout),
		"idle_in_transaction_session_timeout": fmt.Sprintf("%ds", s.IdleTransactionTimeout),
		// While one connection too many is asked for, PostgreSQL 16.2 also refuses the parallel
		// workers of sessions that are in order, and their queries fail.
		"max_parallel_workers_per_gather": "0",
	} {
		if err := execf(ctx, tx, "ALTER ROLE %s SET %s = '%s'", name(login), setting, value); err != nil {
			return err
		}
	}
	return nil
}

func grant(ctx context.Context, tx pgx.Tx, role string, s access.Service) error {
	grants, err := s.Grants()
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM scalestack.access WHERE role = $1", role); err != nil {
		return err
	}
	for _, g := range grants {
		_, err := tx.Exec(ctx, "INSERT INTO scalestack.access (role, privilege, schema, object) VALUES ($1, $2, $3, nullif($4, ''))",
			role, g.Privilege, g.Schema, g.Name)
		if err != nil {
			return err
		}
	}
	for _, one := range rolesOf(s) {
		if err := revokeAll(ctx, tx, one); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, "SELECT scalestack.grant_access()")
	return err
}

// Services' own settings are set again in the same transaction, so that they are not
// worth a line in the log.
const overrides = `
	SELECT format('ALTER %s RESET ALL', what), what, coalesce(rolname LIKE 'svc\_%', false) AND setdatabase = 0 AS ours, setconfig
	FROM (
		SELECT CASE WHEN setrole = 0 AND setdatabase <> 0 THEN format('DATABASE %I', datname)
			ELSE format('ROLE %s%s', coalesce(quote_ident(rolname), 'ALL'), CASE WHEN setdatabase <> 0 THEN format(' IN DATABASE %I', datname) END) END AS what, s.*, rolname
		FROM pg_db_role_setting AS s LEFT JOIN pg_roles AS r ON r.oid = setrole LEFT JOIN pg_database AS d ON d.oid = setdatabase
		WHERE (setdatabase = 0 OR datname = current_database())
			AND (setrole = 0 OR rolname LIKE 'svc\_%' OR rolname = current_user OR rolname = ANY ($1::text[]))) AS found`

// resetSettings also looks at the roles with these names.
func resetSettings(ctx context.Context, tx pgx.Tx, roles []string, log *slog.Logger) error {
	rows, err := tx.Query(ctx, overrides, roles)
	if err != nil {
		return err
	}
	type override struct {
		statement, what string
		ours            bool
		settings        []string
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (o override, err error) {
		return o, row.Scan(&o.statement, &o.what, &o.ours, &o.settings)
	})
	if err != nil {
		return err
	}
	for _, o := range found {
		if !o.ours {
			log.Warn("settings reset", "of", o.what, "settings", o.settings)
		}
		if _, err := tx.Exec(ctx, o.statement); err != nil {
			return err
		}
	}
	return nil
}

func name(role string) string { return pgx.Identifier{role}.Sanitize() }

// literal quotes text that has no quote in it: names of roles and verifiers.
func literal(text string) string { return "'" + text + "'" }

func execf(ctx context.Context, tx pgx.Tx, statement string, args ...any) error {
	_, err := tx.Exec(ctx, fmt.Sprintf(statement, args...))
	return err
}

// execEach runs every statement that a query yields.
func execEach(ctx context.Context, tx pgx.Tx, query string, args ...any) error {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return err
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

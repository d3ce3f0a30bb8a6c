package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

const (
	// Temporary and large objects and default privileges are left out: everybody may
	// create those for themselves.
	selectOwned = `
		SELECT format('%s owns %s', rolname, pg_describe_object(classid, objid, objsubid))
		FROM pg_shdepend JOIN pg_roles ON pg_roles.oid = refobjid CROSS JOIN LATERAL pg_identify_object(classid, objid, objsubid) AS o
		WHERE rolname = ANY ($1::text[]) AND refclassid = 'pg_authid'::regclass AND deptype = 'o'
			AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
			AND classid NOT IN ('pg_largeobject'::regclass, 'pg_default_acl'::regclass) AND NOT starts_with(coalesce(o.schema, ''), 'pg_temp')
		ORDER BY 1`

	selectGranted = `
		SELECT DISTINCT format('%s on %s %s, granted by %s', lower(rights), lower(kind), object, rolname)
		FROM scalestack.granted($1) AS g JOIN pg_roles AS r ON r.oid = g.grantor ORDER BY 1`
)

// rolesOf returns the role of a service and its logins.
func rolesOf(s access.Service) []string {
	return []string{access.Role(s.Name), access.Login(s.Name, 0), access.Login(s.Name, 1)}
}

// refuseOwners returns a *RefusedError if the services' roles own something: an owner's
// rights cannot be revoked, and only a person knows who should own it.
func refuseOwners(ctx context.Context, conn *pgx.Conn, shard *shardmap.Shard, spec *access.Spec) error {
	var roles []string
	for _, s := range spec.Services {
		roles = append(roles, rolesOf(s)...)
	}
	rows, err := conn.Query(ctx, selectOwned, roles)
	if err != nil {
		return err
	}
	owned, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(owned) == 0 {
		return err
	}
	return &RefusedError{fmt.Errorf("%s: %s, and an owner may do everything. Fix: give it to another role with ALTER … OWNER TO", shard.Name, strings.Join(owned, "; "))}
}

// revokeAll revokes from a role whatever was granted to it by name, and returns a
// *RefusedError for what remains.
func revokeAll(ctx context.Context, tx pgx.Tx, role string) error {
	if _, err := tx.Exec(ctx, "SELECT scalestack.revoke_access($1)", role); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, selectGranted, role)
	if err != nil {
		return err
	}
	left, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(left) == 0 {
		return err
	}
	return &RefusedError{errors.New("role " + role + " has rights that could not be taken back: " + strings.Join(left, "; ") +
		". Fix: revoke them from the grantor with CASCADE")}
}

// takeByPod takes back from the services' roles and another one what only a superuser can (package owner).
func takeByPod(ctx context.Context, tx pgx.Tx, role string, log *slog.Logger) error {
	var there bool
	if err := tx.QueryRow(ctx, "SELECT to_regproc('scalestack_pod.take_back') IS NOT NULL").Scan(&there); err != nil || !there {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT scalestack_pod.take_back(array(SELECT rolname FROM pg_roles WHERE rolname LIKE 'svc\_%' OR rolname = $1))`, role)
	if err != nil {
		return err
	}
	taken, err := pgx.CollectRows(rows, pgx.RowTo[string])
	for _, statement := range taken {
		log.Warn("taken back by the superuser", "statement", statement)
	}
	return err
}

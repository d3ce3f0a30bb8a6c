package migrate

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/locks"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

const (
	// validFor is how long a login works that is no longer handed out: an hour in place
	// of the two minutes that clients need.
	validFor = "1 hour"
	// patience is for the pods of a rollout that has just ended: they stop within their
	// grace period of 45 s by default.
	patience = 2 * time.Minute
	askEvery = 2 * time.Second
)

// Retire takes rights from roles that the description no longer has, once the
// credentials that it describes are with their users:
//
//   - logins that are not current stop working an hour later, those of services that
//     are not listed included;
//   - roles of services that are not listed lose their rights;
//   - a former role loses all rights on tables, unless sessions still use it after two
//     minutes. That is logged, and the next run tries again.
func Retire(ctx context.Context, m *shardmap.Map, connect Connector, spec *access.Spec, log *slog.Logger) error {
	deadline := time.Now().Add(patience)
	return eachShard(ctx, m, connect, log, func(conn *pgx.Conn, log *slog.Logger) error {
		for _, role := range spec.Former {
			if err := retireFormer(ctx, conn, role, deadline, log); err != nil {
				return fmt.Errorf("role %s: %w", role, err)
			}
		}
		return locks.Retry(ctx, conn, log, func(tx pgx.Tx) error { return retireServices(ctx, tx, spec) })
	})
}

const (
	// expire leaves a time alone that is set already: a retirement does not begin anew
	// with every run.
	expire = `
		SELECT format('ALTER ROLE %I VALID UNTIL %L', rolname, now() + $2::interval) FROM pg_roles
		WHERE rolname LIKE 'svc\_%' AND rolcanlogin AND rolname <> ALL ($1::text[])
			AND coalesce(rolvaliduntil, 'infinity') = 'infinity'`

	revokeUnlisted = `
		SELECT scalestack.revoke_access(rolname) FROM pg_roles WHERE rolname LIKE 'svc\_%' AND NOT rolcanlogin AND rolname <> ALL ($1::text[])`
)

func retireServices(ctx context.Context, tx pgx.Tx, spec *access.Spec) error {
	if err := alone(ctx, tx); err != nil {
		return err
	}
	roles, logins := []string{}, []string{}
	for _, s := range spec.Services {
		roles, logins = append(roles, access.Role(s.Name)), append(logins, access.Login(s.Name, spec.Rotation))
	}
	if err := execEach(ctx, tx, expire, logins, validFor); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM scalestack.access WHERE role <> ALL ($1::text[])", roles); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, revokeUnlisted, roles)
	return err
}

// retireFormer keeps the role and its login: rollouts of the shards ask with it
// whether a server runs what was deployed.
func retireFormer(ctx context.Context, conn *pgx.Conn, role string, deadline time.Time, log *slog.Logger) error {
	for {
		users, err := usersOf(ctx, conn, role)
		if err != nil {
			return err
		}
		if len(users) == 0 {
			return locks.Retry(ctx, conn, log, func(tx pgx.Tx) error { return revoke(ctx, tx, role) })
		}
		if time.Now().After(deadline) {
			log.Warn("a role of an earlier release is in use and keeps its rights", "role", role, "applications", users)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(askEvery):
		}
	}
}

// revoke also ends memberships: the way back to an earlier release grants some.
func revoke(ctx context.Context, tx pgx.Tx, role string) error {
	if err := alone(ctx, tx); err != nil {
		return err
	}
	if err := execEach(ctx, tx, foreignMemberships, role, ""); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "SELECT scalestack.revoke_access($1)", role)
	return err
}

// usersOf lists the applications with a session of the role; psql is a person, or a
// rollout that asks.
func usersOf(ctx context.Context, conn *pgx.Conn, role string) ([]string, error) {
	rows, err := conn.Query(ctx, "SELECT DISTINCT application_name FROM pg_stat_activity WHERE usename = $1 AND application_name <> 'psql'", role)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

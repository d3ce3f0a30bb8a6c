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

const (
	// validFor is how long a login works after it is no longer handed out: an hour
	// instead of the two minutes that clients need.
	validFor = "1 hour"
	// patience gives the pods of a rollout that has just ended time to stop; their
	// grace period is 45 s by default.
	patience = 2 * time.Minute
	askEvery = 2 * time.Second
	// retireWithin limits the work on one shard: the moves must not wait for ever for
	// one that is down.
	retireWithin = 5 * time.Minute
)

// Retire takes rights from roles that the description no longer contains, once its
// credentials have reached their users:
//
//   - logins that are not current stop working an hour later, including those of services that
//     are not listed;
//   - roles of services that are not listed lose their rights;
//   - logins whose connection limit is larger than the description's get that limit, unless
//     more sessions than it allows are still in use after two minutes;
//   - a former role loses all rights on tables, unless sessions still use it after two
//     minutes. That is logged, and the next run tries again.
//
// It also gives back what a mover of an earlier release may have wrongly taken from the
// roles of the description. A shard to which Roles has meanwhile applied another
// description is left alone, and a *RefusedError names it; one that does not answer
// within five minutes is left to the next run. The other shards are retired all the
// same.
func Retire(ctx context.Context, m *shardmap.Map, connect Connector, spec *access.Spec, log *slog.Logger) error {
	digest, err := spec.Digest()
	if err != nil {
		return err
	}
	r := &retirement{spec: spec, digest: digest, within: retireWithin, deadline: time.Now().Add(patience)}
	return r.run(ctx, m, connect, log)
}

type retirement struct {
	spec   *access.Spec
	digest string
	// within limits the work on each shard. deadline is when to stop waiting for
	// sessions of former roles.
	within   time.Duration
	deadline time.Time
}

func (r *retirement) run(ctx context.Context, m *shardmap.Map, connect Connector, log *slog.Logger) error {
	var errs []error
	for i := range m.Shards {
		shard := &m.Shards[i]
		if err := r.retire(ctx, shard, connect, log.With("shard", shard.Name)); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", shard.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (r *retirement) retire(ctx context.Context, shard *shardmap.Shard, connect Connector, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, r.within)
	defer cancel()
	return whileLocked(ctx, shard, connect, log, func(conn *pgx.Conn) error {
		for _, role := range r.spec.Former {
			if err := r.retireFormer(ctx, conn, role, log); err != nil {
				return fmt.Errorf("role %s: %w", role, err)
			}
		}
		if err := awaitFewerSessions(ctx, conn, r.spec, r.deadline, log); err != nil {
			return err
		}
		return locks.Retry(ctx, conn, log, func(tx pgx.Tx) error { return r.retireServices(ctx, tx, log) })
	})
}

// begin keeps others from changing rights, and requires that the roles are still those
// of the description: the mover of an earlier release may start again while a later one
// is deployed.
func (r *retirement) begin(ctx context.Context, tx pgx.Tx) error {
	if err := alone(ctx, tx); err != nil {
		return err
	}
	var applied *string
	// A shard may have been restored to a time before that column.
	err := tx.QueryRow(ctx, "SELECT to_jsonb(r) ->> 'description' FROM scalestack.rotation AS r").Scan(&applied)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return err
	}
	if applied == nil || *applied != r.digest {
		return &RefusedError{errors.New("the services' roles were not applied by the release of this program, so that nothing is taken from them: the mover of the release that is deployed retires what it replaces")}
	}
	return nil
}

const (
	// expire leaves a time alone that is already set, so that runs do not postpone a
	// retirement.
	expire = `
		SELECT format('ALTER ROLE %I VALID UNTIL %L', rolname, now() + $2::interval) FROM pg_roles
		WHERE rolname LIKE 'svc\_%' AND rolcanlogin AND rolname <> ALL ($1::text[])
			AND coalesce(rolvaliduntil, 'infinity') = 'infinity'`

	revokeUnlisted = `
		SELECT scalestack.revoke_access(rolname) FROM pg_roles WHERE rolname LIKE 'svc\_%' AND NOT rolcanlogin AND rolname <> ALL ($1::text[])`
)

func (r *retirement) retireServices(ctx context.Context, tx pgx.Tx, log *slog.Logger) error {
	if err := r.begin(ctx, tx); err != nil {
		return err
	}
	if err := lower(ctx, tx, r.spec); err != nil {
		return err
	}
	roles, logins := []string{}, []string{}
	for _, s := range r.spec.Services {
		roles, logins = append(roles, access.Role(s.Name)), append(logins, access.Login(s.Name, r.spec.Rotation))
		if err := giveBack(ctx, tx, s, r.spec.Rotation, log); err != nil {
			return err
		}
	}
	if err := execEach(ctx, tx, expire, logins, validFor); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "DELETE FROM scalestack.access WHERE role <> ALL ($1::text[])", roles); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, revokeUnlisted, roles); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "UPDATE scalestack.rotation SET retired = rotation WHERE retired IS DISTINCT FROM rotation")
	return err
}

// giveBack undoes what a release that did not compare descriptions may have done to a
// later one: it revoked all of a service's rights and let the current login expire.
func giveBack(ctx context.Context, tx pgx.Tx, s access.Service, rotation int, log *slog.Logger) error {
	grants, err := s.Grants()
	if err != nil {
		return err
	}
	login := access.Login(s.Name, rotation)
	var without, ends bool
	if err := tx.QueryRow(ctx, `SELECT NOT EXISTS (SELECT FROM scalestack.access WHERE role = $1),
		EXISTS (SELECT FROM pg_roles WHERE rolname = $2 AND rolvaliduntil < 'infinity')`, access.Role(s.Name), login).Scan(&without, &ends); err != nil {
		return err
	}
	if ends {
		log.Warn("the current login was about to end, and works on", "login", login)
		if err := execf(ctx, tx, "ALTER ROLE %s VALID UNTIL 'infinity'", name(login)); err != nil {
			return err
		}
	}
	if !without || len(grants) == 0 {
		return nil
	}
	log.Warn("the service had lost its rights, and has them again", "role", access.Role(s.Name))
	return grant(ctx, tx, access.Role(s.Name), s)
}

// retireFormer keeps the role and its login, because rollouts of the shards use it to
// ask whether a server runs what was deployed.
func (r *retirement) retireFormer(ctx context.Context, conn *pgx.Conn, role string, log *slog.Logger) error {
	for {
		users, err := usersOf(ctx, conn, role)
		if err != nil {
			return err
		}
		if len(users) == 0 {
			return locks.Retry(ctx, conn, log, func(tx pgx.Tx) error { return r.revoke(ctx, tx, role, log) })
		}
		if time.Now().After(r.deadline) {
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

// revoke also ends memberships, some of which the way back to an earlier release
// grants.
func (r *retirement) revoke(ctx context.Context, tx pgx.Tx, role string, log *slog.Logger) error {
	if err := r.begin(ctx, tx); err != nil {
		return err
	}
	if err := takeByPod(ctx, tx, role, log); err != nil {
		return err
	}
	if err := execEach(ctx, tx, foreignMemberships, role, ""); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, "SELECT scalestack.revoke_access($1)", role)
	return err
}

// usersOf lists the applications with a session of the role. psql is a person, or a
// rollout that asks.
func usersOf(ctx context.Context, conn *pgx.Conn, role string) ([]string, error) {
	rows, err := conn.Query(ctx, "SELECT DISTINCT application_name FROM pg_stat_activity WHERE usename = $1 AND application_name <> 'psql'", role)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

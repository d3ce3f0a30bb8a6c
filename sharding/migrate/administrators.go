package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/locks"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Administrators sets the passwords of roles on each shard to those of a rotation. The role that connect logs in with must be
// allowed to. It runs after Roles, which refuses a rotation that comes too early, and returns once each shard accepts the passwords.
// It returns a *RefusedError if a later rotation has begun: the mover of an earlier deployment may start again while the next one is
// deployed.
//
// Until then connect must return a password that the shard accepts, see router.Options.ConnConfig.
func Administrators(ctx context.Context, m *shardmap.Map, connect Connector, rotation int, wanted access.Administrators, log *slog.Logger) error {
	var errs []error
	for i := range m.Shards {
		shard := &m.Shards[i]
		if err := administer(ctx, shard, connect, rotation, wanted[shard.Name], log.With("shard", shard.Name)); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", shard.Name, err))
		}
	}
	return errors.Join(errs...)
}

// administer does not wait for ever for a shard that is down: the moves between the
// others come after it.
func administer(ctx context.Context, shard *shardmap.Shard, connect Connector, rotation int, passwords map[string]string, log *slog.Logger) error {
	if len(passwords) == 0 {
		return &RefusedError{errors.New("the administrators' passwords have none for it")}
	}
	ctx, cancel := context.WithTimeout(ctx, retireWithin)
	defer cancel()
	return whileLocked(ctx, shard, connect, log, func(conn *pgx.Conn) error {
		if err := requireLatest(ctx, conn, rotation); err != nil {
			return err
		}
		for _, role := range slices.Sorted(maps.Keys(passwords)) {
			if err := setPassword(ctx, conn, shard, connect, role, passwords[role], log); err != nil {
				return fmt.Errorf("role %s: %w", role, err)
			}
		}
		return nil
	})
}

// requireLatest runs under the lock under which Roles records a rotation.
func requireLatest(ctx context.Context, conn *pgx.Conn, rotation int) error {
	var latest int
	if err := conn.QueryRow(ctx, "SELECT coalesce(max(rotation), 0) FROM scalestack.rotation").Scan(&latest); err != nil {
		return err
	}
	if latest > rotation {
		return &RefusedError{fmt.Errorf("rotation %d has begun, so that the administrator does not get the password of rotation %d", latest, rotation)}
	}
	return nil
}

// setPassword sends a verifier, so neither the log nor pg_stat_statements sees the
// password. It does not wait for a standby, which may itself be waiting for the
// password.
func setPassword(ctx context.Context, conn *pgx.Conn, shard *shardmap.Shard, connect Connector, role, password string, log *slog.Logger) error {
	var refused *pgconn.PgError
	if err := requireTaken(ctx, connect, shard, role, password); !errors.As(err, &refused) || refused.Code != "28P01" {
		return err
	}
	verifier, err := access.Verifier(password)
	if err != nil {
		return err
	}
	if err := locks.Retry(ctx, conn, log, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, quiet+"; SET LOCAL synchronous_commit = local; SET LOCAL pg_stat_statements.track_utility = off"); err != nil {
			return err
		}
		return execf(ctx, tx, "ALTER ROLE %s PASSWORD %s", name(role), literal(verifier))
	}); err != nil {
		return err
	}
	log.Info("the role has a new password", "role", role)
	return requireTaken(ctx, connect, shard, role, password)
}

// requireTaken tries the password.
func requireTaken(ctx context.Context, connect Connector, shard *shardmap.Shard, role, password string) error {
	config, err := connect(shard)
	if err != nil {
		return err
	}
	config.User, config.Password = role, password
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("the new password: %w", err)
	}
	return conn.Close(ctx)
}

// Package migrate makes databases into shards and keeps the engine's tables in them up
// to date (Run), manages the services' roles there (Roles, Retire), and applies the
// migrations of services that keep their own tables there (Service).
//
// A step waits for a table's readers and writers for one second at a time, and then
// lets those proceed who wait behind it (package locks). A step that needs a lock for
// longer, as CREATE INDEX CONCURRENTLY does, begins with SET lock_timeout = 0. No steps
// are applied while a mover works.
//
// Run and Service first wait for all shards and compare each with the shard map; only
// then do they change anything. A wrong map therefore changes nothing anywhere. Running
// them again, or twice at once, is safe.
//
// goose applies the versioned steps: it is well maintained, brings no driver of its
// own, and keeps each file in one transaction.
package migrate

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/locks"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"golang.org/x/sync/errgroup"
)

//go:embed sql/*.sql
var files embed.FS

// Connector returns the settings of a connection to a shard, including its current
// password.
type Connector func(shard *shardmap.Shard) (*pgx.ConnConfig, error)

// engineTable records the applied versions of the schema scalestack.
const engineTable = "scalestack.schema_version"

// engine returns the migrations of the schema scalestack.
func engine() (Schema, error) {
	steps, err := fs.Sub(files, "sql")
	return Schema{Files: steps, Table: engineTable, engine: true, Adopt: map[int64]int64{1: 1, 2: 2, 4: 3, 5: 4, 6: 5}}, err
}

// Run brings the engine's schema of every shard of the map to the newest version and
// claims databases that are no shard yet. It returns a *RefusedError or an
// *identity.MismatchError for a map that a retry does not make right, and a
// *RefusedError for a shard that existed before and is empty now.
func Run(ctx context.Context, m *shardmap.Map, connect Connector, log *slog.Logger) error {
	return FoundAnew(ctx, m, nil, connect, log)
}

// FoundAnew is Run that also creates empty shards in place of lost ones with these ids:
// the users in their buckets are given up.
func FoundAnew(ctx context.Context, m *shardmap.Map, ids []int, connect Connector, log *slog.Logger) error {
	s, err := checkAll(ctx, m, ids, connect, log)
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	for i := range m.Shards {
		shard := &m.Shards[i]
		if err := migrateShard(ctx, s, shard, connect, log.With("shard", shard.Name)); err != nil {
			return fmt.Errorf("%s: %w", shard.Name, err)
		}
	}
	if s.noted() {
		return nil
	}
	return noteFounded(ctx, m, connect, log)
}

// noteFounded records on every shard that all initial shards exist: one that is empty
// later was lost.
func noteFounded(ctx context.Context, m *shardmap.Map, connect Connector, log *slog.Logger) error {
	return forEach(m, func(_ int, shard *shardmap.Shard) error {
		conn, err := waitFor(ctx, shard, connect, log)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		if _, err := conn.Exec(ctx, "UPDATE scalestack.shard SET founded = true WHERE NOT founded"); err != nil {
			return fmt.Errorf("%s: %w", shard.Name, err)
		}
		return nil
	})
}

// forEach runs check on every shard at once; each error names its shard.
func forEach(m *shardmap.Map, check func(i int, shard *shardmap.Shard) error) error {
	errs := make([]error, len(m.Shards))
	var all errgroup.Group
	for i := range m.Shards {
		all.Go(func() error {
			errs[i] = check(i, &m.Shards[i])
			return nil
		})
	}
	_ = all.Wait()
	return errors.Join(errs...)
}

func checkAll(ctx context.Context, m *shardmap.Map, anew []int, connect Connector, log *slog.Logger) (*survey, error) {
	s, err := look(ctx, m, connect, log)
	if err == nil && (s.twice != nil || s.lost() != nil) {
		// A move may have ended between two looks, or another run may have claimed
		// shards. The second look at the giver, or at the first shard, comes after the
		// first look at the taker, or at the last shard. So whatever is still owned
		// twice or still lost really is.
		s, err = look(ctx, m, connect, log)
	}
	if err != nil {
		return nil, err
	}
	s.anew = anew
	return s, s.refuse()
}

func look(ctx context.Context, m *shardmap.Map, connect Connector, log *slog.Logger) (*survey, error) {
	known := make([]knowledge, len(m.Shards))
	err := forEach(m, func(i int, shard *shardmap.Shard) (err error) {
		known[i], err = checkShard(ctx, m, shard, connect, log)
		return err
	})
	if err != nil {
		return nil, err
	}
	return combine(m, known), nil
}

// checkShard accepts a database that is no shard yet.
func checkShard(ctx context.Context, m *shardmap.Map, shard *shardmap.Shard, connect Connector, log *slog.Logger) (knowledge, error) {
	conn, err := waitFor(ctx, shard, connect, log)
	if err != nil {
		return knowledge{}, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	err = identity.Check(ctx, conn, shard.Name, identity.Of(m, shard))
	if errors.Is(err, identity.ErrUnclaimed) {
		return knowledge{}, nil
	}
	if err != nil {
		return knowledge{}, err
	}
	k, err := read(ctx, conn)
	if err != nil {
		return k, fmt.Errorf("%s: %w", shard.Name, err)
	}
	return k, nil
}

func migrateShard(ctx context.Context, s *survey, shard *shardmap.Shard, connect Connector, log *slog.Logger) error {
	return upgradeShard(ctx, s.shards, shard, connect, log, func(conn *pgx.Conn) error {
		return claim(ctx, conn, identity.Of(s.shards, shard), s.vacant(shard.ID), log)
	})
}

// Upgrade brings the engine's schema of every shard to the newest version and checks
// nothing else: a shard that was restored to a time before a move, which Run refuses,
// gets what a reconciliation needs. Every database must already be a shard.
func Upgrade(ctx context.Context, m *shardmap.Map, connect Connector, log *slog.Logger) error {
	return forEach(m, func(_ int, shard *shardmap.Shard) error {
		if err := upgradeShard(ctx, m, shard, connect, log.With("shard", shard.Name), nil); err != nil {
			return fmt.Errorf("%s: %w", shard.Name, err)
		}
		return nil
	})
}

// upgradeShard applies the engine's steps and claims the database under the same lock.
// Without claim, the database must already be claimed.
func upgradeShard(ctx context.Context, m *shardmap.Map, shard *shardmap.Shard, connect Connector, log *slog.Logger, claim func(*pgx.Conn) error) error {
	schema, err := engine()
	if err != nil {
		return err
	}
	return whileLocked(ctx, shard, connect, log, func(conn *pgx.Conn) error {
		err := identity.Check(ctx, conn, shard.Name, identity.Of(m, shard))
		if err != nil && (claim == nil || !errors.Is(err, identity.ErrUnclaimed)) {
			return err
		}
		if _, err := conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS scalestack"); err != nil {
			return err
		}
		if err := schema.apply(ctx, conn, []*pgx.Conn{conn}, log); err != nil || claim == nil {
			return err
		}
		return claim(conn)
	})
}

// whileLocked holds a session's advisory lock throughout, so that a second run waits
// and then finds nothing left to do.
func whileLocked(ctx context.Context, shard *shardmap.Shard, connect Connector, log *slog.Logger, do func(*pgx.Conn) error) error {
	conn, err := waitFor(ctx, shard, connect, log)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if err := locks.Take(ctx, conn, locks.Migration); err != nil {
		return err
	}
	return do(conn)
}

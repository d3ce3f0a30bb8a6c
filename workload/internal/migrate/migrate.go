// Package migrate makes databases into shards and keeps their schema current.
//
// A run first waits for all shards and compares each with the shard map, and
// only then changes anything: a wrong map changes nothing anywhere. Running it
// again, or twice at once, is safe.
//
// The versioned steps are applied by goose: it is well kept, brings no driver
// of its own, and keeps each file in one transaction.
package migrate

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/scalestack/scalestack/internal/identity"
	"github.com/scalestack/scalestack/shardmap"
	"golang.org/x/sync/errgroup"
)

//go:embed sql/*.sql
var files embed.FS

// lockID is the advisory lock of a run, "scalesta" in ASCII. Other programs'
// migrations of the same database use other numbers.
const lockID int64 = 0x7363616c65737461

// Connector returns the settings of a connection to a shard, its current
// password included.
type Connector func(shard *shardmap.Shard) (*pgx.ConnConfig, error)

// Run brings every shard of the map to the newest schema. It returns a
// *RefusedError or an *identity.MismatchError for a map that trying again does
// not make right.
func Run(ctx context.Context, m *shardmap.Map, connect Connector, log *slog.Logger) error {
	s, err := checkAll(ctx, m, connect, log)
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	for i := range m.Shards {
		shard := &m.Shards[i]
		if err := migrateShard(ctx, s, shard, connect, log.With("shard", shard.Name)); err != nil {
			return fmt.Errorf("%s: %w", shard.Name, err)
		}
	}
	return nil
}

// checkAll waits for every shard at once; each error names its shard.
func checkAll(ctx context.Context, m *shardmap.Map, connect Connector, log *slog.Logger) (*survey, error) {
	known, errs := make([]knowledge, len(m.Shards)), make([]error, len(m.Shards))
	var all errgroup.Group
	for i := range m.Shards {
		all.Go(func() error {
			known[i], errs[i] = checkShard(ctx, m, &m.Shards[i], connect, log)
			return nil
		})
	}
	_ = all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	s := combine(m, known)
	return s, s.refuse()
}

// checkShard accepts a database that is nobody's shard yet.
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

// migrateShard holds a session's advisory lock over everything, so that a
// second run waits and then finds nothing left to do.
func migrateShard(ctx context.Context, s *survey, shard *shardmap.Shard, connect Connector, log *slog.Logger) error {
	conn, err := waitFor(ctx, shard, connect, log)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", lockID); err != nil {
		return fmt.Errorf("waiting for another migration: %w", err)
	}
	want := identity.Of(s.shards, shard)
	if err := identity.Check(ctx, conn, shard.Name, want); err != nil && !errors.Is(err, identity.ErrUnclaimed) {
		return err
	}
	if _, err := conn.Exec(ctx, "CREATE SCHEMA IF NOT EXISTS scalestack"); err != nil {
		return err
	}
	if err := applyFiles(ctx, conn.Config(), log); err != nil {
		return err
	}
	return claim(ctx, conn, want, s.vacant(shard.ID), log)
}

func applyFiles(ctx context.Context, config *pgx.ConnConfig, log *slog.Logger) error {
	db := stdlib.OpenDB(*config)
	defer db.Close()
	steps, err := fs.Sub(files, "sql")
	if err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, steps,
		goose.WithTableName("scalestack.migrations"), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return err
	}
	results, err := provider.Up(ctx)
	for _, step := range results {
		log.Info("migration applied", "file", step.Source.Path, "took", step.Duration)
	}
	return err
}

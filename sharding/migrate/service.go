package migrate

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/locks"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Service brings a service's own tables on every shard of the map to the newest
// version, after Run has made the databases into shards. It returns an
// *identity.MismatchError for a map that a retry does not make right, an error that
// wraps identity.ErrUnclaimed if Run is still to come, an *EngineError if Run came from
// an earlier release than this one, and a *RefusedError for steps during an unfinished
// move: both its shards must have the same tables.
//
// While it works, no mover and no other migration does on any shard.
func Service(ctx context.Context, m *shardmap.Map, connect Connector, schema Schema, log *slog.Logger) error {
	err := forEach(m, func(_ int, shard *shardmap.Shard) error {
		conn, err := waitFor(ctx, shard, connect, log)
		if err != nil {
			return err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		return requireEngine(ctx, conn, m, shard)
	})
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	var f fleet
	defer f.close(ctx)
	for i := range m.Shards {
		if err := f.enter(ctx, m, &m.Shards[i], connect, log); err != nil {
			return err
		}
	}
	if err := f.prepare(ctx, schema); err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	for i, conn := range f.conns {
		shard := f.shards[i]
		if err := schema.apply(ctx, conn, f.conns, log.With("shard", shard.Name)); err != nil {
			return fmt.Errorf("%s: %w", shard.Name, err)
		}
	}
	return nil
}

// fleet has sessions on all shards that lock others out.
type fleet struct {
	shards []*shardmap.Shard
	conns  []*pgx.Conn
}

func (f *fleet) close(ctx context.Context) {
	for _, conn := range f.conns {
		_ = conn.Close(context.WithoutCancel(ctx))
	}
}

func (f *fleet) enter(ctx context.Context, m *shardmap.Map, shard *shardmap.Shard, connect Connector, log *slog.Logger) error {
	conn, err := waitFor(ctx, shard, connect, log)
	if err != nil {
		return fmt.Errorf("%s: %w", shard.Name, err)
	}
	f.shards, f.conns = append(f.shards, shard), append(f.conns, conn)
	if err := locks.Take(ctx, conn, locks.Migration); err != nil {
		return fmt.Errorf("%s: %w", shard.Name, err)
	}
	return requireEngine(ctx, conn, m, shard)
}

// prepare locks movers out of all shards before a step is applied to any, and refuses
// steps during unfinished moves: the step would change one end and not the other.
func (f *fleet) prepare(ctx context.Context, schema Schema) error {
	var some bool
	for i, conn := range f.conns {
		pending, err := schema.pending(ctx, conn)
		if err != nil {
			return fmt.Errorf("%s: %w", f.shards[i].Name, err)
		}
		some = some || pending
	}
	if !some {
		return nil
	}
	var open []error
	for i, conn := range f.conns {
		if err := locks.Take(ctx, conn, locks.Mover); err != nil {
			return fmt.Errorf("%s: %w", f.shards[i].Name, err)
		}
		found, err := openMoves(ctx, conn)
		if err != nil {
			return fmt.Errorf("%s: %w", f.shards[i].Name, err)
		}
		if found != "" {
			open = append(open, fmt.Errorf("%s: %s", f.shards[i].Name, found))
		}
	}
	if open == nil {
		return nil
	}
	return &RefusedError{fmt.Errorf("%w\na step could change tables of theirs. Fix: shardctl reshard, or shardctl abort", errors.Join(open...))}
}

const (
	movesFrom = "SELECT count(*) FROM scalestack.move WHERE state NOT IN ('complete', 'aborted', 'rolled back')"
	// On its other shard a move is recognized by its subscription or publication.
	movesWith = `
		SELECT count(*) FROM (SELECT subname FROM pg_subscription JOIN pg_database AS d ON d.oid = subdbid AND datname = current_database() UNION ALL SELECT pubname FROM pg_publication) AS streams (name)
		WHERE starts_with(name, 'scalestack_move_')`
)

// openMoves describes the unfinished moves of a shard.
func openMoves(ctx context.Context, conn *pgx.Conn) (string, error) {
	var from, with int
	if err := conn.QueryRow(ctx, movesFrom).Scan(&from); err != nil {
		return "", err
	}
	if err := conn.QueryRow(ctx, movesWith).Scan(&with); err != nil {
		return "", err
	}
	switch {
	case from > 0:
		return fmt.Sprintf("%d moves from this shard have not ended", from), nil
	case with > 0:
		return "it takes part in a move that has not ended", nil
	}
	return "", nil
}

// EngineError means that a shard's engine schema is older than this program, whose
// steps may call functions that the schema lacks.
type EngineError struct {
	// Shard is the map's name of the shard.
	Shard string
	// Have is the version of the schema on the shard, 0 if it is older than versions of
	// its own; Need is the version that this program was built with.
	Have, Need int64
}

func (e *EngineError) Error() string {
	return fmt.Sprintf("%s: the engine's schema has version %d, and this program needs %d or newer: run shardctl migrate of the same release first", e.Shard, e.Have, e.Need)
}

// requireEngine accepts a newer engine, because services are upgraded one by one.
func requireEngine(ctx context.Context, conn *pgx.Conn, m *shardmap.Map, shard *shardmap.Shard) error {
	if err := identity.Check(ctx, conn, shard.Name, identity.Of(m, shard)); err != nil {
		return err
	}
	need, err := newest()
	if err != nil {
		return err
	}
	have, err := engineVersion(ctx, conn)
	if err != nil {
		return fmt.Errorf("%s: reading the version of the engine's schema: %w", shard.Name, err)
	}
	if have < need {
		return &EngineError{Shard: shard.Name, Have: have, Need: need}
	}
	return nil
}

// newest returns the version to which Run brings the engine's schema.
func newest() (int64, error) {
	schema, err := engine()
	if err != nil {
		return 0, err
	}
	versions, err := schema.versions()
	if err != nil {
		return 0, err
	}
	return slices.Max(versions), nil
}

func engineVersion(ctx context.Context, conn *pgx.Conn) (version int64, err error) {
	var known bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", engineTable).Scan(&known); err != nil || !known {
		return 0, err
	}
	err = conn.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM "+engineTable+" WHERE is_applied").Scan(&version)
	return version, err
}

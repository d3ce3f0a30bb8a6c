package migrate

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"path"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Service brings a service's own tables on every shard of the map to the newest
// version, after Run has made the databases into shards. It returns an
// *identity.MismatchError for a map that trying again does not make right, an
// error that wraps identity.ErrUnclaimed where Run is still to come, and an
// *EngineError where Run came from a release before this one.
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
	for i := range m.Shards {
		shard := &m.Shards[i]
		log := log.With("shard", shard.Name)
		err := whileLocked(ctx, shard, connect, log, func(conn *pgx.Conn) error {
			if err := requireEngine(ctx, conn, m, shard); err != nil {
				return err
			}
			return schema.apply(ctx, conn, log)
		})
		if err != nil {
			return fmt.Errorf("%s: %w", shard.Name, err)
		}
	}
	return nil
}

// EngineError says that a shard's engine schema is older than this program, whose
// steps may call functions that it does not have.
type EngineError struct {
	// Shard is the map's name of the shard.
	Shard string
	// Have is the schema's version on the shard, 0 for one from before versions of
	// its own; Need is the version that this program was built with.
	Have, Need int64
}

func (e *EngineError) Error() string {
	return fmt.Sprintf("%s: the engine's schema has version %d, and this program needs %d or newer: run shardctl migrate of the same release first", e.Shard, e.Have, e.Need)
}

// requireEngine accepts a newer engine: services follow it one by one.
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
func newest() (version int64, err error) {
	names, err := fs.Glob(files, "sql/*.sql")
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		v, err := goose.NumericComponent(path.Base(name))
		if err != nil {
			return 0, err
		}
		version = max(version, v)
	}
	return version, nil
}

func engineVersion(ctx context.Context, conn *pgx.Conn) (version int64, err error) {
	var known bool
	if err := conn.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", engineTable).Scan(&known); err != nil || !known {
		return 0, err
	}
	err = conn.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM "+engineTable+" WHERE is_applied").Scan(&version)
	return version, err
}

package migrate

import (
	"io/fs"
	"log/slog"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/access"
	"github.com/scalestack/scalestack/sharding/identity"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// before returns the engine's steps up to one.
func before(t *testing.T, last string) Schema {
	t.Helper()
	schema, err := engine()
	require.NoError(t, err)
	names, err := fs.Glob(schema.Files, "*.sql")
	require.NoError(t, err)
	steps := fstest.MapFS{}
	for _, name := range names {
		if name < last {
			content, err := fs.ReadFile(schema.Files, name)
			require.NoError(t, err)
			steps[name] = &fstest.MapFile{Data: content}
		}
	}
	schema.Files = steps
	return schema
}

// A stack of the release before the notes goes on: its shards are no lost ones, and a
// rotation waits for a deployment of this release.
func TestAnUpgradeToTheNotes(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	connect, log := shards.Admin.As("test").ConnConfig, slog.New(slog.DiscardHandler)
	former := before(t, "00015")
	s := combine(shards.Map, make([]knowledge, 2))
	for i := range shards.Map.Shards {
		shard := &shards.Map.Shards[i]
		require.NoError(t, whileLocked(t.Context(), shard, connect, log, func(conn *pgx.Conn) error {
			if _, err := conn.Exec(t.Context(), "CREATE SCHEMA scalestack"); err != nil {
				return err
			}
			if err := former.apply(t.Context(), conn, nil, log); err != nil {
				return err
			}
			return claim(t.Context(), conn, identity.Of(shards.Map, shard), s.vacant(shard.ID), log)
		}))
		shards.Servers[i].Exec(pgtest.Database(i), "INSERT INTO scalestack.rotation (rotation, changed_at) VALUES (0, now() - interval '1 hour')")
	}

	require.NoError(t, Run(t.Context(), shards.Map, connect, log))
	roles := func(rotation int) error {
		return Roles(t.Context(), shards.Map, connect, &access.Spec{Rotation: rotation}, log)
	}
	require.ErrorContains(t, roles(1), "rotation 0 has not ended")
	require.NoError(t, roles(0))
	require.NoError(t, Retire(t.Context(), shards.Map, connect, &access.Spec{}, log))
	require.NoError(t, roles(1))
	for i, server := range shards.Servers {
		require.Equal(t, 1, server.Count(pgtest.Database(i), "SELECT count(*) FROM scalestack.shard WHERE founded"))
		require.Equal(t, 6, server.Count(pgtest.Database(i), "SELECT count(*) FROM scalestack.ownership WHERE state = 'owned'"))
	}
}

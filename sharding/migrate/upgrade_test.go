package migrate

import (
	"errors"
	"fmt"
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
			if _, err := conn.Exec(t.Context(), "CREATE SCHEMA IF NOT EXISTS scalestack"); err != nil {
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

// A stack of the release before package owner, whose superuser has made everything, goes on as the two roles; and that release can be
// deployed again, and the next one after it.
func TestAnUpgradeFromTheSuperuser(t *testing.T) {
	shards, log := pgtest.StartUnowned(t, 1), slog.New(slog.DiscardHandler)
	shard, server, db := &shards.Map.Shards[0], shards.Servers[0], pgtest.Database(0)
	former, service := before(t, "00017"), func(tables ...string) Schema {
		files := fstest.MapFS{}
		for i, table := range tables {
			files[fmt.Sprintf("%05d_%s.sql", i+1, table)] = &fstest.MapFile{Data: []byte("-- +goose Up\nCREATE TABLE " + table +
				" (user_id bigint PRIMARY KEY, n serial); SELECT scalestack.adopt('" + table + "');")}
		}
		return Schema{Files: files, Table: "public.shop_version"}
	}
	spec := access.Spec{Services: []access.Service{{Name: "shop", Password: "secret", Connections: 1, StatementTimeout: 1, IdleTransactionTimeout: 1, Write: []string{"public.*"}}}}
	super := shards.Admin.As("test").ConnConfig
	require.NoError(t, whileLocked(t.Context(), shard, super, log, func(conn *pgx.Conn) error {
		_, err := conn.Exec(t.Context(), "CREATE SCHEMA scalestack; ALTER ROLE ALL SET work_mem = '1MB'")
		for _, schema := range []Schema{former, service("orders")} {
			err = errors.Join(err, schema.apply(t.Context(), conn, nil, log))
		}
		return errors.Join(err, claim(t.Context(), conn, identity.Of(shards.Map, shard), []int32{0}, log))
	}))
	require.NoError(t, Roles(t.Context(), shards.Map, super, &spec, log))

	requireAll := func(tables ...string) {
		t.Helper()
		config, err := shards.As("svc_shop_a", "secret").As("test").ConnConfig(shard)
		require.NoError(t, err)
		conn, err := pgx.ConnectConfig(t.Context(), config)
		require.NoError(t, err)
		defer conn.Close(t.Context())
		for _, table := range tables {
			_, err := conn.Exec(t.Context(), "INSERT INTO "+table+" (user_id) VALUES (0)")
			require.NoError(t, err)
		}
		_, err = conn.Exec(t.Context(), "INSERT INTO orders (user_id) VALUES (1)")
		require.ErrorContains(t, err, "bucket 1 is not owned by shard 0")
		require.Zero(t, server.Count(db, "SELECT count(*) FROM scalestack.changed_functions()"))
	}
	upgrade := func(tables ...string) {
		t.Helper()
		shards.Own()
		connect := shards.Admin.As("test").ConnConfig
		require.NoError(t, Run(t.Context(), shards.Map, connect, log))
		require.NoError(t, Roles(t.Context(), shards.Map, connect, &spec, log))
		require.NoError(t, Service(t.Context(), shards.Map, shards.Owner.As("test").ConnConfig, service(tables...), log))
		require.NoError(t, Retire(t.Context(), shards.Map, connect, &spec, log))
		require.Zero(t, server.Count(db, "SELECT count(*) FROM scalestack_pod.unowned()"))
		require.Equal(t, 2, server.Count(db, "SELECT count(*) FROM pg_event_trigger"))
		require.Zero(t, server.Count(db, "SELECT count(*) FROM pg_auth_members WHERE grantor = 10 AND member::regrole::text LIKE 'svc%'"))
		require.Zero(t, server.Count(db, "SELECT count(*) FROM pg_db_role_setting WHERE setrole = 0"))
	}
	upgrade("orders", "carts")
	requireAll("carts")

	// The program of before knows nothing of the roles.
	require.NoError(t, whileLocked(t.Context(), shard, super, log, func(conn *pgx.Conn) error {
		return errors.Join(former.apply(t.Context(), conn, nil, log), service("orders", "carts", "gifts").apply(t.Context(), conn, nil, log))
	}))
	require.NoError(t, Roles(t.Context(), shards.Map, super, &spec, log))
	require.NoError(t, Retire(t.Context(), shards.Map, super, &spec, log))
	requireAll("gifts")

	upgrade("orders", "carts", "gifts", "wishes")
	requireAll("wishes")
}

package schema_test

import (
	"context"
	"io/fs"
	"log/slog"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/schema"
	"github.com/scalestack/scalestack/sharding/migrate"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// before returns the service's steps without one.
func before(t *testing.T, file string) migrate.Schema {
	t.Helper()
	former, steps := schema.Users(), fstest.MapFS{}
	names, err := fs.Glob(former.Files, "*.sql")
	require.NoError(t, err)
	for _, name := range names {
		content, err := fs.ReadFile(former.Files, name)
		require.NoError(t, err)
		if name < file {
			steps[name] = &fstest.MapFile{Data: content}
		}
	}
	former.Files = steps
	return former
}

// The outbox gets its column while the former release writes and reads, with an event
// in it: nothing fails, nothing is rewritten and nobody waits for long.
func TestTheOutboxGetsItsColumnInUse(t *testing.T) {
	shards := pgtest.StartShards(t, 1)
	connect, log := shards.Admin.As("test").ConnConfig, slog.New(slog.DiscardHandler)
	require.NoError(t, migrate.Run(t.Context(), shards.Map, connect, log))
	require.NoError(t, migrate.Service(t.Context(), shards.Map, connect, before(t, "00008"), log))
	const write = `INSERT INTO outbox (user_id, sequence, topic, type, schema, data)
		SELECT 1, coalesce(max(sequence), 0) + 1, 'user_events', 'UserUpdated', 'user/v1', '{}' FROM outbox`
	const read = "SELECT user_id, sequence, event_id, topic, type, schema, occurred_at, data FROM outbox_all WHERE parked IS NULL ORDER BY user_id, sequence LIMIT 10"
	const nodes = "SELECT string_agg(relfilenode::text, ',' ORDER BY relname) FROM pg_class WHERE relname IN ('outbox', 'outbox_spare')"
	shards.Servers[0].Exec(pgtest.Database(0), write)
	was := text(t, shards, nodes)

	ctx, stop := context.WithCancel(t.Context())
	var all sync.WaitGroup
	var longest [2]time.Duration
	for i, statement := range []string{write, read} {
		conn := shards.Servers[0].Admin(pgtest.Database(0))
		defer conn.Close(context.Background())
		all.Go(func() {
			for ctx.Err() == nil {
				began := time.Now()
				if _, err := conn.Exec(context.WithoutCancel(ctx), statement); err != nil {
					t.Error(err)
					return
				}
				longest[i] = max(longest[i], time.Since(began))
			}
		})
	}
	time.Sleep(200 * time.Millisecond)
	require.NoError(t, migrate.Service(t.Context(), shards.Map, connect, schema.Users(), log))
	time.Sleep(200 * time.Millisecond)
	stop()
	all.Wait()
	for _, waited := range longest {
		require.Less(t, waited, 5*time.Second)
	}
	require.Equal(t, was, text(t, shards, nodes))
	require.Equal(t, "0", text(t, shards, "SELECT count(traceparent)::text FROM outbox_all WHERE sequence = 1"))
}

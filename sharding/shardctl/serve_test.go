package shardctl

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/settings"
	"github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestServe(t *testing.T) {
	shards := pgtest.StartShards(t, 2)
	shardtest.Migrate(t, t.Context(), shards, accounts.Schema())
	for _, server := range shards.Servers {
		server.Stop()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- runServe(ctx, &settings.Serve{Shards: shards.App, Probes: settings.Probes{MetricsListen: address}, Every: 100 * time.Millisecond, Members: 2}, slog.New(slog.DiscardHandler))
	}()
	get := func(path string) (int, string) {
		response, err := http.Get("http://" + address + path)
		if err != nil {
			return 0, ""
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		return response.StatusCode, string(body)
	}
	metrics := func(lines ...string) {
		t.Helper()
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			_, body := get("/metrics")
			for _, line := range lines {
				assert.Contains(c, body, line+"\n")
			}
		}, 30*time.Second, 50*time.Millisecond)
	}

	metrics(`scalestack_shard_up{shard="shard-0"} 0`, `scalestack_shard_up{shard="shard-1"} 0`)
	code, _ := get("/healthz")
	require.Equal(t, http.StatusOK, code)
	code, _ = get("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, code, "no shard has answered yet")

	shards.Servers[1].Run()
	require.Eventually(t, func() bool { code, _ := get("/readyz"); return code == http.StatusOK }, 30*time.Second, 50*time.Millisecond)
	shards.Servers[0].Run()
	shards.Servers[0].Exec(pgtest.Database(0), "INSERT INTO scalestack.move (target, buckets, state) VALUES (1, '{0}', 'copied')")
	shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'moved', owner = 1, epoch = 3 WHERE bucket = 0")
	shards.Servers[1].Exec(pgtest.Database(1), "INSERT INTO scalestack.ownership (bucket, state, epoch, owner) VALUES (0, 'owned', 4, 1)")
	metrics(`scalestack_shard_up{shard="shard-0"} 1`, `scalestack_shard_moves{shard="shard-0",state="copied"} 1`,
		`scalestack_shard_buckets{shard="shard-0",state="owned"} 5`, `scalestack_shard_buckets{shard="shard-0",state="moved"} 1`,
		`scalestack_shard_buckets{shard="shard-1",state="owned"} 7`, `scalestack_shard_buckets_misplaced 1`, `scalestack_shard_buckets_owned_twice 0`)
	shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'owned', owner = 0, epoch = 1 WHERE bucket = 0")
	metrics(`scalestack_shard_buckets_owned_twice 1`)
	shards.Servers[1].Stop()
	metrics(`scalestack_shard_up{shard="shard-1"} 0`, `scalestack_shard_buckets_owned_twice 1`)
	shards.Servers[1].Run()
	shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'moved', owner = 1, epoch = 3 WHERE bucket = 0")
	metrics(`scalestack_shard_up{shard="shard-1"} 1`, `scalestack_shard_buckets_owned_twice 0`)

	loaded(t, shards, get, metrics)
	stop()
	require.NoError(t, <-ended)
}

// loaded requires that what saturates a shard shows, with the credentials of a service,
// which see nothing of others' sessions but that they exist.
func loaded(t *testing.T, shards *pgtest.Shards, get func(string) (int, string), metrics func(...string)) {
	figure := func(name string) float64 {
		_, body := get("/metrics")
		for line := range strings.Lines(body) {
			if rest, ok := strings.CutPrefix(line, name+" "); ok {
				value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
				require.NoError(t, err)
				return value
			}
		}
		return -1
	}
	const connections = `scalestack_shard_connections{shard="shard-0"}`
	admin, err := shards.Admin.As("test").ConnConfig(&shards.Map.Shards[0])
	require.NoError(t, err)
	before := figure(connections)
	for range 5 {
		conn, err := pgx.ConnectConfig(t.Context(), admin)
		require.NoError(t, err)
		defer conn.Close(context.WithoutCancel(t.Context()))
	}
	require.Eventually(t, func() bool { return figure(connections) >= before+5 }, 30*time.Second, 50*time.Millisecond)
	require.Greater(t, figure(`scalestack_shard_connections_max{shard="shard-0"}`), 5.0)
	require.Greater(t, figure(`scalestack_shard_database_bytes{shard="shard-1"}`), 1e6)
	require.Greater(t, figure(`scalestack_shard_transactions_total{outcome="commit",shard="shard-0"}`), 0.0)
	require.Greater(t, figure(`scalestack_shard_blocks_total{from="buffers",shard="shard-0"}`), 0.0)

	shards.Servers[0].Exec(pgtest.Database(0), "SELECT pg_create_logical_replication_slot('left_behind', 'pgoutput')")
	metrics(`scalestack_shard_slot_active{shard="shard-0",slot="left_behind"} 0`, `scalestack_shard_slot_lost{shard="shard-0",slot="left_behind"} 0`)
	shards.Servers[0].Exec(pgtest.Database(0), "SELECT pg_logical_emit_message(false, 'filler', repeat('x', 4000000))")
	require.Eventually(t, func() bool {
		return figure(`scalestack_shard_slot_held_bytes{shard="shard-0",slot="left_behind"}`) > 3e6
	},
		30*time.Second, 50*time.Millisecond)
	shards.Servers[0].Stop()
	metrics(`scalestack_shard_up{shard="shard-0"} 0`)
	require.Equal(t, -1.0, figure(connections), "a shard that does not answer has no old figures")
	require.Positive(t, figure(`scalestack_shard_connections{shard="shard-1"}`))

	metrics(`scalestack_shard_timeline{shard="shard-1"} 1`)
	metrics(`scalestack_shard_standbys{shard="shard-1"} 0`, "scalestack_shard_standbys_wanted 1")
	standby := shards.Servers[1].Follow()
	metrics(`scalestack_shard_standbys{shard="shard-1"} 1`)
	standby.TakeOver()
	metrics(`scalestack_shard_timeline{shard="shard-1"} 2`, `scalestack_shard_standbys{shard="shard-1"} 0`)
}

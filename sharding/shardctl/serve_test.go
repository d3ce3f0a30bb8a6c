package shardctl

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

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
		ended <- runServe(ctx, &settings.Serve{Shards: shards.App, Listen: address, Every: 100 * time.Millisecond}, slog.New(slog.DiscardHandler))
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

	stop()
	require.NoError(t, <-ended)
}

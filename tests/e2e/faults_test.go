//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An acknowledged write survives the death of the shard that took it.
func TestKilledShardLosesNothing(t *testing.T) {
	c := newClient(t)
	out := outputs(t)
	const (
		first  = int64(1_000_000) // multiples of 4: all on shard 0
		writes = 2000
	)
	var acknowledged atomic.Int64
	written := make(chan map[int64]bool)
	go func() { written <- writeUntilDone(c, first, writes, &acknowledged) }()

	eventually(t, time.Minute, "a first hundred writes", func() error {
		if n := acknowledged.Load(); n < 100 {
			return fmt.Errorf("%d writes acknowledged", n)
		}
		return nil
	})
	kubectl(t, "delete", "pod", "postgres-shard-0-0", "-n", out.Namespace, "--force", "--grace-period=0", "--wait=false")
	history := <-written
	require.Len(t, history, writes, "the writer goes on once the shard is back")

	kubectl(t, "wait", "pod/postgres-shard-0-0", "-n", out.Namespace, "--for=condition=Ready", "--timeout=120s")
	require.Equal(t, history, stored(t, out.Namespace, first, writes))
}

// What a shard's users wait while it restarts: after a crash of the server, and when
// its pod is replaced, as every deployment that changes a shard does.
func TestRestartsOfAShard(t *testing.T) {
	namespace := outputs(t).Namespace
	for _, restart := range []struct {
		name  string
		begin func()
	}{
		{"crash", func() {
			killContainer(kubectl(t, "get", "pod", "postgres-shard-0-0", "-n", namespace, "-o", "jsonpath={.status.containerStatuses[0].containerID}"))
		}},
		{"planned", func() { kubectl(t, "delete", "pod", "postgres-shard-0-0", "-n", namespace, "--wait=false") }},
	} {
		away := longestGap(t, newClient(t), 2_000_000, restart.begin)
		t.Logf("%s: %s without an acknowledged write", restart.name, away.Round(100*time.Millisecond))
		require.Less(t, away, 30*time.Second, restart.name)
	}
}

// longestGap writes one user until its shard has been away and has answered for 10
// seconds again: a pod that goes in order answers for a while yet.
func longestGap(t *testing.T, c *client, user int64, begin func()) (longest time.Duration) {
	t.Helper()
	write := func() error { return c.put(user, profile{Name: "waits", Email: "waits@example.com"}) }
	require.NoError(t, write())
	last := time.Now()
	deadline, back := last.Add(2*time.Minute), time.Time{}
	begin()
	for back.IsZero() || time.Since(back) < 10*time.Second {
		require.True(t, time.Now().Before(deadline), "the last answer is %s old", time.Since(last))
		if write() != nil {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		if gap := time.Since(last); gap > longest {
			longest = gap
			if gap > time.Second {
				back = time.Now()
			}
		}
		last = time.Now()
	}
	return longest
}

// writeUntilDone repeats each write until it is acknowledged, as a client does.
func writeUntilDone(c *client, first, count int64, acknowledged *atomic.Int64) map[int64]bool {
	history := map[int64]bool{}
	deadline := time.Now().Add(3 * time.Minute)
	for i := int64(0); i < count && time.Now().Before(deadline); {
		id := first + 4*i
		if c.put(id, profile{Name: "survivor", Email: "survivor@example.com"}) != nil {
			time.Sleep(50 * time.Millisecond)
			continue
		}
		history[id] = true
		acknowledged.Add(1)
		i++
	}
	return history
}

func stored(t *testing.T, namespace string, first, count int64) map[int64]bool {
	t.Helper()
	rows, err := database(t, namespace, 0).Query(t.Context(),
		"SELECT user_id FROM users WHERE name = 'survivor' AND user_id BETWEEN $1 AND $2", first, first+4*count)
	require.NoError(t, err)
	found := map[int64]bool{}
	for rows.Next() {
		var id int64
		require.NoError(t, rows.Scan(&id))
		found[id] = true
	}
	require.NoError(t, rows.Err())
	return found
}

// A shard that is down takes its own users with it and nobody else's.
func TestOtherShardsServeWhileOneIsDown(t *testing.T) {
	c := newClient(t)
	out := outputs(t)
	require.NoError(t, c.put(2_000_001, profile{Name: "neighbour", Email: "n@example.com"}))
	kubectl(t, "scale", "statefulset/postgres-shard-0", "-n", out.Namespace, "--replicas=0")
	t.Cleanup(func() {
		kubectl(t, "scale", "statefulset/postgres-shard-0", "-n", out.Namespace, "--replicas=1")
		kubectl(t, "rollout", "status", "statefulset/postgres-shard-0", "-n", out.Namespace, "--timeout=120s")
	})
	kubectl(t, "wait", "pod/postgres-shard-0-0", "-n", out.Namespace, "--for=delete", "--timeout=120s")

	require.NoError(t, c.put(2_000_001, profile{Name: "still here", Email: "n@example.com"}))
	got, err := c.do("PUT", 2_000_000, profile{Name: "waits", Email: "w@example.com"})
	require.NoError(t, err)
	require.Equal(t, 503, got.status, got.text)
	ready := kubectl(t, "get", "deployment/app", "-n", out.Namespace, "-o", "jsonpath={.status.readyReplicas} {.status.replicas}")
	require.Len(t, strings.Fields(ready), 2, "the app's pods stay ready: %s", ready)
}

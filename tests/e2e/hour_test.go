//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// hourName is the drill's and its stack's.
const hourName = "hour"

// TestAlertsOfAnHour causes the alerts that look at an hour: a transaction stays open, so that a move does not come to
// its copy, and the cache answers less than it did. All is over when the transaction is.
func TestAlertsOfAnHour(t *testing.T) {
	if os.Getenv("DRILL") != hourName {
		t.Skip("takes an hour and a half: make drill-hour")
	}
	s := newOwnStack(t, hourName, "failoverstack.yaml")
	s.set(map[string]string{"scalestack:namespace": hourName})
	s.deploy()
	f := newFailover(t, failoverStack{s}, 200)
	for range 50 {
		require.NoError(t, f.pulse.writeOne())
	}
	await := func(limit time.Duration, holds bool, alert string) {
		t.Helper()
		awaitAlert(t, limit, holds, f.namespace, alert, nil)
	}
	for _, alert := range []string{"TransactionStaysOpen", "MoveStuck", "CacheHitRatioFell"} {
		await(time.Minute, false, alert)
	}
	known := f.pulse.acknowledged()
	of := func() int64 { return known[rand.IntN(len(known))] }
	stop := f.reads(100*time.Millisecond, of)
	open := f.staysOpen()
	s.set(map[string]string{"scalestack:postgres.shards": "2", "scalestack:postgres.moves.batch": "480", "scalestack:postgres.moves.observe": "1"})
	s.deploy()

	await(45*time.Minute, true, "TransactionStaysOpen")
	stop()
	eventually(t, 45*time.Minute, "what the cache answered an hour ago", func() error {
		found, err := query(t, fmt.Sprintf("rate(scalestack_cache_lookups_total{namespace=%q}[1d] offset 1h) > 0", f.namespace))
		if err == nil && len(found) == 0 {
			err = errors.New("nobody knows")
		}
		return err
	})
	stop = f.reads(100*time.Millisecond, func() int64 { return 40_000_000 + rand.Int64N(1_000_000) })
	await(15*time.Minute, true, "CacheHitRatioFell")
	stop()
	await(65*time.Minute, true, "MoveStuck")

	require.NoError(t, open.Rollback(context.Background()))
	await(2*time.Minute, false, "TransactionStaysOpen")
	// The mover has given the move up after ten minutes, with the transaction's name.
	s.pulumi("up", "--yes", "--skip-preview", "--replace", "**shards-reshard")
	await(5*time.Minute, false, "MoveStuck")
	stop = f.reads(5*time.Millisecond, of)
	defer stop()
	await(20*time.Minute, false, "CacheHitRatioFell")
	f.readMap()
	require.True(t, f.ended(10*time.Minute), "the mover has failed:\n%s", f.moverLog())
	require.Equal(t, f.shards.Assignment, f.assignment())
	f.requireStored("after an hour")
}

// staysOpen begins a transaction with an id on the first shard, for whose end a new replication slot waits. The shard
// would end it after ten idle minutes.
func (f *failover) staysOpen() pgx.Tx {
	f.t.Helper()
	open, err := database(f.t, f.namespace, 0).Begin(f.t.Context())
	require.NoError(f.t, err)
	for _, sql := range []string{"SET LOCAL idle_in_transaction_session_timeout = 0", "SELECT pg_current_xact_id()"} {
		_, err = open.Exec(f.t.Context(), sql)
		require.NoError(f.t, err)
	}
	return open
}

// reads asks for users until the returned function is called.
func (f *failover) reads(pause time.Duration, next func() int64) (stop func()) {
	return repeat(1, pause, func() {
		if response, err := f.pulse.http.Get(fmt.Sprintf("%s/users/%d", f.pulse.base, next())); err == nil {
			_ = response.Body.Close()
		}
	})
}

package reshard_test

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/stretchr/testify/require"
)

func TestShare(t *testing.T) {
	move := func(source int, state reshard.State) reshard.MoveProgress {
		return reshard.MoveProgress{Move: reshard.Move{ID: 1, Source: source, Target: 2, Buckets: make([]int32, 10), State: state}}
	}
	copying := func(expected, lag int64) reshard.MoveProgress {
		p := move(0, reshard.Prepared)
		p.Expected, p.Copy.Rows, p.Lag = expected, 500, lag
		return p
	}
	slow := move(0, reshard.CaughtUp)
	slow.Slow = "shard-0 25 % (commits 30ms, before 10ms)"
	of := func(moves ...reshard.MoveProgress) reshard.Progress {
		return reshard.Progress{Buckets: 40, Moved: 20, Moves: moves}
	}
	for _, test := range []struct {
		progress reshard.Progress
		share    float64
		text     string
	}{
		{reshard.Progress{}, 1, "0 of 0 buckets moved"},
		{of(), 0.5, "20 of 40 buckets moved"},
		{of(copying(1000, 8)), 0.625,
			"20 of 40 buckets moved; move 0-1 (10 buckets, shard 0 to 2) is prepared, copying 500 of about 1000 rows, 8 bytes behind"},
		{of(copying(100, 0)), 0.75, "20 of 40 buckets moved; move 0-1 (10 buckets, shard 0 to 2) is prepared, copying 500 of about 100 rows"},
		{of(copying(1000, 0), move(1, reshard.Armed)), 0.875,
			"20 of 40 buckets moved; move 0-1 (10 buckets, shard 0 to 2) is prepared, copying 500 of about 1000 rows; move 1-1 (10 buckets, shard 1 to 2) is armed"},
		{of(slow), 0.75, "20 of 40 buckets moved; move 0-1 (10 buckets, shard 0 to 2) is caught up, held back: shard-0 25 % (commits 30ms, before 10ms)"},
	} {
		require.Equal(t, test.share, test.progress.Share())
		require.Equal(t, test.text, test.progress.String())
	}
}

func TestProgressAndMetrics(t *testing.T) {
	const existing = 200_000
	c := startCluster(t, 3, existing)
	o := c.options(c.desired(3))
	registry := prometheus.NewRegistry()
	o.Metrics, o.Batch = registry, 20
	var copied int64
	var last float64
	onlooker := reshard.New(c.options(c.desired(3)))
	o.OnProgress = func(p reshard.Progress) {
		if p.Buckets == 20 {
			require.GreaterOrEqual(t, p.Share(), last)
			last = p.Share()
		}
		for _, one := range p.Moves {
			copied = max(copied, one.Copy.Rows)
		}
		if len(p.Moves) == 1 && p.Moves[0].Move.State == reshard.Copied {
			now, err := onlooker.Look(t.Context())
			require.NoError(t, err)
			require.Len(t, now.Moves, 1)
			require.Contains(t, now.String(), "(10 buckets, shard ")
			require.Equal(t, now.Moves[0].Copy.Tables, now.Moves[0].Copy.Done)
			require.Positive(t, now.Moves[0].Copy.Tables)
			require.Equal(t, 20-p.Moved, now.Left)
		}
	}
	require.NoError(t, c.run(o))
	require.Equal(t, 1.0, last)
	t.Logf("saw %d rows on their way", copied)
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
		# HELP scalestack_reshard_buckets_left Buckets that have to move in this run and have not yet.
		# TYPE scalestack_reshard_buckets_left gauge
		scalestack_reshard_buckets_left 0
		# HELP scalestack_reshard_moves_total Moves that have ended: complete, aborted or rolled back.
		# TYPE scalestack_reshard_moves_total counter
		scalestack_reshard_moves_total{state="complete"} 2
	`), "scalestack_reshard_buckets_left", "scalestack_reshard_moves_total", "scalestack_reshard_move"))
	now, err := onlooker.Look(t.Context())
	require.NoError(t, err)
	require.Equal(t, "0 buckets to move", now.String())
	c.requireClean()
}

package reshard_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// measureVariable is the number of users to measure with.
const measureVariable = "SCALESTACK_MEASURE_USERS"

// TestMeasure compares the speed of moves under load with that of a raw COPY
// between the same servers, and measures the pauses of writes.
func TestMeasure(t *testing.T) {
	users := environment(t, measureVariable, 0)
	if users == 0 {
		t.Skipf("a measurement and no test: set %s to the number of users", measureVariable)
	}
	c := startCluster(t, 3, users)
	l := startLoad(t, c.store(), int64(users))
	var moves []reshard.Move
	var copying, whole time.Duration
	var rows int64
	for n, batch := range []int{20, 20, 2, 2, 2, 2} {
		m := c.flip(n)
		if n == 0 {
			c.measureCopy(m)
		}
		times := map[reshard.State]time.Time{}
		o := c.options(m)
		o.Batch, o.Observe = batch, time.Millisecond
		o.OnState = func(mv reshard.Move) {
			times[mv.State] = time.Now()
			if mv.State != reshard.Complete {
				return
			}
			moves = append(moves, mv)
			if batch == 20 {
				rows += mv.Rows
				copying += times[reshard.Copied].Sub(times[reshard.Prepared])
				whole += times[reshard.Complete].Sub(times[reshard.Planned])
			}
		}
		require.NoError(t, c.run(o))
	}
	c.requireClean()
	l.end(c)
	t.Logf("copy phase: %.0f rows/s; planned to complete: %.0f rows/s (%d rows)",
		float64(rows)/copying.Seconds(), float64(rows)/whole.Seconds(), rows)
	logPauses(t, moves, 20)
	logPauses(t, moves, 2)
}

func logPauses(t *testing.T, moves []reshard.Move, batch int) {
	var pauses []time.Duration
	var rows int64
	for _, mv := range moves {
		if (batch > 2) == (len(mv.Buckets) > 2) {
			pauses = append(pauses, mv.Pause)
			rows += mv.Rows
		}
	}
	slices.Sort(pauses)
	at := func(q float64) time.Duration {
		return pauses[int(q*float64(len(pauses)-1))].Round(100 * time.Microsecond)
	}
	t.Logf("%d cutovers of up to %d buckets (%d rows on average): writes paused p50 %s, p99 %s, longest %s",
		len(pauses), batch, rows/int64(len(pauses)), at(0.5), at(0.99), at(1))
}

// measureCopy copies what the first move of a map brings, into a table of its own.
func (c *cluster) measureCopy(m *shardmap.Map) {
	c.t.Helper()
	plan, err := shardmap.NewPlan(c.Map, m)
	require.NoError(c.t, err)
	where := ""
	for _, bucket := range plan.Moves[0].Buckets {
		where += fmt.Sprintf(",%d", bucket)
	}
	from, to := c.Servers[plan.Moves[0].From].Admin(pgtest.Database(plan.Moves[0].From)), c.Servers[2].Admin(pgtest.Database(2))
	defer from.Close(context.Background())
	defer to.Close(context.Background())
	_, err = to.Exec(context.Background(), "CREATE TABLE copied (LIKE accounts INCLUDING ALL)")
	require.NoError(c.t, err)
	copyRows := fmt.Sprintf("COPY (SELECT * FROM accounts WHERE ((user_id %% 60 + 60) %% 60) = ANY ('{%s}')) TO STDOUT", where[1:])
	for range 3 {
		began := time.Now()
		reader, writer := io.Pipe()
		go func() {
			_, err := from.PgConn().CopyTo(context.Background(), writer, copyRows)
			_ = writer.CloseWithError(err)
		}()
		tag, err := to.PgConn().CopyFrom(context.Background(), reader, "COPY copied FROM STDIN")
		require.NoError(c.t, err)
		c.t.Logf("raw COPY: %.0f rows/s (%d rows)", float64(tag.RowsAffected())/time.Since(began).Seconds(), tag.RowsAffected())
		_, err = to.Exec(context.Background(), "TRUNCATE copied")
		require.NoError(c.t, err)
	}
	_, err = to.Exec(context.Background(), "DROP TABLE copied")
	require.NoError(c.t, err)
}

package reshard_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
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
	query := fmt.Sprintf("COPY (SELECT * FROM accounts WHERE ((user_id %% 60 + 60) %% 60) = ANY ('{%s}')) TO STDOUT", where[1:])
	all := "COPY (SELECT * FROM accounts LIMIT " + fmt.Sprint(c.countRows(query)) + ") TO STDOUT"
	for _, variant := range []struct{ name, before, query, with string }{
		{"raw COPY", "SELECT", query, ""},
		{"without the row filter", "SELECT", all, ""},
		{"binary", "SELECT", query, " WITH (FORMAT binary)"},
		// Any BEFORE ROW trigger, also one that does not fire, makes COPY insert row by row.
		{"into a table with a trigger", "CREATE TRIGGER fence BEFORE INSERT ON copied FOR EACH ROW EXECUTE FUNCTION scalestack.fence(); ALTER TABLE copied DISABLE TRIGGER fence", query, ""},
		{"the same, binary", "SELECT", query, " WITH (FORMAT binary)"},
	} {
		_, err = to.Exec(context.Background(), variant.before)
		require.NoError(c.t, err)
		var rates []float64
		for range 5 {
			rows, took := c.copyBetween(from, to, variant.query+variant.with, "COPY copied FROM STDIN"+variant.with)
			rates = append(rates, float64(rows)/took.Seconds())
		}
		slices.Sort(rates)
		c.t.Logf("%s: %.0f rows/s (%.0f to %.0f)", variant.name, rates[2], rates[0], rates[4])
	}
	_, err = to.Exec(context.Background(), "DROP TABLE copied")
	require.NoError(c.t, err)
}

func (c *cluster) countRows(copyRows string) (rows int64) {
	conn := c.Servers[0].Admin(pgtest.Database(0))
	defer conn.Close(context.Background())
	tag, err := conn.PgConn().CopyTo(context.Background(), io.Discard, copyRows)
	require.NoError(c.t, err)
	return tag.RowsAffected()
}

// copyBetween copies into the table copied, and empties it.
func (c *cluster) copyBetween(from, to *pgx.Conn, read, write string) (int64, time.Duration) {
	began := time.Now()
	reader, writer := io.Pipe()
	go func() {
		_, err := from.PgConn().CopyTo(context.Background(), writer, read)
		_ = writer.CloseWithError(err)
	}()
	tag, err := to.PgConn().CopyFrom(context.Background(), reader, write)
	took := time.Since(began)
	require.NoError(c.t, err)
	_, err = to.Exec(context.Background(), "TRUNCATE copied")
	require.NoError(c.t, err)
	return tag.RowsAffected(), took
}

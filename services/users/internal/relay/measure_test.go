package relay_test

import (
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

// measureVariable is how many events are published before the measurement.
const measureVariable = "SCALESTACK_MEASURE_OUTBOX"

// TestMeasureHeldSnapshot measures one event at a time, while somebody has held a
// snapshot over all the events before, with the two tables that turn and without.
func TestMeasureHeldSnapshot(t *testing.T) {
	events, _ := strconv.Atoi(os.Getenv(measureVariable))
	if events == 0 {
		t.Skipf("a measurement and no test: set %s to the number of events", measureVariable)
	}
	for _, turning := range []bool{false, true} {
		r := newRig(t, 1)
		r.batch, r.poll = 500, time.Second
		server, db := r.shards.Servers[0], pgtest.Database(0)
		if !turning {
			server.Exec(db, "CREATE OR REPLACE FUNCTION turn_outbox() RETURNS boolean LANGUAGE sql AS 'SELECT false'")
		}
		r.holdSnapshot()
		stop := r.start()
		conn := server.Admin(db)
		published := func() {
			require.Eventually(t, func() bool {
				var waiting bool
				require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) > 0 FROM outbox_all").Scan(&waiting))
				return !waiting
			}, 10*time.Minute, 100*time.Millisecond)
		}
		const users = 10_000
		for sequence := 1; sequence <= events/users; sequence++ {
			r.fill(users, sequence)
			published()
		}
		var took []time.Duration
		for n := range 20 {
			began := time.Now()
			_, err := conn.Exec(t.Context(), `INSERT INTO outbox (user_id, sequence, topic, type, schema, data) VALUES ($1, 1, 'user_events', 'UserUpdated', 'user/v1', '{}')`, 20_000+n)
			require.NoError(t, err)
			for waiting := true; waiting; time.Sleep(time.Millisecond) {
				require.NoError(t, conn.QueryRow(t.Context(), "SELECT count(*) > 0 FROM outbox_all WHERE user_id = $1", 20_000+n).Scan(&waiting))
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		t.Logf("turning %t, after %d events: one event p50 %s, longest %s; outbox %d pages", turning, events, took[10].Round(time.Millisecond), took[19].Round(time.Millisecond),
			server.Count(db, "SELECT (pg_relation_size('outbox') + pg_relation_size('outbox_spare')) / 8192"))
		stop()
		require.NoError(t, conn.Close(t.Context()))
	}
}

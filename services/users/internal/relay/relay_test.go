package relay_test

import (
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/stretchr/testify/require"
)

func TestEventsArePublishedInOrder(t *testing.T) {
	r := newRig(t, 2)
	want := map[int64]int{}
	write := func() {
		for n := range 60 {
			id := int64(n%13 - 6)
			r.put(id)
			want[id]++
		}
	}
	write()
	stop := r.start()
	write()
	r.drained()
	require.Zero(t, r.published(want), "no copy without a failure")
	e, err := events.FromRecord(r.kafka.Records(events.UserTopic)[0])
	require.NoError(t, err)
	require.Equal(t, "/scalestack/test", e.Source)

	stop()
	_, _, err = r.store.PutProduct(t.Context(), 1, "A", users.Offer{Name: "Lamp"})
	require.NoError(t, err)
	r.start()
	r.drained()
	products := r.kafka.Records(events.ProductTopic)
	require.Len(t, products, 1)
	require.Equal(t, "1", string(products[0].Key))
}

func TestOneRelayAtATimeAndTheNextTakesOver(t *testing.T) {
	r := newRig(t, 1)
	stops := []func(){r.start(), r.start(), r.start()}
	want := map[int64]int{}
	for i, stop := range stops {
		for n := range 40 {
			r.put(int64(n % 5))
			want[int64(n%5)]++
		}
		if i < len(stops)-1 {
			stop()
		}
	}
	r.drained()
	require.Zero(t, r.published(want), "two relays were at work, or one did not end well")
}

func TestTheInboxIsCleaned(t *testing.T) {
	r := newRig(t, 1)
	r.shards.Servers[0].Exec(pgtest.Database(0), `
		INSERT INTO inbox (user_id, consumer, event_id, changed_at)
		SELECT n, 'email', gen_random_uuid(), now() - CASE WHEN n <= 2500 THEN interval '2 hours' ELSE interval '0' END FROM generate_series(1, 2600) AS n`)
	r.start()
	require.Eventually(t, func() bool {
		return r.shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM inbox") == 100
	}, patience, 20*time.Millisecond)
}

package relay_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/sharding/pgtest"
	engine "github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

// moveRows copies a bucket's rows as a move does: behind the fence's back.
func (r *rig) moveRows(bucket, from, to int) {
	source, target := r.shards.Servers[from].Admin(pgtest.Database(from)), r.shards.Servers[to].Admin(pgtest.Database(to))
	defer source.Close(context.Background())
	defer target.Close(context.Background())
	_, err := target.Exec(context.Background(), "SET session_replication_role = replica")
	require.NoError(r, err)
	for _, table := range []string{"users", "outbox"} {
		rows, err := source.Query(context.Background(), fmt.Sprintf("SELECT %[1]s FROM %[1]s WHERE scalestack.bucket_of(user_id) = $1", table), bucket)
		require.NoError(r, err)
		var texts []string
		for rows.Next() {
			texts = append(texts, string(rows.RawValues()[0]))
		}
		require.NoError(r, rows.Err())
		for _, text := range texts {
			_, err := target.Exec(context.Background(), fmt.Sprintf("INSERT INTO %[1]s SELECT ($1::text::%[1]s).*", table), text)
			require.NoError(r, err)
		}
	}
}

// While a batch is on its way its bucket moves. The source must not lose it, the
// target publishes what the source could not delete, and goes on from there.
func TestABucketMovesWhileItIsPublished(t *testing.T) {
	r := newRig(t, 2)
	want := map[int64]int{}
	for n := range 12 {
		r.put(int64(n % 2 * 4)) // users 0 and 4, both on shard 0
		want[int64(n%2*4)]++
	}
	r.onProduce(func(n int) error {
		if n == 1 {
			r.shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'fenced' WHERE bucket = 4")
			r.moveRows(4, 0, 1)
			engine.Move(r.shards, 4, 0, 1)
			r.put(4)
			want[4]++
		}
		return nil
	})
	r.start()
	r.drained()
	require.Positive(t, r.published(want), "the target cannot know what the source had published")
	require.Positive(t, r.shards.Servers[0].Count(pgtest.Database(0), "SELECT count(*) FROM outbox WHERE user_id = 4"), "old rows are the mover's business")
}

func TestWhatTheShardDoesNotOwnIsNotPublished(t *testing.T) {
	r := newRig(t, 2)
	r.put(4)
	r.moveRows(4, 0, 1)
	r.shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'fenced' WHERE bucket = 4")
	r.put(1)
	r.start()
	require.Eventually(t, func() bool { return len(r.kafka.Records(events.UserTopic)) == 1 }, patience, 20*time.Millisecond)
	require.Never(t, func() bool { return len(r.kafka.Records(events.UserTopic)) > 1 }, 200*time.Millisecond, 50*time.Millisecond)

	r.shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET fenced_until = now() WHERE bucket = 4")
	require.Eventually(t, func() bool { return len(r.kafka.Records(events.UserTopic)) == 2 }, patience, 20*time.Millisecond, "a fence that has lapsed is none")
}

// A shard that was restored from before a move owns the bucket again, by what it knows,
// and has events that the new owner has published or that nobody shall see.
func TestWhatARestoredShardHasIsNotPublished(t *testing.T) {
	r := newRig(t, 2)
	r.put(4)
	engine.Move(r.shards, 4, 0, 1)
	r.shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET state = 'owned', epoch = 1, owner = 0 WHERE bucket = 4")
	r.put(0)
	r.put(1)
	published := func(want ...string) func() bool {
		return func() bool {
			var users []string
			for _, record := range r.kafka.Records(events.UserTopic) {
				users = append(users, string(record.Key))
			}
			slices.Sort(users)
			return slices.Equal(users, want)
		}
	}
	r.start()
	require.Eventually(t, published("0", "1"), patience, 20*time.Millisecond)
	require.Never(t, published("0", "1", "4"), 500*time.Millisecond, 50*time.Millisecond)

	// Somebody has decided that the restored shard keeps it.
	r.shards.Servers[1].Exec(pgtest.Database(1), "UPDATE scalestack.ownership SET state = 'moved', epoch = 20, owner = 0 WHERE bucket = 4")
	r.shards.Servers[0].Exec(pgtest.Database(0), "UPDATE scalestack.ownership SET epoch = 21 WHERE bucket = 4")
	require.Eventually(t, published("0", "1", "4"), patience, 20*time.Millisecond)
}

package analytics_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/scalestack/scalestack/services/users/internal/analytics"
	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/shardtest"
	"github.com/scalestack/scalestack/sharding/pgtest"
	engine "github.com/scalestack/scalestack/sharding/shardtest"
	"github.com/stretchr/testify/require"
)

func TestEachEventCountsOnce(t *testing.T) {
	shards, r := shardtest.StartAs(t, "analytics", 2)
	counter := analytics.New(r)
	handle := func(e events.Event, want consumer.Outcome) {
		t.Helper()
		outcome, err := counter.Handle(t.Context(), &e)
		require.NoError(t, err)
		require.Equal(t, want, outcome)
	}
	event := func(user int64, kind string, at string) events.Event {
		when, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		return events.Event{ID: uuid.New(), Type: kind, UserID: user, Time: when}
	}
	created := event(3, events.UserCreated, "2026-03-01T23:30:00-05:00")
	handle(created, consumer.Done)
	handle(created, consumer.Duplicate)
	handle(event(3, events.UserUpdated, "2026-03-02T10:00:00Z"), consumer.Done)
	handle(event(3, events.UserUpdated, "2026-03-02T09:00:00Z"), consumer.Done)
	handle(event(4, events.UserCreated, "2026-03-02T09:00:00Z"), consumer.Done)

	count := func(shard int, where string) int {
		return shards.Servers[shard].Count(pgtest.Database(shard), "SELECT coalesce(sum(count), 0)::int FROM activity WHERE "+where)
	}
	require.Equal(t, 3, count(1, "user_id = 3"))
	require.Equal(t, 1, count(1, "type = 'UserCreated' AND day = '2026-03-02'"), "days are UTC's")
	require.Equal(t, 2, count(1, "type = 'UserUpdated' AND last_at = '2026-03-02 10:00:00Z'"))
	require.Equal(t, 1, count(0, "true"))

	// The bucket moves with the inbox; what was counted stays counted.
	engine.Move(shards, 3, 1, 0)
	shards.Servers[0].Exec(pgtest.Database(0), "INSERT INTO inbox (user_id, consumer, event_id) VALUES (3, 'analytics', $1)", created.ID)
	handle(created, consumer.Duplicate)
}

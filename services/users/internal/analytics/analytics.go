// Package analytics counts what users did, by day. An event and the count that it adds
// to are on the user's shard and change in one statement, so each event counts once
// however often it arrives.
package analytics

import (
	"context"

	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/events"
	"github.com/scalestack/scalestack/services/users/internal/settings"
	"github.com/scalestack/scalestack/sharding/router"
)

// count does nothing when the event is in the inbox.
const count = `
	WITH fresh AS (
		INSERT INTO inbox (user_id, consumer, event_id) VALUES ($1, $2, $3)
		ON CONFLICT DO NOTHING RETURNING user_id)
	INSERT INTO activity AS a (user_id, day, type, count, last_at)
	SELECT user_id, ($5::timestamptz AT TIME ZONE 'UTC')::date, $4, 1, $5 FROM fresh
	ON CONFLICT (user_id, day, type) DO UPDATE SET count = a.count + 1, last_at = greatest(a.last_at, excluded.last_at)`

// Counter is the handler of the group analytics.
type Counter struct{ router *router.Router }

// New returns a Counter.
func New(r *router.Router) *Counter { return &Counter{r} }

// Handle is a consumer.Handler.
func (c *Counter) Handle(ctx context.Context, e *events.Event) (consumer.Outcome, error) {
	outcome := consumer.Done
	_, err := c.router.Write(ctx, e.UserID, func(ctx context.Context, w *router.Writer) error {
		tag, err := w.Exec(ctx, count, e.UserID, settings.AnalyticsGroup, e.ID, e.Type, e.Time)
		if err == nil && tag.RowsAffected() == 0 {
			outcome = consumer.Duplicate
		}
		return err
	})
	return outcome, err
}

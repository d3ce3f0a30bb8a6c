// Package invalidate takes changed users out of the cache. The service does that
// itself before it answers, for the reader who knows of the change; this is for
// all other cases: a service that died between the change and the cache, a cache
// that could not be reached then, and what other programs change.
//
// Versions make it safe in any order and any number of times: an event never
// removes what is newer than itself, and nothing older comes back after it. So
// no event needs to be remembered.
package invalidate

import (
	"context"
	"fmt"

	"github.com/scalestack/scalestack/services/users/internal/consumer"
	"github.com/scalestack/scalestack/services/users/internal/events"
)

// Cache forgets every version of a user before this one, or returns an error.
type Cache interface {
	Mark(ctx context.Context, id, version int64) error
}

// Handler returns the handler of the group invalidate.
func Handler(cache Cache) consumer.Handler {
	return func(ctx context.Context, e *events.Event) (consumer.Outcome, error) {
		switch e.Type {
		// Created too: the cache may know that the user was absent.
		case events.UserCreated, events.UserUpdated, events.UserDeleted:
		default:
			return consumer.Skipped, nil
		}
		user, err := e.User()
		if err != nil {
			return "", err
		}
		if err := cache.Mark(ctx, user.UserID, user.Version); err != nil {
			return "", fmt.Errorf("cache: %w", err)
		}
		return consumer.Done, nil
	}
}

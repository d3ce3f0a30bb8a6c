// Package invalidate removes changed users from the cache. The service does that itself
// before it answers, for readers who know of the change. This package covers all other
// cases: a service that died between the change and the cache, a cache that could not
// be reached at the time, and changes by other programs.
//
// Versions make it safe in any order and any number of times: an event never removes
// anything newer than itself, and nothing older comes back after it. So no event has to
// be remembered.
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

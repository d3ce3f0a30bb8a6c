package users

import (
	"context"

	"github.com/scalestack/scalestack/services/users/internal/reach"
)

// Answers returns nil as soon as one shard has answered a read as the service makes
// it; see [reach.Any].
func (s *Store) Answers(ctx context.Context) error {
	return reach.Any(ctx, s.router.Map(), func(ctx context.Context, id int64) error {
		// Past the breakers, which would hide the reason.
		_, _, err := get(ctx, id, s.router.Read)
		return err
	})
}

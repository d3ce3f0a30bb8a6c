package users

import (
	"context"
	"errors"
)

// Answers returns nil as soon as one shard has answered a read as the service
// makes it, and otherwise what each said. A process for which none does (wrong
// credentials, TLS, names or tables) can serve nobody.
func (s *Store) Answers(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ids := s.onePerShard()
	answers := make(chan error, len(ids))
	for _, id := range ids {
		go func() {
			// Past the breakers, which would hide the reason.
			_, _, err := get(ctx, id, s.router.Read)
			answers <- err
		}()
	}
	var failures []error
	for range ids {
		err := <-answers
		if err == nil {
			return nil
		}
		failures = append(failures, err)
	}
	return errors.Join(failures...)
}

// onePerShard returns a user id for every shard that has buckets.
func (s *Store) onePerShard() (ids []int64) {
	m, seen := s.router.Map(), map[int]bool{}
	for id := range int64(m.Buckets) {
		if shard := m.ShardOf(id).ID; !seen[shard] {
			seen[shard] = true
			ids = append(ids, id)
		}
	}
	return ids
}

package users

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/sony/gobreaker/v2"
)

const (
	// breakAfter is how many operations in a row must find a shard down until the
	// others are spared its timeouts.
	breakAfter = 5
	// breakFor is how long they are refused; then one at a time tries the shard.
	breakFor = time.Second
)

// errBreakerOpen says that the shard was down a moment ago and is left alone.
var errBreakerOpen = errors.New("it was unreachable a moment ago, and this operation was not tried")

// breakers keep callers from waiting for a shard that does not answer: each would wait
// for its whole timeout and occupy a place among the requests in flight. gobreaker
// provides the state machine and nothing else.
type breakers struct {
	log    *slog.Logger
	mu     sync.Mutex
	shards map[string]*gobreaker.TwoStepCircuitBreaker[any]
}

func (b *breakers) of(shard string) *gobreaker.TwoStepCircuitBreaker[any] {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shards[shard] == nil {
		if b.shards == nil {
			b.shards = map[string]*gobreaker.TwoStepCircuitBreaker[any]{}
		}
		b.shards[shard] = gobreaker.NewTwoStepCircuitBreaker[any](gobreaker.Settings{
			Name: shard, MaxRequests: 1, Timeout: breakFor,
			ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= breakAfter },
			IsSuccessful: func(err error) bool { return !isDown(err) },
			OnStateChange: func(shard string, _, to gobreaker.State) {
				b.log.Warn("circuit breaker", "shard", shard, "state", to.String())
			},
		})
	}
	return b.shards[shard]
}

// isDown tells a shard that gives no answer, or says that it cannot serve, from
// one that refuses an operation: a moving bucket or a statement that is too slow
// says nothing about the others.
func isDown(err error) bool {
	var unavailable *router.UnavailableError
	if !errors.As(err, &unavailable) {
		return false
	}
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return true
	}
	for _, class := range []string{"08", "53", "57P"} {
		if strings.HasPrefix(answer.Code, class) {
			return true
		}
	}
	return false
}

// route is how a read reaches the user's shard.
type route func(context.Context, int64, router.Operation) (string, error)

// guarded asks a shard unless it is left alone. The outcome counts for the shard
// that was asked first; an error that names another one says nothing about it.
func (s *Store) guarded(id int64, ask func() (string, error)) (shard string, err error) {
	first, _ := s.router.For(id)
	done, refused := s.breakers.of(first.Name).Allow()
	if refused != nil {
		return first.Name, &router.UnavailableError{Shard: first.Name, Err: errBreakerOpen}
	}
	// An operation that panics must not stay the half-open breaker's one attempt.
	outcome := error(nil)
	defer func() { done(outcome) }()
	shard, err = ask()
	if shard == first.Name {
		outcome = err
	}
	return shard, err
}

func (s *Store) read(ctx context.Context, id int64, op router.Operation) (string, error) {
	return s.guarded(id, func() (string, error) { return s.router.Read(ctx, id, op) })
}

func (s *Store) write(ctx context.Context, id int64, op router.WriteOperation) (string, error) {
	return s.guarded(id, func() (string, error) { return s.router.Write(ctx, id, op) })
}

package bench_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/scalestack/scalestack/services/users/internal/users"
	"github.com/scalestack/scalestack/sharding/bench"
	"github.com/stretchr/testify/require"
)

// profiles fit into the server's buffers, so that no side waits for a disk.
const profiles = 50_000

// TestCacheLatency compares reads through the service with what they are made of.
func TestCacheLatency(t *testing.T) {
	operations, really := measuring(t, 20)
	known, rounds := operations, 2
	if really {
		known, rounds = profiles, 7
		machine(t)
	}
	l := startLab(t, known)
	reads := l.reads(l.instance())
	for _, clients := range []int{1, 8} {
		plan := bench.Plan{Rounds: rounds, Operations: min(operations, known), Clients: clients}
		compare(t, plan, "cache miss", reads.misses())
		require.NoError(t, reads.remember(t.Context()))
		compare(t, plan, "cache hit", reads.hits())
	}
}

func compare(t *testing.T, p bench.Plan, title string, sides []bench.Side) {
	t.Helper()
	results, err := bench.Alternate(t.Context(), p, sides...)
	require.NoError(t, err)
	publish(t, bench.Compare(fmt.Sprintf("%s: %d at once, %d rounds of %d operations", title, p.Clients, p.Rounds, p.Operations), results))
}

// reads are the ways to read a user.
type reads struct {
	*lab
	instance
	url  string
	http *http.Client
}

func (l *lab) reads(i instance) *reads {
	return &reads{lab: l, instance: i, url: l.serve(i.service), http: newClient(l.t)}
}

// newClient keeps a connection for each of the clients at once.
func newClient(t *testing.T) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 100}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func (r *reads) hits() []bench.Side {
	return []bench.Side{
		{Name: "bare GET of Redis", Do: r.bareGet},
		{Name: "users.Service", Do: r.serviceGet(true)},
		{Name: "HTTP without work (/static/app.css)", Do: r.request("/static/app.css", "")},
		{Name: "HTTP GET /users/{id}", Do: r.httpGet("hit")},
	}
}

func (r *reads) misses() []bench.Side {
	return []bench.Side{
		{Name: "bare query", Do: r.bareQuery},
		{Name: "the service's query, with its fence", Do: r.storeGet},
		{Name: "bare GET, query and SET", Prepare: r.forget, Do: r.bareAside},
		{Name: "users.Service", Prepare: r.forget, Do: r.serviceGet(false)},
		{Name: "HTTP GET /users/{id}", Prepare: r.forget, Do: r.httpGet("miss")},
	}
}

// remember brings every user into the cache.
func (r *reads) remember(ctx context.Context) error {
	for id := range int64(r.users) {
		if _, err := r.service.Get(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (r *reads) bareGet(ctx context.Context, n int) error {
	return r.cache.Get(ctx, key(n)).Err()
}

func key(n int) string { return fmt.Sprintf("user_profile:%d", n) }

func (l *lab) bareQuery(ctx context.Context, n int) error {
	var u users.User
	return l.bare.QueryRow(ctx, "SELECT user_id, name, email, version, created_at, updated_at FROM users WHERE user_id = $1", n).
		Scan(&u.ID, &u.Name, &u.Email, &u.Version, &u.CreatedAt, &u.UpdatedAt)
}

// bareAside is the least that reading through a cache costs.
func (r *reads) bareAside(ctx context.Context, n int) error {
	if err := r.bareGet(ctx, n); !errors.Is(err, redis.Nil) {
		return fmt.Errorf("user %d is in the cache: %w", n, err)
	}
	if err := r.bareQuery(ctx, n); err != nil {
		return err
	}
	return r.cache.Set(ctx, key(n), "a value of the usual length: "+strings.Repeat("x", 150), time.Hour).Err()
}

func (r *reads) storeGet(ctx context.Context, n int) error {
	user, _, err := r.store.Get(ctx, int64(n))
	if err == nil && user == nil {
		err = fmt.Errorf("user %d is not there", n)
	}
	return err
}

// serviceGet fails when the cache does not play the part that it should.
func (r *reads) serviceGet(hit bool) func(context.Context, int) error {
	return func(ctx context.Context, n int) error {
		answer, err := r.service.Get(ctx, int64(n))
		if err == nil && (answer.User == nil || answer.Hit != hit) {
			err = fmt.Errorf("user %d: unexpected answer %+v", n, answer)
		}
		return err
	}
}

func (r *reads) httpGet(cache string) func(context.Context, int) error {
	return func(ctx context.Context, n int) error { return r.request(fmt.Sprintf("/users/%d", n), cache)(ctx, n) }
}

func (r *reads) request(path, cache string) func(context.Context, int) error {
	return func(ctx context.Context, _ int) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url+path, nil)
		if err != nil {
			return err
		}
		response, err := r.http.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK || response.Header.Get("X-Cache") != cache {
			return fmt.Errorf("%s: unexpected answer %s, cache %q", path, response.Status, response.Header.Get("X-Cache"))
		}
		return nil
	}
}

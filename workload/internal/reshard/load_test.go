package reshard_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/scalestack/scalestack/workload/internal/pgtest"
	"github.com/scalestack/scalestack/workload/internal/router"
	"github.com/scalestack/scalestack/workload/internal/users"
	"github.com/stretchr/testify/require"
)

// record is what a client knows of a user. Every write adds one to the version,
// so the acknowledged writes and those of unknown outcome bound it.
type record struct {
	acknowledged, unknown int64
	name                  string
	// seen is the highest version that a read has returned.
	seen int64
}

// load writes and reads as clients do, and keeps the history. A user belongs to
// one worker, so that its history is a sequence.
type load struct {
	t       *testing.T
	store   *users.Store
	workers []map[int64]*record
	stop    context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex
	ops      int
	errors   []error
	mistakes []string
	slowest  time.Duration
}

const (
	loadWorkers = 4
	// hot is how many users each worker changes again and again.
	hot = 300
)

// startLoad writes users at both ends of the ids that exist, and new ones.
// The users from -n/2 to n/2-1 exist with version 1.
func startLoad(t *testing.T, store *users.Store, existing int64) *load {
	ctx, stop := context.WithCancel(context.Background())
	l := &load{t: t, store: store, stop: stop}
	for w := range loadWorkers {
		records := map[int64]*record{}
		l.workers = append(l.workers, records)
		l.running.Go(func() { l.work(ctx, int64(w), existing, records) })
	}
	t.Cleanup(func() { stop(); l.running.Wait() })
	return l
}

func (l *load) work(ctx context.Context, worker, existing int64, records map[int64]*record) {
	random := rand.New(rand.NewPCG(1, uint64(worker)))
	for n := int64(0); ctx.Err() == nil; n++ {
		id := (random.Int64N(hot)-hot/2)*loadWorkers + worker
		if n%5 == 0 {
			id = existing + n*loadWorkers + worker
		}
		r := records[id]
		if r == nil {
			r = &record{}
			if id >= -existing/2 && id < existing/2 {
				r.acknowledged = 1
			}
			records[id] = r
		}
		began := time.Now()
		if random.IntN(2) == 0 || r.name == "" {
			l.put(id, n, r)
		} else {
			l.get(id, r)
		}
		l.count(time.Since(began))
		// A pace that leaves the servers' processors to the move.
		time.Sleep(time.Millisecond)
	}
}

func (l *load) count(took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ops++
	l.slowest = max(l.slowest, took)
}

func (l *load) put(id, n int64, r *record) {
	name := fmt.Sprintf("User %d change %d", id, n)
	user, _, err := l.store.Put(context.Background(), id, users.Profile{Name: name, Email: "load@example.com"})
	if err != nil {
		var unavailable *router.UnavailableError
		if errors.As(err, &unavailable) && unavailable.Unknown {
			r.unknown++
			r.name = "?"
		}
		l.failed(err)
		return
	}
	r.acknowledged++
	r.name = name
	if user.Version < r.acknowledged || user.Version > r.acknowledged+r.unknown {
		l.mistake("user %d: version %d after %d acknowledged and %d unknown writes", id, user.Version, r.acknowledged, r.unknown)
	}
	r.seen = max(r.seen, user.Version)
}

func (l *load) get(id int64, r *record) {
	user, _, err := l.store.Get(context.Background(), id)
	switch {
	case err != nil:
		l.failed(err)
	case user == nil:
		l.mistake("user %d is gone", id)
	case user.Version < r.acknowledged || user.Version < r.seen:
		l.mistake("user %d went back in time: version %d after %d was acknowledged and %d seen", id, user.Version, r.acknowledged, r.seen)
	case user.Version == r.acknowledged && r.name != "?" && user.Name != r.name:
		l.mistake("user %d: %q instead of %q", id, user.Name, r.name)
	default:
		r.seen = max(r.seen, user.Version)
	}
}

func (l *load) failed(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.errors = append(l.errors, err)
}

func (l *load) mistake(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mistakes = append(l.mistakes, fmt.Sprintf(format, args...))
}

// end stops the load and compares every user with its history: it must be in
// one shard only, with every acknowledged write.
func (l *load) end(c *cluster) {
	l.t.Helper()
	l.stop()
	l.running.Wait()
	require.Empty(l.t, l.mistakes)
	versions := c.versions()
	for _, records := range l.workers {
		for id, r := range records {
			found := versions[id]
			if r.acknowledged == 0 {
				continue
			}
			require.Len(l.t, found, 1, "user %d", id)
			require.GreaterOrEqual(l.t, found[0], max(r.acknowledged, r.seen), "user %d lost writes", id)
			require.LessOrEqual(l.t, found[0], r.acknowledged+r.unknown, "user %d has writes that nobody made", id)
		}
	}
	for id, found := range versions {
		require.Len(l.t, found, 1, "user %d", id)
	}
	l.t.Logf("load: %d operations, %d errors, slowest %s", l.ops, len(l.errors), l.slowest.Round(time.Millisecond))
}

// versions returns the version of every row of every shard by user.
func (c *cluster) versions() map[int64][]int64 {
	all := map[int64][]int64{}
	for id, server := range c.Servers {
		conn := server.Admin(pgtest.Database(id))
		rows, err := conn.Query(context.Background(), "SELECT user_id, version FROM users")
		require.NoError(c.t, err)
		var user, version int64
		_, err = pgx.ForEachRow(rows, []any{&user, &version}, func() error {
			all[user] = append(all[user], version)
			return nil
		})
		require.NoError(c.t, err)
		require.NoError(c.t, conn.Close(context.Background()))
	}
	return all
}

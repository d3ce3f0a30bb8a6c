package reshard_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/history"
	"github.com/scalestack/scalestack/sharding/internal/accounts"
	"github.com/scalestack/scalestack/sharding/pgtest"
	"github.com/scalestack/scalestack/sharding/router"
	"github.com/stretchr/testify/require"
)

// clients write and read through the router, as the service does, and keep the
// history. Unlike the load generator of tests/load they need no service and never repeat: what the
// router could not hide counts as an error.
type clients struct {
	t       *testing.T
	store   *accounts.Store
	history *history.History
	stop    context.CancelFunc
	running sync.WaitGroup

	mu      sync.Mutex
	ops     int
	errors  []error
	slowest time.Duration
	// latencies are those of all operations.
	latencies []latency
}

type latency struct {
	// at is when the operation ended.
	at   time.Time
	took time.Duration
}

const (
	loadWorkers = 4
	// hot is how many users each worker changes again and again.
	hot = 300
	// pauseVariable is how many milliseconds a worker rests between two operations.
	pauseVariable = "SCALESTACK_TEST_PAUSE"
	// busyVariable says that others have the processors.
	busyVariable = "SCALESTACK_TEST_BUSY"
)

// startLoad writes users at both ends of the ids that exist, and new ones.
// The users from -existing/2 to existing/2-1 exist with version 1.
func startLoad(t *testing.T, store *accounts.Store, existing int64) *clients {
	ctx, stop := context.WithCancel(context.Background())
	c := &clients{t: t, store: store, stop: stop,
		history: history.New(history.Population{First: -existing / 2, Seeded: existing}, nil)}
	for worker := range loadWorkers {
		c.running.Go(func() { c.work(ctx, int64(worker), existing) })
	}
	t.Cleanup(func() { stop(); c.running.Wait() })
	return c
}

// work changes only users whose id modulo loadWorkers is the worker's.
func (c *clients) work(ctx context.Context, worker, existing int64) {
	random := rand.New(rand.NewPCG(1, uint64(worker)))
	// A pace that leaves the servers' processors to the move.
	pause := time.Duration(environment(c.t, pauseVariable, 1)) * time.Millisecond
	for n := int64(0); ctx.Err() == nil; n++ {
		id := (random.Int64N(hot)-hot/2)*loadWorkers + worker
		if n%5 == 0 {
			id = existing + n*loadWorkers + worker
		}
		began := time.Now()
		if n%5 == 0 || random.IntN(2) == 0 {
			c.put(id, fmt.Sprintf("User %d change %d", id, n))
		} else {
			c.get(id)
		}
		c.count(time.Since(began))
		time.Sleep(pause)
	}
}

func (c *clients) count(took time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ops++
	c.slowest = max(c.slowest, took)
	c.latencies = append(c.latencies, latency{time.Now(), took})
}

func (c *clients) put(id int64, name string) {
	write := c.history.Write(id, name)
	user, _, err := c.store.Put(context.Background(), id, accounts.Profile{Name: name, Email: history.Email(id)})
	if err == nil {
		write.Acknowledged(user.Version)
		return
	}
	var unavailable *router.UnavailableError
	if errors.As(err, &unavailable) && unavailable.Unknown {
		write.Unknown()
	}
	write.GivenUp()
	c.failed(err)
}

func (c *clients) get(id int64) {
	read := c.history.Read(id)
	user, _, err := c.store.Get(context.Background(), id)
	switch {
	case err != nil:
		c.failed(err)
	case user == nil:
		read.Returned(0, "")
	default:
		read.Returned(user.Version, user.Name)
	}
}

func (c *clients) failed(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errors = append(c.errors, err)
}

// end stops the load and compares every user with its history.
func (c *clients) end(on *cluster) {
	c.t.Helper()
	c.stop()
	c.running.Wait()
	require.NoError(c.t, c.history.Compare(on.owners(), on.users()))
	require.NoError(c.t, c.history.Err())
	c.t.Logf("load: %d operations, %d errors, slowest %s", c.ops, len(c.errors), c.slowest.Round(time.Millisecond))
}

// users returns the rows of all servers.
func (c *cluster) users() iter.Seq2[history.Row, error] {
	var shards []iter.Seq2[history.Row, error]
	for id, server := range c.Servers {
		conn := server.Admin(pgtest.Database(id))
		c.t.Cleanup(func() { _ = conn.Close(context.Background()) })
		shards = append(shards, history.Shard{ID: id, Conn: conn, Table: accounts.Table}.Rows(context.Background()))
	}
	return history.Merge(shards...)
}

// requireServed allows no error at all. Where the machine is too busy to start a
// mover within the time that a client follows a bucket, that is for the fault runs to
// say: there, refusals of a bucket between two owners are counted and nothing else.
func (c *clients) requireServed() {
	c.t.Helper()
	for _, err := range c.errors {
		require.True(c.t, os.Getenv(busyVariable) != "" && router.IsMoved(err), "%v", err)
	}
}

package reshard_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

const (
	// seedVariable repeats one failing run; runsVariable asks for more of them.
	seedVariable = "SCALESTACK_TEST_SEED"
	runsVariable = "SCALESTACK_TEST_RUNS"
)

var forwardStates = []reshard.State{
	reshard.Planned, reshard.Prepared, reshard.Copied, reshard.CaughtUp, reshard.Verified, reshard.Armed, reshard.Fenced,
	reshard.Drained, reshard.HandedOver, reshard.Switched, reshard.Observed, reshard.Complete,
}

// flip returns the two maps between which the fault runs go back and forth.
func (c *cluster) flip(n int) *shardmap.Map {
	if n%2 == 0 {
		return c.desired(3)
	}
	return c.desired(3, 2)
}

func TestMoverKilledAtEveryState(t *testing.T) {
	const existing = 4_000
	c := startCluster(t, 3, existing)
	l := startLoad(t, c.store(), existing)
	for n, state := range forwardStates {
		t.Run(string(state), func(t *testing.T) {
			m := c.flip(n)
			require.False(t, c.startMover(m, state).wait(t), "not killed")
			require.True(t, c.startMover(m, "").wait(t), "after a kill")
			require.Equal(t, m.Assignment, c.owners(), "after a kill")
			c.requireClean()
		})
	}
	l.end(c)
	c.requireNoneSetAside()
	l.requireServed()
}

// environment returns a number from the environment.
func environment(t *testing.T, name string, byDefault int) int {
	text := os.Getenv(name)
	if text == "" {
		return byDefault
	}
	number, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return number
}

// faults draws runs with a seed each, so that a failing one can be repeated.
func faults(t *testing.T, runs int, run func(t *testing.T, n int, random *rand.Rand)) {
	first := environment(t, seedVariable, int(time.Now().UnixNano()%1_000_000))
	for n := range environment(t, runsVariable, runs) {
		seed := first + n
		if !t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) { run(t, n, rand.New(rand.NewPCG(7, uint64(seed)))) }) {
			return
		}
	}
}

func TestMoverKilledAtRandom(t *testing.T) { moversKilledAtRandom(t, 3, 5, (*cluster).flip) }

// moversKilledAtRandom kills the mover again and again, after random times, until one is
// let through, so often as there are runs.
func moversKilledAtRandom(t *testing.T, servers, runs int, next func(c *cluster, n int) *shardmap.Map) {
	t.Helper()
	const existing = 4_000
	c := startCluster(t, servers, existing)
	l := startLoad(t, c.store(), existing)
	faults(t, runs, func(t *testing.T, n int, random *rand.Rand) {
		m := next(c, n)
		for range 1 + random.IntN(4) {
			p := c.startMover(m, "")
			time.Sleep(time.Duration(20+random.IntN(700)) * time.Millisecond)
			p.kill()
			p.wait(t)
		}
		require.True(t, c.startMover(m, "").wait(t))
		require.Equal(t, m.Assignment, c.owners())
		c.requireClean()
	})
	l.end(c)
	c.requireNoneSetAside()
	l.requireServed()
}

// killAt returns options whose mover kills a server the first time that a state
// is written, and starts it again a little later.
func (c *cluster) killAt(m *shardmap.Map, server int, state reshard.State) (o reshard.Options, restarted *sync.WaitGroup) {
	o, restarted = c.options(m), &sync.WaitGroup{}
	var once sync.Once
	o.OnState = func(mv reshard.Move) {
		if mv.State != state {
			return
		}
		once.Do(func() {
			c.Servers[server].Kill()
			restarted.Go(func() {
				time.Sleep(300 * time.Millisecond)
				c.Servers[server].Run()
			})
		})
	}
	return o, restarted
}

func TestServersKilledAtEveryState(t *testing.T) {
	c, end := underLoad(t, 4_000)
	c.atEachState(t, forwardStates, func(m *shardmap.Map, state reshard.State) error {
		o, restarted := c.killAt(m, 0, state)
		err := c.run(o)
		restarted.Wait()
		return err
	})
	end()
}

// underLoad starts three shards with so many users and clients that work on them until
// end, which compares what they were told.
func underLoad(t *testing.T, existing int) (c *cluster, end func()) {
	t.Helper()
	c = startCluster(t, 3, existing)
	l := startLoad(t, c.store(), int64(existing))
	return c, func() { l.end(c); c.requireNoneSetAside() }
}

// atEachState lets shard 0 give to shard 2 and take back, with something that happens to
// shard 0 in each state, once as the source and once as the target.
func (c *cluster) atEachState(t *testing.T, states []reshard.State, run func(m *shardmap.Map, state reshard.State) error) {
	t.Helper()
	n := 0
	for _, state := range states {
		for _, role := range []string{"source", "target"} {
			t.Run(fmt.Sprintf("%s/%s", state, role), func(t *testing.T) {
				m := c.flip(n)
				n++
				err := run(m, state)
				if err != nil {
					c.dumpLogs()
				}
				require.NoError(t, err)
				require.Equal(t, m.Assignment, c.owners())
				c.requireClean()
			})
		}
	}
}

// Servers and movers die at random, together or one after the other.
func TestEverythingKilledAtRandom(t *testing.T) {
	const existing = 4_000
	c := startCluster(t, 3, existing)
	l := startLoad(t, c.store(), existing)
	faults(t, 5, func(t *testing.T, n int, random *rand.Rand) {
		m := c.flip(n)
		for range 1 + random.IntN(3) {
			p := c.startMover(m, "")
			time.Sleep(time.Duration(20+random.IntN(700)) * time.Millisecond)
			server := c.Servers[random.IntN(3)]
			if random.IntN(2) == 0 {
				p.kill()
			}
			server.Kill()
			time.Sleep(time.Duration(random.IntN(800)) * time.Millisecond)
			server.Run()
			p.kill()
			p.wait(t)
		}
		require.True(t, c.startMover(m, "").wait(t))
		require.Equal(t, m.Assignment, c.owners())
		c.requireClean()
	})
	l.end(c)
	c.requireNoneSetAside()
}

package reshard_test

import (
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/scalestack/scalestack/sharding/reshard"
	"github.com/scalestack/scalestack/sharding/shardmap"
	"github.com/stretchr/testify/require"
)

// lanes notes which moves are under way at once.
type lanes struct {
	mu    sync.Mutex
	under map[int]reshard.Move
	most  int
	wrong []reshard.Move
}

func (l *lanes) reached(mv reshard.Move) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if mv.State.Done() {
		delete(l.under, mv.Source)
		return
	}
	for _, other := range l.under {
		shards := []int{other.Source, other.Target}
		if other.ID == mv.ID && other.Source == mv.Source {
			continue
		}
		if slices.Contains(shards, mv.Source) || slices.Contains(shards, mv.Target) {
			l.wrong = append(l.wrong, other, mv)
		}
	}
	l.under[mv.Source] = mv
	l.most = max(l.most, len(l.under))
}

// half returns the maps between which two moves can be made at once.
func (c *cluster) half(n int) *shardmap.Map {
	if n%2 == 0 {
		return c.desired(4)
	}
	return c.desired(4, 2, 3)
}

func TestMovesAtOnce(t *testing.T) {
	const existing = 8_000
	c := startCluster(t, 4, existing)
	l := startLoad(t, c.store(), existing)
	for n := range 2 {
		seen := &lanes{under: map[int]reshard.Move{}}
		o := c.options(c.half(n))
		o.Parallel, o.Batch, o.OnState = 4, 5, seen.reached
		require.NoError(t, c.run(o))
		require.Equal(t, o.Map.Assignment, c.owners())
		require.Equal(t, 2, seen.most)
		require.Empty(t, seen.wrong, "two moves of one shard at once")
		c.requireClean()
	}
	l.end(c)
	l.requireServed()
}

// A move that is taken back ends the run, and the other one is not left half done.
func TestOneOfTwoMovesIsTakenBack(t *testing.T) {
	c := startCluster(t, 4, 4_000)
	onlooker := reshard.New(c.options(c.desired(4)))
	o := c.options(c.desired(4))
	o.Parallel = 2
	var once sync.Once
	o.OnState = func(mv reshard.Move) {
		if mv.Source == 0 && mv.State == reshard.Prepared {
			once.Do(func() {
				conn := c.Servers[0].Admin("shard_0_db")
				defer conn.Close(t.Context())
				_, err := conn.Exec(t.Context(), "UPDATE scalestack.move SET wanted = 'abort' WHERE id = $1", mv.ID)
				require.NoError(t, err)
			})
		}
	}
	var ended *reshard.EndedError
	require.ErrorAs(t, c.run(o), &ended)
	require.Equal(t, 0, ended.Move.Source)
	require.Equal(t, reshard.Aborted, ended.Move.State)
	now, err := onlooker.Look(t.Context())
	require.NoError(t, err)
	require.Empty(t, now.Moves, "the other move is under way still")
	require.Less(t, now.Left, 30, "the other move has moved nothing")
	c.requireClean()
	o.OnState = nil
	require.NoError(t, c.run(o))
	require.Equal(t, o.Map.Assignment, c.owners())
	c.requireClean()
}

// A pause is for the run: the pair that is not paused ends its move and begins no other.
func TestAPauseHoldsNewMovesToo(t *testing.T) {
	c := startCluster(t, 4, 4_000)
	operator := reshard.New(c.options(c.desired(4)))
	o := c.options(c.desired(4))
	o.Parallel, o.Batch, o.Observe = 2, 2, time.Millisecond
	var once sync.Once
	o.OnState = func(mv reshard.Move) {
		if mv.Source == 0 && mv.State == reshard.Prepared {
			once.Do(func() {
				c.Servers[0].Exec("shard_0_db", "UPDATE scalestack.move SET wanted = 'pause' WHERE id = $1", mv.ID)
			})
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- c.run(o) }()
	left := func() (moves []reshard.Move, left int) {
		now, err := operator.Look(t.Context())
		require.NoError(t, err)
		for _, one := range now.Moves {
			moves = append(moves, one.Move)
		}
		return moves, now.Left
	}
	var paused int
	require.Eventually(t, func() bool {
		moves, now := left()
		paused = now
		return len(moves) == 2 && moves[0].Wanted == reshard.WantPause && moves[1].Wanted == reshard.WantPause
	}, 30*time.Second, 20*time.Millisecond, "the other pair goes on to new moves")
	time.Sleep(time.Second)
	moves, now := left()
	require.Len(t, moves, 2)
	require.Equal(t, paused, now)
	require.Positive(t, now)
	resumed, err := operator.Resume(t.Context())
	require.NoError(t, err)
	require.Len(t, resumed, 2)
	require.NoError(t, <-ended)
	require.Equal(t, o.Map.Assignment, c.owners())
	c.requireClean()
}

// What two dead movers' moves have left is finished, whatever becomes of the first.
func TestFinishEndsEveryMove(t *testing.T) {
	c := startCluster(t, 4, 4_000)
	m := c.desired(4)
	require.False(t, c.startMover(m, reshard.Copied).wait(t), "not killed")
	operator := reshard.New(c.options(m))
	begun, err := operator.Abort(t.Context())
	require.NoError(t, err)
	require.Len(t, begun, 2)
	var ended *reshard.EndedError
	require.ErrorAs(t, operator.Finish(t.Context()), &ended)
	now, err := operator.Look(t.Context())
	require.NoError(t, err)
	require.Empty(t, now.Moves)
	require.Equal(t, 30, now.Left)
	c.requireClean()
}

// A server of one pair dies in the middle of both moves.
func TestAServerOfTwoMovesDies(t *testing.T) {
	const existing = 4_000
	c := startCluster(t, 4, existing)
	l := startLoad(t, c.store(), existing)
	faults(t, 3, func(t *testing.T, n int, random *rand.Rand) {
		state, server := forwardStates[random.IntN(len(forwardStates))], random.IntN(4)
		t.Logf("server %d dies when a move is %s", server, state)
		m := c.half(n)
		o, restarted := c.killAt(m, server, state)
		o.Parallel = 2
		err := c.run(o)
		restarted.Wait()
		if err != nil {
			c.dumpLogs()
		}
		require.NoError(t, err)
		require.Equal(t, m.Assignment, c.owners())
		c.requireClean()
	})
	l.end(c)
}

func TestAMoverOfTwoMovesIsKilled(t *testing.T) { moversKilledAtRandom(t, 4, 2, (*cluster).half) }

// TestMeasureMovesAtOnce compares two moves at once with one after the other, between the
// same servers: make bench-reshard.
func TestMeasureMovesAtOnce(t *testing.T) {
	users := environment(t, measureVariable, 0)
	if users == 0 {
		t.Skipf("a measurement and no test: set %s to the number of users", measureVariable)
	}
	c := startCluster(t, 4, users)
	l := startLoad(t, c.store(), int64(users))
	for n, parallel := range []int{1, 2, 2, 1} {
		o := c.options(c.half(n))
		o.Parallel, o.Batch, o.Observe = parallel, buckets, 10*time.Second
		var mu sync.Mutex
		moves, rows := 0, int64(0)
		o.OnState = func(mv reshard.Move) {
			mu.Lock()
			defer mu.Unlock()
			if mv.State == reshard.Complete {
				moves, rows = moves+1, rows+mv.Rows
			}
		}
		began := time.Now()
		require.NoError(t, c.run(o))
		t.Logf("%d at once: %s for %d moves, %d rows, each observed for %s", parallel, time.Since(began).Round(100*time.Millisecond), moves, rows, o.Observe)
	}
	c.requireClean()
	l.end(c)
}

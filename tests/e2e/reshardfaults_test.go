//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/history"
	"github.com/scalestack/scalestack/tests/load"
)

// states are those of a move, in order, as docs/resharding-design.md explains them.
var states = []string{"planned", "prepared", "copied", "caught up", "verified", "armed", "fenced", "drained", "handed over", "switched", "observed", "complete"}

// fault is a drawn run: some buckets of one shard are pinned to another, and
// pods are killed when the move has reached a state, each so much later.
type fault struct {
	target int
	first  int
	state  string
	kills  []kill
}

type kill struct {
	victim string
	after  time.Duration
}

func (f fault) String() string {
	text := fmt.Sprintf("shard 0 to %d, at %q", f.target, f.state)
	for _, one := range f.kills {
		text += fmt.Sprintf(", %s after %s", one.victim, one.after)
	}
	return text
}

func drawFault(seed int64) fault {
	random := rand.New(rand.NewPCG(7, uint64(seed)))
	f := fault{target: 1 + random.IntN(3), first: random.IntN(30), state: states[random.IntN(len(states)-1)]}
	for range 1 + random.IntN(2) {
		victim := []string{"mover", "source", "target", "app"}[random.IntN(4)]
		f.kills = append(f.kills, kill{victim, time.Duration(random.IntN(100)) * time.Millisecond})
	}
	return f
}

// pinned are some of shard 0's buckets, on the target.
func (f fault) pinned() layout {
	pins := map[int]int{}
	for i := range 24 {
		pins[4*(f.first+i)] = f.target
	}
	return layout{shards: deployed.shards, pins: pins}
}

// Pods of the mover, of both shards and of the app are killed while users move,
// RUNS times, drawn from SEED on. Each time the stack ends with every user in
// one place, and nothing is left behind.
func TestReshardSurvivesKills(t *testing.T) {
	runs := number(t, "RUNS", 0)
	if runs == 0 {
		t.Skip("takes a minute a run: make prove-reshard-faults RUNS=20")
	}
	seed := number(t, "SEED", time.Now().Unix()%1_000_000)
	p := newProof(t, number(t, "USERS", 100_000))
	p.restore()
	p.start(load.Options{Rate: float64(number(t, "RATE", 100)), Zipf: 1.1, Seed: uint64(seed)})
	for n := range runs {
		f := drawFault(seed + n)
		if !t.Run(fmt.Sprintf("seed=%d", seed+n), func(t *testing.T) { p.in(t).survive(f) }) {
			t.FailNow()
		}
	}
	report := p.compare()
	t.Logf("%d runs; the clients' failures are those of shards that were down: %d of %d", runs, report.Failed, report.Operations)
}

// in is the proof in a subtest.
func (p *proof) in(t *testing.T) *proof {
	inner := *p
	inner.t = t
	return &inner
}

// survive moves buckets there, with kills, and back without. A move that gives
// up must have taken everything back.
func (p *proof) survive(f fault) {
	p.t.Helper()
	before := p.assignment()
	watch := p.watch(0)
	awaitUp := p.beginUp(p.config(f.pinned()))
	p.strike(watch, f)
	p.awaitShards()
	awaitUp()
	p.readMap()
	if p.ended(15 * time.Minute) {
		require.Equal(p.t, p.shards.Assignment, p.assignment())
	} else {
		p.t.Logf("taken back: %s", p.moverLog())
		require.Equal(p.t, before, p.assignment())
	}
	p.requireNothingLeft()

	p.up(p.config(deployed))
	p.await(15 * time.Minute)
	require.Equal(p.t, before, p.assignment())
	p.requireNothingLeft()
}

// beginUp deploys while something else goes on, until the returned function has seen it end well.
func (p *proof) beginUp(config string) (wait func()) {
	up, text := make(chan error, 1), ""
	go func() {
		var err error
		text, err = try(p.t, "pulumi", "up", "--yes", "--skip-preview", "--config-file", config, "--stack", stackName, "--non-interactive")
		up <- err
	}()
	return func() {
		p.t.Helper()
		require.NoError(p.t, <-up, "%s", text)
	}
}

func (p *proof) requireNothingLeft() {
	p.t.Helper()
	p.onShards(func(ctx context.Context, shards []history.Shard) {
		for _, shard := range shards {
			p.requireClean(ctx, shard)
		}
	})
}

// watch returns the state of the next move that the shard will give away, ""
// before there is one. It connects again after the shard was killed.
func (p *proof) watch(source int) func() string {
	p.t.Helper()
	settings, err := pgxpool.ParseConfig("")
	require.NoError(p.t, err)
	settings.ConnConfig, settings.MaxConns = databaseConfig(p.t, p.namespace, source), 1
	pool, err := pgxpool.NewWithConfig(p.t.Context(), settings)
	require.NoError(p.t, err)
	p.t.Cleanup(pool.Close)
	var last int64
	require.NoError(p.t, pool.QueryRow(p.t.Context(), "SELECT coalesce(max(id), 0) FROM scalestack.move").Scan(&last))
	return func() (state string) {
		ctx, cancel := context.WithTimeout(p.t.Context(), 5*time.Second)
		defer cancel()
		err := pool.QueryRow(ctx, "SELECT state FROM scalestack.move WHERE id > $1 ORDER BY id LIMIT 1", last).Scan(&state)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err.Error()
		}
		return state
	}
}

// strike kills when the move has come so far, or further: states can be short.
func (p *proof) strike(state func() string, f fault) {
	p.t.Helper()
	p.t.Logf("drawn: %s", f)
	p.awaitState(state, f.state)
	for _, one := range f.kills {
		time.Sleep(one.after)
		at := state()
		p.t.Logf("%q: killing %s", at, p.kill(one.victim, f))
	}
}

// awaitState waits until the move has come so far, or further. It looks often: some states last for milliseconds.
func (p *proof) awaitState(state func() string, wanted string) {
	p.t.Helper()
	deadline := time.Now().Add(10 * time.Minute)
	for slices.Index(states, state()) < slices.Index(states, wanted) {
		require.True(p.t, time.Now().Before(deadline), "the move has not come to %q but to %q", wanted, state())
		time.Sleep(2 * time.Millisecond)
	}
}

// awaitShards waits until every shard has a pod that is ready: the mover may have
// ended before a shard was killed. Pods that were removed leave the API server at
// once, so that none is taken for its successor.
func (p *proof) awaitShards() {
	p.t.Helper()
	eventually(p.t, 4*time.Minute, "all shards are ready", func() error {
		ready := kubectl(p.t, "get", "pods", "-n", p.namespace, "-l", "app.kubernetes.io/name=postgres",
			"-o", `jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}`)
		if n := strings.Count(ready, "True"); n != len(p.shards.Shards) {
			return fmt.Errorf("%d of %d", n, len(p.shards.Shards))
		}
		return nil
	})
}

// kill ends the mover or a pod of the app, or takes the pod of a shard away.
func (p *proof) kill(victim string, f fault) (what string) {
	p.t.Helper()
	switch victim {
	case "mover":
		return crash("/shardctl reshard")
	case "app":
		return crash("/users serve")
	case "source":
		return p.remove("postgres-shard-0-0")
	default:
		return p.remove(fmt.Sprintf("postgres-shard-%d-0", f.target))
	}
}

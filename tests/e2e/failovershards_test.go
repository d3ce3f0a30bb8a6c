//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// failoverDuringMove takes away the primary of one side, when a move has reached a state.
type failoverDuringMove struct {
	state string
	shard int
	fault primaryFault
}

func (d failoverDuringMove) String() string {
	return fmt.Sprintf("%s of shard %d's primary at %q", d.fault.name, d.shard, d.state)
}

// grow adds a shard with members of its own, drains it, lets it come back, and so on, FAULTS times, drawn from SEED on. Each
// time a primary goes away while buckets move. The mover makes a move again that a failover has cut.
func (f *failover) grow() {
	f.settle()
	f.stack.set(map[string]string{"scalestack:postgres.shards": "2", "scalestack:postgres.moves.batch": "120", "scalestack:postgres.moves.observe": "1"})
	seed := number(f.t, "SEED", time.Now().Unix()%1_000_000)
	random := rand.New(rand.NewPCG(7, uint64(seed)))
	count := number(f.t, "FAULTS", 20)
	f.t.Logf("grow: SEED=%d FAULTS=%d", seed, count)
	f.underLoad("grow", func() {
		for n := range count {
			drawn := failoverDuringMove{states[random.IntN(len(states)-1)], random.IntN(2), primaryFaults[random.IntN(len(primaryFaults))]}
			f.moveThrough(int(n)%2, drawn)
		}
	})
}

// moveThrough fills the second shard, or drains it, and takes a primary away meanwhile.
func (f *failover) moveThrough(source int, drawn failoverDuringMove) {
	f.t.Helper()
	if source == 1 {
		f.stack.set(map[string]string{"scalestack:postgres.drain[0]": "1"})
	} else if len(f.shards.Shards) == 2 {
		f.stack.pulumi("config", "rm", "--path", "scalestack:postgres.drain")
	}
	began, state := time.Now(), f.watch(source)
	awaitUp := f.beginUp(f.stack.config)
	f.awaitState(state, drawn.state)
	at, primary, struck := state(), f.primaryOf(drawn.shard), time.Now()
	drawn.fault.do(f, primary)
	awaitUp()
	f.readMap()
	complete := f.ended(15 * time.Minute)
	f.settle()
	pause := f.pulse.pauseAfter(struck)
	require.True(f.t, complete, "the mover has failed:\n%s", f.moverLog())
	require.Equal(f.t, f.shards.Assignment, f.assignment(), drawn)
	f.requireNothingLeft()
	f.requireNoSlots()
	f.t.Logf("%s (it was at %q): moved all from shard %d after %s, %.1f s without an acknowledged write", drawn, at, source, time.Since(began).Round(time.Second), pause.Seconds())
}

// requireNoSlots waits until no member has the slot of a move any more: one that was the primary drops it when it sees it.
func (f *failover) requireNoSlots() {
	f.t.Helper()
	eventually(f.t, time.Minute, "no slot is left", func() error {
		var left []string
		for _, pod := range f.pods() {
			if slots := f.sql(pod, "SELECT string_agg(slot_name, ' ') FROM pg_replication_slots WHERE slot_type = 'logical'"); slots != "" {
				left = append(left, pod+": "+slots)
			}
		}
		if left != nil {
			return fmt.Errorf("%s", strings.Join(left, "; "))
		}
		return nil
	})
}

//go:build e2e

package e2e

import (
	"maps"
	"math/rand/v2"
	"slices"
	"time"
)

// random breaks nodes and members in an order that SEED decides. Each fault ends with all
// members there, and the history is held against the rows after the last.
func (n *nodeDrill) random() {
	seed := number(n.t, "SEED", time.Now().UnixNano())
	dice := rand.New(rand.NewPCG(uint64(seed), 0))
	count := number(n.t, "FAULTS", 20)
	n.t.Logf("random: SEED=%d FAULTS=%d", seed, count)
	kinds := slices.Sorted(maps.Keys(nodeFaults))
	for i := range count {
		began := time.Now()
		if one := dice.IntN(len(kinds) + len(primaryFaults)); one < len(kinds) {
			// From less than the lock lasts to more than the control plane waits.
			lasts := time.Duration(5+dice.IntN(60)) * time.Second
			n.take(nodeFaults[kinds[one]], n.breakable[dice.IntN(len(n.breakable))], lasts)
		} else {
			n.round(primaryFaults[one-len(kinds)])
		}
		n.t.Logf("random: fault %d of %d took %s", i+1, count, time.Since(began).Round(time.Second))
	}
}

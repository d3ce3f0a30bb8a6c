package load

import (
	"github.com/scalestack/scalestack/sharding/history"
	"slices"
	"sync"
)

// ReadAll reads every user of the history once through the service. After
// Compare this finds a cache that still has what was true before.
func ReadAll(target Target, h *history.History) Report {
	const clients = 8
	users := h.Users()
	o := Options{Target: target, History: h}.withDefaults()
	l := &Load{options: o, caller: caller{target: target, patience: o.Patience, attempt: o.Attempt}}
	var running sync.WaitGroup
	for part := range slices.Chunk(users, max(1, (len(users)+clients-1)/clients)) {
		running.Go(func() {
			reader := &worker{Load: l}
			for _, user := range part {
				reader.get(user)
			}
		})
	}
	running.Wait()
	return l.tally.report()
}

package reshard

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestMakespan(t *testing.T) {
	pairs := func(list ...[2]int) (all []timedTask) {
		for _, p := range list {
			all = append(all, timedTask{p[0], p[1], 10})
		}
		return all
	}
	for _, c := range []struct {
		name     string
		all      []timedTask
		parallel int
		seconds  float64
	}{
		{"nothing", nil, 4, 0},
		{"one after the other", pairs([2]int{0, 2}, [2]int{1, 3}), 1, 20},
		{"at once", pairs([2]int{0, 2}, [2]int{1, 3}), 2, 10},
		{"they share a shard", pairs([2]int{0, 2}, [2]int{1, 2}), 2, 20},
		{"two to four", pairs([2]int{0, 2}, [2]int{0, 3}, [2]int{1, 2}, [2]int{1, 3}), 4, 20},
		{"the longest decides", []timedTask{{0, 2, 5}, {1, 3, 50}, {0, 2, 5}}, 2, 50},
	} {
		require.InDelta(t, c.seconds, makespan(c.all, c.parallel), 1e-9, c.name)
	}
}

// Whatever there is to do is done once, no shard is in two tasks at once, and never more
// run than were allowed.
func TestTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &Mover{options: Options{Parallel: rapid.IntRange(1, 5).Draw(t, "parallel")}}
		var mu sync.Mutex
		busy, running, done := map[int]bool{}, 0, 0
		var all []*task
		for range rapid.IntRange(0, 30).Draw(t, "tasks") {
			from := rapid.IntRange(0, 5).Draw(t, "from")
			to := (from + rapid.IntRange(1, 5).Draw(t, "distance")) % 6
			all = append(all, &task{from: from, to: to, do: func(context.Context, *fleet, []int) error {
				mu.Lock()
				if busy[from] || busy[to] || running == m.options.Parallel {
					t.Errorf("%d to %d while %v", from, to, busy)
				}
				busy[from], busy[to] = true, true
				running++
				mu.Unlock()
				defer mu.Unlock()
				mu.Lock()
				busy[from], busy[to] = false, false
				running--
				done++
				return nil
			}})
		}
		if err := m.together(context.Background(), &fleet{}, all, false); err != nil || done != len(all) {
			t.Fatalf("%d of %d done: %v", done, len(all), err)
		}
	})
}

package reshard

import (
	"cmp"
	"slices"
)

// timedTask is a task and how long it takes, in seconds.
type timedTask struct {
	from, to int
	seconds  float64
}

// makespan is how long all tasks take if they start as Mover.together starts them.
func makespan(waiting []timedTask, parallel int) (now float64) {
	type running struct {
		timedTask
		end float64
	}
	var under []running
	busy := map[int]bool{}
	for {
		waiting = slices.DeleteFunc(waiting, func(s timedTask) bool {
			if busy[s.from] || busy[s.to] || len(under) == parallel {
				return false
			}
			busy[s.from], busy[s.to] = true, true
			under = append(under, running{s, now + s.seconds})
			return true
		})
		if len(under) == 0 {
			return now
		}
		slices.SortFunc(under, func(a, b running) int { return cmp.Compare(a.end, b.end) })
		first := under[0]
		now, under = first.end, under[1:]
		busy[first.from], busy[first.to] = false, false
	}
}

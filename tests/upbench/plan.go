package upbench

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Plan is what pulumi preview --json would do.
type Plan struct {
	Steps []struct {
		Op       string `json:"op"`
		NewState struct {
			Type string `json:"type"`
		} `json:"newState"`
		OldState struct {
			Type string `json:"type"`
		} `json:"oldState"`
	} `json:"steps"`
}

// Changes tells how many resources of which type a plan touches and how, such as
// "update 2 ConfigMap", sorted. A replacement is one change and not its three steps.
func (p Plan) Changes() []string {
	type change struct{ op, kind string }
	counts := map[change]int{}
	for _, step := range p.Steps {
		if slices.Contains([]string{"same", "read", "create-replacement", "delete-replaced"}, step.Op) {
			continue
		}
		kind := cmp.Or(step.NewState.Type, step.OldState.Type)
		counts[change{step.Op, kind[strings.LastIndex(kind, ":")+1:]}]++
	}
	changes := slices.SortedFunc(maps.Keys(counts), func(a, b change) int {
		return cmp.Or(cmp.Compare(a.op, b.op), cmp.Compare(a.kind, b.kind))
	})
	var lines []string
	for _, c := range changes {
		lines = append(lines, fmt.Sprintf("%s %d %s", c.op, counts[c], c.kind))
	}
	return lines
}

package summary

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/scalestack/scalestack/sharding/shardmap"
)

// Asker estimates what a change of the shard map takes.
type Asker func(deployed, planned *Figures) (*Estimate, error)

// Text says what changes from one state of the stack to another, and what stays the
// same. Without an asker it says nothing about rows and bytes.
func Text(deployed, planned *Figures, ask Asker) string {
	var text strings.Builder
	out := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	if deployed.ShardMap == nil && len(deployed.Replicas) == 0 {
		fmt.Fprintln(out, "nothing is deployed yet")
	}
	for _, section := range []struct {
		title string
		lines []string
	}{
		{"shards", shards(deployed.ShardMap, planned.ShardMap)},
		{"buckets", buckets(deployed.ShardMap, planned.ShardMap)},
		{"data", data(deployed, planned, ask)},
		{"replicas", each(deployed.Replicas, planned.Replicas, Bounds.String)},
		{"disk", disks(deployed.Disks, planned.Disks)},
		{"connections", connections(deployed.Connections, planned.Connections)},
		{"cache rules", rules(deployed.Rules, planned.Rules)},
	} {
		for _, line := range section.lines {
			if line == "" {
				continue // neither was nor will be there
			}
			fmt.Fprintf(out, "  %s\t%s\n", section.title, line)
			section.title = ""
		}
	}
	out.Flush() //nolint:errcheck // a strings.Builder takes everything
	return text.String()
}

// change renders one value: what it is, or what it was and will be.
func change(before, after string) string {
	switch {
	case before == after:
		return after
	case before == "":
		return after + " (new)"
	case after == "":
		return before + " (goes away)"
	}
	return before + " -> " + after
}

// each renders a map's entries, one a line.
func each[V any](before, after map[string]V, show func(V) string) []string {
	names := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(after))
	slices.Sort(names)
	var lines []string
	for _, name := range slices.Compact(names) {
		var was, will string
		if value, ok := before[name]; ok {
			was = show(value)
		}
		if value, ok := after[name]; ok {
			will = show(value)
		}
		lines = append(lines, name+": "+change(was, will))
	}
	return lines
}

// String renders bounds as "3 to 10".
func (b Bounds) String() string { return fmt.Sprintf("%d to %d", b.Min, b.Max) }

func shards(before, after *shardmap.Map) []string {
	lines := []string{change(count(before), count(after))}
	for _, shard := range list(after) {
		if before != nil && before.Shard(shard.ID) == nil {
			lines = append(lines, "+ "+shard.Name)
		}
	}
	for _, shard := range list(before) {
		switch {
		case after == nil || after.Shard(shard.ID) == nil:
			lines = append(lines, "- "+shard.Name)
		case after.Counts()[shard.ID] == 0 && before.Counts()[shard.ID] > 0:
			lines = append(lines, "  "+shard.Name+" is drained")
		}
	}
	return lines
}

func count(m *shardmap.Map) string {
	if m == nil {
		return ""
	}
	return fmt.Sprint(len(m.Shards))
}

func list(m *shardmap.Map) []shardmap.Shard {
	if m == nil {
		return nil
	}
	return m.Shards
}

func buckets(before, after *shardmap.Map) []string {
	switch {
	case after == nil:
		return nil
	case before == nil:
		return []string{fmt.Sprintf("%d (new)", after.Buckets)}
	}
	plan, err := shardmap.NewPlan(before, after)
	if err != nil {
		return append([]string{"this change cannot be made:"}, strings.Split(err.Error(), "\n")...)
	}
	return strings.Split(strings.TrimSpace(plan.String()), "\n")
}

// moves reports whether any bucket has to change its owner, or a shard goes.
func moves(before, after *Figures) bool {
	plan, err := shardmap.NewPlan(before.ShardMap, after.ShardMap)
	return err != nil || plan.Moved > 0 || len(before.ShardMap.Shards) > len(after.ShardMap.Shards)
}

func disks(before, after quantities) []string {
	total := func(all quantities) string {
		if len(all) == 0 {
			return ""
		}
		var sum resource.Quantity
		for _, size := range all {
			sum.Add(size)
		}
		return sum.String()
	}
	lines := []string{change(total(before), total(after))}
	return append(lines, each(before, after, func(q resource.Quantity) string { return q.String() })...)
}

func connections(before, after Connections) []string {
	return []string{change(before.text(), after.text())}
}

func (c Connections) text() string {
	if c.Limit == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d per shard (%d pods, %d left)", c.Need, c.Limit, c.Pods, c.Limit-c.Need)
}

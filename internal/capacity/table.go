package capacity

import (
	"fmt"
	"math"
	"strings"
)

// Table has a column for each plan, in Markdown.
func Table(plans []Plan) string {
	var b strings.Builder
	row := func(name string, cell func(Plan) string) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, p := range plans {
			fmt.Fprintf(&b, " %s |", cell(p))
		}
		b.WriteString("\n")
	}
	row("users", func(p Plan) string { return count(float64(p.Users)) })
	b.WriteString("|---|" + strings.Repeat("---|", len(plans)) + "\n")
	row("reads and writes at the peak", func(p Plan) string {
		return count(p.ReadsPerSecond) + "/s and " + count(p.WritesPerSecond) + "/s"
	})
	row("shards", func(p Plan) string { return fmt.Sprintf("%s, by %s", count(float64(p.Shards)), p.By) })
	row("servers of the cache", func(p Plan) string { return count(float64(p.CacheServers)) })
	row("pods of the service", func(p Plan) string { return count(float64(p.Pods)) })
	row("connections of each shard", func(p Plan) string { return count(float64(p.Connections)) })
	row("busiest shard ÷ mean", func(p Plan) string { return fmt.Sprintf("%.2f", p.Uneven) })
	row("hours to double the shards", func(p Plan) string { return hours(p.DoubleHours) })
	row("hours to restore a shard", func(p Plan) string { return hours(p.RestoreHours) })
	row("cost a month", func(p Plan) string { return "$" + count(p.CostPerMonth) })
	row("exceeded, the worst first", func(p Plan) string {
		var names []string
		for _, limit := range p.Limits {
			if limit.Used > 1 {
				names = append(names, fmt.Sprintf("%s (%s ×)", limit.Name, count(limit.Used)))
			}
		}
		if len(names) == 0 {
			return fmt.Sprintf("nothing; next is %s (%.2f)", p.Limits[0].Name, p.Limits[0].Used)
		}
		return strings.Join(names, ", ")
	})
	return b.String()
}

// count has four digits at most.
func count(n float64) string {
	switch {
	case n >= 1e9:
		return digits(n/1e9) + " bn"
	case n >= 1e6:
		return digits(n/1e6) + " m"
	case n >= 1e4:
		return digits(n/1e3) + "k"
	}
	return digits(n)
}

func digits(n float64) string {
	switch {
	case n >= 100 || n == math.Trunc(n):
		return fmt.Sprintf("%.0f", n)
	case n >= 10:
		return fmt.Sprintf("%.1f", n)
	}
	return fmt.Sprintf("%.2f", n)
}

func hours(n float64) string {
	if n < 1 {
		return fmt.Sprintf("%.0f minutes", math.Ceil(n*60))
	}
	return count(n)
}

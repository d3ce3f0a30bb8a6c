package alerts

import (
	"fmt"
	"strconv"

	"github.com/scalestack/scalestack/internal/edge/analytics"
)

// Those that the edge answered itself, a redirect for example, are in neither. A path
// without one hit has a ratio too. Each zone has a watcher of its own, and two of them may
// watch the same path.
var (
	edgeAsked  = `sum by (namespace, container, path) (increase(scalestack_edge_requests_total{status!~"` + analytics.NeitherPattern + `"}[1h]))`
	edgeCached = `(sum by (namespace, container, path) (increase(scalestack_edge_requests_total{status=~"` + analytics.FromCachePattern + `"}[1h])) or 0 * ` + edgeAsked + ")"
)

func edge(o Options) []Rule {
	return []Rule{
		{
			Name: "EdgeHitRatioLow", Severity: Warning, For: "15m",
			Expr:    "100 * " + edgeCached + " / " + edgeAsked + " < " + strconv.FormatFloat(o.EdgePercent, 'g', -1, 64) + " and " + edgeAsked + " > 100",
			Summary: "The edge answers {{ $value | printf \"%.1f\" }} % of the requests for {{ $labels.path }} from its cache",
			Description: "The origin gets the rest. A rule was changed, the files' headers or names were, or somebody purges everything with each " +
				"release.",
		},
		{
			Name: "EdgeUnwatched", Severity: Warning, For: "5m",
			// The first part is that Cloudflare does not answer, the second that edge watch is gone.
			Expr: fmt.Sprintf("time() - max by (namespace, container, path) (%[1]s) > 3600"+
				" or time() - max by (namespace, container, path) (max_over_time(%[1]s[%[2]dh])) unless on (namespace, container) %[1]s",
				"scalestack_edge_counted_until_timestamp_seconds", o.GoneHours),
			Summary: "Nobody knows for {{ $value | humanizeDuration }} what the edge answers for {{ $labels.path }}",
			Description: "Cloudflare's analytics do not answer edge watch, or it does not run, or is not scraped: its log or its pod says why. " +
				"EdgeHitRatioLow cannot fire meanwhile.",
		},
	}
}

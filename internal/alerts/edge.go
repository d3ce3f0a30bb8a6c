package alerts

import (
	"strconv"

	"github.com/scalestack/scalestack/internal/edge/analytics"
)

// Those that the edge answered itself, a redirect for example, are in neither. A path
// without one hit has a ratio too.
var (
	edgeAsked  = `sum by (namespace, path) (increase(scalestack_edge_requests_total{status!~"` + analytics.NeitherPattern + `"}[1h]))`
	edgeCached = `(sum by (namespace, path) (increase(scalestack_edge_requests_total{status=~"` + analytics.FromCachePattern + `"}[1h])) or 0 * ` + edgeAsked + ")"
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
			Expr:        "time() - scalestack_edge_counted_until_timestamp_seconds > 3600",
			Summary:     "Nobody knows for {{ $value | humanizeDuration }} what the edge answers for {{ $labels.path }}",
			Description: "Cloudflare's analytics do not answer edge watch: its log says why. EdgeHitRatioLow cannot fire meanwhile.",
		},
	}
}

package alerts

import (
	"fmt"
	"strconv"
)

const (
	hits    = `sum by (namespace) (rate(scalestack_cache_lookups_total{result=~"hit|negative"}[%[1]s]%[2]s))`
	lookups = `sum by (namespace) (rate(scalestack_cache_lookups_total[%[1]s]%[2]s))`
)

func hitRatio(over, offset string) string { return fmt.Sprintf(hits+" / "+lookups, over, offset) }

func service(o Options) []Rule {
	return []Rule{
		{
			Name: "RequestsFail", Severity: Critical, For: "5m",
			Expr: `100 * sum by (namespace, container) (rate(scalestack_http_request_seconds_count{code=~"5.."}[5m]))` +
				" / sum by (namespace, container) (rate(scalestack_http_request_seconds_count[5m])) > " + strconv.FormatFloat(o.ErrorPercent, 'g', -1, 64),
			Summary:     "{{ $value | printf \"%.1f\" }} % of the requests to {{ $labels.container }} fail",
			Description: "The log of the pods names the shard and the reason. 503 is a shard or a full pool, 500 an error of the program.",
		},
		{
			Name: "RequestsSlow", Severity: Warning, For: "10m",
			Expr:        "histogram_quantile(0.99, sum by (namespace, container, le) (rate(scalestack_http_request_seconds_bucket[5m]))) > 0.5",
			Summary:     "1 of 100 requests to {{ $labels.container }} takes more than {{ $value | printf \"%.2f\" }} s",
			Description: "Compare the pools' waits (scalestack_db_pool_wait_seconds_total), the shards' load and the pods' CPU.",
		},
		{
			Name: "CacheHitRatioFell", Severity: Warning, For: "15m",
			Expr:    fmt.Sprintf("%s < 0.8 * (%s) and %s > 1", hitRatio("15m", ""), hitRatio("1d", " offset 1h"), fmt.Sprintf(lookups, "15m", "")),
			Summary: "The cache answers {{ $value | humanizePercentage }} of the lookups, far less than on the day before",
			Description: "The shards get the rest. Redis has restarted, is full (evictions), or cannot be reached (result error, skipped); or a " +
				"client asks for what nobody has.",
		},
		{
			Name: "CacheFails", Severity: Warning, For: "5m",
			Expr:        `sum by (namespace) (rate(scalestack_cache_lookups_total{result=~"error|skipped"}[5m])) / ` + fmt.Sprintf(lookups, "5m", "") + " > 0.05",
			Summary:     "{{ $value | humanizePercentage }} of the lookups do not reach the cache",
			Description: "Readers ask the shards. Look at Redis' pod, and at the NetworkPolicy if only some pods fail.",
		},
		{
			Name: "ShardMapRefused", Severity: Warning, For: "0m",
			Expr:        "sum by (namespace, container) (increase(scalestack_shard_map_reload_failures_total[15m])) > 0",
			Summary:     "{{ $labels.container }} refuses the shard map it was given",
			Description: "The pods go on with the map they have. The log says what is wrong with the new one.",
		},
	}
}

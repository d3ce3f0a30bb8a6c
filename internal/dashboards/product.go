package dashboards

// product is what one looks at first: the four golden signals of everything.
func product() Board {
	return Board{Name: "product", Title: "Scalestack: the product", Panels: []Panel{
		requests(), errors(), latency(), cacheHits(), edgeHits(), shardsUp(), connections(), outbox(), delay(),
	}}
}

func service() Board {
	return Board{Name: "service", Title: "Scalestack: the service", Panels: []Panel{
		requests(), errors(), latency(),
		{Title: "Slowest routes", Unit: seconds, Meaning: "The 95th percentile of each route.", Queries: []Query{{
			`histogram_quantile(0.95, sum by (route, method, le) (rate(scalestack_http_request_seconds_bucket{namespace="$namespace"}[$__rate_interval])))`, "{{method}} {{route}}"}}},
		cacheHits(),
		{Title: "Lookups in the cache", Unit: count, Meaning: "By result, each second. error and skipped are Redis' failures.", Queries: []Query{{
			`sum by (result) (rate(scalestack_cache_lookups_total{namespace="$namespace"}[$__rate_interval]))`, "{{result}}"}}},
		{Title: "Connections of the pools", Unit: count, Meaning: "In use, beside the most that all pods together may have.", Queries: []Query{
			{`sum by (container) (scalestack_db_pool_connections{namespace="$namespace",state="in_use"})`, "{{container}} in use"},
			{`sum by (container) (scalestack_db_pool_connections{namespace="$namespace",state="max"})`, "{{container}} most"}}},
		{Title: "Waiting for a connection", Unit: seconds, Meaning: "Seconds that requests wait, each second. It rises while CPU is low: scale on connections, not on CPU.", Queries: []Query{{
			`sum by (container, shard) (rate(scalestack_db_pool_wait_seconds_total{namespace="$namespace"}[$__rate_interval]))`, "{{container}} {{shard}}"}}},
		{Title: "CPU of each program", Unit: count, Meaning: "Cores in use.", Queries: []Query{{
			`sum by (container) (rate(process_cpu_seconds_total{namespace="$namespace"}[$__rate_interval]))`, "{{container}}"}}},
		{Title: "Memory of each program", Unit: bytes, Meaning: "The largest pod.", Queries: []Query{{
			`max by (container) (process_resident_memory_bytes{namespace="$namespace"})`, "{{container}}"}}},
	}}
}

func requests() Panel {
	return Panel{Title: "Requests", Unit: count, Meaning: "Answered each second.", Queries: []Query{{
		`sum by (container) (rate(scalestack_http_request_seconds_count{namespace="$namespace"}[$__rate_interval]))`, "{{container}}"}}}
}

func errors() Panel {
	return Panel{Title: "Requests that fail", Unit: ratio, Meaning: "The share of statuses of 500 and more.", Queries: []Query{{
		`(sum by (container) (rate(scalestack_http_request_seconds_count{namespace="$namespace",code=~"5.."}[$__rate_interval]))` +
			` or 0 * sum by (container) (rate(scalestack_http_request_seconds_count{namespace="$namespace"}[$__rate_interval])))` +
			` / sum by (container) (rate(scalestack_http_request_seconds_count{namespace="$namespace"}[$__rate_interval]))`, "{{container}}"}}}
}

func latency() Panel {
	percentile := func(of, name string) Query {
		return Query{`histogram_quantile(` + of + `, sum by (le) (rate(scalestack_http_request_seconds_bucket{namespace="$namespace"}[$__rate_interval])))`, name}
	}
	return Panel{Title: "Time to answer", Unit: seconds, Meaning: "Half, 95 and 99 of 100 requests take no longer.",
		Queries: []Query{percentile("0.5", "p50"), percentile("0.95", "p95"), percentile("0.99", "p99")}}
}

func cacheHits() Panel {
	return Panel{Title: "Answered by the cache", Unit: ratio, Meaning: "The share of lookups that need no shard.", Queries: []Query{{
		`sum(rate(scalestack_cache_lookups_total{namespace="$namespace",result=~"hit|negative"}[$__rate_interval]))` +
			` / sum(rate(scalestack_cache_lookups_total{namespace="$namespace"}[$__rate_interval]))`, "hit ratio"}}}
}

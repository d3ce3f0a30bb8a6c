package dashboards

func events() Board {
	return Board{Name: "events", Title: "Scalestack: events", Panels: []Panel{
		{Title: "Published", Unit: count, Meaning: "Events that Kafka acknowledged, each second.", Queries: []Query{{
			`sum by (shard) (rate(scalestack_relay_published_total{namespace="$namespace"}[$__rate_interval]))`, "{{shard}}"}}},
		outbox(),
		{Title: "Events in the outboxes", Unit: count, Meaning: "Not published yet, and those that Kafka refuses for good.", Queries: []Query{
			{`sum by (shard) (scalestack_outbox_rows{namespace="$namespace"})`, "{{shard}}"},
			{`sum by (shard) (scalestack_outbox_parked_rows{namespace="$namespace"})`, "{{shard}} parked"}}},
		{Title: "From the change to Kafka", Unit: seconds, Meaning: "95 of 100 events take no longer.", Queries: []Query{{
			`histogram_quantile(0.95, sum by (le) (rate(scalestack_relay_delay_seconds_bucket{namespace="$namespace"}[$__rate_interval])))`, "p95"}}},
		{Title: "Worked on", Unit: count, Meaning: "By consumer and outcome, each second.", Queries: []Query{{
			`sum by (container, outcome) (rate(scalestack_consumer_events_total{namespace="$namespace"}[$__rate_interval]))`, "{{container}} {{outcome}}"}}},
		delay(),
		{Title: "Behind, as consumers count", Unit: count, Meaning: "Of the partitions that running consumers have.", Queries: []Query{{
			`sum by (container, topic) (scalestack_consumer_lag{namespace="$namespace"})`, "{{container}} {{topic}}"}}},
		{Title: "Attempts that failed", Unit: count, Meaning: "Of consumers, each second; they are repeated.", Queries: []Query{{
			`sum by (container) (rate(scalestack_consumer_failures_total{namespace="$namespace"}[$__rate_interval]))`, "{{container}}"}}},
	}}
}

func outbox() Panel {
	return Panel{Title: "Oldest event in the outbox", Unit: seconds, Meaning: "How late Kafka gets what changed.", Queries: []Query{{
		`max by (shard) (scalestack_outbox_oldest_seconds{namespace="$namespace"})`, "{{shard}}"}}}
}

func delay() Panel {
	return Panel{Title: "From the change to the work for it", Unit: seconds, Meaning: "95 of 100 events take no longer, by consumer.", Queries: []Query{{
		`histogram_quantile(0.95, sum by (container, le) (rate(scalestack_consumer_delay_seconds_bucket{namespace="$namespace"}[$__rate_interval])))`, "{{container}}"}}}
}

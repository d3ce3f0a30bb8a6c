package dashboards

import "github.com/scalestack/scalestack/internal/edge/analytics"

// Cloudflare's figures are some minutes late, so that they come in steps.
const edgeWindow = "15m"

func edge() Board {
	return Board{Name: "edge", Title: "Scalestack: the edge", Panels: []Panel{
		edgeHits(),
		{Title: "Requests at the edge", Unit: count, Meaning: "Of each path, each second.", Queries: []Query{{
			`sum by (path) (rate(scalestack_edge_requests_total{namespace="$namespace"}[` + edgeWindow + `]))`, "{{path}}"}}},
		{Title: "Answers by cache status", Unit: count, Meaning: "Each second. dynamic is what no rule caches, bypass what the origin forbids.", Queries: []Query{{
			`sum by (status) (rate(scalestack_edge_requests_total{namespace="$namespace"}[` + edgeWindow + `]))`, "{{status}}"}}},
		{Title: "Age of the figures", Unit: seconds, Meaning: "Cloudflare takes some minutes; more is a watcher that gets no answer.", Queries: []Query{{
			`max by (path) (time() - scalestack_edge_counted_until_timestamp_seconds{namespace="$namespace"})`, "{{path}}"}}},
	}}
}

// edgeHits leaves out what no cache could have answered.
func edgeHits() Panel {
	asked := `sum by (path) (rate(scalestack_edge_requests_total{namespace="$namespace",status!~"` + analytics.NeitherPattern + `"}[` + edgeWindow + `]))`
	return Panel{Title: "Answered by the edge", Unit: ratio, Meaning: "The share of each path's requests that did not wait for the origin.", Queries: []Query{{
		`sum by (path) (rate(scalestack_edge_requests_total{namespace="$namespace",status=~"` + analytics.FromCachePattern + `"}[` + edgeWindow + `])) / ` + asked, "{{path}}"}}}
}

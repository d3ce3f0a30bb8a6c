// Package dashboards defines the stack's Grafana dashboards as code: one for the whole
// product, and one for each part. Every query is checked: its metrics are those of the
// programs, promtool parses it, and the lab's end-to-end tests run it against a real
// store.
//
// grafana-foundation-sdk, Grafana's own builder (Apache-2.0, no dependencies), writes
// the JSON, so it has the form that Grafana reads.
package dashboards

// Package dashboards has Grafana dashboards of the stack as code: one of the whole
// product, and one for each part. Every query is checked: its metrics are those of the
// programs, promtool parses it, and the lab's end-to-end tests put it to a real store.
//
// The JSON is made by grafana-foundation-sdk, Grafana's own builder (Apache-2.0, no
// dependencies), so that it has the form that Grafana reads.
package dashboards

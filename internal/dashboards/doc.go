// Package dashboards has Grafana dashboards of the stack as code: one of the whole
// product, and one for each part. Every query is checked: its metrics are those of the
// programs, and promtool parses it.
//
// The JSON is made by grafana-foundation-sdk, Grafana's own builder (Apache-2.0, no
// dependencies), so that it has the form that Grafana reads.
package dashboards

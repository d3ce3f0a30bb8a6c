package alerts

import "fmt"

// A rule on a series that has ended is silent. Those below find what a namespace had within
// the last hours and has no more. No rule can tell a loss from a stack that was destroyed on
// purpose, so the runbooks say for how long that is told too.

// gone are the namespaces that have lost all series of a metric.
func gone(metric string, hours int) string {
	return fmt.Sprintf("count by (namespace) (count_over_time(%[1]s[%[2]dh])) unless on (namespace) %[1]s", metric, hours)
}

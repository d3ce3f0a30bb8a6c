package upbench

import (
	"fmt"
	"strings"
)

// Columns are those of kubectl get that Unready reads.
const Columns = "custom-columns=KIND:.kind,NAME:.metadata.name,WANTED:.spec.replicas,READY:.status.readyReplicas,DONE:.status.succeeded"

// Unready counts the StatefulSets, Deployments and Jobs of such a table without its heading
// that are not ready, or have not ended well.
func Unready(table string) (int, error) {
	unready := 0
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) != 5 {
			return 0, fmt.Errorf("no line of five columns: %q", line)
		}
		kind, wanted, ready, done := fields[0], fields[2], fields[3], fields[4]
		switch {
		case kind == "Job" && done == "1":
		case kind != "Job" && wanted == ready:
		default:
			unready++
		}
	}
	return unready, nil
}

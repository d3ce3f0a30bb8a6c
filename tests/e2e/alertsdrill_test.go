//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// awaitAlert waits until the rule of an alert holds in a namespace, or no longer does.
func awaitAlert(t *testing.T, limit time.Duration, holds bool, namespace, alert string, labels map[string]string) {
	t.Helper()
	began, f := time.Now(), outage{alert: alert, labels: map[string]string{"namespace": namespace}}
	maps.Copy(f.labels, labels)
	word := map[bool]string{true: "holds", false: "is over"}[holds]
	eventually(t, limit, alert+" "+word, func() error {
		if found := firing(t, f); (len(found) > 0) != holds {
			return fmt.Errorf("%v", found)
		}
		return nil
	})
	t.Logf("%s %v %s after %s", alert, labels, word, time.Since(began).Round(time.Second))
}

// alerts causes what each alert on standbys is about, and mends it.
func (f *failover) alerts() {
	f.settle()
	shard := map[string]string{"shard": "shard-0"}
	quiet := func(alert string) { awaitAlert(f.t, time.Minute, false, f.namespace, alert, shard) }
	quiet("StandbyMissing")
	quiet("ReplicationLags")
	f.readFromDisk()

	standby := f.standby()
	f.signal(standby, syscall.SIGSTOP)
	awaitAlert(f.t, 3*time.Minute, true, f.namespace, "StandbyMissing", shard)
	f.signal(standby, syscall.SIGCONT)
	awaitAlert(f.t, 3*time.Minute, false, f.namespace, "StandbyMissing", shard)
	f.settle()

	f.replaying(standby, syscall.SIGSTOP)
	f.writeLog(300)
	awaitAlert(f.t, 2*time.Minute, true, f.namespace, "ReplicationLags", map[string]string{"shard": "shard-0", "application_name": standby})
	f.replaying(standby, syscall.SIGCONT)
	awaitAlert(f.t, 3*time.Minute, false, f.namespace, "ReplicationLags", shard)

	f.kill(f.primary())
	f.settle()
	awaitAlert(f.t, 2*time.Minute, true, f.namespace, "ShardFailedOver", shard)
}

// readFromDisk reads a table again and again that is twice as large as the server's buffers. The alert is over a quarter of an
// hour later, by its rule. A table without a log stays on the primary.
func (f *failover) readFromDisk() {
	f.t.Helper()
	execute(f.t, f.namespace, 0, "CREATE UNLOGGED TABLE drill_large AS SELECT n, repeat(md5(n::text), 30) AS filler FROM generate_series(1, 250000) AS n")
	defer execute(f.t, f.namespace, 0, "DROP TABLE drill_large")
	stop := repeat(1, 0, func() { execute(f.t, f.namespace, 0, "SELECT sum(length(filler)) FROM drill_large") })
	defer stop()
	awaitAlert(f.t, 5*time.Minute, true, f.namespace, "DatabaseReadsFromDisk", map[string]string{"shard": "shard-0"})
}

// standby is a member that is not the primary.
func (f *failover) standby() string {
	f.t.Helper()
	primary := f.primary()
	pods := slices.DeleteFunc(f.pods(), func(pod string) bool { return pod == primary })
	require.NotEmpty(f.t, pods)
	return pods[0]
}

// replaying signals the process of a standby that replays the log, which goes on receiving it. A replay that SQL pauses is
// resumed at once, by Patroni.
func (f *failover) replaying(standby string, signal syscall.Signal) {
	f.t.Helper()
	for _, process := range f.processes(standby) {
		if name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", process)); strings.Contains(string(name), "startup recovering") {
			require.NoError(f.t, syscall.Kill(process, signal))
			return
		}
	}
	require.Fail(f.t, standby+" replays nothing")
}

// writeLog makes the primary write so many MiB of log that change nothing.
func (f *failover) writeLog(mebibytes int) {
	f.t.Helper()
	execute(f.t, f.namespace, 0, "SELECT pg_logical_emit_message(false, 'drill', repeat('x', 1048576)) FROM generate_series(1, $1)", mebibytes)
}

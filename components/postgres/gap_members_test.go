package postgres

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// What a primary had finished and not archived when it was lost is missing in the archive. The next one's look finds it, and a base backup ends it.
func TestMembersMakeABaseBackupAfterALostPrimary(t *testing.T) {
	c := newCluster(t)
	c.start()
	lost := c.settled()
	lost.eventuallyFill(1, 1000)
	lost.base()
	lost.fill(1001, 2000)
	lost.archiveNow()
	lost.write("backup-credentials/AWS_SECRET_ACCESS_KEY", "wrong\n")
	first := lost.finish()
	lost.fill(2001, 2100)
	lost.stop()
	require.NoError(t, os.RemoveAll(lost.at("volume")))

	var next *member
	require.Eventually(t, func() bool {
		next = c.leader()
		return next != nil && next != lost
	}, time.Minute, 200*time.Millisecond, "no failover")
	next.env = append(next.env, "POD="+next.pod())
	require.Equal(t, "2100", next.query("postgres", "admin-1", "SELECT count(*)::text FROM kept"), "the shard has lost nothing")
	next.fill(2101, 3000)
	archived := func() {
		file := next.finish()
		require.Eventually(t, func() bool {
			return strings.Contains(strings.Join(c.store.files("prod/postgres-shard-0/wals"), " "), file)
		}, time.Minute, 200*time.Millisecond, "%s is not in the archive", file)
	}
	archived()
	require.NotContains(t, strings.Join(c.store.files("prod/postgres-shard-0/wals"), " "), first)
	told := next.looked()
	require.Contains(t, told, "its log has a gap, "+first)
	require.Contains(t, told, "due now")
	reader := c.store.backed(t)
	output, err := reader.verify(c.store, 0)
	require.Error(t, err, output)
	require.Contains(t, output, "its log has a gap, "+first)

	next.base()
	require.Contains(t, next.looked(), "due later")
	next.fill(3001, 3500)
	archived()
	rows := next.rows()
	reader.requireRestore(c.store, Restore{Name: "lost", To: latest})
	reader.start()
	require.Equal(t, rows, reader.rows())
}

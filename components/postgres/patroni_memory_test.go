package postgres

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// limits are what the server's processes and Patroni may have of their own, by their command lines.
func (m *member) limits() map[string]string {
	limit := regexp.MustCompile(`(?m)^Max data size +(\S+)`)
	first, _, _ := strings.Cut(m.said("volume/pgdata/postmaster.pid"), "\n")
	found := map[string]string{}
	folders, _ := filepath.Glob("/proc/[0-9]*")
	for _, folder := range folders {
		read := func(name string) string {
			text, _ := os.ReadFile(filepath.Join(folder, name))
			return string(text)
		}
		title, limits := strings.Trim(strings.ReplaceAll(read("cmdline"), "\x00", " "), " "), limit.FindStringSubmatch(read("limits"))
		of := strings.Contains(read("status"), "\nPPid:\t"+first+"\n") || filepath.Base(folder) == first || strings.Contains(title, m.at("patroni.py"))
		if of && limits != nil {
			found[title] = limits[1]
		}
	}
	return found
}

// requireLimits waits until each process of the server has the limit, but for the one that replays the log. Patroni has none.
func (m *member) requireLimits() {
	m.cluster.t.Helper()
	wanted := strconv.FormatInt(tuning(m.cluster.args(nil).withDefaults()).ProcessMemory, 10)
	require.EventuallyWithT(m.cluster.t, func(t *assert.CollectT) {
		limits := m.limits()
		require.Greater(t, len(limits), 4)
		for title, limit := range limits {
			if strings.Contains(title, "patroni.py") || strings.Contains(title, ": startup ") {
				require.Equal(t, "unlimited", limit, title)
			} else {
				require.Equal(t, wanted, limit, title)
			}
		}
	}, 30*time.Second, 200*time.Millisecond, m.pod())
}

// No session takes a member down, whoever is the primary and however its server was started. Standbys replay what it has written.
func TestASessionCannotTakeAMemberDown(t *testing.T) {
	c := newCluster(t)
	c.start()
	leader := c.settled()
	started := func(m *member) string {
		return m.query("postgres", "admin-1", "SELECT pg_postmaster_start_time()::text")
	}
	requireLimits := func() {
		t.Helper()
		for _, m := range c.members {
			m.requireLimits()
		}
	}
	requireLimits()
	before := started(leader)
	leader.requireGreedRefused()
	require.Equal(t, before, started(leader))
	require.NotContains(t, leader.log(), "terminating any other active server processes")

	starts := map[*member]string{}
	for _, m := range c.members {
		starts[m] = started(m)
	}
	length := tuning(c.args(nil).withDefaults()).ProcessMemory * 3 / 4
	require.NotEmpty(t, leader.query(AppRole, appPassword, fmt.Sprintf(longRecord, length)))
	c.requireReplayed(leader)
	for m, start := range starts {
		require.Equal(t, start, started(m), m.pod())
	}

	// Another primary, by a crash whose log the former one cannot replay with the limit, and a standby that was the primary.
	require.NotEmpty(t, leader.query(AppRole, appPassword, fmt.Sprintf(longRecord, length)))
	writer := leader.query("postgres", "admin-1", "SELECT pid::text FROM pg_stat_activity WHERE backend_type = 'walwriter'")
	require.NoError(t, leader.command("sh", "-c", "kill -KILL "+writer).Run())
	require.Eventually(t, func() bool { return strings.Contains(leader.log(), "shutting down due to startup process failure") }, time.Minute, 200*time.Millisecond)
	leader = c.settled()
	c.requireReplayed(leader)
	requireLimits()
	c.members[(leader.index+1)%3].replace()
	leader = c.settled()
	leader.replace()
	leader = c.settled()
	requireLimits()
	leader.requireRefused("long text", greedyStatements["long text"])
}

// requireReplayed waits until both standbys have what the primary has.
func (c *cluster) requireReplayed(leader *member) {
	c.t.Helper()
	now := leader.query("postgres", "admin-1", "SELECT pg_current_wal_lsn()::text")
	require.Eventually(c.t, func() bool {
		return leader.query("postgres", "admin-1", fmt.Sprintf("SELECT count(*)::text FROM pg_stat_replication WHERE replay_lsn >= '%s'", now)) == "2"
	}, time.Minute, 200*time.Millisecond, "standbys do not replay")
}

package postgres

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// laterVariable names the folder of initdb and postgres of a later minor version.
const laterVariable = "SCALESTACK_TEST_POSTGRES_LATER"

// rollTo replaces the members one after the other by pods with other programs, and counts how often another one became
// the primary.
func (c *cluster) rollTo(binaries string) (switchovers int) {
	c.t.Helper()
	for _, m := range c.members {
		before := c.settled()
		m.path = binaries + ":/usr/bin:/bin"
		m.replace()
		if c.settled() != before {
			switchovers++
		}
	}
	return switchovers
}

// A later minor version reaches every member, and the older one after it. In between a standby is newer than its primary,
// and older where the primary is not the last to be replaced.
func TestPatroniRollsToALaterMinorVersion(t *testing.T) {
	later := os.Getenv(laterVariable)
	if later == "" {
		t.Skipf("needs a later minor version of PostgreSQL: set %s to the folder of its initdb and postgres; lab start --next-minor and tests/with-servers.sh do", laterVariable)
	}
	c := newCluster(t)
	c.start()
	conn, err := c.settled().connect("postgres", "admin-1")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "CREATE TABLE minor AS SELECT 'founded'::text AS at")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	older := c.members[0].query("postgres", "admin-1", "SHOW server_version")
	for i, binaries := range []string{later, os.Getenv(binariesVariable)} {
		switchovers := c.rollTo(binaries)
		version := c.members[0].query("postgres", "admin-1", "SHOW server_version")
		t.Logf("to %s: %d switchovers", version, switchovers)
		require.Equal(t, i == 1, version == older, version)
		c.settled().query("postgres", "admin-1", "INSERT INTO minor VALUES ('"+version+"') RETURNING at")
		for _, m := range c.members {
			require.Equal(t, version, m.query("postgres", "admin-1", "SHOW server_version"), m.pod())
			require.NotContains(t, m.log(), "could not access status of transaction")
		}
	}
	require.Equal(t, "3", c.settled().query("postgres", "admin-1", "SELECT count(*)::text FROM minor"))
}

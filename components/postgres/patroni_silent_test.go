package postgres

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A standby that is silent, as one on a node that has lost its power, is counted on for some seconds only: until then
// nobody may take over, and a primary that ends waits for it.
func TestASilentStandbyHoldsNobodyUp(t *testing.T) {
	c := newCluster(t)
	c.start()
	leader := c.settled()
	standbys := c.standbys(leader)
	silent, next := standbys[0], standbys[1]
	leader.exec("CREATE TABLE written (n int)")

	silent.signal(syscall.SIGSTOP)
	t.Cleanup(func() { silent.signal(syscall.SIGCONT) })
	require.Eventually(t, func() bool {
		leader.exec("INSERT INTO written VALUES (1)")
		return !strings.Contains(c.api.annotation("postgres-shard-0-sync", "sync_standby"), silent.pod())
	}, 25*time.Second, 300*time.Millisecond, "the silent standby is still counted on")

	began := time.Now()
	c.api.require("DELETE", leader.resource(), nil)
	require.Eventually(t, func() bool { return c.leader() == next }, 20*time.Second, 100*time.Millisecond, "nobody takes over")
	t.Logf("the other standby is the primary after %s", time.Since(began).Round(100*time.Millisecond))
	silent.signal(syscall.SIGCONT)
	c.settled()
}

package postgres

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// terminated is what the kubelet says of a container that was killed, in times without fractions.
func (m *member) terminated(began, ended time.Time) map[string]any {
	return map[string]any{"terminated": map[string]any{"exitCode": 137, "reason": "Error", "containerID": "containerd://none",
		"startedAt": began.UTC().Format(time.RFC3339), "finishedAt": ended.UTC().Format(time.RFC3339)}}
}

// requireWritten writes as soon as anybody takes it, and returns how long that took.
func (w *rotating) requireWritten(n int) time.Duration {
	w.c.t.Helper()
	began := time.Now()
	for !w.insert(n) {
		require.Less(w.c.t, time.Since(began), 90*time.Second, "nobody takes writes")
		time.Sleep(20 * time.Millisecond)
	}
	w.rows = append(w.rows, n)
	return time.Since(began)
}

// A primary that is killed waits for the kubelet, and longer each time, before it is back. A standby takes over before.
func TestAStandbyTakesOverFromAPrimaryThatWasKilled(t *testing.T) {
	c := newCluster(t)
	c.backOff = true
	c.start()
	c.settled().exec("CREATE TABLE written (n int)")
	w := &rotating{c: c, passwords: []string{"admin-1"}, stop: make(chan struct{})}
	killed := map[*member]int{}
	for n := range 5 {
		leader := c.settled()
		w.requireWritten(n)
		leader.killAll()
		took := w.requireWritten(100 + n)
		killed[leader]++
		t.Logf("%s killed for the %d. time: %.1f s without a write", leader.pod(), killed[leader], took.Seconds())
		require.NotEqual(t, leader, c.leader())
		require.Less(t, took, 15*time.Second)
	}
	w.end()
}

// A lock stays whose holder lives, whatever the kubelet says of it. While an operator has paused Patroni nobody takes over.
func TestALivePrimaryKeepsItsLock(t *testing.T) {
	c := newCluster(t)
	c.start()
	leader := c.settled()
	acquired := func() string { return c.api.annotation("postgres-shard-0", "acquireTime") }
	before := acquired()
	for range 5 {
		leader.report(1, leader.terminated(time.Now(), time.Now()))
		time.Sleep(time.Second)
	}
	require.Equal(t, leader, c.leader())
	require.Equal(t, before, acquired())

	output, err := leader.patronictl("pause", "--wait")
	require.NoError(t, err, output)
	c.backOff = true
	leader.killAll()
	time.Sleep(5 * time.Second)
	require.Empty(t, c.api.annotation("postgres-shard-0", "leader"))
	output, err = leader.patronictl("resume", "--wait")
	require.NoError(t, err, output)
	c.settled()
}

// Where nobody else may take over, the lock waits for the one that may.
func TestTheOnlyMemberComesBackFromAKill(t *testing.T) {
	c := newCluster(t)
	c.backOff = true
	c.start()
	leader := c.settled()
	leader.exec("CREATE TABLE written (n int)")
	w := &rotating{c: c, passwords: []string{"admin-1"}, stop: make(chan struct{})}
	for _, m := range c.standbys(leader) {
		m.stop()
	}
	w.requireWritten(1)
	require.Eventually(t, func() bool { return c.api.annotation("postgres-shard-0-sync", "sync_standby") == "" }, 60*time.Second, 200*time.Millisecond)
	w.requireWritten(2)
	others := c.standbys(leader)
	leader.killAll()
	others[0].start()
	took := w.requireWritten(3)
	t.Logf("%.1f s without a write", took.Seconds())
	require.Equal(t, leader, c.leader())
	others[1].start()
	w.end()
}

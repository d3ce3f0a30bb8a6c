package postgres

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/certtest"
)

// mount gives a member the files of a rotation, as its kubelet does at a time of its own.
func (m *member) mount(password string) {
	m.write("patroni/20-passwords.yml", m.cluster.secrets(password))
	m.write("credentials/admin/password", password)
	m.write("credentials/admin/owner-password", "owner-of-"+password)
	m.write("credentials/admin/mover-password", "mover-of-"+password)
}

// mountREST gives a member the passwords of its REST API, the present one first.
func (m *member) mountREST(passwords ...string) {
	m.write("patroni/20-passwords.yml", strings.ReplaceAll(m.cluster.secrets("admin-1", passwords...), volumePath, m.at("volume")))
}

// requireREST waits until a change needs this password, and no other one that there was.
func (m *member) requireREST(password string, others ...string) {
	m.t.Helper()
	require.Eventually(m.t, func() bool { return m.change(password) == http.StatusAccepted }, 30*time.Second, 200*time.Millisecond,
		"%s does not take %s", m.pod(), password)
	for _, other := range others {
		require.Equal(m.t, http.StatusUnauthorized, m.change(other), "%s takes %s", m.pod(), other)
	}
}

// rotating writes to the primary with the password that it takes, as clients do, and keeps what was acknowledged.
type rotating struct {
	c         *cluster
	passwords []string
	stop      chan struct{}
	done      sync.WaitGroup
	rows      []int
	longest   time.Duration
}

func (c *cluster) writeRotating(passwords ...string) *rotating {
	w := &rotating{c: c, passwords: passwords, stop: make(chan struct{})}
	w.done.Go(w.run)
	return w
}

func (w *rotating) run() {
	last := time.Now()
	for n := 1; ; n++ {
		select {
		case <-w.stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		if w.insert(n) {
			w.longest = max(w.longest, time.Since(last))
			last = time.Now()
			w.rows = append(w.rows, n)
		}
	}
}

func (w *rotating) insert(n int) bool {
	name := w.c.api.annotation("postgres-shard-0", "leader")
	for _, m := range w.c.members {
		for _, password := range w.passwords {
			conn, err := m.connect("postgres", password)
			if m.pod() != name || err != nil {
				continue
			}
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			_, err = conn.Exec(ctx, "INSERT INTO written VALUES ($1)", n)
			cancel()
			_ = conn.Close(context.Background())
			return err == nil
		}
	}
	return false
}

// end requires every acknowledged row.
func (w *rotating) end() {
	w.c.t.Helper()
	close(w.stop)
	w.done.Wait()
	leader := w.c.settled()
	var kept int
	conn, err := leader.connect("postgres", w.c.admin())
	require.NoError(w.c.t, err)
	defer conn.Close(context.Background())
	require.NoError(w.c.t, conn.QueryRow(w.c.t.Context(), "SELECT count(*) FROM written WHERE n = ANY ($1)", w.rows).Scan(&kept))
	require.Len(w.c.t, w.rows, kept)
	w.c.t.Logf("%d rows acknowledged, none lost; the longest time without one was %s", kept, w.longest.Round(time.Millisecond))
}

func (m *member) receiver() string {
	return m.query("postgres", m.cluster.admin(), "SELECT coalesce((SELECT pid FROM pg_stat_wal_receiver WHERE status = 'streaming'), 0)::text")
}

func (m *member) follows() bool {
	conn, err := m.connect("postgres", m.cluster.admin())
	if err != nil {
		return false
	}
	defer conn.Close(context.Background())
	var found bool
	return conn.QueryRow(context.Background(), "SELECT count(*) > 0 FROM pg_stat_wal_receiver WHERE status = 'streaming'").Scan(&found) == nil && found
}

// requirePassword waits until the members take this password, and no other one that there was, and their own role's likewise.
func (c *cluster) requirePassword(password string, others ...string) {
	c.t.Helper()
	c.password = password
	for _, m := range c.members {
		m.requireLogin("postgres", "", password, others)
		m.requireLogin(replicatorRole, "of-", password, others)
	}
}

func (m *member) requireLogin(role, prefix, password string, others []string) {
	m.t.Helper()
	require.Eventually(m.t, func() bool {
		conn, err := m.connect(role, prefix+password)
		return err == nil && conn.Close(context.Background()) == nil
	}, 60*time.Second, 200*time.Millisecond, "%s does not take %s of %s", m.pod(), password, role)
	for _, other := range others {
		_, err := m.connect(role, prefix+other)
		require.ErrorContains(m.t, err, "password authentication failed", "%s takes %s of %s", m.pod(), other, role)
	}
}

// Each kubelet brings the new password at a time of its own. Members that connect meanwhile fail and try again; nothing is
// restarted for it, and no write is lost.
func TestPatroniRotatesThePassword(t *testing.T) {
	c := newCluster(t)
	c.rotation = 1
	c.configure(nil)
	c.start()
	leader := c.settled()
	leader.exec("CREATE TABLE written (n int)")
	w := c.writeRotating("admin-1", "admin-2", "admin-3")
	standbys := c.standbys(leader)
	reloads := func(m *member) int { return strings.Count(m.log(), "Patroni has read its passwords") }
	pods := func() (all int) {
		for _, m := range c.members {
			all += m.pods()
		}
		return all
	}

	t.Run("a standby that is ahead of its primary", func(t *testing.T) {
		before, receiver := reloads(standbys[0]), standbys[0].receiver()
		standbys[0].mount("admin-2")
		require.Eventually(t, func() bool { return reloads(standbys[0]) > before }, 30*time.Second, 100*time.Millisecond)
		time.Sleep(3 * time.Second)
		require.Equal(t, receiver, standbys[0].receiver(), "it goes on receiving")
	})
	t.Run("a standby that connects with the former password", func(t *testing.T) {
		receivers := []string{standbys[0].receiver(), standbys[1].receiver()}
		leader.mount("admin-2")
		c.requirePassword("admin-2", "admin-1")
		require.Equal(t, receivers, []string{standbys[0].receiver(), standbys[1].receiver()}, "sessions stay")
		standbys[1].replace()
		require.Eventually(t, func() bool { return strings.Contains(standbys[1].log(), "password authentication failed") }, time.Minute, 200*time.Millisecond)
		made := pods()
		standbys[1].mount("admin-2")
		require.Eventually(t, standbys[1].follows, time.Minute, 200*time.Millisecond)
		c.settled()
		require.Equal(t, made, pods(), "no pod was made anew")
	})
	t.Run("a failover to a member that has the former password", func(t *testing.T) {
		leader := c.settled()
		leader.mount("admin-3")
		c.requirePassword("admin-3", "admin-2")
		leader.stop()
		var next *member
		require.Eventually(t, func() bool {
			// Its files are those of before, and so is what it sets.
			c.password = "admin-2"
			next = c.leader()
			return next != nil && next != leader
		}, 2*time.Minute, 300*time.Millisecond, "nobody takes over")
		leader.start()
		time.Sleep(5 * time.Second)
		for _, m := range c.members {
			m.mount("admin-3")
		}
		c.password = "admin-3"
		c.settled()
		c.requirePassword("admin-3", "admin-1", "admin-2")
	})
	w.end()
}

// Patroni takes one password for its REST API. Members of which some have the new one elect each other, since questions need none.
// While the API server is away the primary asks by a change, so it steps down until all have the same.
func TestPatroniRotatesThePasswordOfItsRESTAPI(t *testing.T) {
	c := newClusterOf(t, certtest.NewAuthority(t, "test"))
	c.rotation = 1
	c.configure(nil)
	c.start()
	leader := c.settled()
	standbys := c.standbys(leader)
	standbys[0].mountREST("rest-2", "rest")
	standbys[0].requireREST("rest-2", "rest", "")
	leader.requireREST("rest", "rest-2")
	next := c.requireVotes()

	refused := func() int { return strings.Count(next.log(), "/failsafe: not authenticated") }
	require.Zero(t, refused())
	c.api.pause()
	require.Eventually(t, func() bool { return refused() > 0 }, (lockSeconds+15)*time.Second, time.Second)
	c.api.resume()
	c.settled()

	for _, m := range c.members {
		m.mountREST("rest-2", "rest")
	}
	for _, m := range c.members {
		m.requireREST("rest-2", "rest", "")
	}
	leader = c.settled()
	next = c.standbys(leader)[0]
	output, err := leader.patronictl("switchover", "--candidate", next.pod(), "--force")
	require.NoError(t, err, output)
	require.Eventually(t, func() bool { return c.leader() == next }, time.Minute, 200*time.Millisecond)
	// A member that starts with it takes it at once, and one that has it by now keeps it.
	c.settled()
	for _, m := range c.members {
		m.mountREST("rest-3", "rest-2", "rest")
	}
	next.replace()
	c.settled()
	for _, m := range c.members {
		m.requireREST("rest-3", "rest-2", "rest")
	}
}

// The members of before do not look for a new password, and have no role of their own. The first rotation replaces them one after
// the other, each as soon as the one before it runs: the shard goes on, and all follow in the end.
func TestTheFirstRotationReplacesTheMembers(t *testing.T) {
	c := newCluster(t)
	c.oneRole = true
	c.configure(nil)
	c.start()
	leader := c.settled()
	leader.exec("CREATE TABLE written (n int)")
	w := c.writeRotating("admin-1", "admin-2")
	c.rotation, c.oneRole = 1, false
	c.configure(nil)
	for _, m := range c.members {
		m.mount("admin-2")
	}
	require.Eventually(t, func() bool {
		_, err := leader.connect("postgres", "admin-1")
		return err != nil && strings.Contains(err.Error(), "password authentication failed")
	}, time.Minute, 200*time.Millisecond, "the primary sets the new password")
	c.password = "admin-2"
	for _, m := range c.members {
		m.replace()
		require.Eventually(t, func() bool {
			conn, err := m.connect("postgres", "admin-2")
			return err == nil && conn.Close(context.Background()) == nil
		}, 2*time.Minute, 200*time.Millisecond, "%s does not come back", m.pod())
		time.Sleep(10 * time.Second)
	}
	c.settled()
	c.requirePassword("admin-2", "admin-1")
	c.requireOwnRole()
	w.end()
}

// A member's roles are set in clear text on its own socket, which leaves nothing in the log or the statistics.
func TestARotationTellsPatroniToReload(t *testing.T) {
	args := func(rotation int) *Args {
		a := &Args{Shards: []int{0}, PasswordRotation: rotation}
		threeMembers(a)
		return a.withDefaults()
	}
	none := mountedFiles(plan{Args: args(0), component: "postgres"})
	first := mountedFiles(plan{Args: args(1), component: "postgres"})
	require.NotContains(t, none, "reload.py")
	require.NotContains(t, none["roles.sh"], "follow_passwords")
	require.Contains(t, first, "reload.py")
	require.Contains(t, first["roles.sh"], "follow_passwords &\n")
	require.Contains(t, first["roles.sh"], "-c pg_stat_statements.track_utility=off")
	require.Equal(t, first["roles.sh"], mountedFiles(plan{Args: args(2), component: "postgres"})["roles.sh"], "a later rotation restarts nobody")
}

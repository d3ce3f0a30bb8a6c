package postgres

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// archivedCluster is a shard of three members with a base backup, rows after it, and a table that was dropped after a moment.
func archivedCluster(t *testing.T) (c *cluster, moment, rows string) {
	t.Helper()
	c = newCluster(t)
	c.start()
	leader := c.settled()
	leader.eventuallyFill(1, 1000)
	leader.base()
	leader.fill(1001, 2000)
	moment, rows = leader.moment(), leader.rows()
	leader.fill(2001, 2100)
	leader.exec("DROP TABLE kept")
	return c, moment, rows
}

// eventuallyFill waits for the database, which the container roles makes.
func (m *member) eventuallyFill(from, to int) {
	m.t.Helper()
	require.Eventually(m.t, func() bool {
		conn, err := m.connect("postgres", "admin-1")
		return err == nil && conn.Close(context.Background()) == nil
	}, time.Minute, 200*time.Millisecond, "no database")
	m.fill(from, to)
}

// requireRestored waits for the restored shard and looks at every member.
func (c *cluster) requireRestored(name, rows string) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		leader := c.leader()
		return leader != nil && slices.Contains(leader.restores(), name)
	}, 3*time.Minute, 300*time.Millisecond, "%s is not made", name)
	leader := c.settled()
	require.Equal(c.t, rows, leader.rows(), "everything up to the moment, and nothing after it")
	for _, m := range c.members {
		require.Equal(c.t, []string{name}, m.restores(), m.pod())
		require.Equal(c.t, "true", m.query("postgres", "admin-1", "SELECT (count(*) = 2000)::text FROM kept"), m.pod())
	}
}

func (m *member) restores() []string {
	text, _ := os.ReadFile(m.at("volume/pgdata/scalestack.restores"))
	return strings.Fields(string(text))
}

func (m *member) requireKept(name string) {
	m.t.Helper()
	require.FileExists(m.t, m.at("volume/pgdata.before-"+name+"/PG_VERSION"), m.pod())
}

// writer writes to every member that takes writes, and notes which data acknowledged what.
type writer struct {
	c    *cluster
	stop chan struct{}
	done sync.WaitGroup
	mu   sync.Mutex
	acks []ack
}

type ack struct {
	n        int
	restored bool
}

func (c *cluster) write() *writer {
	w := &writer{c: c, stop: make(chan struct{})}
	for i, m := range c.members {
		w.done.Go(func() { w.member(m, i+1) })
	}
	return w
}

func (w *writer) member(m *member, n int) {
	for ; ; n += len(w.c.members) {
		select {
		case <-w.stop:
			return
		case <-time.After(20 * time.Millisecond):
		}
		conn, err := m.connect("postgres", "admin-1")
		if err != nil {
			continue
		}
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		var made string
		err = conn.QueryRow(ctx, "INSERT INTO written VALUES ($1) RETURNING coalesce(pg_read_file('scalestack.restores', true), '')", n).Scan(&made)
		cancel()
		if err == nil {
			w.mu.Lock()
			w.acks = append(w.acks, ack{n, made != ""})
			w.mu.Unlock()
		}
		_ = conn.Close(context.Background())
	}
}

// requireNothingLost compares what the restored data acknowledged with what is there. Data of before acknowledges nothing
// once the restored has.
func (w *writer) requireNothingLost() {
	w.c.t.Helper()
	close(w.stop)
	w.done.Wait()
	restored, before := 0, 0
	leader := w.c.settled()
	for _, one := range w.acks {
		if !one.restored {
			require.Zero(w.c.t, restored, "data of before acknowledged row %d after the restored data had acknowledged others", one.n)
			before++
			continue
		}
		restored++
		require.Equal(w.c.t, "1", leader.query("postgres", "admin-1", fmt.Sprintf("SELECT count(*)::text FROM written WHERE n = %d", one.n)), "row %d", one.n)
	}
	w.c.t.Logf("acknowledged: %d by the data of before, %d by the restored data", before, restored)
	require.NotZero(w.c.t, before)
	require.NotZero(w.c.t, restored)
}

func TestMembersAreRestoredToAMoment(t *testing.T) {
	c := newCluster(t)
	c.start()
	leader := c.settled()
	leader.eventuallyFill(1, 1000)
	leader.exec("CREATE TABLE written (n int PRIMARY KEY)")
	leader.base()
	leader.fill(1001, 2000)
	moment, rows := leader.moment(), leader.rows()
	w := c.write()
	leader.fill(2001, 2100)
	leader.exec("DROP TABLE kept")

	began := time.Now()
	c.deploy(&Restore{Name: "friday", To: moment})
	c.requireRestored("friday", rows)
	t.Logf("restored, with two standbys, after %s", time.Since(began).Round(100*time.Millisecond))
	for _, m := range c.members {
		m.requireKept("friday")
	}
	w.requireNothingLost()

	// The rest of the rollout, and a failover: nothing is restored again.
	for _, m := range c.members[1:] {
		m.replace()
		c.requireRestored("friday", rows)
	}
	leader = c.settled()
	leader.fill(3001, 3500)
	leader.replace()
	var next *member
	require.Eventually(t, func() bool { next = c.leader(); return next != nil && next != leader }, time.Minute, 200*time.Millisecond, "no failover")
	next = c.settled()
	require.Equal(t, "2500", next.query("postgres", "admin-1", "SELECT count(*)::text FROM kept"))

	// The next primary archives to the archive of the restore.
	file := next.query("postgres", "admin-1", "SELECT pg_walfile_name(pg_switch_wal())")
	require.Eventually(t, func() bool {
		return strings.Contains(strings.Join(c.store.files("prod/postgres-shard-0-friday/wals"), " "), file)
	}, time.Minute, 200*time.Millisecond, "%s is not in the archive", file)

	// A member that lost its volume copies the others, the first one too, which has the setting still.
	for _, m := range []*member{c.members[2], c.members[0]} {
		m.stop()
		require.NoError(t, os.RemoveAll(m.at("volume")))
		m.newVolume()
		m.start()
		require.Equal(t, "2500", c.settled().query("postgres", "admin-1", "SELECT count(*)::text FROM kept"))
		require.Equal(t, []string{"friday"}, m.restores())
	}
}

// A restore that cannot be made changes nothing: the others serve the shard, and the first member joins them again.
func TestMembersKeepTheirDataWhenARestoreCannotBeMade(t *testing.T) {
	c, moment, rows := archivedCluster(t)
	c.settled().exec("CREATE TABLE later (n int)")
	var members []*shard
	for _, m := range c.members {
		members = append(members, m.shard)
	}
	requireArchiving(t, "all shards archive", c.args(nil), archiveAfter, members...)
	requireArchiving(t, "archive with these settings already", c.args(nil), archiveBefore, members...)
	c.deploy(&Restore{Name: "early", To: "2020-01-01T00:00:00Z"})
	require.Eventually(t, func() bool { return strings.Contains(c.members[0].log(), "is before the oldest base backup") }, time.Minute, 200*time.Millisecond)
	require.Eventually(t, func() bool { return c.leader() != nil }, time.Minute, 200*time.Millisecond, "the others serve the shard")
	c.leader().exec("INSERT INTO later VALUES (1)")
	c.deploy(nil)
	require.Equal(t, "1", c.settled().query("postgres", "admin-1", "SELECT count(*)::text FROM later"))

	// One that fails when it was begun: nothing in the archive reaches so far. Whoever leads
	// while the members restart commits what the container roles sets, so the moment is after
	// all that, and the first member takes it for one in the future until then.
	c.settled().exec("INSERT INTO later VALUES (2)")
	beyond := time.Now().Add(90 * time.Second).UTC()
	now = func() time.Time { return beyond }
	t.Cleanup(func() { now = time.Now })
	c.deploy(&Restore{Name: "beyond", To: beyond.Format(time.RFC3339Nano)})
	require.Eventually(t, func() bool { return strings.Contains(c.members[0].log(), "is in the future") }, time.Minute, 200*time.Millisecond)
	require.Eventually(t, func() bool {
		return strings.Contains(c.members[0].log(), "The archive has no commit at or after that time")
	}, 7*time.Minute, 200*time.Millisecond)
	require.Nil(t, c.leader(), "nobody serves data that is to be set aside")
	c.deploy(nil)
	leader := c.settled()
	require.Equal(t, "2", leader.query("postgres", "admin-1", "SELECT count(*)::text FROM later"))
	for _, m := range c.members {
		require.Empty(t, m.restores())
		require.NoDirExists(t, m.at("volume/pgdata.before-beyond"))
		require.NoDirExists(t, m.at("volume/pgdata.restoring"))
	}
	leader.exec("INSERT INTO later VALUES (3)")

	// The mended time under the same name.
	c.deploy(&Restore{Name: "beyond", To: moment})
	c.requireRestored("beyond", rows)

	// Another time under a name that was made: the first member says so, and the others serve.
	c.deploy(&Restore{Name: "beyond", To: latest})
	require.Eventually(t, func() bool {
		return strings.Contains(c.members[0].log(), "postgres.restore.to: restore beyond was made with ")
	}, time.Minute, 200*time.Millisecond)
	require.Eventually(t, func() bool { return c.leader() != nil }, time.Minute, 200*time.Millisecond)
	c.deploy(&Restore{Name: "beyond", To: moment})
	c.requireRestored("beyond", rows)
}

func TestMembersAreRestoredFromLostVolumes(t *testing.T) {
	c, _, _ := archivedCluster(t)
	leader := c.settled()
	leader.fill(1, 2000)
	rows := leader.rows()
	file := leader.query("postgres", "admin-1", "SELECT pg_walfile_name(pg_switch_wal())")
	require.Eventually(t, func() bool {
		return strings.Contains(strings.Join(c.store.files("prod/postgres-shard-0/wals"), " "), file)
	}, time.Minute, 200*time.Millisecond, "%s is not in the archive", file)
	for _, m := range c.members {
		m.stop()
		require.NoError(t, os.RemoveAll(m.at("volume")))
		m.newVolume()
	}
	// Patroni's state goes with the last claim.
	for _, suffix := range []string{"", "-config", "-sync"} {
		c.api.require("DELETE", namespacePath+"/endpoints/postgres-shard-0"+suffix, nil)
	}
	for _, m := range c.members {
		m.start()
	}
	require.Eventually(t, func() bool {
		return strings.Contains(c.members[0].log(), "this volume is empty, and s3://backups/prod/postgres-shard-0 has the archive of a shard of this name")
	}, time.Minute, 200*time.Millisecond, "nothing becomes an empty shard without a word")
	require.Nil(t, c.leader())
	c.deploy(&Restore{Name: "lost", To: latest})
	c.requireRestored("lost", rows)
	for _, m := range c.members {
		require.NoDirExists(t, m.at("volume/pgdata.before-lost"))
	}
}

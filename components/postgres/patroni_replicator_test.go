package postgres

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// requireOwnRole waits until every standby follows by the members' role, which is no superuser.
func (c *cluster) requireOwnRole() {
	c.t.Helper()
	leader := c.settled()
	require.Eventually(c.t, func() bool {
		return leader.query("postgres", c.admin(), "SELECT string_agg(DISTINCT usename, ' ') FROM pg_stat_replication") == replicatorRole
	}, time.Minute, 300*time.Millisecond, "somebody follows as another role")
	require.Equal(c.t, "LOGIN REPLICATION", leader.query("postgres", c.admin(), `SELECT concat_ws(' ', CASE WHEN rolcanlogin THEN 'LOGIN' END,
		CASE WHEN rolreplication THEN 'REPLICATION' END, CASE WHEN rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls THEN 'MORE' END)
		FROM pg_roles WHERE rolname = '`+replicatorRole+`'`))
}

// crash ends the pod's processes at once, and begins none again.
func (m *member) crash() {
	ended := make(chan struct{})
	go func() { m.stop(); close(ended) }()
	time.Sleep(10 * time.Millisecond)
	for {
		m.killAll()
		select {
		case <-ended:
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// diverge takes the primary away with more in its log than any other has got.
func (c *cluster) diverge() (former, next *member) {
	c.t.Helper()
	former = c.settled()
	// A silent standby would be given up, and might not take over.
	former.exec("ALTER SYSTEM SET wal_sender_timeout = 0")
	former.exec("SELECT pg_reload_conf()")
	for _, m := range c.standbys(former) {
		m.signal(syscall.SIGSTOP)
	}
	former.exec("SET synchronous_commit = local; CREATE TABLE lost AS SELECT repeat(md5(n::text), 30) AS text FROM generate_series(1, 20000) AS n")
	former.crash()
	for _, m := range c.standbys(former) {
		m.signal(syscall.SIGCONT)
	}
	require.Eventually(c.t, func() bool { next = c.leader(); return next != nil && next != former }, 2*time.Minute, 300*time.Millisecond, "no failover")
	return former, next
}

// requireRewind lets a member of before come back, and requires that it has gone back to where the others are.
func (c *cluster) requireRewind(former *member) {
	c.t.Helper()
	before := strings.Count(former.log(), "pg_rewind exit code=0")
	former.start()
	leader := c.settled()
	require.Greater(c.t, strings.Count(former.log(), "pg_rewind exit code=0"), before, "%s has not been rewound", former.pod())
	require.Equal(c.t, "f", leader.query("postgres", c.admin(), "SELECT (to_regclass('lost') IS NOT NULL)::text::char"))
}

func TestMembersFollowWithARoleOfTheirOwn(t *testing.T) {
	c := newCluster(t)
	c.start()
	c.requireOwnRole()
	former, _ := c.diverge()
	c.requireRewind(former)
	c.requireOwnRole()

	t.Run("a lost volume", func(t *testing.T) {
		lost := c.standbys(c.settled())[0]
		lost.stop()
		require.NoError(t, os.RemoveAll(lost.at("volume/pgdata")))
		lost.start()
		c.requireOwnRole()
	})
	t.Run("it writes nothing", func(t *testing.T) {
		conn, err := c.settled().connect(replicatorRole, "of-admin-1")
		require.NoError(t, err)
		defer conn.Close(t.Context())
		for _, refused := range []string{"CREATE TABLE t ()", "ALTER SYSTEM SET work_mem = '1MB'", "COPY (SELECT 1) TO PROGRAM 'true'", "SET session_replication_role = replica"} {
			_, err := conn.Exec(t.Context(), refused)
			require.ErrorContains(t, err, "permission denied", refused)
		}
	})
}

// Members are replaced one after the other by those of a release that has a role for them. Whoever of them is the primary
// meanwhile, the others follow it, also with a volume that is empty and with a log that goes on further than the primary's.
func TestMembersOfAnEarlierReleaseGetARoleOfTheirOwn(t *testing.T) {
	c := newCluster(t)
	c.oneRole = true
	c.configure(nil)
	c.start()
	leader := c.settled()
	require.Equal(t, "0", leader.query("postgres", "admin-1", "SELECT count(*)::text FROM pg_roles WHERE rolname LIKE 'scalestack%'"))
	leader.exec("CREATE TABLE written (n int)")
	w := c.writeRotating("admin-1")
	c.oneRole = false
	c.configure(nil)

	// The kubelet brings the primary's new file some time after the pod of another has been replaced.
	text, err := os.ReadFile(leader.at("pg_hba.conf"))
	require.NoError(t, err)
	leader.write("pg_hba.conf", (&cluster{oneRole: true}).ofBefore(string(text)))
	first := c.standbys(leader)[0]
	first.stop()
	require.NoError(t, os.RemoveAll(first.at("volume/pgdata")))
	copies := func() int { return strings.Count(first.log(), "trying to bootstrap from leader") }
	before := copies()
	first.start()
	require.Eventually(t, func() bool { return strings.Count(first.log(), "is told of the standbys' role") > 2 }, time.Minute, 100*time.Millisecond)
	require.Equal(t, before, copies(), "it begins when it can follow")
	leader.write("pg_hba.conf", string(text))
	c.settled()
	require.Equal(t, replicatorRole, leader.query("postgres", "admin-1", "SELECT usename::text FROM pg_stat_replication WHERE application_name = '"+first.pod()+"'"))
	require.Equal(t, "postgres", leader.query("postgres", "admin-1", "SELECT usename::text FROM pg_stat_replication WHERE application_name <> '"+first.pod()+"'"))

	// The one that is left of before follows it.
	former, next := c.diverge()
	require.Equal(t, leader, former)
	c.requireRewind(former)
	t.Logf("the primary is %s, the first of the new ones %s", next.pod(), first.pod())
	for _, m := range c.members {
		if m != first && m != former {
			m.replace()
		}
	}
	c.requireOwnRole()
	c.settled().requireOwned("owner-of-admin-1", "mover-of-admin-1", "written")
	w.end()
}

package postgres

import (
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// roll deploys another number of connections: the members are replaced one after the other, as the gates let them.
func (c *cluster) roll(connections int) {
	c.t.Helper()
	c.connections = connections
	c.configure(nil)
	for _, m := range c.members {
		m.replace()
		c.settled()
	}
}

// requireConnections waits until every member takes so many connections, whoever is the primary. The memory that a sort may use
// is for that number.
func (c *cluster) requireConnections(connections int) {
	c.t.Helper()
	for _, m := range c.members {
		var found string
		require.Eventually(c.t, func() bool {
			conn, err := m.connect("postgres", "admin-1")
			if err != nil {
				return false
			}
			defer conn.Close(c.t.Context())
			return conn.QueryRow(c.t.Context(), "SHOW max_connections").Scan(&found) == nil && found == strconv.Itoa(connections)
		}, time.Minute, 300*time.Millisecond, "%s: %s connections in place of %d", m.pod(), &found, connections)
	}
}

// requireQuorum asks the primary of three for what make bench-quorum measures: any one standby acknowledges a commit.
func requireQuorum(t *testing.T, primary *member) {
	t.Helper()
	require.Regexp(t, `^ANY 1 \(.+,.+\)$`, primary.query("postgres", "admin-1", "SHOW synchronous_standby_names"))
	require.Equal(t, "quorum quorum", primary.query("postgres", "admin-1", "SELECT string_agg(sync_state, ' ') FROM pg_stat_replication"))
	require.Equal(t, "on", primary.query("postgres", "admin-1", "SHOW synchronous_commit"))
}

// A standby must not have fewer connections than its primary, so a larger number goes from the standbys to the primary and a
// smaller one the other way. Either reaches every member.
func TestPatroniChangesConnections(t *testing.T) {
	c := newCluster(t)
	c.connections = 60
	c.configure(nil)
	c.start()
	requireQuorum(t, c.settled())
	for _, connections := range []int{75, 40, 60} {
		c.roll(connections)
		c.requireConnections(connections)
		c.settled()
	}
	for _, m := range c.members {
		require.Equal(t, 1, strings.Count(m.log(), "roles: restarting the server"), "%s restarts once, for the smaller number", m.pod())
	}
}

// A larger number stays in the control file of each member, so one that is no longer set
// has to be taken back by a restart as well.
func TestASettingThatIsRemovedIsTooMuch(t *testing.T) {
	asked := func(settings map[string]string) string {
		return excess((&Args{MaxConnections: 60, Members: 3, Settings: settings}).withDefaults())
	}
	require.Contains(t, asked(map[string]string{"max_locks_per_transaction": "256"}), "current_setting('max_locks_per_transaction')::bigint > 256")
	removed := asked(nil)
	require.Contains(t, removed, "current_setting('max_locks_per_transaction')::bigint > 64")
	require.Contains(t, removed, "current_setting('max_prepared_transactions')::bigint > 0")
	require.Contains(t, removed, "current_setting('max_connections')::bigint > 60")
}

// One member restarts at a time, the primary first, and nobody beside a change of another kind.
func TestWhoseTurnItIsToRestart(t *testing.T) {
	const leader, first, second = `{"name": "a", "role": "leader", "state": "running"PENDING}`, `{"name": "b", "role": "quorum_standby", "state": "streaming"PENDING}`,
		`{"name": "c", "role": "replica", "state": "streaming"PENDING}`
	pending := func(member string) string { return strings.Replace(member, "PENDING", `, "pending_restart": true`, 1) }
	for name, one := range map[string]struct {
		pod, more string
		members   []string
		turn      bool
	}{
		"the primary first":               {pod: "a", members: []string{pending(leader), pending(first), pending(second)}, turn: true},
		"a standby after the primary":     {pod: "b", members: []string{leader, pending(first), pending(second)}, turn: true},
		"not before the primary":          {pod: "b", members: []string{pending(leader), pending(first), pending(second)}},
		"one standby at a time":           {pod: "c", members: []string{leader, pending(first), pending(second)}},
		"the last":                        {pod: "c", members: []string{leader, first, pending(second)}, turn: true},
		"one that its record forgets":     {pod: "c", members: []string{leader, first, second}, turn: true},
		"not while another is away":       {pod: "a", members: []string{pending(leader), pending(first)}},
		"not while another one starts":    {pod: "a", members: []string{pending(leader), pending(first), strings.Replace(second, "streaming", "starting", 1)}},
		"not while an operator holds all": {pod: "a", more: `, "pause": true`, members: []string{pending(leader), pending(first), pending(second)}},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := strings.ReplaceAll(`{"members": [`+strings.Join(one.members, ",")+`]`+one.more+`}`, "PENDING", "")
			require.Equal(t, one.turn, restartSays(t, `restart.turn(json.loads(sys.argv[1]), sys.argv[2])`, cluster, one.pod))
		})
	}
}

func TestARestartHasToHelp(t *testing.T) {
	const fewer = `"pending_restart": true, "pending_restart_reason": {"max_connections": {"old_value": "75", "new_value": "40"}}`
	for name, one := range map[string]struct {
		status, control string
		helps           bool
	}{
		"the primary":                           {status: `{"role": "primary", ` + fewer + `}`, control: "75", helps: true},
		"a primary without need":                {status: `{"role": "primary"}`, control: "75"},
		"a standby whose primary has restarted": {status: `{"role": "replica", ` + fewer + `}`, control: "40", helps: true},
		"one whose primary has not":             {status: `{"role": "replica", ` + fewer + `}`, control: "75"},
		"a standby with another reason":         {status: `{"role": "replica", "pending_restart": true, "pending_restart_reason": {"wal_level": {"old_value": "replica", "new_value": "logical"}}}`, control: "40"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, one.helps, restartSays(t, `restart.helps(json.loads(sys.argv[1]), {"max_connections setting": sys.argv[2]})`, one.status, one.control))
		})
	}
}

// restartSays is what a question to restart.py yields.
func restartSays(t *testing.T, question string, args ...string) bool {
	t.Helper()
	cmd := exec.Command("python3", slices.Concat([]string{"-c", `import json, sys; sys.path.insert(0, "."); import restart; print(` + question + `)`}, args)...)
	cmd.Env = append(os.Environ(), "MEMBERS=3", "PYTHONDONTWRITEBYTECODE=1")
	output, err := cmd.CombinedOutput()
	require.NoError(t, err, string(output))
	return strings.TrimSpace(string(output)) == "True"
}

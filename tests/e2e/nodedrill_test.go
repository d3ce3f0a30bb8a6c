//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// labNodes breaks nodes of the lab, and has mended all when the test ends.
type labNodes struct {
	t       *testing.T
	program string
}

func newLabNodes(t *testing.T) labNodes {
	t.Helper()
	l := labNodes{t, filepath.Join(t.TempDir(), "lab")}
	command(t, "go", "build", "-C", "lab", "-o", l.program, "./cmd/lab")
	t.Cleanup(func() {
		for _, node := range breakable(t) {
			_, _ = try(t, l.program, "node", node, "on")
			_, _ = try(t, "kubectl", "uncordon", node)
			_, _ = try(t, "kubectl", "taint", "node", node, outOfService+"-")
		}
	})
	return l
}

func (l labNodes) do(node, action string) {
	l.t.Helper()
	command(l.t, l.program, "node", node, action)
}

// member is one of the shard's servers, and where it is.
type member struct{ pod, node string }

func (m member) claim() string { return "data-" + m.pod }

// members are those of the first shard.
func (n *nodeDrill) members() []member { return n.membersOf(0) }

func (n *nodeDrill) membersOf(shard int) (all []member) {
	n.t.Helper()
	list := kubectl(n.t, "get", "pods", "-n", n.namespace, "-l", fmt.Sprintf("app.kubernetes.io/instance=postgres-shard-%d,scalestack/role", shard),
		"-o", `jsonpath={range .items[*]}{.metadata.name} {.spec.nodeName}{"\n"}{end}`)
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) == 2 {
			all = append(all, member{fields[0], fields[1]})
		}
	}
	return all
}

func (n *nodeDrill) memberOn(node string) member {
	n.t.Helper()
	return n.find(node, func(m member) bool { return m.node == node })
}

func (n *nodeDrill) memberOf(pod string) member {
	n.t.Helper()
	return n.find(pod, func(m member) bool { return m.pod == pod })
}

func (n *nodeDrill) find(what string, is func(member) bool) member {
	n.t.Helper()
	all := n.members()
	for _, m := range all {
		if is(m) {
			return m
		}
	}
	require.FailNow(n.t, "no member "+what, "%v", all)
	return member{}
}

// primaryOn makes the member on a node the primary.
func (n *nodeDrill) primaryOn(node string) {
	n.t.Helper()
	n.lead(0, n.memberOn(node).pod)
}

// lead makes a member its shard's primary.
func (n *nodeDrill) lead(shard int, wanted string) {
	n.t.Helper()
	primary := n.primaryOf(shard)
	if primary == wanted {
		return
	}
	kubectl(n.t, "exec", "-n", n.namespace, primary, "-c", "postgres", "--", "patronictl", "switchover", "--candidate", wanted, "--force")
	eventually(n.t, time.Minute, wanted+" is the primary", func() error {
		if now := n.primaryOf(shard); now != wanted {
			return fmt.Errorf("%s is", now)
		}
		return nil
	})
	n.settle()
}

// awaitAnother waits until another member than the former primary has the lock.
func (n *nodeDrill) awaitAnother(former string) { n.awaitAnotherOf(0, former) }

func (n *nodeDrill) awaitAnotherOf(shard int, former string) {
	n.t.Helper()
	eventually(n.t, 2*time.Minute, "another primary", func() error {
		if now := n.primaryOf(shard); now == former || now == "" {
			return fmt.Errorf("%q is the primary", now)
		}
		return nil
	})
}

// insider writes at the primary itself, past every Service, for as long as it can: a
// primary that nobody reaches must not acknowledge what the next one does not have.
type insider struct {
	*nodeDrill
	// primary is the pod, uid tells it from one that replaced it.
	primary, uid string
}

// insiderTable is in a database that no shard map knows.
const insiderTable = "drill_insider"

// insider starts one at the present primary.
func (n *nodeDrill) insider() insider {
	n.t.Helper()
	n.query("CREATE TABLE IF NOT EXISTS " + insiderTable + " (id bigint PRIMARY KEY)")
	i := insider{n, n.primary(), ""}
	i.uid = i.podUID(i.primary)
	kubectl(n.t, "exec", "-n", n.namespace, i.primary, "-c", "postgres", "--", "sh", "-c", "( "+insiderScript+" ) >/dev/null 2>&1 </dev/null &")
	return i
}

// query runs a statement at the primary.
func (n *nodeDrill) query(statement string) string {
	n.t.Helper()
	return n.sql(n.primary(), statement)
}

// insiderScript writes rows whose key is the time at which they were begun, in nanoseconds, and
// notes those that were acknowledged.
const insiderScript = `rm -f /tmp/insider.log; touch /tmp/insider; while [ -e /tmp/insider ]; do
id=$(date +%s%N)
psql -Xq -v ON_ERROR_STOP=1 -h /var/run/postgresql -U postgres -d postgres -c "INSERT INTO drill_insider VALUES ($id)" >/dev/null 2>&1 &&
echo "$id" >>/tmp/insider.log
sleep 0.1
done`

// stop ends it and returns the rows that were acknowledged. They are in a volume of the pod, which outlives its
// containers and the node's power, but not the pod.
func (i insider) stop() []int64 {
	i.t.Helper()
	log, err := try(i.t, "kubectl", "exec", "-n", i.namespace, i.primary, "-c", "postgres", "--",
		"sh", "-c", "rm -f /tmp/insider; sleep 1; cat /tmp/insider.log 2>/dev/null || true")
	require.NoError(i.t, err, log)
	var acknowledged []int64
	for line := range strings.Lines(log) {
		// The node may have lost its power in the middle of a line.
		if text, whole := strings.CutSuffix(line, "\n"); whole {
			id, err := strconv.ParseInt(text, 10, 64)
			require.NoError(i.t, err)
			acknowledged = append(acknowledged, id)
		}
	}
	if i.podUID(i.primary) == i.uid {
		require.NotEmpty(i.t, acknowledged, "the insider proves nothing: it was never told that a row is there")
	}
	return acknowledged
}

// requireNoOverlap holds what the insider was told against what is there: nothing
// acknowledged is lost, and the old primary acknowledged nothing that was begun after the new
// one's first. When it was told says nothing: a frozen node tells it of its last row when it thaws.
func (i insider) requireNoOverlap(acknowledged []int64, promoted time.Time) {
	i.t.Helper()
	stored := map[int64]bool{}
	for line := range strings.Lines(i.query("SELECT id FROM " + insiderTable)) {
		id, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		require.NoError(i.t, err)
		stored[id] = true
	}
	var last time.Time
	for _, id := range acknowledged {
		require.True(i.t, stored[id], "the primary acknowledged row %d from inside, and it is lost", id)
		if begun := time.Unix(0, id); begun.After(last) {
			last = begun
		}
	}
	if len(acknowledged) == 0 {
		i.t.Log("another pod has the old primary's place; what it acknowledged inside went with it")
		return
	}
	i.t.Logf("inside the old primary: %d rows acknowledged, 0 lost, the last begun %.1f s before the next primary's first", len(acknowledged), promoted.Sub(last).Seconds())
	require.True(i.t, last.Before(promoted), "two primaries acknowledged at the same time: the old one what was begun at %s, the new one since %s", last, promoted)
}

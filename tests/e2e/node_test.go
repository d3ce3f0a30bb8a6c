//go:build e2e

package e2e

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// nodeFault takes a node away that has the shard's primary on it, and brings it back.
type nodeFault struct {
	name string
	// limit is the longest time without an acknowledged write that the drill accepts;
	// docs/high-availability.md has the goals.
	limit time.Duration
	// lasts is for how long the node stays away.
	lasts      time.Duration
	begin, end func(n *nodeDrill, node string)
}

var nodeFaults = map[string]nodeFault{
	"vanish": {"vanish", 45 * time.Second, away, act("off"), act("on")},
	"freeze": {"freeze", 45 * time.Second, away, act("freeze"), act("thaw")},
	"cut":    {"cut", 45 * time.Second, away, act("cut"), act("on")},
	"drain":  {"drain", 15 * time.Second, 10 * time.Second, (*nodeDrill).drain, (*nodeDrill).uncordon},
}

// away is how long a fault lasts: longer than the lock of a primary, and than the 50 s
// after which the control plane takes the node for lost.
const away = time.Minute

// breakable are the nodes that the drill takes away: all but the first, which has the control plane,
// and everything of the stack that is not a member.
func breakable(t *testing.T) []string {
	t.Helper()
	all := strings.Fields(kubectl(t, "get", "nodes", "-o", "jsonpath={.items[*].metadata.name}"))
	return slices.DeleteFunc(all, func(node string) bool { return node == "lab" })
}

// nodeDrill is a shard with a member on each of three nodes, under load.
type nodeDrill struct {
	*failover
	nodes     labNodes
	breakable []string
}

// TestNode deploys a stack of its own on three nodes and goes through PARTS:
//
//	vanish  a node with the primary loses its power and comes back
//	freeze  it stops for a while and goes on
//	cut     it is cut off and goes on
//	drain   it is drained
//	deploy  a deployment while a node with a standby is off
//	lost    a node with a standby never comes back
//	users   a node with a pod of the service vanishes
//	zone    all nodes of a zone vanish, with the primaries of two shards; NODES=5
//	random  FAULTS of any kind, one after the other, by SEED
func TestNode(t *testing.T) {
	if os.Getenv("DRILL") != "node" {
		t.Skip("takes many minutes: make drill-node")
	}
	n := newNodeDrill(t)
	for _, part := range strings.Fields(os.Getenv("PARTS")) {
		do := map[string]func(){"deploy": n.deploy, "lost": n.lost, "users": n.users, "zone": n.zone, "random": n.random}[part]
		if fault, ok := nodeFaults[part]; ok {
			do = func() { n.takePrimary(fault) }
		}
		require.NotNil(t, do, "PARTS: %s", part)
		began := time.Now()
		n.underLoad(part, do)
		t.Logf("%s: part of %s", part, time.Since(began).Round(time.Second))
	}
}

// newNodeDrill deploys with the other nodes closed, so that the service, Redis and Kafka
// stay where nothing is broken.
func newNodeDrill(t *testing.T) *nodeDrill {
	t.Helper()
	s := newFailoverStack(t)
	n := &nodeDrill{nodes: newLabNodes(t)}
	n.breakable = breakable(t)
	for _, node := range n.breakable {
		kubectl(t, "cordon", node)
	}
	s.up(1)
	for _, node := range n.breakable {
		kubectl(t, "uncordon", node)
	}
	n.failover = newFailover(t, s, 200)
	require.NoError(t, n.pulse.writeOne(), "the first row")
	s.up(members)
	n.settle()
	for i, member := range n.members() {
		t.Logf("member %d: %s on %s", i, member.pod, member.node)
	}
	return n
}

// takePrimary takes a node away that has the primary on it.
func (n *nodeDrill) takePrimary(fault nodeFault) {
	node := n.breakable[0]
	n.primaryOn(node)
	n.take(fault, node, fault.lasts)
}

// take takes a node away for a while, and waits until all members are there again.
func (n *nodeDrill) take(fault nodeFault, node string, lasts time.Duration) {
	inside := n.insider()
	primary := inside.primary
	time.Sleep(2 * time.Second)
	lost := n.memberOf(primary).node == node
	began := time.Now()
	fault.begin(n, node)
	if lost && lasts >= fault.lasts {
		n.awaitAnother(primary)
		n.t.Logf("%s: another held the lock after %.1f s", fault.name, time.Since(began).Seconds())
	}
	time.Sleep(lasts - time.Since(began))
	n.report(node, time.Since(began))
	fault.end(n, node)
	n.settle()
	pause, promoted := n.pulse.longestPause(began)
	n.t.Logf("%s of %s, primary there %v: %.1f s without an acknowledged write; whole again %s after it began",
		fault.name, node, lost, pause.Seconds(), time.Since(began).Round(time.Second))
	assert.LessOrEqual(n.t, pause, fault.limit, fault.name)
	if acknowledged := inside.stop(); n.primary() != primary {
		inside.requireNoOverlap(acknowledged, promoted)
	}
}

// report says what the control plane makes of a node that is away.
func (n *nodeDrill) report(node string, after time.Duration) {
	ready := kubectl(n.t, "get", "node", node, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`)
	taints := kubectl(n.t, "get", "node", node, "-o", "jsonpath={.spec.taints[*].key}")
	pods := kubectl(n.t, "get", "pods", "-n", n.namespace, "--field-selector", "spec.nodeName="+node, "--no-headers")
	n.t.Logf("%s after %s: Ready %s, taints %q, pods there:\n%s", node, after.Round(time.Second), ready, taints, pods)
}

func (n *nodeDrill) drain(node string) {
	command(n.t, "kubectl", "drain", node, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=180s")
}

func (n *nodeDrill) uncordon(node string) { kubectl(n.t, "uncordon", node) }

func act(action string) func(*nodeDrill, string) {
	return func(n *nodeDrill, node string) { n.nodes.do(node, action) }
}

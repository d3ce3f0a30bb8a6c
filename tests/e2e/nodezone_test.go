//go:build e2e

package e2e

import (
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// zone takes all nodes of a zone away at once. The primaries of both shards are there, and a member of each is in every zone.
func (n *nodeDrill) zone() {
	zones := n.zones()
	lost := zones[n.breakable[0]]
	var nodes []string
	for _, node := range n.breakable {
		if zones[node] == lost {
			nodes = append(nodes, node)
		}
	}
	require.Greater(n.t, len(nodes), 1, "a zone needs two nodes: NODES=5, in a lab without data")
	n.secondShard()
	var former []string
	for _, shard := range n.shards.Shards {
		former = append(former, n.leadIn(shard.ID, zones, lost))
	}
	kubectl(n.t, "rollout", "restart", "deployment/app", "-n", n.namespace)
	kubectl(n.t, "rollout", "status", "deployment/app", "-n", n.namespace, "--timeout=120s")
	time.Sleep(5 * time.Second)

	began := time.Now()
	for _, node := range nodes {
		n.nodes.do(node, "off")
	}
	for shard, primary := range former {
		n.awaitAnotherOf(shard, primary)
	}
	n.t.Logf("zone: all of %s is off; other primaries held the locks after %.1f s", lost, time.Since(began).Seconds())
	time.Sleep(away - time.Since(began))
	for _, node := range nodes {
		n.report(node, time.Since(began))
	}
	for _, node := range nodes {
		n.nodes.do(node, "on")
	}
	n.settle()
	n.t.Logf("zone: whole again %s after it was lost", time.Since(began).Round(time.Second))
	for _, shard := range n.shards.Shards {
		pause, _ := n.pulse.longestPauseOf(began, func(id int64) bool { return n.shards.ShardOf(id).ID == shard.ID })
		n.t.Logf("zone: %s had %.1f s without an acknowledged write", shard.Name, pause.Seconds())
		assert.LessOrEqual(n.t, pause, nodeFaults["vanish"].limit, shard.Name)
	}
	failed, acknowledged, last := n.pulse.failedAfter(began)
	n.t.Logf("zone: of %d writes without a second attempt %d failed, the last %.0f s after it", failed+acknowledged, failed, last.Sub(began).Seconds())
}

// zones of the nodes.
func (n *nodeDrill) zones() map[string]string {
	n.t.Helper()
	all := map[string]string{}
	list := kubectl(n.t, "get", "nodes", "-o", `jsonpath={range .items[*]}{.metadata.name} {.metadata.labels.topology\.kubernetes\.io/zone}{"\n"}{end}`)
	for line := range strings.Lines(list) {
		if fields := strings.Fields(line); len(fields) == 2 {
			all[fields[0]] = fields[1]
		}
	}
	return all
}

// secondShard gives half of the users to another shard.
func (n *nodeDrill) secondShard() {
	n.t.Helper()
	if len(n.shards.Shards) > 1 {
		return
	}
	n.stack.set(map[string]string{"scalestack:postgres.shards": "2", "scalestack:postgres.moves.batch": "120", "scalestack:postgres.moves.observe": "1"})
	n.stack.deploy()
	n.readMap()
	require.True(n.t, n.ended(15*time.Minute), "the mover has failed")
	n.settle()
}

// leadIn makes the shard's member in a zone its primary, and requires that each has a zone of its own.
func (n *nodeDrill) leadIn(shard int, zones map[string]string, wanted string) (primary string) {
	n.t.Helper()
	seen := map[string]string{}
	for _, m := range n.membersOf(shard) {
		zone := zones[m.node]
		require.Empty(n.t, seen[zone], "%s and %s are in one zone", m.pod, seen[zone])
		seen[zone] = m.pod
		n.t.Logf("zone: %s on %s, %s", m.pod, m.node, zone)
	}
	require.NotEmpty(n.t, seen[wanted])
	n.lead(shard, seen[wanted])
	return seen[wanted]
}

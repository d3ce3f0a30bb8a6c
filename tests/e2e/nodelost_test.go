//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// outOfService tells the control plane that nothing runs on a node any more. Whoever
// sets it has made sure of that.
const outOfService = "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"

// deploy changes every member while a node with a standby is off: the deployment must not
// take the shard away, and must come to its end once the node is back.
func (n *nodeDrill) deploy() {
	node := n.breakable[0]
	n.primaryOn(n.breakable[1])
	// The part lost leaves none there: it has to come later.
	standby := n.memberOn(node)
	n.nodes.do(node, "off")
	n.awaitNotReady(node)
	began := time.Now()
	n.stack.set(map[string]string{"scalestack:postgres.rolloutTimeoutSeconds": "60", "scalestack:postgres.resources.memory": "544Mi"})
	text, err := try(n.t, "pulumi", "up", "--yes", "--skip-preview", "--stack", n.stack.name, "--non-interactive", "--config-file", n.stack.config)
	took, pause := time.Since(began), n.pulse.pauseAfter(began)
	n.t.Logf("deploy with %s and %s off: %s after %s, %.1f s without an acknowledged write; it says:\n%s",
		node, standby.pod, ended(err), took.Round(time.Second), pause.Seconds(), reasons(text))
	assert.Error(n.t, err, "a deployment that a member cannot follow is not called done")
	assert.LessOrEqual(n.t, pause, 25*time.Second, "deploy")
	n.nodes.do(node, "on")
	n.settle()
	n.stack.deploy()
	n.settle()
}

// lost is a node that never comes back, with a standby and its volume: what
// docs/node-lost.md says an operator does.
func (n *nodeDrill) lost() {
	node := n.breakable[0]
	n.primaryOn(n.breakable[1])
	gone := n.memberOn(node)
	began := time.Now()
	n.nodes.do(node, "off")
	n.awaitNotReady(node)
	n.t.Logf("lost: %s is NotReady after %s", node, time.Since(began).Round(time.Second))

	kubectl(n.t, "taint", "node", node, outOfService)
	kubectl(n.t, "delete", "pvc", gone.claim(), "-n", n.namespace, "--timeout=120s")
	n.t.Logf("lost: pod and claim %s are gone %s after the node", gone.claim(), time.Since(began).Round(time.Second))
	n.stack.pulumi("refresh", "--yes", "--skip-preview", "--run-program")
	n.stack.deploy()
	n.settle()
	now := n.memberOf(gone.pod)
	n.t.Logf("lost: %s follows on %s %s after the node vanished, %.1f s without an acknowledged write",
		now.pod, now.node, time.Since(began).Round(time.Second), n.pulse.pauseAfter(began).Seconds())
	require.NotEqual(n.t, node, now.node)

	n.nodes.do(node, "on")
	kubectl(n.t, "taint", "node", node, outOfService+"-")
	n.settle()
}

// users is what clients see of a node with a pod of the service on it.
func (n *nodeDrill) users() {
	n.primaryOn("lab")
	kubectl(n.t, "rollout", "restart", "deployment/app", "-n", n.namespace)
	kubectl(n.t, "rollout", "status", "deployment/app", "-n", n.namespace, "--timeout=120s")
	nodes := strings.Fields(kubectl(n.t, "get", "pods", "-n", n.namespace, "-l", "app.kubernetes.io/name=app", "--field-selector=status.phase=Running",
		"-o", "jsonpath={.items[*].spec.nodeName}"))
	var node string
	for _, one := range nodes {
		if one != "lab" {
			node = one
		}
	}
	require.NotEmpty(n.t, node, "pods of the service are on %v", nodes)
	time.Sleep(5 * time.Second)
	began := time.Now()
	n.nodes.do(node, "off")
	time.Sleep(90 * time.Second)
	failed, acknowledged, last := n.pulse.failedAfter(began)
	n.t.Logf("users: %s with one of two pods of the service vanished: of %d writes without a second attempt %d failed, the last %.0f s after it; %.1f s without an acknowledged write",
		node, failed+acknowledged, failed, last.Sub(began).Seconds(), n.pulse.pauseAfter(began).Seconds())
	n.nodes.do(node, "on")
	n.settle()
}

func (n *nodeDrill) awaitNotReady(node string) {
	n.t.Helper()
	eventually(n.t, 3*time.Minute, node+" is NotReady", func() error {
		if status := kubectl(n.t, "get", "node", node, "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status}`); status == "True" {
			return fmt.Errorf("Ready is %s", status)
		}
		return nil
	})
}

func ended(err error) string {
	if err != nil {
		return "failed"
	}
	return "done"
}

// reasons are the lines of a deployment's output that say why it failed.
func reasons(text string) string {
	var found []string
	for line := range strings.Lines(text) {
		if strings.Contains(line, "error") || strings.Contains(line, "rollout:") || strings.Contains(line, "not ") {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return strings.Join(found[:min(len(found), 12)], "\n")
}

//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/tests/load"
)

// Every registered user gets one mail and is counted once, every change has its
// event, in order, and no cache keeps what was before, while pods of every
// program, the broker and shards die and while the broker is away for a while.
// USERS, RATE, KILLS and OUTAGE make it longer, see make prove-events.
func TestEventsFollowEveryRegistration(t *testing.T) {
	began := time.Now()
	count, seed := int(number(t, "USERS", 2_000)), number(t, "SEED", time.Now().Unix()%1_000_000)
	t.Logf("seed %d", seed)
	p := newProof(t, 2_000)
	trail := p.follow(began)

	// Clients wait for a shard that restarts.
	const patience = 2 * time.Minute
	p.start(load.Options{Rate: 40, Clients: 4, Zipf: 1.1, Patience: patience, Seed: uint64(seed)})
	registrations := load.Register(t.Context(), load.RegisterOptions{
		Target: p.target(), Run: fmt.Sprintf("proof-%d", p.population.First), Count: count,
		Rate: float64(number(t, "RATE", 60)), Patience: patience,
	})
	p.killPods(rand.New(rand.NewPCG(11, uint64(seed))), int(number(t, "KILLS", 7)), time.Duration(number(t, "EVERY", 2))*time.Second)
	p.withoutBroker(registrations, time.Duration(number(t, "OUTAGE", 15))*time.Second)
	users, report := registrations.Wait()
	t.Logf("registrations: %s", report)
	require.Zero(t, report.Failed)
	require.Len(t, users, count)

	p.clients.Stop()
	trail.awaitDrained(users)
	p.compare()
	trail.compare(users)
	require.Zero(t, load.ReadAll(p.target(), p.history).Failed)
	require.NoError(t, p.history.Err(), "what the cache has after every event was followed")
}

// victims are the pods of each program; what is killed first comes first.
var victims = []string{
	"app.kubernetes.io/instance=relay", "app.kubernetes.io/instance=email", "strimzi.io/name=kafka-kafka", "app.kubernetes.io/instance=analytics",
	"app.kubernetes.io/instance=app", "app.kubernetes.io/instance=invalidate", "app.kubernetes.io/name=postgres",
}

// killPods takes pods of one program after the other away without a warning.
func (p *proof) killPods(random *rand.Rand, kills int, every time.Duration) {
	p.t.Helper()
	for n := range kills {
		names := strings.Fields(kubectl(p.t, "get", "pods", "-n", p.namespace, "-l", victims[n%len(victims)],
			"--field-selector=status.phase=Running", "-o", "jsonpath={.items[*].metadata.name}"))
		if len(names) > 0 {
			pod := names[random.IntN(len(names))]
			p.t.Logf("killing %s", pod)
			kubectl(p.t, "delete", "pod", pod, "-n", p.namespace, "--force", "--grace-period=0", "--wait=false", "--ignore-not-found")
		}
		time.Sleep(every)
	}
}

// withoutBroker takes the broker away for a while, in which users go on
// registering. Its pod finds no node until the node takes pods again.
func (p *proof) withoutBroker(registrations *load.Registrations, outage time.Duration) {
	p.t.Helper()
	p.awaitReady()
	node := kubectl(p.t, "get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
	uncordon := func() { kubectl(p.t, "uncordon", node) }
	p.t.Cleanup(uncordon)
	kubectl(p.t, "cordon", node)
	kubectl(p.t, "delete", "pod", "-n", p.namespace, "-l", "strimzi.io/name=kafka-kafka", "--force", "--grace-period=0")
	before, began := registrations.Report(), time.Now()
	time.Sleep(outage)
	after := registrations.Report()
	running := kubectl(p.t, "get", "pods", "-n", p.namespace, "-l", "strimzi.io/name=kafka-kafka", "--field-selector=status.phase=Running", "-o", "name")
	require.Empty(p.t, running, "the broker is away")
	uncordon()
	p.t.Logf("broker away for %s: %d registrations, %d failed", time.Since(began).Round(time.Second),
		after.Operations-before.Operations, after.Failed-before.Failed)
	require.Greater(p.t, after.Operations, before.Operations, "registrations go on")
	require.Equal(p.t, before.Failed, after.Failed)
}

// awaitReady waits for all pods of the stack.
func (p *proof) awaitReady() {
	p.t.Helper()
	for _, kind := range []string{"statefulsets", "deployments"} {
		for _, name := range strings.Fields(kubectl(p.t, "get", kind, "-n", p.namespace, "-o", "name")) {
			kubectl(p.t, "rollout", "status", name, "-n", p.namespace, "--timeout=240s")
		}
	}
}

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

	p.start(load.Options{Rate: 40, Clients: 4, Zipf: 1.1, Patience: patience, Seed: uint64(seed)})
	early := p.register("early", count-count/3)
	p.killPods(rand.New(rand.NewPCG(11, uint64(seed))), int(number(t, "KILLS", 7)), time.Duration(number(t, "EVERY", 2))*time.Second)
	users := p.registered(early)
	p.awaitReady()
	users = append(users, p.withoutBroker(time.Duration(number(t, "OUTAGE", 15))*time.Second, count/3)...)
	require.Len(t, users, count)

	p.clients.Stop()
	trail.awaitDrained(users)
	p.compare()
	trail.compare(users)
	p.requireFreshCache()
}

// patience is as long as a shard needs to restart, and more.
const patience = 2 * time.Minute

// register begins to register so many users.
func (p *proof) register(name string, count int) *load.Registrations {
	return load.Register(p.t.Context(), load.RegisterOptions{
		Target: p.target(), Run: fmt.Sprintf("%s-%d", name, p.population.First), Count: count,
		Rate: float64(number(p.t, "RATE", 60)), Patience: patience,
	})
}

// registered waits until all have registered.
func (p *proof) registered(r *load.Registrations) []load.Registered {
	p.t.Helper()
	users, report := r.Wait()
	p.t.Logf("registrations: %s", report)
	require.Zero(p.t, report.Failed)
	return users
}

// victims are the pods of each program; what is killed first comes first.
var victims = []string{
	"app.kubernetes.io/instance=relay", "app.kubernetes.io/instance=email", "strimzi.io/name=kafka-kafka", "app.kubernetes.io/instance=analytics",
	"app.kubernetes.io/instance=app", "app.kubernetes.io/instance=invalidate", "app.kubernetes.io/name=postgres",
}

// killPods takes pods of one program after the other away by force.
func (p *proof) killPods(random *rand.Rand, kills int, every time.Duration) {
	p.t.Helper()
	for n := range kills {
		names := strings.Fields(kubectl(p.t, "get", "pods", "-n", p.namespace, "-l", victims[n%len(victims)],
			"--field-selector=status.phase=Running", "-o", "jsonpath={.items[*].metadata.name}"))
		if len(names) > 0 {
			p.t.Logf("killing %s", p.remove(names[random.IntN(len(names))]))
		}
		time.Sleep(every)
	}
}

// withoutBroker registers users while the broker is away for at least a while.
// Its pod finds no node until the node takes pods again.
func (p *proof) withoutBroker(outage time.Duration, count int) []load.Registered {
	p.t.Helper()
	const broker = "strimzi.io/name=kafka-kafka"
	node := kubectl(p.t, "get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
	p.t.Cleanup(func() { kubectl(p.t, "uncordon", node) })
	kubectl(p.t, "cordon", node)
	kubectl(p.t, "delete", "pod", "-n", p.namespace, "-l", broker, "--force", "--grace-period=0")
	began := time.Now()
	users := p.registered(p.register("late", count))
	time.Sleep(outage - time.Since(began))
	running := kubectl(p.t, "get", "pods", "-n", p.namespace, "-l", broker, "--field-selector=status.phase=Running", "-o", "name")
	require.Empty(p.t, running, "the broker is away")
	p.t.Logf("broker away for %s", time.Since(began).Round(time.Second))
	kubectl(p.t, "uncordon", node)
	return users
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

//go:build e2e

package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/tests/load"
)

// cacheStep is one deployment of the way from one number of servers to another.
type cacheStep struct{ nodes, also int }

func (s cacheStep) settings() map[string]string {
	return map[string]string{"scalestack:redis.nodes": strconv.Itoa(s.nodes), "scalestack:redis.alsoInvalidate": strconv.Itoa(s.also)}
}

// cacheDrill is a stack of its own whose cache gets servers and loses them.
type cacheDrill struct {
	*proof
	stack ownStack
}

// TestCacheChangesItsServers goes from one server of the cache to three and back under load. No client may read what was true before, no
// request may fail, every step that is left out is refused, and every server of the layout has keys.
func TestCacheChangesItsServers(t *testing.T) {
	if number(t, "CACHE", 0) == 0 {
		t.Skip("takes minutes: make prove-cache")
	}
	s := newOwnStack(t, "cache", "tlsstack.yaml")
	s.set(map[string]string{"scalestack:namespace": "cache"})
	s.deploy()
	d := &cacheDrill{newProof(t, number(t, "USERS", 2_000)), s}
	d.start(load.Options{Rate: float64(number(t, "RATE", 60)), Zipf: 1.1})

	d.refuse(cacheStep{nodes: 3})
	d.step(cacheStep{nodes: 1, also: 3})
	d.refuse(cacheStep{nodes: 3})
	d.step(cacheStep{nodes: 3, also: 1})
	d.refuse(cacheStep{nodes: 1})
	d.step(cacheStep{nodes: 3})
	d.refuse(cacheStep{nodes: 1, also: 3}, cacheStep{nodes: 1})
	d.step(cacheStep{nodes: 3, also: 1})
	d.step(cacheStep{nodes: 1, also: 3})
	d.step(cacheStep{nodes: 1})
	require.Empty(t, kubectl(t, "get", "pods,services,configmaps,networkpolicies", "-n", d.namespace, "-l", "app.kubernetes.io/name in (redis-1,redis-2)", "-o", "name"))

	report := d.compare()
	require.Zero(t, report.Failed, "%s", report)
	d.requireFreshCache()
}

// step deploys, as soon as no pod of the layout before is left.
func (d *cacheDrill) step(to cacheStep) {
	d.t.Helper()
	began := time.Now()
	d.stack.set(to.settings())
	eventually(d.t, 5*time.Minute, "the deployment", func() error {
		text, err := d.up()
		if err != nil && strings.Contains(text, "would let users read old entries") {
			return fmt.Errorf("%w: %s", err, text)
		}
		require.NoError(d.t, err, text)
		return nil
	})
	took := time.Since(began).Round(time.Second)
	d.awaitKeys(to.nodes)
	d.t.Logf("nodes %d, alsoInvalidate %d: pulumi up, with the wait for the last pod of before, %s", to.nodes, to.also, took)
	require.NoError(d.t, d.history.Err(), "nodes %d, alsoInvalidate %d", to.nodes, to.also)
}

// refuse shows that these steps are refused now, with the one that comes first.
func (d *cacheDrill) refuse(steps ...cacheStep) {
	d.t.Helper()
	for _, to := range steps {
		d.stack.set(to.settings())
		text, err := d.up()
		require.Error(d.t, err, text)
		require.Contains(d.t, text, "would let users read old entries", "%+v", to)
	}
}

func (d *cacheDrill) up() (string, error) {
	return try(d.t, "pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", d.stack.name, "--config-file", d.stack.config)
}

var keys = regexp.MustCompile(`(?m)^redis_db_keys\{db="db0"\} (\d+)$`)

// awaitKeys waits until every server of the layout has keys.
func (d *cacheDrill) awaitKeys(nodes int) {
	d.t.Helper()
	for n := range nodes {
		exporter := "redis-exporter"
		if n > 0 {
			exporter = fmt.Sprintf("redis-%d-exporter", n)
		}
		eventually(d.t, 2*time.Minute, exporter+" tells of keys", func() error {
			found := keys.FindStringSubmatch(d.get("http://" + d.podAddress(exporter) + ":9121/metrics"))
			if found == nil || found[1] == "0" {
				return fmt.Errorf("redis_db_keys %v", found)
			}
			return nil
		})
	}
}

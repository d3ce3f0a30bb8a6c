//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/alerts"
)

// outage is what breaks, and the alert that has to say so.
type outage struct {
	alert string
	// labels are those that the alert must have.
	labels map[string]string
	cause  func(t *testing.T)
	undo   func(t *testing.T)
	// lasts tells that the alert stays for a while after the cause has gone.
	lasts bool
}

// A healthy product has no critical alert. First of all tests: the faults of others are
// in the rates for minutes. A volume of the lab is a folder of the machine's disk, which builds fill up.
func TestAHealthyProductIsQuiet(t *testing.T) {
	for _, group := range alerts.Groups(alerts.Defaults()) {
		for _, rule := range group.Rules {
			if rule.Severity != alerts.Critical || strings.Contains(rule.Expr, "kafka_") || rule.Name == "VolumeFillsUp" {
				continue
			}
			eventually(t, 2*time.Minute, rule.Name, func() error {
				found, err := query(t, rule.Expr)
				if err == nil && len(found) > 0 {
					err = fmt.Errorf("%s holds: %v", rule.Name, found)
				}
				return err
			})
		}
	}
}

// TestAlertsFireAndClear breaks several parts at once and puts the stack's own rules to
// the lab's metrics store. HOLD=1 also waits for as long as each rule asks for, and for
// the alerts that stay for a while: make prove-alerts.
func TestAlertsFireAndClear(t *testing.T) {
	all := outages(t)
	before := map[string]float64{}
	for _, f := range all {
		eventually(t, time.Minute, "quiet before anything is broken", func() error {
			if before[f.alert] = total(t, f); before[f.alert] > 0 && !f.lasts {
				return fmt.Errorf("%s holds", f.alert)
			}
			return nil
		})
		f.cause(t)
	}
	for _, f := range all {
		began := time.Now()
		eventually(t, 2*time.Minute, f.alert, func() error {
			if found := firing(t, f); len(found) == 0 || f.lasts && total(t, f) <= before[f.alert] {
				return fmt.Errorf("%s does not fire", f.alert)
			}
			return nil
		})
		t.Logf("%s fires, %.0f s after the others", f.alert, time.Since(began).Seconds())
	}
	if os.Getenv("HOLD") != "" {
		hold(t, all)
	}
	for _, f := range all {
		f.undo(t)
	}
	for _, f := range all {
		if f.lasts && os.Getenv("HOLD") == "" {
			continue
		}
		limit := 2 * time.Minute
		if f.lasts {
			limit += 30 * time.Minute
		}
		eventually(t, limit, f.alert, func() error {
			if found := firing(t, f); len(found) > 0 {
				return fmt.Errorf("%s still fires: %v", f.alert, found)
			}
			return nil
		})
	}
}

// hold requires every alert to go on for as long as its rule asks.
func hold(t *testing.T, all []outage) {
	longest := time.Duration(0)
	for _, f := range all {
		wait, err := time.ParseDuration(rule(t, f.alert).For)
		require.NoError(t, err)
		longest = max(longest, wait)
	}
	for began := time.Now(); time.Since(began) < longest; time.Sleep(5 * time.Second) {
		for _, f := range all {
			wait, _ := time.ParseDuration(rule(t, f.alert).For)
			if time.Since(began) < wait {
				require.NotEmpty(t, firing(t, f), "%s stopped after %s of %s", f.alert, time.Since(began), wait)
			}
		}
	}
}

// total is the sum of what the alert tells now, 0 while it does not hold.
func total(t *testing.T, f outage) (sum float64) {
	t.Helper()
	for _, s := range firing(t, f) {
		// ShardDown and its like tell a 0.
		sum += max(s.number(t), 1)
	}
	return sum
}

func rule(t *testing.T, name string) alerts.Rule {
	t.Helper()
	for _, group := range alerts.Groups(alerts.Defaults()) {
		if i := slices.IndexFunc(group.Rules, func(r alerts.Rule) bool { return r.Name == name }); i >= 0 {
			return group.Rules[i]
		}
	}
	require.Fail(t, "no alert "+name)
	return alerts.Rule{}
}

// firing are the series for which the outage's alert holds now.
func firing(t *testing.T, f outage) []series {
	t.Helper()
	found, err := query(t, rule(t, f.alert).Expr)
	require.NoError(t, err, f.alert)
	return slices.DeleteFunc(found, func(s series) bool {
		for name, value := range f.labels {
			if s.Metric[name] != value {
				return true
			}
		}
		return false
	})
}

// outages are in parts that do not hide each other, on four shards.
func outages(t *testing.T) []outage {
	ns := outputs(t).Namespace
	scale := func(kind, name string, replicas int) func(t *testing.T) {
		return func(t *testing.T) {
			_, err := try(t, "kubectl", "scale", kind, name, "-n", ns, fmt.Sprintf("--replicas=%d", replicas))
			require.NoError(t, err)
		}
	}
	awaited := func(kind, name string) func(t *testing.T) {
		return func(t *testing.T) {
			scale(kind, name, 1)(t)
			_, err := try(t, "kubectl", "rollout", "status", kind+"/"+name, "-n", ns, "--timeout=3m")
			require.NoError(t, err)
		}
	}
	login := func(attribute string) func(t *testing.T) {
		return func(t *testing.T) {
			execute(t, ns, 1, "ALTER ROLE monitor "+attribute)
		}
	}
	sessions, slot, visit := &crowd{namespace: ns, shard: 2}, heldSlot{namespace: ns, shard: 0}, &callers{}
	narrow := &narrowAutoscaler{namespace: ns, name: "app"}
	fence := heldFence{namespace: ns, shard: 0, bucket: 0}
	// The group's work is the cache's, which is away in this test anyway.
	idle := &standstill{namespace: ns, group: "invalidate"}
	nothing := func(*testing.T) {}
	all := []outage{
		// One that is never scaled: starting over and over takes CPU, and the pod that is taken away again may be this one.
		{alert: "ProgramRestarts", labels: map[string]string{"container": "shardctl"}, lasts: true, undo: nothing,
			cause: func(t *testing.T) { crashAgain(t, ns, "shardctl", 4) }},
		// Before the relays and shards go: it needs an event that has been worked on.
		{alert: "ConsumerLagGrows", labels: map[string]string{"consumergroup": "invalidate", "topic": "user_events"}, cause: idle.begin, undo: idle.end},
		{alert: "ShardDown", labels: map[string]string{"shard": "shard-3"},
			cause: scale("statefulset", "postgres-shard-3", 0), undo: awaited("statefulset", "postgres-shard-3")},
		{alert: "ConnectionsNearBudget", labels: map[string]string{"shard": "shard-2"}, cause: sessions.come, undo: sessions.leave},
		{alert: "ExporterFails", labels: map[string]string{"shard": "shard-1"}, cause: login("NOLOGIN"), undo: login("LOGIN")},
		{alert: "CacheDown", cause: scale("deployment", "redis", 0), undo: awaited("deployment", "redis")},
		{alert: "SlotHoldsLog", labels: map[string]string{"shard": "shard-0", "slot": slotName}, cause: slot.hold, undo: slot.drop},
		{alert: "ShardHasNoRelay", labels: map[string]string{"shard": "shard-2"}, cause: scale("deployment", "relay", 0), undo: awaited("deployment", "relay")},
		// Of the same: the autoscaler leaves a program of no pods alone.
		{alert: "ServiceHasNoPods", labels: map[string]string{"namespace": ns, "deployment": "relay"}, cause: nothing, undo: nothing},
		{alert: "AutoscalerInactive", labels: map[string]string{"namespace": ns, "horizontalpodautoscaler": "relay"}, cause: nothing, undo: nothing},
		{alert: "EdgeHitRatioLow", labels: map[string]string{"path": "/static/*"}, cause: missTheEdge, undo: hitTheEdge},
		{alert: "FenceHeld", labels: map[string]string{"shard": "shard-0"}, cause: fence.hold, undo: fence.lift},
		{alert: "AutoscalerAtMaximum", labels: map[string]string{"horizontalpodautoscaler": "app"}, cause: narrow.narrow, undo: narrow.widen},
		// Without Redis and a shard, what visitors get.
		{alert: "CacheFails", lasts: true, cause: visit.come, undo: visit.leave},
		{alert: "RequestsFail", labels: map[string]string{"container": "app"}, lasts: true, cause: nothing, undo: nothing},
		{alert: "EventsDead", labels: map[string]string{"container": "analytics"}, lasts: true, undo: nothing,
			cause: func(t *testing.T) { require.NoError(t, produce(t, kafkaAs(t, "relay"), "user_events", "no event")) }},
	}
	t.Cleanup(func() {
		if t.Failed() {
			for _, f := range all {
				f.undo(t)
			}
		}
	})
	return all
}

// narrowAutoscaler wants more pods than it may have, until it is widened again.
type narrowAutoscaler struct {
	namespace, name string
	// before is what it was, as a patch.
	before string
}

func (n *narrowAutoscaler) narrow(t *testing.T) {
	ask := func(field string) string {
		return kubectl(t, "get", "hpa", n.name, "-n", n.namespace, "-o", "jsonpath={.spec."+field+"}")
	}
	least, err := strconv.Atoi(ask("minReplicas"))
	require.NoError(t, err)
	n.before = fmt.Sprintf(`{"spec":{"maxReplicas":%s,"metrics":%s}}`, ask("maxReplicas"), ask("metrics"))
	// Every pod uses more than 1 % of what it asks for.
	n.patch(t, fmt.Sprintf(`{"spec":{"maxReplicas":%d,"metrics":[{"type":"Resource","resource":{"name":"cpu","target":{"type":"Utilization","averageUtilization":1}}}]}}`, least+1))
}

func (n *narrowAutoscaler) widen(t *testing.T) {
	if n.before != "" {
		n.patch(t, n.before)
	}
}

func (n *narrowAutoscaler) patch(t *testing.T, patch string) {
	t.Helper()
	kubectl(t, "patch", "hpa", n.name, "-n", n.namespace, "--type=merge", "--patch", patch)
}

// crashAgain kills a service's program so many times; the kubelet waits longer before each start.
func crashAgain(t *testing.T, namespace, service string, times int) {
	t.Helper()
	killed := ""
	for range times {
		eventually(t, 3*time.Minute, service+" runs again", func() error {
			container := kubectl(t, "get", "pod", "-n", namespace, "-l", "app.kubernetes.io/instance="+service, "-o", "jsonpath={.items[0].status.containerStatuses[0].containerID}")
			if container == killed || killContainer(container) == 0 {
				return fmt.Errorf("container %q has no process", container)
			}
			killed = container
			return nil
		})
	}
}

// crowd takes sessions of a shard until few are left for others.
type crowd struct {
	namespace string
	shard     int
	sessions  []*pgx.Conn
}

func (c *crowd) come(t *testing.T) {
	config := databaseConfig(t, c.namespace, c.shard)
	for {
		conn, err := pgx.ConnectConfig(t.Context(), config)
		require.NoError(t, err)
		c.sessions = append(c.sessions, conn)
		var percent int
		require.NoError(t, conn.QueryRow(t.Context(),
			"SELECT 100 * count(*) / current_setting('max_connections')::int FROM pg_stat_activity WHERE backend_type = 'client backend'").Scan(&percent))
		if percent >= 90 {
			return
		}
	}
}

func (c *crowd) leave(*testing.T) {
	for _, conn := range c.sessions {
		_ = conn.PgConn().Conn().Close()
	}
	c.sessions = nil
}

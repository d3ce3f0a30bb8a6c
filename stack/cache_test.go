package stack

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/redis"
	"github.com/scalestack/scalestack/components/service"
	"github.com/scalestack/scalestack/internal/cluster"
	"github.com/scalestack/scalestack/internal/cluster/clustertest"
)

// cacheUser is a pod that has this address of the cache.
func cacheUser(name, address, phase string) map[string]any {
	return map[string]any{
		"metadata": map[string]any{"name": name},
		"spec": map[string]any{"containers": []any{map[string]any{"env": []any{
			map[string]any{"name": "OTHER", "valueFrom": map[string]any{}}, map[string]any{"name": "SCALESTACK_REDIS_ADDRESS", "value": address},
		}}}},
		"status": map[string]any{"phase": phase},
	}
}

func cacheDeployment(name, address string) map[string]any {
	pod := cacheUser(name, address, "")
	return map[string]any{"metadata": pod["metadata"], "spec": map[string]any{"template": map[string]any{"spec": pod["spec"]}}}
}

const (
	byOne           = "redis:6379"
	byThree         = "redis:6379,redis-1:6379,redis-2:6379"
	byOneAlsoThree  = byOne + ";" + byThree
	byThreeAlsoOne  = byThree + ";" + byOne
	wouldReadOld    = "scalestack:redis.nodes: Invalid value: %d: would let users read old entries: "
	secondHasConfig = "configmaps/scalestack/redis-1-config"
)

// Each step may follow the one before it, and no other, whatever has been left running.
func TestTheNumberOfServersChangesInSteps(t *testing.T) {
	state := resource.NewPropertyMapFromMap(map[string]any{"cluster": clustertest.ID, "namespace": "scalestack"})
	objects := func(pods ...string) map[string]map[string]any {
		all := map[string]map[string]any{secondHasConfig: {}}
		for i, address := range pods {
			all[fmt.Sprint("pods/scalestack/web-", i)] = cacheUser(fmt.Sprint("web-", i), address, "Running")
		}
		return all
	}
	for name, one := range map[string]struct {
		running     map[string]map[string]any
		nodes, also int
		want        string // "" lets the run go on
	}{
		"first step":            {objects(byOne), 1, 3, ""},
		"first step, half-way":  {objects(byOne, byOneAlsoThree), 1, 3, ""},
		"taken back":            {objects(byOne, byOneAlsoThree), 1, 0, ""},
		"another one":           {objects(byOneAlsoThree), 1, 5, ""},
		"second step":           {objects(byOneAlsoThree), 3, 1, ""},
		"second step, half-way": {objects(byOneAlsoThree, byThreeAlsoOne), 3, 1, ""},
		"back":                  {objects(byOneAlsoThree, byThreeAlsoOne), 1, 3, ""},
		"third step":            {objects(byThreeAlsoOne), 3, 0, ""},
		"nobody is left":        {objects(), 5, 0, ""},
		"all at once": {objects(byOne), 3, 0,
			"pod web-0 has nodes 1, and this deployment has nodes 3. Fix: deploy nodes 1 and alsoInvalidate 3 first, and go on when no pod of before is left (docs/cache.md)"},
		"without the first step": {objects(byOne), 3, 1, "pod web-0 has nodes 1, and this deployment has nodes 3 and alsoInvalidate 1. Fix: deploy nodes 1 and alsoInvalidate 3 first"},
		"too soon":               {objects(byOne, byOneAlsoThree), 3, 1, "pod web-0 has nodes 1, and this deployment has nodes 3 and alsoInvalidate 1"},
		"without the third step": {objects(byOneAlsoThree), 3, 0, "pod web-0 has nodes 1 and alsoInvalidate 3, and this deployment has nodes 3. Fix: deploy nodes 3 and alsoInvalidate 1 first"},
		"third step too soon":    {objects(byOneAlsoThree, byThreeAlsoOne), 3, 0, "pod web-0 has nodes 1 and alsoInvalidate 3"},
		"back all at once":       {objects(byThree), 1, 0, "pod web-0 has nodes 3, and this deployment has nodes 1. Fix: deploy nodes 3 and alsoInvalidate 1 first"},
		"another one at once":    {objects(byThreeAlsoOne), 5, 3, "Fix: deploy nodes 3 and alsoInvalidate 5 first"},
		"a Deployment without pods": {map[string]map[string]any{"deployments/scalestack/web": cacheDeployment("web", byOne)}, 3, 1,
			"deployment web has nodes 1, and this deployment has nodes 3 and alsoInvalidate 1"},
		"a pod that has ended": {map[string]map[string]any{"pods/scalestack/web": cacheUser("web", byOne, "Succeeded")}, 3, 1, ""},
		"others":               {map[string]map[string]any{"pods/scalestack/web": {"metadata": map[string]any{"name": "web"}}}, 3, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, there := &engine{outputs: state}, &clustertest.Fake{
				Namespaces: map[string]*cluster.Object{"scalestack": marked(stackOfRun + "@" + clustertest.ID)}, Objects: one.running,
			}
			err := e.run(t, there, map[string]string{"scalestack:redis": fmt.Sprintf(`{"nodes":%d,"alsoInvalidate":%d}`, one.nodes, one.also)})
			if one.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, fmt.Sprintf(wouldReadOld, one.nodes))
			require.ErrorContains(t, err, one.want)
			require.Empty(t, e.names())
		})
	}
}

// A cache of one server asks for nothing that it did not ask for before.
func TestOneServerNeedsNoLookAtPods(t *testing.T) {
	c := shop(t, nil)
	found, err := c.runningCaches(t.Context(), &clustertest.Fake{Lists: fmt.Errorf("forbidden")})
	require.NoError(t, err)
	require.Empty(t, found)
}

func TestARenderedStackKeepsItsServers(t *testing.T) {
	render := map[string]string{"scalestack:kubernetes": `{"renderTo":"out","cluster":"x"}`}
	was := func(address string) past { return past{namespace: "scalestack", cache: address} }
	for _, one := range []struct {
		redis   string
		past    past
		allowed bool
	}{
		{`{}`, past{}, true}, {`{"nodes":3}`, past{}, true}, {`{"alsoInvalidate":3}`, past{}, false},
		{`{}`, was(byOne), true}, {`{}`, was(""), true}, {`{"nodes":3}`, was(byThree), true},
		{`{"nodes":3}`, was(byOne), false}, {`{"nodes":3}`, was(""), false}, {`{}`, was(byThree), false}, {`{"alsoInvalidate":3}`, was(byOne), false},
	} {
		config := map[string]string{"scalestack:redis": one.redis, "scalestack:kubernetes": render["scalestack:kubernetes"]}
		c := shop(t, config)
		require.Equal(t, one.allowed, len(c.judgeCache(findings{past: one.past})) == 0, "%s after %v", one.redis, one.past)
	}
}

// What a service may connect to outlives the update that takes it away.
func TestEveryServerIsOpenToTheCachesUsers(t *testing.T) {
	c := shop(t, map[string]string{"scalestack:redis": `{"nodes":1,"alsoInvalidate":3}`})
	web := service.PodLabels("web")
	for number, server := range []string{"redis", "redis-1", "redis-2"} {
		require.Equal(t, []k8s.Peer{{Pods: web}}, peersOf(c, server))
		target := k8s.Target{Peer: k8s.Peer{Pods: redis.PodLabels(redisName, number)}, Port: redis.Port}
		var ways []k8s.Target
		for _, o := range c.openings() {
			if o.client == "web" && o.target == server {
				ways = append(ways, o.To...)
			}
		}
		own := c.serviceArgs(c.Services["web"], wiredHere()).EgressTo
		if number == 0 {
			require.Contains(t, own, target)
			require.Empty(t, ways)
			continue
		}
		require.NotContains(t, own, target)
		require.Equal(t, []k8s.Target{target}, ways)
	}
	require.Empty(t, peersOf(shop(t, nil), "redis-1"))
}

// Services come after every server and every policy: the address is known then.
func TestServicesComeAfterAllServers(t *testing.T) {
	e := &engine{}
	require.NoError(t, e.run(t, &clustertest.Fake{}, map[string]string{
		"scalestack:redis":    `{"nodes":3}`,
		"scalestack:services": `{"web":{"image":"a:1","uses":{"cache":true}}}`,
	}))
	for _, one := range e.registered {
		if one.TypeToken == "kubernetes:apps/v1:Deployment" && one.Name == "web-deployment" {
			var before []string
			for _, urn := range one.RegisterRPC.GetDependencies() {
				before = append(before, urn[strings.LastIndex(urn, ":")+1:])
			}
			require.Subset(t, before, []string{"redis-deployment", "redis-1-deployment", "redis-2-deployment", "redis-2-service"})
			return
		}
	}
	t.Fatal("no Deployment web")
}

package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// cachesOf are the servers of the cache that the pods of web know.
func (r *rig) cachesOf(workload string) []string {
	r.t.Helper()
	var deployment struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Env []struct{ Name, Value string }
				}
			}
		}
	}
	decode(r.t, r.objects[workload], &deployment)
	for _, variable := range deployment.Template.Spec.Containers[0].Env {
		if variable.Name == "SCALESTACK_REDIS_ADDRESS" {
			return strings.FieldsFunc(variable.Value, func(c rune) bool { return c == ',' || c == ';' })
		}
	}
	return nil
}

// requireCaches requires that the servers that pods know are there, and reached by them.
func (r *rig) requireCaches() {
	r.t.Helper()
	r.always(func() bool {
		for _, address := range r.cachesOf(webDeployment) {
			server, _, _ := strings.Cut(address, ".")
			if r.objects["Service "+server+"-service"] == nil || r.objects["Deployment "+server+"-deployment"] == nil ||
				!r.reaches(r.podsOf(webDeployment), r.podsOf("Deployment "+server+"-deployment"), 6379) {
				return false
			}
		}
		return true
	}, "pods reach every server that they know")
}

// The steps in which the number of servers changes, and one whose rollout fails.
func TestServersOfTheCacheAreThereForWhoeverKnowsThem(t *testing.T) {
	config := map[string]string{"services": `{"web":{"image":"a:1","uses":{"cache":true}}}`}
	r := newStack(t, config)
	r.mustRun(update)
	r.requireCaches()
	step := func(nodes, also int) { config["redis"] = fmt.Sprintf(`{"nodes":%d,"alsoInvalidate":%d}`, nodes, also) }
	restarted := func() (names []string) {
		for _, done := range r.done {
			if strings.HasPrefix(done, "update Deployment redis") {
				names = append(names, done)
			}
		}
		return names
	}
	for _, one := range []struct {
		nodes, also, servers int
		restarted            []string
	}{
		{1, 3, 3, nil}, {3, 1, 3, nil}, {3, 0, 3, []string{"update Deployment redis-deployment"}},
		{3, 2, 3, []string{"update Deployment redis-deployment", "update Deployment redis-1-deployment"}}, {2, 3, 3, nil}, {2, 0, 2, nil},
	} {
		step(one.nodes, one.also)
		if one.nodes == 2 && one.also == 0 {
			r.unready = "Deployment"
			_, err := r.run(update, false)
			require.Error(t, err)
			require.NotNil(t, r.objects["Deployment redis-2-deployment"], "pods of before may run on")
			r.unready = ""
		}
		r.mustRun(update)
		require.Equal(t, one.restarted, restarted(), one)
		r.mustRun(update)
		require.Empty(t, r.done)
		for number, name := range []string{"redis-deployment", "redis-1-deployment", "redis-2-deployment", "redis-3-deployment"} {
			require.Equal(t, number < one.servers, r.objects["Deployment "+name] != nil, "%s after %v", name, one)
		}
	}
}

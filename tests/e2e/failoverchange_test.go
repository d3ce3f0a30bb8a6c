//go:build e2e

package e2e

import (
	"strings"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// change is a deployment that replaces every member, and what each has to answer afterwards.
type change struct {
	name     string
	settings map[string]string
	ask      string
	want     string
}

var changes = []change{
	{"more connections", map[string]string{"scalestack:postgres.maxConnections": "75"}, "SHOW max_connections", "75"},
	{"fewer connections", map[string]string{"scalestack:postgres.maxConnections": "50"}, "SHOW max_connections", "50"},
	{"more memory", map[string]string{"scalestack:postgres.resources.memory": "640Mi"}, "SHOW shared_buffers", "144MB"},
	// The same layers by another name: to Kubernetes it is another image.
	{"another image", map[string]string{"scalestack:postgres.image": "docker.io/" + patroniImage}, "SELECT 1", "1"},
}

// change changes what takes a restart of every member, while users write. It lasts as long as a switchover, and for fewer
// connections a restart more.
func (f *failover) change() {
	f.settle()
	f.underLoad("change", func() {
		for _, one := range changes {
			began := time.Now()
			f.stack.set(one.settings)
			f.stack.deploy()
			took := time.Since(began)
			for _, pod := range f.pods() {
				require.Equal(f.t, one.want, f.sql(pod, one.ask), "%s: %s", one.name, pod)
			}
			f.settle()
			pause := f.pulse.pauseAfter(began)
			f.t.Logf("%s: pulumi up %s, %.1f s without an acknowledged write", one.name, took.Round(time.Second), pause.Seconds())
			assert.LessOrEqual(f.t, pause, 15*time.Second, one.name)
		}
	})
	for _, pod := range f.pods() {
		image := kubectl(f.t, "get", "pod", pod, "-n", f.namespace, "-o", `jsonpath={.spec.containers[?(@.name=="postgres")].image}`)
		require.Equal(f.t, "docker.io/"+patroniImage, image, pod)
	}
}

// pods are the members of all shards.
func (f *failover) pods() []string {
	f.t.Helper()
	found := strings.Fields(kubectl(f.t, "get", "pods", "-n", f.namespace, "-l", "app.kubernetes.io/name=postgres,scalestack/role",
		"-o", "jsonpath={.items[*].metadata.name}"))
	require.Len(f.t, found, members*len(f.shards.Shards))
	return found
}

// sql runs a statement at a member, past every Service.
func (f *failover) sql(pod, statement string) string {
	f.t.Helper()
	return strings.TrimSpace(kubectl(f.t, "exec", "-n", f.namespace, pod, "-c", "postgres", "--",
		"psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", "/var/run/postgresql", "-U", "postgres", "-d", "postgres", "-c", statement))
}

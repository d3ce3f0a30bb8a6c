//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/shardmap"
)

// What the shards know better than the configuration is refused before
// anything is changed, and the way back is open. TestMigrate has the refusals
// that need no cluster.
func TestAShardWithDataIsNotDropped(t *testing.T) {
	p := newProof(t, 100)
	p.restore()
	before := p.assignment()
	text, err := try(t, "pulumi", "up", "--yes", "--skip-preview", "--stack", "dev", "--non-interactive",
		"--config-file", changedConfig(t, "postgres", map[string]any{"shards": 3}))
	require.Error(t, err, text)
	logs := kubectl(t, "logs", "-n", p.namespace, "-l", "app.kubernetes.io/instance=shards-migrate", "--tail=-1")
	require.Contains(t, logs, "shard 3 is not in the map and owns 240 buckets (3, 7, 11, 15, 19, …): drain it first")
	require.Equal(t, before, p.assignment())
}

// A second mover, and one with the map of another stack, change nothing.
func TestMoversRefuse(t *testing.T) {
	p := newProof(t, 1000)
	p.restore()
	// The first mover waits with one bucket on the way, so that the second meets it.
	p.up(changedConfig(t, "postgres", map[string]any{"pins": map[string]int{"0": 1}, "moves": map[string]any{"observe": 40}}))
	first := p.moverJob()
	eventually(t, time.Minute, "the first mover has moved the bucket", func() error {
		if owner := p.ownerOf(0); owner != 1 {
			return fmt.Errorf("bucket 0 is shard %d's", owner)
		}
		return nil
	})

	p.moveBeside("second-mover", first, nil, "another mover is at work")
	foreign := *p.shards
	foreign.Cluster = "elsewhere"
	p.moveBeside("foreign-mover", first, &foreign, "the cluster is "+p.shards.Cluster+" there and elsewhere in the map")

	p.await(5 * time.Minute)
	require.Equal(t, p.shards.Assignment, p.assignment())
}

// ownerOf asks the shards, also in the moment in which nobody owns the bucket.
func (p *proof) ownerOf(bucket int) int {
	for _, shard := range p.shards.Shards {
		var owned bool
		err := database(p.t, p.namespace, shard.ID).QueryRow(p.t.Context(),
			"SELECT EXISTS (SELECT FROM scalestack.ownership WHERE bucket = $1 AND state = 'owned')", bucket).Scan(&owned)
		require.NoError(p.t, err)
		if owned {
			return shard.ID
		}
	}
	return -1
}

// moverJob is the Job that moves buckets, as Kubernetes has it.
func (p *proof) moverJob() manifest {
	p.t.Helper()
	var jobs struct{ Items []manifest }
	text := kubectl(p.t, "get", "jobs", "-n", p.namespace, "-l", moverLabel, "-o", "json")
	require.NoError(p.t, json.Unmarshal([]byte(text), &jobs))
	require.Len(p.t, jobs.Items, 1)
	return jobs.Items[0]
}

// moveBeside runs another mover with the same image, credentials and rights,
// with a map of its own if one is given, until its log says what is expected.
func (p *proof) moveBeside(name string, like manifest, m *shardmap.Map, want string) {
	p.t.Helper()
	template := like["spec"].(map[string]any)["template"].(map[string]any)
	spec := template["spec"].(map[string]any)
	if m != nil {
		spec = p.withMap(name, spec, m)
	}
	p.apply(manifest{
		"apiVersion": "batch/v1", "kind": "Job",
		"metadata": map[string]any{"name": name, "namespace": p.namespace},
		"spec": map[string]any{"backoffLimit": 0, "template": map[string]any{
			"metadata": map[string]any{"labels": map[string]any{"app.kubernetes.io/name": "shards-reshard", "app.kubernetes.io/instance": "shards-reshard", "proof": name}},
			"spec":     spec,
		}},
	})
	defer kubectl(p.t, "delete", "job", name, "-n", p.namespace, "--wait")
	eventually(p.t, time.Minute, name+" gives up", func() error {
		log := kubectl(p.t, "logs", "-n", p.namespace, "-l", "proof="+name, "--tail=-1", "--ignore-errors")
		if !strings.Contains(log, want) {
			return fmt.Errorf("%q is not in its log: %s", want, log)
		}
		return nil
	})
}

// withMap puts another map where the pod reads the stack's.
func (p *proof) withMap(name string, spec map[string]any, m *shardmap.Map) map[string]any {
	content, err := m.Encode()
	require.NoError(p.t, err)
	p.apply(manifest{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": p.namespace},
		"data": map[string]any{"map.json": string(content)},
	})
	p.t.Cleanup(func() { kubectl(p.t, "delete", "configmap", name, "-n", p.namespace) })
	text, err := json.Marshal(spec)
	require.NoError(p.t, err)
	var changed map[string]any
	require.NoError(p.t, json.Unmarshal(text, &changed))
	for _, volume := range changed["volumes"].([]any) {
		if source, ok := volume.(map[string]any)["configMap"].(map[string]any); ok {
			source["name"] = name
		}
	}
	return changed
}

// apply creates an object of a proof's own.
func (p *proof) apply(object manifest) {
	p.t.Helper()
	text, err := json.Marshal(object)
	require.NoError(p.t, err)
	file := filepath.Join(p.t.TempDir(), "object.json")
	require.NoError(p.t, os.WriteFile(file, text, 0o600))
	kubectl(p.t, "apply", "-f", file)
}

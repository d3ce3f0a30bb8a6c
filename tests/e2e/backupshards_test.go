//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/sharding/shardmap"
)

// severalShards is a stack of two shards with backups.
type severalShards struct {
	*backups
	// bucket goes from shard 0 to shard 1.
	bucket int
}

// contents are the users of each shard.
type contents [2]map[int64]string

// TestRestoreOfSeveralShards restores one shard to before a move and reconciles it with the other, restores both to one
// moment, and deploys a clone of that: make drill-backup PARTS=shards.
func TestRestoreOfSeveralShards(t *testing.T) {
	if os.Getenv("DRILL") != backupName || os.Getenv("PARTS") != "shards" {
		t.Skip("takes minutes: make drill-backup PARTS=shards")
	}
	b := severalShards{backups: newBackups(t, map[string]string{"postgres.shards": "2", "postgres.initialShards": "2", "postgres.moves.observe": "2"})}
	for shard := range 2 {
		b.firstBaseBackup(shard)
	}
	b.underLoad("before any restore", func() {})
	b.bucket = fullest(b.contentOf(0))
	b.oneOfThem()
	b.allOfThem()
	b.clone()
}

// oneOfThem gives shard 1 a bucket and takes shard 0 back to before.
func (b severalShards) oneOfThem() {
	moment, before := b.moment(), b.contents()
	b.stack.set(map[string]string{fmt.Sprintf("scalestack:postgres.pins[%q]", fmt.Sprint(b.bucket)): "1"})
	b.stack.deploy()
	b.within(3*time.Minute, "a bucket has moved and its move is over", func() error {
		if owner := b.assignment()[b.bucket]; owner != 1 {
			return fmt.Errorf("shard %d has bucket %d", owner, b.bucket)
		}
		_, err := try(b.t, "kubectl", "wait", "-n", b.namespace, "--for=condition=complete", "job", "-l", "app.kubernetes.io/name=shards-reshard", "--timeout=1s")
		return err
	})
	b.change("!")
	after := b.contents()
	moved := users(before[0], func(bucket int) bool { return bucket == b.bucket })
	require.NotEmpty(b.t, moved, "no user is in the bucket")
	require.Subset(b.t, slices.Collect(maps.Keys(after[1])), slices.Collect(maps.Keys(moved)))

	b.deployRestore(map[string]string{"name": "one", "to": moment, "shards[0]": "0"})
	awaitAlert(b.t, 2*time.Minute, true, b.namespace, "BucketOwnedTwice", nil)
	plan := b.reconcile()
	require.Contains(b.t, plan, fmt.Sprint(b.bucket))
	b.t.Logf("shardctl reconcile:\n%s", plan)
	b.t.Logf("shardctl reconcile --apply:\n%s", b.reconcile("--apply"))
	b.stack.pulumi("up", "--yes", "--skip-preview", "--replace", "**shards-reshard")
	awaitAlert(b.t, 2*time.Minute, false, b.namespace, "BucketOwnedTwice", nil)

	found := b.contents()
	b.requireSame(after[1], found[1])
	b.requireSame(users(before[0], func(bucket int) bool { return bucket != b.bucket }), found[0])
	b.t.Logf("shard 0 has its %d users as they were, shard 1 its %d as they are, %d of these in the bucket that both had", len(found[0]), len(found[1]), len(moved))
}

// allOfThem takes both shards back to one moment.
func (b severalShards) allOfThem() {
	for shard := range 2 {
		b.programOf(shard, "base")
	}
	moment, before := b.moment(), b.contents()
	b.change("?")
	b.deployRestore(map[string]string{"name": "all", "to": moment, "shards[1]": "1"})
	b.requireBoth(before, b.contents())
	b.t.Logf("both shards: %d and %d users, the same row by row", len(before[0]), len(before[1]))
	b.pulse.base = b.target().Base
	b.within(2*time.Minute, "users write again", b.pulse.writeOne)
}

// clone makes another stack of the archives, while the first one goes on.
func (b severalShards) clone() {
	for shard := range 2 {
		b.programOf(shard, "base")
	}
	moment, before := b.moment(), b.contents()
	b.change("+")
	archive, _, found := strings.Cut(strings.TrimPrefix(b.program("list"), "s3://backups/drill/"), "-shard-0")
	require.True(b.t, found)
	for shard := range 2 {
		b.archived(shard)
	}
	changed := b.contents()
	s := newBackupStack(b.t, "clone", map[string]string{
		"namespace": "clone", "postgres.shards": "2", "postgres.initialShards": "2", fmt.Sprintf("postgres.pins[%q]", fmt.Sprint(b.bucket)): "1",
		"postgres.restore.name": "clone", "postgres.restore.to": moment, "postgres.restore.fromCluster": archive,
		"postgres.restore.shards[0]": "0", "postgres.restore.shards[1]": "1",
	})
	began := time.Now()
	s.deploy()
	c := severalShards{backups: &backups{stack: s, proof: &proof{t: b.t, namespace: "clone", shards: b.shards}}}
	b.requireBoth(before, c.contents())
	b.requireBoth(changed, b.contents())
	b.t.Logf("the clone, after %s: %d and %d users, the same row by row; the first stack has its own", time.Since(began).Round(time.Second), len(before[0]), len(before[1]))
	require.NoError(b.t, newPulse(b.t, c.target().Base).writeOne(), "the clone takes writes")
	b.requireBoth(changed, b.contents())
}

// deployRestore also takes a deployment whose Job shards-migrate was refused: it waits for shardctl reconcile.
func (b severalShards) deployRestore(settings map[string]string) {
	b.t.Helper()
	for name, value := range settings {
		b.stack.set(map[string]string{"scalestack:postgres.restore." + name: value})
	}
	began := time.Now()
	text, err := try(b.t, "pulumi", "up", "--yes", "--skip-preview", "--stack", b.stack.name, "--non-interactive", "--config-file", b.stack.config)
	b.t.Logf("restore %s: pulumi up in %s: %v", settings["name"], time.Since(began).Round(time.Second), err)
	if err != nil {
		require.Contains(b.t, text, "reconcile")
	}
}

// change gives every user another name, with no service's key to the fence.
func (b severalShards) change(mark string) {
	b.t.Helper()
	for shard := range 2 {
		conn := database(b.t, b.namespace, shard)
		_, err := conn.Exec(b.t.Context(), "SET session_replication_role = replica")
		require.NoError(b.t, err)
		_, err = conn.Exec(b.t.Context(), "UPDATE users SET name = name || $1, version = version + 1", mark)
		require.NoError(b.t, err)
	}
}

func (b severalShards) contents() contents {
	b.t.Helper()
	return contents{b.contentOf(0), b.contentOf(1)}
}

func (b severalShards) requireBoth(before, after contents) {
	b.t.Helper()
	for shard := range 2 {
		b.requireSame(before[shard], after[shard])
	}
}

// fullest is the bucket with the most users.
func fullest(all map[int64]string) (most int) {
	count := map[int]int{}
	for id := range all {
		bucket := shardmap.Bucket(id, shardmap.DefaultBuckets)
		count[bucket]++
		if count[bucket] > count[most] {
			most = bucket
		}
	}
	return most
}

func users(all map[int64]string, wanted func(bucket int) bool) map[int64]string {
	some := maps.Clone(all)
	maps.DeleteFunc(some, func(id int64, _ string) bool { return !wanted(shardmap.Bucket(id, shardmap.DefaultBuckets)) })
	return some
}

// reconcile runs shardctl reconcile as docs/resharding.md says, in a Job made of the mover's.
func (b severalShards) reconcile(args ...string) string {
	b.t.Helper()
	var jobs struct{ Items []map[string]any }
	text := kubectl(b.t, "get", "job", "-n", b.namespace, "-l", "app.kubernetes.io/instance=shards-reshard", "-o", "json")
	require.NoError(b.t, json.Unmarshal([]byte(text), &jobs))
	require.NotEmpty(b.t, jobs.Items)
	template := jobs.Items[len(jobs.Items)-1]["spec"].(map[string]any)["template"].(map[string]any)
	maps.DeleteFunc(template["metadata"].(map[string]any)["labels"].(map[string]any), func(name string, _ any) bool {
		return strings.Contains(name, "controller-uid") || strings.Contains(name, "job-name")
	})
	container := template["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
	container["args"] = append([]string{"reconcile"}, args...)
	job, err := json.Marshal(map[string]any{"apiVersion": "batch/v1", "kind": "Job", "metadata": map[string]any{"name": "reconcile", "namespace": b.namespace},
		"spec": map[string]any{"backoffLimit": 0, "template": template}})
	require.NoError(b.t, err)
	file := filepath.Join(b.t.TempDir(), "job.json")
	require.NoError(b.t, os.WriteFile(file, job, 0o600))
	kubectl(b.t, "create", "-f", file)
	defer kubectl(b.t, "delete", "job", "reconcile", "-n", b.namespace, "--wait=true")
	text, err = try(b.t, "kubectl", "wait", "-n", b.namespace, "--for=condition=complete", "job/reconcile", "--timeout=120s")
	log := kubectl(b.t, "logs", "-n", b.namespace, "job/reconcile")
	require.NoError(b.t, err, text+log)
	return log
}

//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSecondPreviewIsEmpty(t *testing.T) {
	pulumi(t, "preview", "--expect-no-changes")
}

func TestNoSecretInPlainText(t *testing.T) {
	out := outputs(t)
	secrets := []string{secret(t, out.Namespace, "redis-app", "password")}
	for shard := range out.Shards {
		for _, role := range []string{"admin", "app"} {
			secrets = append(secrets, secret(t, out.Namespace, fmt.Sprintf("postgres-shard-%d-%s", shard, role), "password"))
		}
	}
	for _, login := range logins(t, out.Namespace) {
		secrets = append(secrets, secret(t, out.Namespace, login, "password"))
	}
	places := map[string]string{
		"state":           pulumi(t, "stack", "export"),
		"outputs":         pulumi(t, "stack", "output", "--json"),
		"ConfigMaps":      kubectl(t, "get", "configmaps", "-n", out.Namespace, "-o", "yaml"),
		"pods":            kubectl(t, "get", "pods", "-n", out.Namespace, "-o", "yaml"),
		"events":          kubectl(t, "get", "events", "-n", out.Namespace, "-o", "yaml"),
		"logs of the app": kubectl(t, "logs", "-n", out.Namespace, "-l", "app.kubernetes.io/name=app", "--tail=-1"),
		"logs of a shard": kubectl(t, "logs", "-n", out.Namespace, "postgres-shard-0-0", "--all-containers", "--tail=-1"),
		"command lines":   command(t, "sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' '; true"),
		"last pulumi up":  command(t, "cat", ".lab/logs/pulumi-up.log"),
	}
	for place, text := range places {
		for _, value := range secrets {
			require.NotEmpty(t, value)
			require.False(t, strings.Contains(text, value), "a password stands in the %s", place)
		}
	}
}

// The namespace asks the API server to refuse every pod that is not restricted.
func TestPodsAreRestricted(t *testing.T) {
	namespace := outputs(t).Namespace
	require.Equal(t, "restricted", kubectl(t, "get", "namespace", namespace,
		"-o", `jsonpath={.metadata.labels.pod-security\.kubernetes\.io/enforce}`))
	_, err := try(t, "kubectl", "run", "refused", "-n", namespace, "--image=redis:7.2.4", "--privileged", "--restart=Never")
	require.Error(t, err)
}

// Last, because it takes the stack down and up again.
func TestZDestroyKeepsTheRows(t *testing.T) {
	c := newClient(t)
	const id = 31337
	want := profile{Name: "kept", Email: "kept@example.com"}
	require.NoError(t, c.put(id, want))
	namespace := outputs(t).Namespace

	// No destroy waits for the operators of topics and users: nothing that it deletes has a
	// finalizer of theirs.
	restart := stopEntityOperator(t, namespace)
	pulumi(t, "destroy", "--yes", "--skip-preview")
	restart()
	volumes := kubectl(t, "get", "pvc", "-n", namespace, "-o", "name")
	require.Len(t, strings.Fields(volumes), 5, "four shards and a broker: %s", volumes)
	// The event log is kept too, because a Kafka resource that is made anew does not fit
	// the brokers' volumes.
	kept := kubectl(t, "get", "kafkas,kafkanodepools,kafkatopics", "-n", namespace, "-o", "name")
	require.Contains(t, kept, "kafka.kafka.strimzi.io/kafka")
	require.Contains(t, kept, "kafkatopic.kafka.strimzi.io/user-events")
	eventually(t, time.Minute, "all but the volumes and the event log is gone", func() error {
		left := kubectl(t, "get", "pods,services,statefulsets,deployments,secrets,kafkausers", "-n", namespace,
			"-l", "!strimzi.io/cluster", "-o", "name") + kubectl(t, "get", "kafkausers", "-n", namespace, "-o", "name")
		if left = strings.TrimSpace(left); left != "" {
			return fmt.Errorf("left: %s", left)
		}
		return nil
	})

	pulumi(t, "up", "--yes", "--skip-preview")
	got := newClient(t).get(t, id)
	require.Equal(t, 200, got.status, got.text)
	require.Equal(t, want, got.body)
}

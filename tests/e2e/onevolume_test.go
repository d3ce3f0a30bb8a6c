//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A pod may live on for a while when Kubernetes knows of it no more, and its successor is on the
// same node. Here the test has the volume in its place.
func TestAShardWaitsForItsVolume(t *testing.T) {
	const pod = "postgres-shard-1-0"
	namespace := outputs(t).Namespace
	_, folder := volumeOf(t, namespace, "data-"+pod)
	lock, err := os.Open(filepath.Join(folder, "lock"))
	require.NoError(t, err)
	require.ErrorIs(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK, "the server has it")
	had := make(chan error, 1)
	// Who waits in the kernel comes before a pod that looks once a second.
	go func() { had <- syscall.Flock(int(lock.Fd()), syscall.LOCK_EX) }()
	t.Cleanup(func() { _ = lock.Close() })
	kubectl(t, "delete", "pod", pod, "-n", namespace, "--wait=false")
	require.NoError(t, <-had)

	eventually(t, time.Minute, "the next pod waits for the volume", func() error {
		text, err := try(t, "kubectl", "logs", pod, "-n", namespace, "-c", "bootstrap")
		if err != nil || !strings.Contains(text, "lock: another pod has") {
			return fmt.Errorf("its bootstrap says %q, %v", text, err)
		}
		require.NotContains(t, text, "ready")
		return nil
	})
	require.NoError(t, lock.Close())
	kubectl(t, "wait", "pod/"+pod, "-n", namespace, "--for=condition=Ready", "--timeout=120s")
}

// Somebody scales a shard's StatefulSet, whose pods have one volume between them.
func TestAScaledShardHasOneServer(t *testing.T) {
	namespace := outputs(t).Namespace
	scale := func(pods string) {
		kubectl(t, "scale", "statefulset", "postgres-shard-1", "-n", namespace, "--replicas="+pods)
	}
	t.Cleanup(func() {
		scale("1")
		kubectl(t, "wait", "pod/postgres-shard-1-1", "-n", namespace, "--for=delete", "--timeout=60s")
	})
	scale("2")
	eventually(t, time.Minute, "the second pod refuses", func() error {
		text, err := try(t, "kubectl", "logs", "postgres-shard-1-1", "-n", namespace, "-c", "bootstrap")
		if err != nil || !strings.Contains(text, "startup: postgres-shard-1-1 is one pod too many") {
			return fmt.Errorf("it says %q, %v", text, err)
		}
		return nil
	})
}

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const minReplicas = 3

// The autoscaler reads real CPU: load from this machine adds replicas, and
// without the load they go away.
func TestAutoscalerFollowsLoad(t *testing.T) {
	c := newClient(t)
	namespace := outputs(t).Namespace
	require.NoError(t, c.put(7, profile{Name: "busy", Email: "busy@example.com"}))

	stop := keepBusy(t, c, 8)
	eventually(t, 4*time.Minute, "more replicas under load", func() error {
		if n := desired(t, namespace); n <= minReplicas {
			return fmt.Errorf("%d replicas", n)
		}
		return nil
	})
	stop()
	eventually(t, 6*time.Minute, "the minimum again without load", func() error {
		if n := desired(t, namespace); n != minReplicas {
			return fmt.Errorf("%d replicas", n)
		}
		return nil
	})
}

// keepBusy reads one user from so many clients at once until it is stopped.
func keepBusy(t *testing.T, c *client, clients int) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for ctx.Err() == nil {
				if _, err := c.do("GET", 7, nil); err != nil {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	stop = func() { cancel(); all.Wait() }
	t.Cleanup(stop)
	return stop
}

func desired(t *testing.T, namespace string) int {
	t.Helper()
	text := kubectl(t, "get", "hpa/app", "-n", namespace, "-o", "jsonpath={.status.desiredReplicas}")
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

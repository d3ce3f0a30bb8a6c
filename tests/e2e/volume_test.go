//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// growing is a claim of the lab's class and a pod that mounts it.
const growing = `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: growing, namespace: default}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 10Mi}}
---
apiVersion: v1
kind: Pod
metadata: {name: growing, namespace: default}
spec:
  containers:
    - name: pause
      image: scalestack/pause:lab
      imagePullPolicy: Never
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: growing}}]
`

// The lab's class can grow: the provisioner grows the volume and the kubelet
// finishes. A growth that the disk cannot hold is refused with the reason, and
// the claim keeps the capacity that it has.
func TestVolumeGrowsWithItsClaim(t *testing.T) {
	file := filepath.Join(t.TempDir(), "growing.yaml")
	require.NoError(t, os.WriteFile(file, []byte(growing), 0o600))
	t.Cleanup(func() {
		try(t, "kubectl", "delete", "-f", file, "--ignore-not-found", "--grace-period=1", "--timeout=60s")
	})
	kubectl(t, "apply", "-f", file)
	kubectl(t, "wait", "-n", "default", "pod/growing", "--for=condition=Ready", "--timeout=60s")
	capacity := func(want string) {
		t.Helper()
		eventually(t, 3*time.Minute, "capacity "+want, func() error {
			got := kubectl(t, "get", "pvc", "growing", "-n", "default", "-o", "jsonpath={.status.capacity.storage} {.status.conditions[*].type}")
			if strings.TrimSpace(got) != want {
				return fmt.Errorf("it is %q", got)
			}
			return nil
		})
	}
	capacity("10Mi")
	ask := func(size string) {
		t.Helper()
		kubectl(t, "patch", "pvc", "growing", "-n", "default", "-p", `{"spec":{"resources":{"requests":{"storage":"`+size+`"}}}}`)
	}
	ask("20Mi")
	capacity("20Mi")

	ask("1Pi")
	eventually(t, time.Minute, "the reason", func() error {
		events := kubectl(t, "get", "events", "-n", "default", "--field-selector", "reason=VolumeResizeFailed", "-o", "jsonpath={.items[*].message}")
		if !strings.Contains(events, "growing to 1Pi takes") {
			return fmt.Errorf("events say %q", events)
		}
		return nil
	})
	capacity("20Mi Resizing")
}

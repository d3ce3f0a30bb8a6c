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

// volumeOf is the volume of a claim, and where it is on this machine.
func volumeOf(t *testing.T, namespace, claim string) (volume, folder string) {
	t.Helper()
	volume = kubectl(t, "get", "pvc", claim, "-n", namespace, "-o", "jsonpath={.spec.volumeName}")
	return volume, kubectl(t, "get", "pv", volume, "-o", "jsonpath={.spec.local.path}")
}

// mount makes a claim and a pod of one name, waits until the pod has the volume, and removes both when the test ends.
func mount(t *testing.T, name, manifest string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), name+".yaml")
	require.NoError(t, os.WriteFile(file, []byte(manifest), 0o600))
	t.Cleanup(func() {
		try(t, "kubectl", "delete", "-f", file, "--ignore-not-found", "--grace-period=1", "--timeout=60s")
	})
	kubectl(t, "apply", "-f", file)
	kubectl(t, "wait", "-n", "default", "pod/"+name, "--for=condition=Ready", "--timeout=60s")
}

// The lab's class can grow: the provisioner grows the volume and the kubelet
// finishes. A growth that the disk cannot hold is refused with the reason, and
// the claim keeps the capacity that it has.
func TestVolumeGrowsWithItsClaim(t *testing.T) {
	mount(t, "growing", growing)
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

// full is a claim of the class whose volumes have a file system of their own, and a pod that mounts it.
var full = strings.NewReplacer("growing", "full", "10Mi", "320Mi", "accessModes:", "storageClassName: disk\n  accessModes:").Replace(growing)

// A volume of class disk is full when its size is written, and takes more when its claim has grown.
func TestADiskIsFull(t *testing.T) {
	mount(t, "full", full)
	volume, folder := volumeOf(t, "default", "full")
	written, err := writeUntilFull(filepath.Join(folder, "first"), 400<<20)
	require.ErrorIs(t, err, syscall.ENOSPC)
	t.Logf("%d MiB of 320", written>>20)

	kubectl(t, "patch", "pvc", "full", "-n", "default", "-p", `{"spec":{"resources":{"requests":{"storage":"400Mi"}}}}`)
	// The kubelet has nothing to do for it.
	kubectl(t, "wait", "pv/"+volume, "--for=jsonpath={.spec.capacity.storage}=400Mi", "--timeout=60s")
	more, err := writeUntilFull(filepath.Join(folder, "second"), 60<<20)
	require.NoError(t, err, "%d bytes more", more)
}

// writeUntilFull returns how many bytes a new file took.
func writeUntilFull(path string, most int) (written int, err error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	for block := make([]byte, 1<<20); written < most && err == nil; {
		var n int
		n, err = file.Write(block)
		written += n
	}
	return written, err
}

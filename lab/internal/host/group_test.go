package host

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func (k kernel) file(t *testing.T, path, content string) string {
	t.Helper()
	full := filepath.Join(k.cgroup, path)
	require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
	require.NoError(t, os.WriteFile(full, []byte(content), 0o644))
	return full
}

func (k kernel) group() Group { return Group{"scalestack-lab-2", k} }

// A kubelet refuses a root that one of its hierarchies lacks.
func TestEnsureMakesTheGroupInEveryHierarchy(t *testing.T) {
	k := fakeKernel(t)
	for _, hierarchy := range []string{"memory", "freezer", "pids"} {
		k.file(t, hierarchy+"/cgroup.procs", "")
	}
	require.NoError(t, k.group().Ensure())
	for _, hierarchy := range []string{"memory", "freezer", "pids"} {
		require.DirExists(t, filepath.Join(k.cgroup, hierarchy, "scalestack-lab-2"))
	}
	require.Equal(t, filepath.Join(k.cgroup, "freezer/scalestack-lab-2/system/cgroup.procs"), k.group().Entry())
	require.DirExists(t, filepath.Dir(k.group().Entry()))
}

func TestEnsureOfVersion2HandsTheControllersDown(t *testing.T) {
	k := fakeKernel(t)
	k.file(t, "cgroup.controllers", "cpu memory")
	handed := k.file(t, "cgroup.subtree_control", "")
	require.NoError(t, k.group().Ensure())
	require.DirExists(t, filepath.Join(k.cgroup, "scalestack-lab-2/system"))
	content, err := os.ReadFile(handed)
	require.NoError(t, err)
	require.Contains(t, string(content), "+memory")
}

func TestFreezeWaitsUntilTheLastProcessStopped(t *testing.T) {
	k := fakeKernel(t)
	k.file(t, "cgroup.controllers", "")
	asked := k.file(t, "scalestack-lab-2/cgroup.freeze", "0")
	k.file(t, "scalestack-lab-2/cgroup.events", "populated 1\nfrozen 0\n")
	go func() {
		for {
			if content, _ := os.ReadFile(asked); strings.TrimSpace(string(content)) == "1" {
				break
			}
			time.Sleep(time.Millisecond)
		}
		os.WriteFile(filepath.Join(k.cgroup, "scalestack-lab-2/cgroup.events"), []byte("populated 1\nfrozen 1\n"), 0o644)
	}()
	require.False(t, k.group().Frozen())
	require.NoError(t, k.group().Freeze(t.Context()))
	require.True(t, k.group().Frozen())
}

func TestFrozenReadsVersion1(t *testing.T) {
	k := fakeKernel(t)
	k.file(t, "freezer/cgroup.procs", "")
	for state, frozen := range map[string]bool{"THAWED\n": false, "FREEZING\n": true, "FROZEN\n": true} {
		k.file(t, "freezer/scalestack-lab-2/freezer.state", state)
		require.Equal(t, frozen, k.group().Frozen(), state)
	}
}

// What a killed lab left of nodes is gone after Clean, and nobody else's group.
func TestRemoveCgroupsTakesTheNodesToo(t *testing.T) {
	k := fakeKernel(t)
	for _, dir := range []string{"freezer/scalestack-lab-2/system", "freezer/scalestack-lab-3/kubepods/burstable/pod1", "freezer/docker"} {
		require.NoError(t, os.MkdirAll(filepath.Join(k.cgroup, dir), 0o755))
	}
	// The kernel's own files do not keep a folder; those of a test do.
	require.NoError(t, os.MkdirAll(filepath.Join(k.cgroup, "freezer/cgroup.procs"), 0o755))
	require.NoError(t, k.removeCgroups())
	require.NoDirExists(t, filepath.Join(k.cgroup, "freezer/scalestack-lab-2"))
	require.NoDirExists(t, filepath.Join(k.cgroup, "freezer/scalestack-lab-3"))
	require.DirExists(t, filepath.Join(k.cgroup, "freezer/docker"))
}

// The pods of a further node are found, whichever version the machine has.
func TestPodProcessesOfANode(t *testing.T) {
	k := fakeKernel(t)
	k.file(t, "freezer/cgroup.procs", "")
	k.add(t, 21, "freezer/scalestack-lab-2/kubepods/burstable/pod1/a", "/srv/scalestack/.lab/data/lab-2/containerd/8/fs")
	require.Equal(t, []int{21}, k.podProcesses())
	require.Equal(t, []int{21}, k.group().processes())
	require.False(t, k.group().Empty())
}

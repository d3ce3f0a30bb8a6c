package host

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeKernel has processes in groups, each with the upper folder of its root.
func fakeKernel(t *testing.T) kernel {
	t.Helper()
	return kernel{proc: t.TempDir(), cgroup: t.TempDir()}
}

func (k kernel) add(t *testing.T, pid int, group, upper string) {
	t.Helper()
	dir, process := filepath.Join(k.cgroup, group), filepath.Join(k.proc, strconv.Itoa(pid))
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.MkdirAll(process, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)+"\n"), 0o644))
	mounts := "83 53 0:43 / / ro,relatime - overlay overlay rw,upperdir=" + upper + "\n" +
		"84 83 0:44 / /data rw - ext4 /dev/x rw\n"
	require.NoError(t, os.WriteFile(filepath.Join(process, "mountinfo"), []byte(mounts), 0o644))
}

// The pods of a cluster in containers and of another kubelet live on.
func TestPodProcessesAreTheLabsAlone(t *testing.T) {
	k := fakeKernel(t)
	k.add(t, 11, "memory/kubepods/burstable/pod1/a", "/srv/scalestack/.lab/data/containerd/8/fs")
	k.add(t, 12, "kubepods/besteffort/pod2/b", "/srv/scalestack/.lab/data/containerd/9/fs")
	k.add(t, 13, "memory/kubepods/pod3/c", "/var/lib/containerd/3/fs")
	k.add(t, 14, "memory/docker/f00/kubelet/kubepods/pod4/d", "/var/lib/docker/4/fs")
	k.add(t, 15, "memory/docker/f00/kubepods/pod5/e", "/home/other/.lab/data/5/fs")
	require.ElementsMatch(t, []int{11, 12}, k.podProcesses())
}

func TestRemoveCgroupsKeepsThoseInUse(t *testing.T) {
	k := fakeKernel(t)
	k.add(t, 13, "memory/kubepods/pod3/c", "/var/lib/containerd/3/fs")
	for _, dir := range []string{"memory/kubepods/pod1/a", "memory/docker/f00/kubepods/pod4"} {
		require.NoError(t, os.MkdirAll(filepath.Join(k.cgroup, dir), 0o755))
	}
	require.NoError(t, k.removeCgroups())
	require.NoDirExists(t, filepath.Join(k.cgroup, "memory/kubepods/pod1"))
	require.DirExists(t, filepath.Join(k.cgroup, "memory/kubepods/pod3/c"))
	require.DirExists(t, filepath.Join(k.cgroup, "memory/docker/f00/kubepods/pod4"))
}

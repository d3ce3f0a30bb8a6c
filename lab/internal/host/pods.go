package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// kernel is where the kernel tells of processes and control groups.
type kernel struct{ proc, cgroup string }

var machine = kernel{proc: "/proc", cgroup: "/sys/fs/cgroup"}

// podCgroups are the groups that a kubelet of this machine makes for its pods and
// the groups of the lab's further nodes, the deepest first. A kubelet in a
// container, such as one of kind, has its own below that container's, and those are
// not the lab's to touch.
func (k kernel) podCgroups() []string {
	tops := k.nodeGroups()
	for _, hierarchy := range []string{"kubepods", "*/kubepods"} {
		dirs, _ := filepath.Glob(filepath.Join(k.cgroup, hierarchy))
		tops = append(tops, dirs...)
	}
	var found []string
	for _, top := range tops {
		filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				found = append(found, path)
			}
			return nil
		})
	}
	slices.Sort(found)
	found = slices.Compact(found)
	slices.Reverse(found)
	return found
}

// killPods ends the processes of the lab's containers.
func (k kernel) killPods(ctx context.Context) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		pids := k.podProcesses()
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			syscall.Kill(pid, syscall.SIGKILL)
		}
		if ctx.Err() != nil || time.Now().After(deadline) {
			return fmt.Errorf("%d processes of pods do not end", len(pids))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// podProcesses are those in pods' groups whose root file system is a
// container's of a lab: another kubelet's pods have the same groups.
func (k kernel) podProcesses() []int {
	var pids []int
	for _, dir := range k.podCgroups() {
		for _, pid := range processesIn(filepath.Join(dir, "cgroup.procs")) {
			if k.inLab(pid) {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func (k kernel) inLab(pid int) bool {
	mounts, err := os.ReadFile(filepath.Join(k.proc, strconv.Itoa(pid), "mountinfo"))
	if err != nil {
		return false
	}
	for mount := range strings.Lines(string(mounts)) {
		fields := strings.Fields(mount)
		if len(fields) > 4 && fields[4] == "/" {
			return strings.Contains(mount, labData)
		}
	}
	return false
}

// removeCgroups removes the groups that nothing is in any more.
func (k kernel) removeCgroups() error {
	for _, dir := range k.podCgroups() {
		err := os.Remove(dir)
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.EBUSY) && !errors.Is(err, syscall.ENOTEMPTY) {
			return err
		}
	}
	return nil
}

package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// groupPrefix is how the groups of the lab's further nodes begin. Such a group is
// the kubelet's cgroupRoot, and holds the node's own programs in systemGroup.
const (
	groupPrefix = "scalestack-"
	systemGroup = "system"
)

// Group is the control group of one node, with everything that the node runs
// below it, so that all of it can be frozen or killed at once. Its name is that of
// a folder in every hierarchy of the machine.
type Group struct {
	name string
	k    kernel
}

// NewGroup names the group of a node and makes nothing.
func NewGroup(node string) Group { return Group{groupPrefix + node, machine} }

// Root is the group as a kubelet's cgroupRoot has it.
func (g Group) Root() string { return "/" + g.name }

// Ensure makes the group in every hierarchy: a kubelet refuses a root that one of
// them lacks.
func (g Group) Ensure() error {
	for _, top := range g.k.hierarchies() {
		if g.k.unified() {
			if err := delegate(top); err != nil {
				return err
			}
		}
		if err := os.MkdirAll(filepath.Join(top, g.name), 0o755); err != nil {
			return err
		}
	}
	return os.MkdirAll(filepath.Join(g.freezer(), systemGroup), 0o755)
}

// Entry is the file that takes the number of a process that joins the node's own
// programs.
func (g Group) Entry() string { return filepath.Join(g.freezer(), systemGroup, "cgroup.procs") }

// Frozen is whether Freeze was called last.
func (g Group) Frozen() bool {
	if g.k.unified() {
		return g.reads("cgroup.freeze", "1")
	}
	return g.reads("freezer.state", "FROZEN") || g.reads("freezer.state", "FREEZING")
}

// Freeze returns when no process of the node runs any more. It is right for a node
// that is frozen already.
func (g Group) Freeze(ctx context.Context) error {
	if g.k.unified() {
		return g.switchTo(ctx, "cgroup.freeze", "1", func() bool { return g.reads("cgroup.events", "frozen 1") })
	}
	return g.switchTo(ctx, "freezer.state", "FROZEN", func() bool { return g.reads("freezer.state", "FROZEN") })
}

// Thaw lets the node's processes go on. It is right for a node that runs.
func (g Group) Thaw(ctx context.Context) error {
	if g.k.unified() {
		return g.switchTo(ctx, "cgroup.freeze", "0", func() bool { return g.reads("cgroup.events", "frozen 0") })
	}
	return g.switchTo(ctx, "freezer.state", "THAWED", func() bool { return g.reads("freezer.state", "THAWED") })
}

// Kill ends every process of the node at the same moment: none sees another go.
func (g Group) Kill(ctx context.Context) error {
	if err := g.Freeze(ctx); err != nil {
		return err
	}
	for _, pid := range g.processes() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	if err := g.Thaw(ctx); err != nil {
		return err
	}
	return poll(ctx, 20*time.Second, g.Empty, "processes of "+g.name+" do not end")
}

// Empty is whether nothing of the node runs.
func (g Group) Empty() bool { return len(g.processes()) == 0 }

// ThawAll thaws what a lab left frozen: a frozen process ignores even SIGKILL.
func ThawAll(ctx context.Context) error {
	var failed error
	for _, dir := range machine.nodeGroups() {
		g := Group{filepath.Base(dir), machine}
		if g.Frozen() {
			failed = errors.Join(failed, g.Thaw(ctx))
		}
	}
	return failed
}

func (g Group) freezer() string {
	if g.k.unified() {
		return filepath.Join(g.k.cgroup, g.name)
	}
	return filepath.Join(g.k.cgroup, "freezer", g.name)
}

func (g Group) reads(file, line string) bool {
	content, err := os.ReadFile(filepath.Join(g.freezer(), file))
	return err == nil && strings.Contains("\n"+string(content)+"\n", "\n"+line+"\n")
}

func (g Group) switchTo(ctx context.Context, file, value string, reached func() bool) error {
	path := filepath.Join(g.freezer(), file)
	if err := os.WriteFile(path, []byte(value), 0o644); err != nil {
		return err
	}
	return poll(ctx, 10*time.Second, reached, path+" does not become "+value)
}

func (g Group) processes() (pids []int) {
	filepath.WalkDir(g.freezer(), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == "cgroup.procs" {
			pids = append(pids, processesIn(path)...)
		}
		return nil
	})
	return pids
}

func processesIn(file string) (pids []int) {
	content, _ := os.ReadFile(file)
	for _, line := range strings.Fields(string(content)) {
		if pid, err := strconv.Atoi(line); err == nil && pid > 0 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// unified is whether the machine has version 2 of control groups alone.
func (k kernel) unified() bool {
	_, err := os.Stat(filepath.Join(k.cgroup, "cgroup.controllers"))
	return err == nil
}

// hierarchies are the tops below which a group has a folder each.
func (k kernel) hierarchies() []string {
	if k.unified() {
		return []string{k.cgroup}
	}
	files, _ := filepath.Glob(filepath.Join(k.cgroup, "*", "cgroup.procs"))
	tops := make([]string, len(files))
	for i, file := range files {
		tops[i] = filepath.Dir(file)
	}
	return tops
}

// nodeGroups are the groups of nodes in every hierarchy.
func (k kernel) nodeGroups() (found []string) {
	for _, top := range k.hierarchies() {
		dirs, _ := filepath.Glob(filepath.Join(top, groupPrefix+"*"))
		found = append(found, dirs...)
	}
	return found
}

// delegate lets the groups below top have the controllers that a kubelet asks for.
func delegate(top string) error {
	return os.WriteFile(filepath.Join(top, "cgroup.subtree_control"), []byte("+cpu +cpuset +memory +pids"), 0o644)
}

func poll(ctx context.Context, limit time.Duration, reached func() bool, otherwise string) error {
	for deadline := time.Now().Add(limit); !reached(); time.Sleep(20 * time.Millisecond) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s within %s", otherwise, limit)
		}
	}
	return nil
}

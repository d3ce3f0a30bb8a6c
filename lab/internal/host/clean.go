package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Traces are what a lab leaves on a machine outside its checkout.
type Traces struct {
	Bridge, ServiceCIDR, Run string
}

// Clean removes the traces of a lab whose own processes have ended. It is
// right after a kill or a crash too: it looks at the machine, not at records.
func Clean(ctx context.Context, t Traces, log io.Writer) error {
	if !t.present() {
		return nil
	}
	return errors.Join(
		killPods(ctx),
		unmount(t.Run, "/.lab/data/"),
		removeCgroups(),
		removeTables(ctx, log),
		removeLinks(ctx, t.Bridge),
		restoreForwarding(t.Run),
		removeFolders(t.Run),
	)
}

func (t Traces) present() bool {
	for _, path := range []string{"/sys/class/net/" + t.Bridge, t.Run} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// podCgroup is where a kubelet keeps its pods; removed deepest first.
const podCgroup = "kubepods"

func cgroups() []string {
	var found []string
	filepath.WalkDir("/sys/fs/cgroup", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.Contains(path, "/"+podCgroup) {
			found = append(found, path)
		}
		return nil
	})
	slices.Sort(found)
	slices.Reverse(found)
	return found
}

// killPods ends the processes of containers and their shims.
func killPods(ctx context.Context) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		pids := podProcesses()
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

func podProcesses() []int {
	var pids []int
	for _, dir := range cgroups() {
		content, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			continue
		}
		for _, line := range strings.Fields(string(content)) {
			if pid, err := strconv.Atoi(line); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

func removeCgroups() error {
	for _, dir := range cgroups() {
		if err := os.Remove(dir); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// unmount takes down every mount whose path contains one of the parts, the
// newest first.
func unmount(parts ...string) error {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	defer file.Close()
	var targets []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(fields[4], part) }) {
			targets = append(targets, fields[4])
		}
	}
	slices.Reverse(targets)
	for _, target := range targets {
		if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			return fmt.Errorf("unmount %s: %w", target, err)
		}
	}
	return nil
}

// removeTables deletes kube-proxy's own nftables tables.
func removeTables(ctx context.Context, log io.Writer) error {
	tables, err := exec.CommandContext(ctx, "nft", "list", "tables").CombinedOutput()
	if err != nil {
		return fmt.Errorf("nft list tables: %w: %s", err, tables)
	}
	for line := range strings.Lines(string(tables)) {
		table := strings.Fields(line)
		if len(table) != 3 || table[2] != "kube-proxy" {
			continue
		}
		if output, err := exec.CommandContext(ctx, "nft", "delete", "table", table[1], table[2]).CombinedOutput(); err != nil {
			return fmt.Errorf("nft delete table %s %s: %w: %s", table[1], table[2], err, output)
		}
		fmt.Fprintf(log, "deleted nftables table %s %s\n", table[1], table[2])
	}
	return nil
}

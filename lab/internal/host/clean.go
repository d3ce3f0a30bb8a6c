package host

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// Traces are what a lab leaves on a machine outside its checkout.
type Traces struct {
	Bridge, ServiceCIDR, Run string
}

// labData is in the path of everything that a lab mounts.
const labData = "/.lab/data/"

// Clean removes the traces of a lab whose own processes have ended. It is
// right after a kill or a crash too: it looks at the machine, not at records.
func Clean(ctx context.Context, t Traces, log io.Writer) error {
	if !t.present() {
		return nil
	}
	err := errors.Join(
		machine.killPods(ctx),
		unmount(t.Run, labData),
		machine.removeCgroups(),
		removeTables(ctx, log),
		removePolicies(ctx),
		removeLinks(ctx, t.Bridge),
		restoreSettings(t.Run),
	)
	unloadModules(ctx, t.Run)
	return errors.Join(err, removeFolders(t.Run))
}

func (t Traces) present() bool {
	for _, path := range []string{"/sys/class/net/" + t.Bridge, t.Run} {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
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

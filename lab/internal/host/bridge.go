// Package host changes the machine below the cluster, and puts it back.
package host

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// EnsureBridge makes the pods' bridge with the node's address. Service
// addresses are routed to it as well: a packet that kube-proxy did not
// translate ends there and never leaves the machine. The folder run remembers
// what the machine had before. The bridge has a hardware address of its own: one
// that it takes from its ports changes with them, and pods remember the former one.
func EnsureBridge(ctx context.Context, name, hardware, cidr, services, run string) error {
	if !exists(name) {
		if err := ip(ctx, "link", "add", name, "address", hardware, "type", "bridge"); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"address", "replace", cidr, "dev", name},
		{"link", "set", name, "up"},
		{"route", "replace", services, "dev", name},
	} {
		if err := ip(ctx, args...); err != nil {
			return err
		}
	}
	if err := doubtNeighbours(name); err != nil {
		return err
	}
	return forwarding.set(run)
}

func ip(ctx context.Context, args ...string) error {
	if output, err := exec.CommandContext(ctx, "ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

// Package debian installs what the lab needs from Debian's packages.
package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Host are the packages that run the node: a container runtime, the CNI
// plugins, the tools that kube-proxy and the lab set the network with, and those
// for volumes with a file system.
var Host = []string{"ca-certificates", "containerd", "containernetworking-plugins", "iproute2", "iptables", "kmod", "nftables", "runc", "xfsprogs"}

// Ensure installs the packages that are missing.
func Ensure(ctx context.Context, log io.Writer, packages ...string) error {
	missing := absent(ctx, packages)
	if len(missing) == 0 {
		return nil
	}
	release, err := holdServices()
	if err != nil {
		return err
	}
	defer release()
	// The lists of a fresh machine are empty or old.
	if err := apt(ctx, log, "update"); err != nil {
		return err
	}
	return apt(ctx, log, append([]string{"install", "--yes", "--no-install-recommends"}, missing...)...)
}

func absent(ctx context.Context, packages []string) []string {
	var missing []string
	for _, name := range packages {
		output, _ := exec.CommandContext(ctx, "dpkg-query", "--show", "--showformat=${db:Status-Status}", name).Output()
		if string(output) != "installed" {
			missing = append(missing, name)
		}
	}
	return missing
}

// policy is asked by Debian's packages before they start a service.
const policy = "/usr/sbin/policy-rc.d"

// holdServices keeps the packages from starting services: the lab runs its own
// containerd and leaves nothing behind when it stops.
func holdServices() (release func(), err error) {
	file, err := os.OpenFile(policy, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, os.ErrExist) {
		return func() {}, nil
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	_, err = file.WriteString("#!/bin/sh\nexit 101\n")
	return func() { os.Remove(policy) }, err
}

func apt(ctx context.Context, log io.Writer, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

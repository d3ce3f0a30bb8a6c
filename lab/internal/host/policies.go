package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// policyChain has the packets that a program decides on.
const policyChain = "SCALESTACK-LAB"

// bridged has the packets from pod to pod, which never leave the bridge, seen by the
// rules of a routed packet.
var bridged = setting{"/proc/sys/net/bridge/bridge-nf-call-iptables", "1"}

// queues lists who takes packets.
const queues = "/proc/net/netfilter/nfnetlink_queue"

// policyModules are what the kernel may have as modules, with the file by which each shows.
var policyModules = map[string]string{"br_netfilter": bridged.file, "nfnetlink_queue": queues}

// Policies are the packets that a program decides on: the first one of each connection
// from a pod or to a pod. Without the program none of them passes. The machine's own
// processes reach every pod, as kubelets must.
type Policies struct {
	Bridge, PodCIDR string
	// Queue is the number under which the program takes the packets.
	Queue int
	// Run remembers what the machine had before.
	Run string
}

// Possible is nil for a kernel with what this needs. What the kernel has as a module is loaded, and
// the folder run remembers to unload it.
func (p Policies) Possible(ctx context.Context) error {
	for module, file := range policyModules {
		if err := p.load(ctx, file, module); err != nil {
			return err
		}
	}
	return nil
}

// load loads a module that shows by a file, unless it is there.
func (p Policies) load(ctx context.Context, file, module string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	}
	// Where modprobe fails the file says it.
	_ = exec.CommandContext(ctx, "modprobe", module).Run()
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("the kernel has no %s", module)
	}
	return os.WriteFile(filepath.Join(p.Run, module), nil, 0o600)
}

// unloadModules unloads what load has loaded. One that somebody else uses by now stays.
func unloadModules(ctx context.Context, run string) {
	for module := range policyModules {
		if _, err := os.Stat(filepath.Join(run, module)); err == nil {
			_ = exec.CommandContext(ctx, "modprobe", "--remove", module).Run()
		}
	}
}

// Ensure has the packets decided on from now on.
func (p Policies) Ensure(ctx context.Context) error {
	if err := bridged.set(p.Run); err != nil {
		return err
	}
	if err := removePolicies(ctx); err != nil {
		return err
	}
	if err := mangle(ctx, "-N", policyChain); err != nil {
		return err
	}
	for _, rule := range p.rules() {
		if err := mangle(ctx, append([]string{"-A"}, rule...)...); err != nil {
			return err
		}
	}
	return nil
}

func (p Policies) rules() [][]string {
	strangers := []string{"-m", "owner", "!", "--uid-owner", "0", "-j", policyChain}
	return [][]string{
		{policyChain, "-m", "conntrack", "--ctstate", "ESTABLISHED,RELATED", "-j", "RETURN"},
		{policyChain, "-j", "NFQUEUE", "--queue-num", strconv.Itoa(p.Queue)},
		append([]string{"POSTROUTING", "-s", p.PodCIDR}, strangers...),
		append([]string{"POSTROUTING", "!", "-s", p.PodCIDR, "-d", p.PodCIDR}, strangers...),
		{"INPUT", "-i", p.Bridge, "-s", p.PodCIDR, "-j", policyChain},
	}
}

// Heard is whether a program takes the packets.
func (p Policies) Heard() error {
	taken, err := os.ReadFile(queues)
	if err != nil {
		return err
	}
	for line := range bytes.Lines(taken) {
		if fields := bytes.Fields(line); len(fields) > 0 && string(fields[0]) == strconv.Itoa(p.Queue) {
			return nil
		}
	}
	return errors.New("nobody takes the packets of queue " + strconv.Itoa(p.Queue))
}

// removePolicies lets all packets pass again.
func removePolicies(ctx context.Context) error {
	rules, err := exec.CommandContext(ctx, "iptables", "--wait", "--table", "mangle", "--list-rules").Output()
	if errors.Is(err, exec.ErrNotFound) {
		return nil
	} else if err != nil {
		return fmt.Errorf("iptables: %w", err)
	}
	var errs []error
	for line := range strings.Lines(string(rules)) {
		fields := strings.Fields(line)
		if len(fields) > 2 && fields[0] == "-A" && fields[1] != policyChain && slices.Contains(fields, policyChain) {
			errs = append(errs, mangle(ctx, append([]string{"-D"}, fields[1:]...)...))
		}
	}
	if strings.Contains(string(rules), "-N "+policyChain+"\n") {
		errs = append(errs, mangle(ctx, "-F", policyChain), mangle(ctx, "-X", policyChain))
	}
	return errors.Join(errs...)
}

func mangle(ctx context.Context, args ...string) error {
	args = append([]string{"--wait", "--table", "mangle"}, args...)
	if output, err := exec.CommandContext(ctx, "iptables", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("iptables %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(output)))
	}
	return nil
}

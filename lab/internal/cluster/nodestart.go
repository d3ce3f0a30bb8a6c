package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/scalestack/scalestack/lab/internal/host"
	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
)

// StartNodes starts the nodes beside the first one, with the images that they lack, and
// returns when all are Ready. What a person did to them is undone.
func StartNodes(ctx context.Context, p paths.Paths, log io.Writer, count int, images []Import) error {
	if err := host.RouteServices(Bridge, paths.Run); err != nil {
		return err
	}
	for _, n := range nodesOf(count)[1:] {
		if err := n.start(ctx, p, log, count, images); err != nil {
			return fmt.Errorf("node %s: %w", n.name(), err)
		}
	}
	return nil
}

func (n node) start(ctx context.Context, p paths.Paths, log io.Writer, count int, images []Import) error {
	if err := n.boot(ctx, p, log); err != nil {
		return err
	}
	if err := n.startRuntime(ctx, p, log); err != nil {
		return err
	}
	if err := n.importImages(ctx, p, log, images); err != nil {
		return err
	}
	if err := ensure(ctx, log, kubeletSpec(p, n, count)); err != nil {
		return err
	}
	return waitFor(ctx, 2*time.Minute, "the node", func() error { return n.ready(ctx, p) })
}

// boot makes what a machine is before it has a kubelet: control group, mounts, network.
func (n node) boot(ctx context.Context, p paths.Paths, log io.Writer) error {
	for _, dir := range append(n.folders(p), n.run()) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	group := n.group()
	if err := group.Ensure(); err != nil {
		return err
	}
	if err := group.Thaw(ctx); err != nil {
		return err
	}
	if err := n.power(ctx, p, log); err != nil {
		return err
	}
	pid, err := n.machine(ctx)
	if err != nil {
		return err
	}
	return host.EnsureUplink(ctx, host.Uplink{
		Name: n.uplink(), Process: pid, Bridge: Bridge, Address: n.ip() + "/24", Hardware: hardware(n.ip()),
		Services: serviceCIDR, Gateway: bridgeIP,
	})
}

// power starts the process that keeps the node's namespaces. What ran beside a former
// one is in namespaces that nobody can enter any more.
func (n node) power(ctx context.Context, p paths.Paths, log io.Writer) error {
	left := !n.group().Empty()
	started, err := proc.Ensure(ctx, machineSpec(p, n))
	if err != nil || !started || !left {
		return err
	}
	fmt.Fprintf(log, "%s begins anew: its namespaces had gone\n", n.name())
	if err := n.off(ctx, p, log); err != nil {
		return err
	}
	return ensure(ctx, log, machineSpec(p, n))
}

// folders are what the kubelet does not make by itself.
func (n node) folders(p paths.Paths) []string {
	return []string{p.Data(n.below("pod-logs")), p.Data(n.below("volume-plugins"))}
}

// private are fixed places of kubelet and containerd, which no two of them can share.
var private = []string{"/run/containerd", "/var/lib/kubelet", "/var/lib/cni", "/var/log/containers"}

// machineScript keeps a node's namespaces for as long as the node is on. Its mounts
// end with its last process, as those of a machine end with its power.
const machineScript = `set -e
echo $$ >"$1"; ready=$2; shift 2
for dir; do mkdir -p "$dir"; mount -t tmpfs -o mode=755 lab "$dir"; done
mkdir "$ready"
exec sleep infinity`

// machineSpec is the node as a machine: what kubelet and containerd live in.
func machineSpec(p paths.Paths, n node) proc.Spec {
	s := newSpec(p, n.program("node"),
		append([]string{"--mount", "--net", "--", "/bin/sh", "-c", machineScript, "node", n.group().Entry(), machineReady}, private...)...)
	s.Path = "/usr/bin/unshare"
	s.Files = nil
	return s
}

// machineReady is a folder in the first of the private mounts. It is seen through the
// process alone.
var machineReady = filepath.Join(private[0], "scalestack-ready")

// machine is the process that keeps the node's namespaces, once they are whole.
func (n node) machine(ctx context.Context) (pid int, err error) {
	err = waitFor(ctx, 30*time.Second, "the namespaces of "+n.name(), func() error {
		if pid = proc.Find(n.program("node")); pid == 0 {
			return fmt.Errorf("%s does not run; see its log", n.program("node"))
		}
		_, err := os.Stat(fmt.Sprintf("/proc/%d/root%s", pid, machineReady))
		return err
	})
	return pid, err
}

// joinScript puts a program into the node's control group before it begins.
const joinScript = `echo $$ >"$0" && exec "$@"`

// inside changes a program's specification to one that runs in the node.
func (n node) inside(s proc.Spec) proc.Spec {
	if n.first() {
		return s
	}
	s.Args = append([]string{"-c", joinScript, n.group().Entry(),
		"nsenter", "--target", fmt.Sprint(proc.Find(n.program("node"))), "--mount", "--net", "--", s.Path}, s.Args...)
	s.Path = "/bin/sh"
	return s
}

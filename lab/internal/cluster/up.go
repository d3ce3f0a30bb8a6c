package cluster

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/scalestack/scalestack/lab/internal/host"
	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
)

// StartControlPlane returns when the API server answers and the add-ons'
// objects are there.
func StartControlPlane(ctx context.Context, p paths.Paths, log io.Writer) error {
	if err := os.MkdirAll(paths.Run, 0o700); err != nil {
		return err
	}
	if err := host.EnsureBridge(ctx, Bridge, hardware(bridgeIP), bridgeCIDR, serviceCIDR, paths.Run); err != nil {
		return err
	}
	if err := ensure(ctx, log, etcdSpec(p), apiServerSpec(p)); err != nil {
		return err
	}
	if err := waitFor(ctx, time.Minute, "the API server", func() error { return kubectl(ctx, p, io.Discard, "get", "--raw", "/readyz") }); err != nil {
		return err
	}
	if err := ensure(ctx, log, controllerManagerSpec(p), schedulerSpec(p)); err != nil {
		return err
	}
	return waitFor(ctx, time.Minute, "the add-ons", func() error { return Apply(ctx, p, log, p.Config("addons.yaml")) })
}

// StartRuntime returns when containerd can take images.
func StartRuntime(ctx context.Context, p paths.Paths, log io.Writer) error {
	return firstNode.startRuntime(ctx, p, log)
}

func (n node) startRuntime(ctx context.Context, p paths.Paths, log io.Writer) error {
	if err := ensure(ctx, log, containerdSpec(p, n)); err != nil {
		return err
	}
	return waitFor(ctx, time.Minute, "containerd", func() error { return ctr(ctx, io.Discard, n, "version") })
}

// StartNode returns when the first of count nodes is Ready and the metrics API answers.
func StartNode(ctx context.Context, p paths.Paths, log io.Writer, count int) error {
	for _, dir := range append(firstNode.folders(p), p.Data("volumes")) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if count == 1 {
		if err := enforcePolicies(ctx, p, log); err != nil {
			return err
		}
	}
	if err := ensure(ctx, log, kubeletSpec(p, firstNode, count), kubeProxySpec(p), dnsSpec(p), volumeProvisionerSpec(p), metricsServerSpec(p)); err != nil {
		return err
	}
	if err := waitFor(ctx, 2*time.Minute, "the node", func() error { return firstNode.ready(ctx, p) }); err != nil {
		return err
	}
	return waitFor(ctx, 2*time.Minute, "the metrics API", func() error {
		return kubectl(ctx, p, io.Discard, "top", "node", NodeName)
	})
}

func (n node) ready(ctx context.Context, p paths.Paths) error {
	return kubectl(ctx, p, io.Discard, "wait", "node/"+n.name(), "--for=condition=Ready", "--timeout=1s")
}

// Apply applies a manifest on the server's side.
func Apply(ctx context.Context, p paths.Paths, log io.Writer, file string) error {
	return kubectl(ctx, p, log, "apply", "--server-side", "--force-conflicts", "-f", file)
}

func ensure(ctx context.Context, log io.Writer, specs ...proc.Spec) error {
	for _, spec := range specs {
		started, err := proc.Ensure(ctx, spec)
		if err != nil {
			return err
		}
		if started {
			fmt.Fprintf(log, "started %s %s\n", spec.Path, strings.Join(spec.Args, " "))
		}
	}
	return nil
}

func kubectl(ctx context.Context, p paths.Paths, log io.Writer, args ...string) error {
	return run(ctx, log, p.Bin("kubectl"), append([]string{"--kubeconfig", p.Kubeconfig("admin"), "--cache-dir", p.KubectlCache()}, args...)...)
}

func ctr(ctx context.Context, log io.Writer, n node, args ...string) error {
	return run(ctx, log, "ctr", append([]string{"--address", n.socket(), "--namespace", "k8s.io"}, args...)...)
}

func run(ctx context.Context, log io.Writer, path string, args ...string) error {
	var text strings.Builder
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout = log
	cmd.Stderr = io.MultiWriter(log, &text)
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(text.String()))
	}
	return nil
}

// waitFor asks again until check succeeds, and gives the last reason if it
// does not in time.
func waitFor(ctx context.Context, limit time.Duration, what string, check func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s not ready after %s: %w", what, limit, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Show prints what a person looks for first.
func Show(ctx context.Context, p paths.Paths, out io.Writer) error {
	if err := showNodes(p, out); err != nil {
		return err
	}
	if err := kubectl(ctx, p, out, "get", "nodes"); err != nil {
		return err
	}
	fmt.Fprintln(out)
	return kubectl(ctx, p, out, "get", "pods,hpa,pvc", "--all-namespaces")
}

// ServiceAddress is where the host reaches a Service of the cluster.
func ServiceAddress(ctx context.Context, p paths.Paths, namespace, service string) (string, error) {
	var address strings.Builder
	err := kubectl(ctx, p, &address, "get", "service", service, "-n", namespace, "-o", "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}")
	return address.String(), err
}

package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/scalestack/scalestack/lab/internal/host"
	"github.com/scalestack/scalestack/lab/internal/paths"
	"github.com/scalestack/scalestack/lab/internal/proc"
)

// clients are the processes that nothing else of the lab depends on.
var clients = []string{"kube-controller-manager", "kube-scheduler", "kube-proxy", "coredns", "volume-provisioner", policyProgram, "metrics-server", "edge", edgeWatch, "mail", "page", operatorName, metricsStore, kubeStateName, kedaOperator, kedaAdapter, gatewayName, storeName}

// Down stops the machine's lab, whichever checkout started it, and removes all
// that it left outside the checkout. Data stays, so that up finds it again.
func Down(ctx context.Context, p paths.Paths, log io.Writer) error {
	_, home := proc.Running()
	if err := host.ThawAll(ctx); err != nil {
		return err
	}
	// The kubelets first: they would start again what stops.
	if err := proc.Stop(ctx, 10*time.Second, kubelets()...); err != nil {
		return err
	}
	stopPods(ctx, log)
	// The API server waits for its clients, and etcd's client is the API server.
	for _, names := range [][]string{clients, {"kube-apiserver"}, {"etcd"}, nil} {
		if err := proc.Stop(ctx, 20*time.Second, names...); err != nil {
			return err
		}
	}
	if err := errors.Join(forget(home), forget(p.Home)); err != nil {
		return err
	}
	return host.Clean(ctx, host.Traces{Bridge: Bridge, ServiceCIDR: serviceCIDR, Run: paths.Run}, log)
}

// kubelets are those of every lab, whatever this start's number of nodes.
func kubelets() (names []string) {
	for _, n := range nodesOf(MaxNodes) {
		names = append(names, n.program("kubelet"))
	}
	return names
}

// forget removes a person's kubeconfig until the next start. Without the bridge
// its address leads out of the machine, and kubectl would knock at somebody
// else's door.
func forget(home string) error {
	if home == "" {
		return nil
	}
	return os.RemoveAll(paths.Paths{Home: home}.Kubeconfig("admin"))
}

// stopPods lets every container of every node end in peace. Where a containerd is gone
// already Clean kills what is left.
func stopPods(ctx context.Context, log io.Writer) {
	names, home := proc.Running()
	for _, n := range nodesOf(MaxNodes) {
		if !slices.Contains(names, n.program("containerd")) {
			continue
		}
		if err := run(ctx, log, home+"/bin/pod-stop", "--socket", n.socket()); err != nil {
			fmt.Fprintf(log, "pods of %s did not stop in peace: %v\n", n.name(), err)
		}
	}
}

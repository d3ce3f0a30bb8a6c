// Command kube is the lab's Kubernetes in one binary: it contains all programs and acts
// as the one whose name it is called by. A single link and one set of shared packages
// keep the lab's cold build short.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/coredns/coredns/coremain"
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
	"github.com/spf13/cobra"
	"go.etcd.io/etcd/server/v3/etcdmain"
	genericapiserver "k8s.io/apiserver/pkg/server"
	"k8s.io/component-base/cli"
	kubestate "k8s.io/kube-state-metrics/v2/pkg/app"
	kubestateoptions "k8s.io/kube-state-metrics/v2/pkg/options"
	kubectl "k8s.io/kubectl/pkg/cmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	proxy "k8s.io/kubernetes/cmd/kube-proxy/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
	metricsserver "sigs.k8s.io/metrics-server/cmd/metrics-server/app"

	"github.com/scalestack/scalestack/lab/internal/netpolicies"
	"github.com/scalestack/scalestack/lab/internal/podstop"
	"github.com/scalestack/scalestack/lab/internal/volumes"
)

// kubernetesProviderVersion is the release of the SDK in the product's go.mod:
// the engine refuses a provider of another version.
const kubernetesProviderVersion = "4.24.1"

var programs = map[string]func(){
	"etcd":                       func() { etcdmain.Main(os.Args) },
	"kube-apiserver":             command(apiserver.NewAPIServerCommand),
	"kube-controller-manager":    command(controllers.NewControllerManagerCommand),
	"kube-scheduler":             command(func() *cobra.Command { return scheduler.NewSchedulerCommand() }),
	"kubelet":                    command(func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) }),
	"kube-proxy":                 command(proxy.NewProxyCommand),
	"kubectl":                    command(kubectl.NewDefaultKubectlCommand),
	"coredns":                    coremain.Run,
	"metrics-server":             command(newMetricsServer),
	"kube-state-metrics":         kubeStateMetrics,
	"volume-provisioner":         command(volumes.NewCommand),
	"network-policies":           command(netpolicies.NewCommand),
	"pod-stop":                   command(podstop.NewCommand),
	"pulumi-resource-kubernetes": serveProvider,
}

func main() {
	name := filepath.Base(os.Args[0])
	run, ok := programs[name]
	if !ok {
		names := make([]string, 0, len(programs))
		for n := range programs {
			names = append(names, n)
		}
		sort.Strings(names)
		fmt.Fprintf(os.Stderr, "%s: call this binary by one of the names %s\n", name, strings.Join(names, ", "))
		os.Exit(2)
	}
	run()
}

func command(build func() *cobra.Command) func() {
	return func() { os.Exit(cli.Run(build())) }
}

func newMetricsServer() *cobra.Command {
	return metricsserver.NewMetricsServerCommand(genericapiserver.SetupSignalHandler())
}

func kubeStateMetrics() {
	options := kubestateoptions.NewOptions()
	cmd := kubestateoptions.InitCommand
	cmd.RunE = func(*cobra.Command, []string) error {
		return kubestate.RunKubeStateMetricsWrapper(genericapiserver.SetupSignalContext(), options)
	}
	options.AddFlags(cmd)
	os.Exit(cli.Run(cmd))
}

// serveProvider serves the official provider without its schema and its
// Terraform mapping: the engine asks for neither when the program is in Go.
func serveProvider() {
	provider.Serve("kubernetes", kubernetesProviderVersion, []byte("{}"), []byte("{}"))
}

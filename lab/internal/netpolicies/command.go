// Package netpolicies enforces the cluster's NetworkPolicies: the reference
// implementation of Kubernetes SIG Network (kube-network-policies, Apache-2.0) decides
// on the first packet of each connection. Package host hands it these packets.
package netpolicies

import (
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/kube-network-policies/pkg/networkpolicy"
)

// NewCommand decides until it is told to stop.
func NewCommand() *cobra.Command {
	var kubeconfig, node string
	var queue int
	cmd := &cobra.Command{
		Use:   "network-policies",
		Short: "Decide by the cluster's NetworkPolicies on new connections of pods",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
			if err != nil {
				return err
			}
			client, err := kubernetes.NewForConfig(config)
			if err != nil {
				return err
			}
			factory := informers.NewSharedInformerFactory(client, 0)
			controller, err := networkpolicy.NewController(client, factory.Networking().V1().NetworkPolicies(),
				factory.Core().V1().Namespaces(), factory.Core().V1().Pods(), nil, nil, nil, nil,
				networkpolicy.Config{NodeName: node, QueueID: queue})
			if err != nil {
				return err
			}
			factory.Start(ctx.Done())
			return controller.Run(ctx)
		},
	}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the cluster")
	cmd.Flags().StringVar(&node, "node", "", "the node's name")
	cmd.Flags().IntVar(&queue, "queue", 0, "number of the kernel's queue with the packets to decide on")
	return cmd
}

package volumes

import (
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"
)

// NewCommand runs the provisioner against a cluster until it is told to stop.
func NewCommand() *cobra.Command {
	var kubeconfig, root string
	cmd := &cobra.Command{
		Use:   "volume-provisioner",
		Short: "Provision local volumes for the lab",
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
			controller.NewProvisionController(klog.FromContext(ctx), client, ProvisionerName, Folders{Root: root},
				controller.LeaderElection(false)).Run(ctx)
			return nil
		},
	}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the cluster")
	cmd.Flags().StringVar(&root, "root", "", "folder that holds one folder per volume")
	return cmd
}

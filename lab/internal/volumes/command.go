package volumes

import (
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v10/controller"

	"github.com/scalestack/scalestack/lab/internal/volumes/expand"
)

// NewCommand runs the provisioner against a cluster until it is told to stop.
func NewCommand() *cobra.Command {
	var kubeconfig string
	var folders Folders
	cmd := &cobra.Command{
		Use:   "volume-provisioner",
		Short: "Provision and expand local volumes for the lab",
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
			// A disk that does not mount must not keep the other volumes from their pods.
			if err := folders.Mount(); err != nil {
				klog.FromContext(ctx).Error(err, "mounting disks")
			}
			// It adds to the scheme that every client reads, so nothing else may run yet.
			provisioner := controller.NewProvisionController(klog.FromContext(ctx), client, ProvisionerName, folders,
				controller.LeaderElection(false))
			go expander(client, folders).Run(ctx)
			provisioner.Run(ctx)
			return nil
		},
	}
	cmd.Flags().StringVar(&kubeconfig, "kubeconfig", "", "how to reach the cluster")
	cmd.Flags().StringVar(&folders.Root, "root", "", "folder that holds one folder per volume")
	cmd.Flags().StringVar(&folders.Node, "node", "", "name of this node, which alone can have volumes with file systems of their own")
	return cmd
}

func expander(client kubernetes.Interface, folders Folders) expand.Expander {
	events := record.NewBroadcaster()
	events.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events("")})
	return expand.Expander{
		Client:      client.CoreV1(),
		Events:      events.NewRecorder(scheme.Scheme, corev1.EventSource{Component: ProvisionerName}),
		Provisioner: ProvisionerName,
		Free:        func() (int64, error) { return expand.Free(folders.Root) },
		Grow:        folders.Grow,
	}
}

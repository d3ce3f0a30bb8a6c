// Package podstop stops every pod of a containerd through the CRI, as a
// kubelet does when it drains a node: each container gets its image's stop
// signal and a grace period, then the pod's network and mounts are taken down.
// The API server does not hear of it, so the pods come back with the node.
package podstop

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// NewCommand stops all pods behind a CRI socket.
func NewCommand() *cobra.Command {
	var socket string
	var grace, deadline time.Duration
	cmd := &cobra.Command{
		Use:   "pod-stop",
		Short: "Stop and remove every pod sandbox of a containerd",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), deadline)
			defer cancel()
			conn, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
			if err != nil {
				return err
			}
			defer conn.Close()
			return stopAll(ctx, cri.NewRuntimeServiceClient(conn), grace)
		},
	}
	cmd.Flags().StringVar(&socket, "socket", "", "containerd's socket")
	cmd.Flags().DurationVar(&grace, "grace", 20*time.Second, "time between a container's stop signal and SIGKILL")
	cmd.Flags().DurationVar(&deadline, "deadline", time.Minute, "time for all of it")
	return cmd
}

func stopAll(ctx context.Context, runtime cri.RuntimeServiceClient, grace time.Duration) error {
	pods, err := runtime.ListPodSandbox(ctx, &cri.ListPodSandboxRequest{})
	if err != nil {
		return fmt.Errorf("list pods: %w", err)
	}
	containers, err := runtime.ListContainers(ctx, &cri.ListContainersRequest{})
	if err != nil {
		return fmt.Errorf("list containers: %w", err)
	}
	stopped := forEach(containers.Containers, func(c *cri.Container) error {
		_, err := runtime.StopContainer(ctx, &cri.StopContainerRequest{ContainerId: c.Id, Timeout: int64(grace.Seconds())})
		return err
	})
	removed := forEach(pods.Items, func(p *cri.PodSandbox) error {
		if _, err := runtime.StopPodSandbox(ctx, &cri.StopPodSandboxRequest{PodSandboxId: p.Id}); err != nil {
			return err
		}
		_, err := runtime.RemovePodSandbox(ctx, &cri.RemovePodSandboxRequest{PodSandboxId: p.Id})
		return err
	})
	return errors.Join(stopped, removed)
}

func forEach[T any](items []T, do func(T) error) error {
	errs := make([]error, len(items))
	var all sync.WaitGroup
	for i, item := range items {
		all.Go(func() { errs[i] = do(item) })
	}
	all.Wait()
	return errors.Join(errs...)
}

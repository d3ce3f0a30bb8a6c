// Command flatstack is a stack of ConfigMaps and nothing else, beside which the
// benchmark of large stacks measures ours.
package main

import (
	"fmt"
	"os"
	"strconv"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	core "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	meta "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

func main() { pulumi.Run(deploy) }

// deploy reads how many from E2E_COUNT.
func deploy(ctx *pulumi.Context) error {
	count, err := strconv.Atoi(os.Getenv("E2E_COUNT"))
	if err != nil {
		return err
	}
	cluster, err := kubernetes.NewProvider(ctx, "kubernetes", &kubernetes.ProviderArgs{EnableServerSideApply: pulumi.Bool(true)})
	if err != nil {
		return err
	}
	for i := range count {
		name := fmt.Sprintf("flat-%d", i)
		_, err := core.NewConfigMap(ctx, name, &core.ConfigMapArgs{
			Metadata: meta.ObjectMetaArgs{Name: pulumi.String(name), Namespace: pulumi.String("default")},
			Data:     pulumi.StringMap{"number": pulumi.Sprintf("%d", i)},
		}, pulumi.Provider(cluster))
		if err != nil {
			return err
		}
	}
	return nil
}

package engine

import (
	"context"
	"maps"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/resource/deploy/deploytest"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/scalestack/scalestack/internal/cluster/clustertest"
	"github.com/scalestack/scalestack/stack"
)

// newStack is the whole product with one shard. The settings, as pulumi config has them,
// may be changed between runs.
func newStack(t *testing.T, settings map[string]string) *rig {
	r := &rig{t: t}
	r.start(func(info plugin.RunInfo, _ *deploytest.ResourceMonitor) error {
		config := map[string]string{
			"scalestack:kubernetes": `{"context":"blue"}`, "scalestack:postgres": `{"shards":1,"initialShards":1}`,
		}
		maps.Copy(config, settings)
		run := pulumi.RunInfo{
			Project: "scalestack", Stack: info.Stack, Parallel: info.Parallel, DryRun: info.DryRun, MonitorAddr: info.MonitorAddress,
			EngineAddr: r.address, Config: config, RootDirectory: t.TempDir(),
		}
		body, keep := stack.Program(stack.WithCluster((&clustertest.Fake{}).Connect))
		keep(&run)
		ctx, err := pulumi.NewContext(context.Background(), run)
		if err != nil {
			return err
		}
		return pulumi.RunWithContext(ctx, body)
	})
	r.plan.BackendClient = &deploytest.BackendClient{GetStackOutputsF: func(context.Context, string, func(error) error) (property.Map, error) {
		return resource.FromResourcePropertyMap(r.outputs()), nil
	}}
	return r
}

// outputs are the stack's own, of the last run.
func (r *rig) outputs() resource.PropertyMap {
	if r.state == nil {
		return nil
	}
	for _, one := range r.state.Resources {
		if one.URN.Type() == resource.RootStackType {
			return one.Outputs
		}
	}
	return nil
}

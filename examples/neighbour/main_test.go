package main

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// product answers as a deployed stack of Scalestack.
type product struct {
	services map[string]any
	asked    string
	made     map[string]resource.PropertyMap
}

func (p *product) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	if args.TypeToken == "pulumi:pulumi:StackReference" {
		p.asked = args.Inputs["name"].StringValue()
		return args.Name, resource.PropertyMap{
			"name": args.Inputs["name"],
			"outputs": resource.NewObjectProperty(resource.NewPropertyMapFromMap(map[string]any{
				"namespace": "shop", "services": p.services,
			})),
		}, nil
	}
	p.made[args.TypeToken] = args.Inputs
	return args.Name, args.Inputs, nil
}

func (p *product) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) { return args.Args, nil }

func (p *product) run() error {
	p.made = map[string]resource.PropertyMap{}
	return pulumi.RunErr(program, pulumi.WithMocks("neighbour", "test", p), func(info *pulumi.RunInfo) {
		info.Config = map[string]string{"neighbour:product": "acme/scalestack/prod", "neighbour:image": "example/reports:1"}
		info.Parallel = 1
	})
}

func TestTheServiceUsesWhatTheOtherStackSays(t *testing.T) {
	p := &product{services: map[string]any{"users": "http://app.shop.svc.cluster.local"}}
	require.NoError(t, p.run())
	require.Equal(t, "acme/scalestack/prod", p.asked)
	deployment := p.made["kubernetes:apps/v1:Deployment"]
	require.Equal(t, "shop", deployment["metadata"].ObjectValue()["namespace"].StringValue())
	container := deployment["spec"].ObjectValue()["template"].ObjectValue()["spec"].ObjectValue()["containers"].ArrayValue()[0]
	env := container.ObjectValue()["env"].ArrayValue()
	last := env[len(env)-1].ObjectValue()
	require.Equal(t, "USERS_URL", last["name"].StringValue())
	require.Equal(t, "http://app.shop.svc.cluster.local", last["value"].StringValue())
}

func TestAStackWithoutTheServiceEndsTheRun(t *testing.T) {
	p := &product{services: map[string]any{"shop": "http://shop"}}
	require.ErrorContains(t, p.run(), "output services has no users: map[shop:http://shop]")
}

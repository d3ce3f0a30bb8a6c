package main

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

var options = []string{"--context", "previews", "--zone", "0123456789abcdef0123456789abcdef", "--target", "ingress.example.com"}

func TestArguments(t *testing.T) {
	p, do, err := parse(append(options, "up", "7"))
	require.NoError(t, err)
	require.NotNil(t, do)
	require.Equal(t, "pr-7.preview.example.com", p.host())
	for want, args := range map[string][]string{
		"--context: required":              {"--zone", "z", "--target", "t", "up", "7"},
		`must be up or down`:               append(options, "delete", "7"),
		`["up" "-7"]: must be an action`:   append(options, "up", "-7"),
		`["up" "main"]: must be an action`: append(options, "up", "main"),
		`["up"]: must be an action`:        append(options, "up"),
	} {
		_, _, err := parse(args)
		require.ErrorContains(t, err, want)
	}
}

// recorder keeps what is registered.
type recorder map[string]resource.PropertyMap

func (r recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	r[args.TypeToken] = args.Inputs
	return args.Name, args.Inputs, nil
}

func (recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) { return args.Args, nil }

func TestTheNameLeadsToTheEnvironment(t *testing.T) {
	p, _, err := parse(append(options, "up", "7"))
	require.NoError(t, err)
	made := recorder{}
	require.NoError(t, pulumi.RunErr(p.publish, pulumi.WithMocks(namesProject, p.name, made), func(info *pulumi.RunInfo) { info.Parallel = 1 }))
	require.Equal(t, "previews", made["pulumi:providers:kubernetes"]["context"].StringValue())
	record := made["cloudflare:index/record:Record"]
	require.Equal(t, "pr-7.preview.example.com", record["name"].StringValue())
	require.Equal(t, "ingress.example.com", record["content"].StringValue())
	ingress := made["kubernetes:networking.k8s.io/v1:Ingress"]
	require.Equal(t, "pr-7", ingress["metadata"].ObjectValue()["namespace"].StringValue())
	require.Equal(t, "pr-7.preview.example.com", ingress["spec"].ObjectValue()["rules"].ArrayValue()[0].ObjectValue()["host"].StringValue())
}

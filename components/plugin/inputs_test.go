package main

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
)

// One value that is not known yet leaves those beside it as they are, and keeps the
// resources that it depends on.
func TestReadInputs(t *testing.T) {
	given := resource.PropertyMap{
		"shards": resource.NewPropertyValue([]any{0, 1}),
		"image":  resource.MakeSecret(resource.NewProperty("a:1")),
		"argo":   resource.NewNullProperty(),
		"mounts": resource.NewProperty([]resource.PropertyValue{resource.NewProperty(resource.PropertyMap{
			"name":   resource.NewProperty("login"),
			"class":  resource.NewNullProperty(),
			"secret": resource.NewProperty(resource.Output{Known: false, Dependencies: []resource.URN{"urn:pulumi:a::b::c::d"}}),
			"path":   resource.NewProperty(resource.Output{Element: resource.NewProperty("/etc/login"), Known: true}),
		})}),
	}
	marshalled, err := plugin.MarshalProperties(given, keepAll)
	require.NoError(t, err)
	req := &pulumirpc.ConstructRequest{Inputs: marshalled, InputDependencies: map[string]*pulumirpc.ConstructRequest_PropertyDependencies{
		"image": {Urns: []string{"urn:pulumi:e::f::g::h"}},
	}}
	in, err := readInputs(req)
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"shards": []any{0.0, 1.0}, "image": leaf("0"),
		"mounts": []any{map[string]any{"name": "login", "path": "/etc/login", "secret": leaf("1")}},
	}, in.tree)
	left, err := plugin.UnmarshalProperties(req.GetInputs(), keepAll)
	require.NoError(t, err)
	require.Len(t, left, 2)
	require.True(t, left["0"].IsSecret())
	require.True(t, left["1"].ContainsUnknowns())
	require.Equal(t, []string{"urn:pulumi:e::f::g::h"}, req.GetInputDependencies()["0"].GetUrns())
	require.Equal(t, []string{"urn:pulumi:a::b::c::d"}, req.GetInputDependencies()["1"].GetUrns())
}

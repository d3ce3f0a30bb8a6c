// Package plugintest drives one resource type of an emulator in a test, the way the
// engine does.
package plugintest

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil/rpcerror"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/scalestack/scalestack/lab/emulators/provider"
	"github.com/stretchr/testify/require"
)

// Type is one resource type of a plugin.
type Type struct {
	t     *testing.T
	p     plugin.Provider
	token tokens.Type
	name  string
}

// New configures a plugin and picks one of its types.
func New(t *testing.T, d *provider.Definition, token string) Type {
	t.Helper()
	p := d.Plugin("")
	_, err := p.Configure(context.Background(), plugin.ConfigureRequest{})
	require.NoError(t, err)
	return Type{t, p, tokens.Type(token), "it"}
}

// Props are a resource's properties in plain Go.
type Props = map[string]any

func properties(p Props) resource.PropertyMap {
	return resource.ToResourcePropertyMap(provider.FromPlain(p))
}

func (x Type) urn() resource.URN {
	return resource.NewURN("test", "test", "", x.token, x.name)
}

// Named returns the same type with another name of the resource.
func (x Type) Named(name string) Type {
	x.name = name
	return x
}

// Check returns the mistakes in the inputs as `path: reason`, sorted.
func (x Type) Check(in Props) []string { return x.CheckMap(properties(in)) }

// CheckMap is Check for inputs that plain Go cannot say, such as unknowns.
func (x Type) CheckMap(in resource.PropertyMap) []string {
	x.t.Helper()
	r, err := x.p.Check(context.Background(), plugin.CheckRequest{URN: x.urn(), Type: x.token, News: in})
	require.NoError(x.t, err)
	require.Equal(x.t, in, r.Properties, "Check must not change the inputs")
	found := []string{}
	for _, f := range r.Failures {
		found = append(found, f.Reason)
	}
	slices.Sort(found)
	return found
}

// Create makes the resource from checked inputs.
func (x Type) Create(in Props) (id string, state resource.PropertyMap) {
	x.t.Helper()
	require.Empty(x.t, x.Check(in))
	r, err := x.p.Create(context.Background(), plugin.CreateRequest{URN: x.urn(), Type: x.token, Properties: properties(in)})
	require.NoError(x.t, err)
	return string(r.ID), r.Properties
}

// TryCreate makes the resource, which may fail. A half made one has an id and a
// state beside the error.
func (x Type) TryCreate(in Props) (id string, state resource.PropertyMap, err error) {
	x.t.Helper()
	r, err := x.p.Create(context.Background(), plugin.CreateRequest{URN: x.urn(), Type: x.token, Properties: properties(in)})
	known, ok := rpcerror.FromError(err)
	if err == nil || !ok {
		return string(r.ID), r.Properties, err
	}
	for _, detail := range known.Details() {
		if kept, ok := detail.(*pulumirpc.ErrorResourceInitFailed); ok {
			state, failed := plugin.UnmarshalProperties(kept.GetProperties(), plugin.MarshalOptions{KeepSecrets: true})
			require.NoError(x.t, failed)
			return kept.GetId(), state, err
		}
	}
	return "", nil, err
}

// CreateError returns the error that creation must end with.
func (x Type) CreateError(in Props) error {
	x.t.Helper()
	_, err := x.p.Create(context.Background(), plugin.CreateRequest{URN: x.urn(), Type: x.token, Properties: properties(in)})
	require.Error(x.t, err)
	return err
}

// Preview returns the state that a creation is announced with.
func (x Type) Preview(in Props) resource.PropertyMap {
	x.t.Helper()
	r, err := x.p.Create(context.Background(), plugin.CreateRequest{
		URN: x.urn(), Type: x.token, Properties: properties(in), Preview: true,
	})
	require.NoError(x.t, err)
	return r.Properties
}

// Diff returns what would change as `path kind`, sorted.
func (x Type) Diff(state resource.PropertyMap, in Props) []string {
	x.t.Helper()
	r, err := x.p.Diff(context.Background(), plugin.DiffRequest{
		URN: x.urn(), Type: x.token, OldOutputs: state, NewInputs: properties(in),
	})
	require.NoError(x.t, err)
	found := []string{}
	for path, d := range r.DetailedDiff {
		found = append(found, path+" "+d.Kind.String())
	}
	slices.Sort(found)
	require.Equal(x.t, len(found) > 0, r.Changes == plugin.DiffSome)
	return found
}

// Replaces returns the properties whose change needs a new resource, sorted,
// and whether the old one goes first.
func (x Type) Replaces(state resource.PropertyMap, in Props) (names []string, deleteFirst bool) {
	x.t.Helper()
	r, err := x.p.Diff(context.Background(), plugin.DiffRequest{
		URN: x.urn(), Type: x.token, OldOutputs: state, NewInputs: properties(in),
	})
	require.NoError(x.t, err)
	for path, d := range r.DetailedDiff {
		if name, _, _ := strings.Cut(path, "."); d.Kind.IsReplace() && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, r.DeleteBeforeReplace
}

// Update changes the resource.
func (x Type) Update(id string, state resource.PropertyMap, in Props) (resource.PropertyMap, error) {
	r, err := x.p.Update(context.Background(), plugin.UpdateRequest{
		URN: x.urn(), Type: x.token, ID: resource.ID(id), OldOutputs: state, NewInputs: properties(in),
	})
	return r.Properties, err
}

// PreviewUpdate returns the state that an update is announced with.
func (x Type) PreviewUpdate(id string, state resource.PropertyMap, in Props) resource.PropertyMap {
	x.t.Helper()
	r, err := x.p.Update(context.Background(), plugin.UpdateRequest{
		URN: x.urn(), Type: x.token, ID: resource.ID(id), OldOutputs: state, NewInputs: properties(in), Preview: true,
	})
	require.NoError(x.t, err)
	return r.Properties
}

// Read refreshes the resource, or imports it when state and in are nil.
func (x Type) Read(id string, state resource.PropertyMap, in Props) (plugin.ReadResult, error) {
	r, err := x.p.Read(context.Background(), plugin.ReadRequest{
		URN: x.urn(), Type: x.token, ID: resource.ID(id), State: state, Inputs: properties(in),
	})
	return r.ReadResult, err
}

// Delete removes the resource.
func (x Type) Delete(id string, state resource.PropertyMap) error {
	_, err := x.p.Delete(context.Background(), plugin.DeleteRequest{
		URN: x.urn(), Type: x.token, ID: resource.ID(id), Outputs: state,
	})
	return err
}

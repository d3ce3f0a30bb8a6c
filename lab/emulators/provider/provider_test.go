package provider

import (
	"context"
	"errors"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/status"
)

const token = "test:index/thing:Thing"

var urn = resource.NewURN("s", "p", "", token, "it")

func things() *Definition {
	return &Definition{Name: "test", Version: "1.2.3", Resources: map[string]Resource{token: {
		Fields: Fields{
			"name":   {Kind: String, Required: true, Replace: true},
			"size":   {Kind: Int, Default: 3, AtMost: 9},
			"items":  {Kind: List, Elem: &Field{Kind: Object, Fields: Fields{"on": {Kind: Bool, Default: true}, "id": {Kind: String, Computed: true}}}},
			"labels": {Kind: Map, Elem: &Field{Kind: String}},
			"slug":   {Kind: String, Assigned: true},
			"secret": {Kind: String, Computed: true, Secret: true},
			"made":   {Kind: String, Computed: true, Stable: true},
		},
		Create: func(in property.Map) (string, property.Map, error) {
			return "id", in.Set("secret", Value("s")).Set("made", Value("now")).Set("slug", Value("it")), nil
		},
		Update: func(_ string, _, in property.Map) (property.Map, error) { return in, nil },
	}}}
}

func properties(m map[string]any) resource.PropertyMap {
	return resource.ToResourcePropertyMap(FromPlain(m))
}

func TestStateAndPreview(t *testing.T) {
	p := things().Plugin("")
	in := properties(map[string]any{"name": "a", "items": []any{map[string]any{}}})

	created, err := p.Create(context.Background(), plugin.CreateRequest{URN: urn, Type: token, Properties: in})
	require.NoError(t, err)
	require.True(t, created.Properties["secret"].IsSecret())
	require.Equal(t, 3.0, created.Properties["size"].NumberValue())
	require.True(t, created.Properties["items"].ArrayValue()[0].ObjectValue()["on"].BoolValue())

	updated, err := p.Update(context.Background(), plugin.UpdateRequest{
		URN: urn, Type: token, OldOutputs: created.Properties, NewInputs: in, Preview: true,
	})
	require.NoError(t, err)
	require.Equal(t, "now", updated.Properties["made"].StringValue(), "what is stable is known")
	require.True(t, updated.Properties["secret"].SecretValue().Element.IsComputed())
	require.True(t, updated.Properties["items"].ArrayValue()[0].ObjectValue()["id"].IsComputed())
}

// The engine keeps the state of a creation that failed with an id, secrets
// included, and nothing of one without.
func TestAHalfMadeResourceOverTheWire(t *testing.T) {
	for id, kept := range map[string]bool{"half": true, "": false} {
		definition := things()
		thing := definition.Resources[token]
		thing.Create = func(in property.Map) (string, property.Map, error) {
			return id, in.Set("secret", Value("s")), errors.New("no more")
		}
		definition.Resources[token] = thing
		in, err := plugin.MarshalProperties(properties(map[string]any{"name": "a"}), plugin.MarshalOptions{})
		require.NoError(t, err)
		server := detailed{plugin.NewProviderServer(definition.Plugin(""))}
		_, err = server.Create(context.Background(), &pulumirpc.CreateRequest{Urn: string(urn), Properties: in})
		require.ErrorContains(t, err, "no more")
		details := status.Convert(err).Details()
		if !kept {
			require.Empty(t, details)
			continue
		}
		failed := details[0].(*pulumirpc.ErrorResourceInitFailed)
		require.Equal(t, id, failed.GetId())
		require.Equal(t, []string{"no more"}, failed.GetReasons())
		state, err := plugin.UnmarshalProperties(failed.GetProperties(), plugin.MarshalOptions{KeepSecrets: true})
		require.NoError(t, err)
		require.True(t, state["secret"].IsSecret())
		require.Equal(t, "a", state["name"].StringValue())
	}
}

func TestDiffOverTheWire(t *testing.T) {
	state := properties(map[string]any{"name": "a", "size": 3, "items": []any{}, "labels": map[string]any{"k": "v"}, "slug": "it", "secret": "s"})
	for name, c := range map[string]struct {
		in             map[string]any
		diffs, replace []string
	}{
		"same":         {map[string]any{"name": "a", "items": []any{}, "labels": map[string]any{"k": "v"}}, nil, nil},
		"update":       {map[string]any{"name": "a", "size": 4, "items": []any{map[string]any{}}, "labels": map[string]any{"k": "w"}}, []string{"items", "labels", "size"}, nil},
		"replace":      {map[string]any{"name": "b", "items": []any{}, "labels": map[string]any{"k": "v"}}, []string{"name"}, []string{"name"}},
		"assigned now": {map[string]any{"name": "a", "items": []any{}, "labels": map[string]any{"k": "v"}, "slug": "own"}, []string{"slug"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			server := detailed{plugin.NewProviderServer(things().Plugin(""))}
			olds, err := plugin.MarshalProperties(state, plugin.MarshalOptions{})
			require.NoError(t, err)
			news, err := plugin.MarshalProperties(properties(c.in), plugin.MarshalOptions{})
			require.NoError(t, err)
			r, err := server.Diff(context.Background(), &pulumirpc.DiffRequest{Urn: string(urn), Olds: olds, News: news})
			require.NoError(t, err)
			require.Equal(t, c.diffs, r.GetDiffs())
			require.Equal(t, c.replace, r.GetReplaces())
			require.Equal(t, len(c.diffs) > 0, r.GetHasDetailedDiff())
		})
	}
}

func TestAnUnknownOrSecretInput(t *testing.T) {
	p := things().Plugin("")
	state := properties(map[string]any{"name": "a", "size": 3})
	for name, c := range map[string]struct {
		value   resource.PropertyValue
		changed bool
	}{
		"unknown": {resource.MakeComputed(resource.NewProperty("")), true},
		"secret":  {resource.MakeSecret(resource.NewProperty("a")), false},
	} {
		t.Run(name, func(t *testing.T) {
			in := resource.PropertyMap{"name": c.value}
			checked, err := p.Check(context.Background(), plugin.CheckRequest{URN: urn, Type: token, News: in})
			require.NoError(t, err)
			require.Empty(t, checked.Failures)
			diff, err := p.Diff(context.Background(), plugin.DiffRequest{URN: urn, Type: token, OldOutputs: state, NewInputs: in})
			require.NoError(t, err)
			require.Equal(t, c.changed, diff.Changes == plugin.DiffSome)
		})
	}
}

func TestASecretValueIsNotShown(t *testing.T) {
	fields := Fields{"level": {Kind: String, OneOf: []string{"a", "b"}}}
	found := fields.check("", property.NewMap(map[string]property.Value{"level": property.New("hidden").WithSecret(true)}))
	require.Equal(t, []Failure{{"level", "the secret value is not one of a, b"}}, found)
}

func TestASecretStaysSecretAfterRead(t *testing.T) {
	before := property.NewMap(map[string]property.Value{"a": property.New("x").WithSecret(true), "b": property.New("y")})
	now := carrySecrets(before, FromPlain(map[string]any{"a": "z", "b": "y"}))
	require.True(t, now.Get("a").Secret())
	require.False(t, now.Get("b").Secret())
}

func TestProviderConfigurationNeverReplaces(t *testing.T) {
	p := things().Plugin("")
	for now, want := range map[string]plugin.DiffChanges{"a": plugin.DiffNone, "b": plugin.DiffSome} {
		diff, err := p.DiffConfig(context.Background(), plugin.DiffConfigRequest{
			OldInputs: properties(map[string]any{"token": "a"}), NewInputs: properties(map[string]any{"token": now}),
		})
		require.NoError(t, err)
		require.Equal(t, want, diff.Changes)
		require.Empty(t, diff.ReplaceKeys)
	}
}

func TestHandshakeAndSchema(t *testing.T) {
	p := things().Plugin("")
	shake, err := p.Handshake(context.Background(), plugin.ProviderHandshakeRequest{})
	require.NoError(t, err)
	require.True(t, shake.AcceptSecrets)
	schema, err := p.GetSchema(context.Background(), plugin.GetSchemaRequest{})
	require.NoError(t, err)
	require.JSONEq(t, `{"name":"test","version":"1.2.3","displayName":"test (the lab's emulator)"}`, string(schema.Schema))
}

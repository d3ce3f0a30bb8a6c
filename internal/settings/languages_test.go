package settings

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// widget is a set of parts.
type widget struct {
	// Namespace of the parts.
	Namespace pulumi.StringInput `json:"-" pulumi:"namespace,optional"`
	// Count of the parts.
	Count int `json:"count" pulumi:"count" required:"true" min:"1" max:"9"`
	// Labels of the parts.
	Labels pulumi.StringMapInput `json:"labels" pulumi:"labels,optional"`
	// Env of the parts.
	Env map[string]pulumi.StringInput `json:"env" pulumi:"env,optional"`
	// Parts by themselves.
	Parts []Args `json:"parts" pulumi:"parts,optional"`
	// Stack is for Go alone.
	Stack string `json:"stack"`
}

// Args are one part.
type Args struct {
	// Mode of the part.
	Mode string `json:"mode" pulumi:"mode,optional" default:"slow" enum:"slow,fast"`
}

// made is a widget that exists.
type made struct {
	pulumi.ResourceState
	// Host of the widget.
	Host pulumi.StringOutput `pulumi:"host"`
	// Rest of it.
	Rest pulumi.ArrayOutput `pulumi:"rest"`
	// Own is for Go alone.
	Own string
}

func TestDecodeInputs(t *testing.T) {
	later := pulumi.String("later").ToStringOutput()
	into := &widget{}
	require.Empty(t, DecodeInputs(nil, map[string]any{
		"namespace": later, "count": 3.0, "labels": map[string]any{"a": "b", "c": later},
		"env": map[string]any{"A": later}, "parts": []any{map[string]any{"mode": "fast"}},
	}, into))
	require.Equal(t, 3, into.Count)
	require.Equal(t, []Args{{Mode: "fast"}}, into.Parts)
	require.IsType(t, pulumi.StringOutput{}, into.Namespace)
	require.IsType(t, pulumi.StringOutput{}, into.Env["A"])
	labels := into.Labels.(pulumi.StringMap)
	require.Equal(t, pulumi.String("b"), labels["a"])
	require.IsType(t, pulumi.StringOutput{}, labels["c"])
	require.Empty(t, DecodeInputs(nil, map[string]any{"labels": pulumi.ToOutput(map[string]any{"a": "b"})}, into))
	require.IsType(t, pulumi.StringMapOutput{}, into.Labels)
}

func TestDecodeInputsReportsEveryMistake(t *testing.T) {
	errs := DecodeInputs(nil, map[string]any{
		"count": pulumi.Int(3).ToIntOutput(), "labels": map[string]any{"a": 1.0}, "parts": []any{map[string]any{"mode": 2000000.0}}, "stack": "x",
	}, &widget{})
	require.EqualError(t, Err(errs), `count: Forbidden: must be known before the deployment: it cannot be a secret or another resource's output
labels.a: Invalid value: 1: must be a string
parts[0].mode: Invalid value: 2000000: must be one of slow, fast
stack: Forbidden: is not a setting; known here: count, env, labels, namespace, parts`)
}

// noResources is an engine without a provider.
type noResources struct{}

func (noResources) NewResource(pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	return "", nil, nil
}

func (noResources) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) { return nil, nil }

// An error must not show what may be a secret.
func TestAnOutputOfAnotherTypeIsRefusedWithoutItsValue(t *testing.T) {
	into := &widget{}
	require.Empty(t, DecodeInputs(nil, map[string]any{"namespace": pulumi.ToSecret(12345)}, into))
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		ctx.Export("namespace", into.Namespace)
		return nil
	}, pulumi.WithMocks("project", "stack", noResources{}))
	require.ErrorContains(t, err, "namespace: Invalid value: must be a string")
	require.NotContains(t, err.Error(), "12345")
}

func TestPackage(t *testing.T) {
	p := NewPackage("shop", NewDocs(".", "github.com/scalestack/scalestack/internal/settings"))
	p.Add("shop:a:Widget", reflect.TypeFor[made](), reflect.TypeFor[widget]())
	text, err := json.Marshal(p.Resources["shop:a:Widget"])
	require.NoError(t, err)
	require.JSONEq(t, `{
		"description": "made is a widget that exists.", "isComponent": true, "requiredInputs": ["count"], "required": ["host", "rest"],
		"properties": {
			"host": {"type": "string", "description": "`+"`host`"+` of the widget."},
			"rest": {"type": "array", "items": {"$ref": "pulumi.json#/Any"}, "description": "`+"`rest`"+` of it."}},
		"inputProperties": {
			"namespace": {"type": "string", "description": "`+"`namespace`"+` of the parts."},
			"count": {"type": "integer", "plain": true, "description": "`+"`count`"+` of the parts. It takes an integer between 1 and 9."},
			"labels": {"type": "object", "additionalProperties": {"type": "string"}, "description": "`+"`labels`"+` of the parts."},
			"env": {"type": "object", "plain": true, "additionalProperties": {"type": "string"}, "description": "`+"`env`"+` of the parts."},
			"parts": {"type": "array", "plain": true, "items": {"$ref": "#/types/shop:settings:Settings", "plain": true}, "description": "`+"`parts`"+` by themselves."}
		}}`, string(text))
	text, err = json.Marshal(p.Types)
	require.NoError(t, err)
	require.JSONEq(t, `{"shop:settings:Settings": {"type": "object", "description": "Args are one part.", "properties": {
		"mode": {"type": "string", "plain": true, "description": "`+"`mode`"+` of the part. It takes one of slow, fast. Default: `+"`slow`"+`."}}}}`, string(text))
}

package rule

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"
)

func TestFromProperties(t *testing.T) {
	secret := resource.MakeSecret(resource.NewStringProperty("x"))
	unknown := resource.MakeComputed(resource.NewStringProperty(""))
	got := FromProperties(resource.PropertyMap{
		"text": resource.NewStringProperty("a"), "number": resource.NewNumberProperty(2), "truth": resource.NewBoolProperty(true),
		"nothing": resource.NewNullProperty(), "secret": secret, "unknown": unknown,
		"list":          resource.NewArrayProperty([]resource.PropertyValue{unknown, secret}),
		"object":        resource.NewObjectProperty(resource.PropertyMap{"a": secret}),
		"known output":  resource.NewOutputProperty(resource.Output{Element: resource.NewStringProperty("b"), Known: true}),
		"hidden output": resource.NewOutputProperty(resource.Output{Element: resource.NewStringProperty("c"), Known: true, Secret: true}),
		"open output":   resource.NewOutputProperty(resource.Output{Secret: true}),
	})
	require.Equal(t, map[string]any{
		"text": "a", "number": 2.0, "truth": true, "nothing": nil, "secret": Secret{"x"}, "unknown": Unknown{},
		"list": []any{Unknown{}, Secret{"x"}}, "object": map[string]any{"a": Secret{"x"}},
		"known output": "b", "hidden output": Secret{"c"}, "open output": Secret{Unknown{}},
	}, got)
}

func TestNode(t *testing.T) {
	root := NewNode(map[string]any{
		"spec":   map[string]any{"ports": []any{map[string]any{"port": 80.0}}, "x.y/z": true},
		"later":  Unknown{},
		"hidden": Secret{map[string]any{"a": "b"}},
	})
	port := root.At("spec", "ports").Items()[0].At("port")
	require.Equal(t, "spec.ports[0].port", port.Path())
	require.Equal(t, "80", port.String())
	require.Equal(t, `spec["x.y/z"]`, root.At("spec", "x.y/z").Path())
	require.False(t, root.At("later", "any", "thing").Known())
	require.Equal(t, "not known yet", root.At("later", "any").String())
	require.True(t, root.At("spec", "none", "below").Absent())
	require.Equal(t, "not set", root.At("spec", "none").String())
	require.True(t, root.At("hidden", "a").Secret(), "what lies in a secret is one")
	require.Equal(t, "[secret]", root.At("hidden", "a").String())
	require.Equal(t, "b", root.At("hidden", "a").Text())
}

func TestUnknownSettingIsAMistakeOfTheRule(t *testing.T) {
	one := Rule{Name: "r", Each: func(c *Check, _ Resource) { c.Texts("typo") }}
	require.PanicsWithValue(t, "policy r has no setting typo", func() { one.Violations("dev", nil, Graph{{}}) })
}

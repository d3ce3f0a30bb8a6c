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

func TestConfigurationThatCannotBeReadIsAnError(t *testing.T) {
	one := Rule{Name: "r", Each: func(*Check, Resource) {}, Settings: []Setting{
		{Name: "list", Default: []any{}}, {Name: "text", Default: ""}, {Name: "flag", Default: false}, {Name: "count", Default: 3, Minimum: 1},
	}}
	_, err := one.Violations("dev", map[string]any{"list": []any{"a"}, "text": "a", "flag": true, "count": 1.0}, nil)
	require.NoError(t, err)
	for want, config := range map[string]map[string]any{
		`policy r has no setting "lists", allowed: list, text, flag, count`: {"lists": []any{}},
		`policy r: setting list is "a", allowed: a list of strings`:         {"list": "a"},
		`policy r: setting list is ["a",1], allowed: a list of strings`:     {"list": []any{"a", 1.0}},
		`policy r: setting list is not set, allowed: a list of strings`:     {"list": nil},
		`policy r: setting text is 1, allowed: a string`:                    {"text": 1.0},
		`policy r: setting flag is "true", allowed: true or false`:          {"flag": "true"},
		`policy r: setting count is 0, allowed: an integer of at least 1`:   {"count": 0.0},
		`policy r: setting count is 1.5, allowed: an integer of at least 1`: {"count": 1.5},
	} {
		_, err := one.Violations("dev", config, nil)
		require.EqualError(t, err, want)
	}
}

// What a provider bridged from Terraform takes for the same.
func TestOtherSpellings(t *testing.T) {
	n := NewNode(map[string]any{
		"block": []any{map[string]any{"inner": []any{map[string]any{"cache": "true"}}}}, "two": []any{map[string]any{"a": 1}, map[string]any{"a": 2}},
	})
	require.Equal(t, "true", n.Block("block", "inner", "cache").Text())
	require.True(t, n.Block("two", "a").Absent(), "two blocks are not one")
	require.True(t, NewNode(Unknown{}).Block("block", "cache").value == Unknown{})
	for value, want := range map[any][2]bool{true: {true, true}, false: {false, true}, "false": {false, true}, "1": {true, true}, "yes": {false, false}, nil: {false, false}} {
		truth, ok := NewNode(value).Truth()
		require.Equal(t, want, [2]bool{truth, ok}, value)
	}
}

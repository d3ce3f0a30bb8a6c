package tests

import (
	"bytes"
	"cmp"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// snapshot is one resource as a reviewer reads it.
type snapshot struct {
	URN                 string         `yaml:"urn"`
	Type                string         `yaml:"type"`
	Parent              string         `yaml:"parent"`
	Aliases             []string       `yaml:"aliases,omitempty"`
	Provider            string         `yaml:"provider,omitempty"`
	Dependencies        []string       `yaml:"dependencies,omitempty"`
	Protect             bool           `yaml:"protect,omitempty"`
	RetainOnDelete      bool           `yaml:"retainOnDelete,omitempty"`
	DeleteBeforeReplace bool           `yaml:"deleteBeforeReplace,omitempty"`
	IgnoreChanges       []string       `yaml:"ignoreChanges,omitempty"`
	ReplaceOnChanges    []string       `yaml:"replaceOnChanges,omitempty"`
	Inputs              map[string]any `yaml:"inputs,omitempty"`
}

// snapshots returns the whole graph, sorted by URN.
func (g *graph) snapshots() []snapshot {
	all := make([]snapshot, 0, len(g.nodes))
	aliases := g.aliases()
	for _, node := range g.nodes {
		rpc := node.RegisterRPC
		dependencies := slices.Clone(rpc.GetDependencies())
		slices.Sort(dependencies)
		urn := urnOf(node)
		all = append(all, snapshot{
			URN:                 urn,
			Type:                node.TypeToken,
			Parent:              rpc.GetParent(),
			Aliases:             aliases[urn],
			Provider:            node.Provider,
			Dependencies:        slices.Compact(dependencies),
			Protect:             rpc.GetProtect(),
			RetainOnDelete:      rpc.GetRetainOnDelete(),
			DeleteBeforeReplace: rpc.GetDeleteBeforeReplace(),
			IgnoreChanges:       rpc.GetIgnoreChanges(),
			ReplaceOnChanges:    rpc.GetReplaceOnChanges(),
			Inputs:              plainMap(node.Inputs),
		})
	}
	slices.SortFunc(all, func(a, b snapshot) int { return strings.Compare(a.URN, b.URN) })
	return all
}

// text is the whole graph as YAML, secrets by a mark alone.
func (g *graph) text(t *testing.T) string {
	t.Helper()
	text, err := encode(g.snapshots())
	require.NoError(t, err)
	return string(text)
}

func encode(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	err := encoder.Encode(value)
	return text.Bytes(), err
}

func decode(text []byte) ([]snapshot, error) {
	var all []snapshot
	err := yaml.Unmarshal(text, &all)
	return all, err
}

func plainMap(object resource.PropertyMap) map[string]any {
	out := make(map[string]any, len(object))
	for key, value := range object {
		if !value.IsNull() {
			out[string(key)] = plain(value)
		}
	}
	return out
}

func plain(value resource.PropertyValue) any {
	switch {
	case value.IsSecret():
		return masked(value.SecretValue().Element)
	case value.IsComputed():
		return "[unknown]"
	case value.IsArray():
		list := make([]any, 0, len(value.ArrayValue()))
		for _, item := range value.ArrayValue() {
			list = append(list, plain(item))
		}
		return list
	case value.IsObject():
		return plainMap(value.ObjectValue())
	case value.IsNumber() && value.NumberValue() == math.Trunc(value.NumberValue()):
		return int64(value.NumberValue())
	}
	return value.V
}

// masked keeps a secret's shape, whose keys are no secret, and hides its values.
func masked(value resource.PropertyValue) any {
	if !value.IsObject() {
		return "[secret]"
	}
	out := map[string]any{}
	for key, item := range value.ObjectValue() {
		out[string(key)] = masked(item)
	}
	return out
}

func urnOf(node pulumi.MockResourceArgs) string {
	rpc := node.RegisterRPC
	return join(rpc.GetParent(), stackOf(rpc.GetParent()), node.TypeToken, node.Name)
}

// stackOf takes the stack's name from the URN of any of its resources.
func stackOf(urn string) string { return string(resource.URN(urn).Stack()) }

// join makes the URN that the engine gives to a resource below parent.
func join(parent, stack, token, name string) string {
	above := tokens.Type("")
	if parent != "" && resource.URN(parent).QualifiedType() != resource.RootStackType {
		above = resource.URN(parent).QualifiedType()
	}
	return string(resource.NewURN(tokens.QName(stack), project, above, tokens.Type(token), name))
}

// aliases returns, by URN, under which other URNs the engine would look for
// each resource: those that it names and those that its parent's bring.
func (g *graph) aliases() map[string][]string {
	byURN := map[string]pulumi.MockResourceArgs{}
	for _, node := range g.nodes {
		byURN[urnOf(node)] = node
	}
	found := map[string][]string{}
	var visit func(urn string) []string
	visit = func(urn string) []string {
		node, registered := byURN[urn]
		if _, done := found[urn]; done || !registered {
			return found[urn]
		}
		list := named(node)
		for _, former := range visit(node.RegisterRPC.GetParent()) {
			list = append(list, inherited(node, former))
		}
		slices.Sort(list)
		found[urn] = slices.Compact(list)
		return found[urn]
	}
	for urn := range byURN {
		visit(urn)
	}
	return found
}

// named resolves the aliases that a resource was registered with, without
// those that the Kubernetes SDK adds for former API versions.
func named(node pulumi.MockResourceArgs) []string {
	rpc := node.RegisterRPC
	list := slices.Clone(rpc.GetAliasURNs())
	for _, alias := range rpc.GetAliases() {
		if urn := alias.GetUrn(); urn != "" {
			list = append(list, urn)
			continue
		}
		if !strings.HasPrefix(alias.GetSpec().GetType(), "kubernetes:") {
			list = append(list, specified(node, alias.GetSpec()))
		}
	}
	return list
}

func specified(node pulumi.MockResourceArgs, spec *pulumirpc.Alias_Spec) string {
	parent := node.RegisterRPC.GetParent()
	stack := cmp.Or(spec.GetStack(), stackOf(parent))
	switch {
	case spec.GetNoParent():
		parent = ""
	case spec.GetParentUrn() != "":
		parent = spec.GetParentUrn()
	}
	return join(parent, stack, cmp.Or(spec.GetType(), node.TypeToken), cmp.Or(spec.GetName(), node.Name))
}

// inherited is where a resource was when its parent was still former. A child
// whose name began with its parent's had the parent's former name in it.
func inherited(node pulumi.MockResourceArgs, former string) string {
	name, parent := node.Name, resource.URN(node.RegisterRPC.GetParent()).Name()
	if rest, ok := strings.CutPrefix(name, parent); ok {
		name = resource.URN(former).Name() + rest
	}
	return join(former, stackOf(former), node.TypeToken, name)
}

package main

import (
	"maps"
	"slices"
	"strconv"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
)

// inputs are what a program gave: a tree of plain values, with a leaf in the place of
// each value that is a secret, depends on a resource or is not known yet.
type inputs struct {
	tree map[string]any
	// later are the values of the leaves, and dependencies the resources behind them.
	later        resource.PropertyMap
	dependencies map[string]*pulumirpc.ConstructRequest_PropertyDependencies
}

// leaf is the key of a value in inputs.later.
type leaf string

var keepAll = plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, KeepResources: true, KeepOutputValues: true}

// readInputs takes the tree out of a request and leaves the leaves in it, each an input
// of its own. The SDK makes an output of each input as a whole, in which one unknown value
// would hide those beside it.
func readInputs(req *pulumirpc.ConstructRequest) (*inputs, error) {
	given, err := plugin.UnmarshalProperties(req.GetInputs(), keepAll)
	if err != nil {
		return nil, err
	}
	in := &inputs{
		tree: map[string]any{}, later: resource.PropertyMap{},
		dependencies: map[string]*pulumirpc.ConstructRequest_PropertyDependencies{},
	}
	for _, key := range given.StableKeys() {
		if resource.IsInternalPropertyKey(key) || given[key].IsNull() {
			continue
		}
		in.tree[string(key)] = in.plain(given[key], req.GetInputDependencies()[string(key)].GetUrns())
	}
	req.InputDependencies = in.dependencies
	req.Inputs, err = plugin.MarshalProperties(in.later, keepAll)
	return in, err
}

// plain returns the value with its leaves. The resources are behind all of the input.
func (in *inputs) plain(value resource.PropertyValue, resources []string) any {
	switch {
	case value.IsOutput():
		output := value.OutputValue()
		if output.Known && !output.Secret && len(output.Dependencies) == 0 {
			return in.plain(output.Element, resources)
		}
		return in.leaf(value, resources)
	case value.IsSecret(), value.IsComputed():
		return in.leaf(value, resources)
	case value.IsArray():
		list := []any{}
		for _, item := range value.ArrayValue() {
			list = append(list, in.plain(item, resources))
		}
		return list
	case value.IsObject():
		object := map[string]any{}
		for key, item := range value.ObjectValue() {
			if !item.IsNull() {
				object[string(key)] = in.plain(item, resources)
			}
		}
		return object
	}
	return value.V
}

func (in *inputs) leaf(value resource.PropertyValue, resources []string) leaf {
	urns := map[string]bool{}
	for _, urn := range resources {
		urns[urn] = true
	}
	collect(value, urns)
	key := strconv.Itoa(len(in.later))
	in.later[resource.PropertyKey(key)] = value
	in.dependencies[key] = &pulumirpc.ConstructRequest_PropertyDependencies{Urns: slices.Sorted(maps.Keys(urns))}
	return leaf(key)
}

// collect finds the resources that a value depends on.
func collect(value resource.PropertyValue, urns map[string]bool) {
	switch {
	case value.IsOutput():
		for _, urn := range value.OutputValue().Dependencies {
			urns[string(urn)] = true
		}
		collect(value.OutputValue().Element, urns)
	case value.IsSecret():
		collect(value.SecretValue().Element, urns)
	case value.IsArray():
		for _, item := range value.ArrayValue() {
			collect(item, urns)
		}
	case value.IsObject():
		for _, item := range value.ObjectValue() {
			collect(item, urns)
		}
	}
}

// with is the tree with an output in the place of each leaf.
func (in *inputs) with(outputs pulumi.Map) map[string]any {
	return filled(in.tree, outputs).(map[string]any)
}

func filled(value any, outputs pulumi.Map) any {
	switch v := value.(type) {
	case leaf:
		return outputs[string(v)]
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = filled(item, outputs)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for key, item := range v {
			object[key] = filled(item, outputs)
		}
		return object
	}
	return value
}

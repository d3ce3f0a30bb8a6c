package main

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
)

type recorder struct {
	mu      sync.Mutex
	project string
	stack   string
	graph   rule.Graph
}

// NewResource records the resource as the engine would show it to a policy.
func (r *recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	request := args.RegisterRPC
	r.graph = append(r.graph, rule.Resource{
		Type: args.TypeToken, Name: args.Name, Properties: rule.FromProperties(args.Inputs),
		URN:     r.urn(request.GetParent(), args.TypeToken, args.Name),
		Options: &rule.Options{Protect: request.GetProtect(), RetainOnDelete: request.GetRetainOnDelete()},
	})
	outputs := args.Inputs.Copy()
	if args.TypeToken == "random:index/randomPassword:RandomPassword" {
		outputs["result"] = resource.NewStringProperty("generated")
	}
	if args.TypeToken == "pulumi:index:Stash" {
		outputs["output"] = outputs["input"]
	}
	return args.Name + "-id", outputs, nil
}

// urn lists the types of all parents, as the engine's does; that of the stack
// itself is left out.
func (r *recorder) urn(parent, token, name string) string {
	types := ""
	if parts := strings.Split(parent, "::"); len(parts) == 4 && parts[2] != "pulumi:pulumi:Stack" {
		types = parts[2] + "$"
	}
	return "urn:pulumi:" + r.stack + "::" + r.project + "::" + types + token + "::" + name
}

// Call answers an invoke with its arguments.
func (r *recorder) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return args.Args, nil
}

// recordProgram runs program as a stack of project scalestack.
func recordProgram(t *testing.T, stack string, program pulumi.RunFunc, options ...pulumi.RunOption) rule.Graph {
	t.Helper()
	r := &recorder{project: "scalestack", stack: stack}
	require.NoError(t, pulumi.RunErr(program, append([]pulumi.RunOption{pulumi.WithMocks(r.project, stack, r)}, options...)...))
	slices.SortFunc(r.graph, func(a, b rule.Resource) int { return strings.Compare(a.URN, b.URN) })
	return r.graph
}

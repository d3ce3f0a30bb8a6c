// Package tests holds the tests over the whole stack.
package tests

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"sort"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/config"
	"github.com/pulumi/pulumi/sdk/v3/go/common/workspace"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/cluster"
	"github.com/scalestack/scalestack/internal/cluster/clustertest"
	"github.com/scalestack/scalestack/stack"
)

// project is the name in Pulumi.yaml.
const project = "scalestack"

var environments = []string{"dev", "staging", "prod"}

// localImages are the images of a local build, which dev's configuration asks for.
var localImages = stack.WithLocalImages(`{"scalestack/users:dev":"scalestack/users:dev-1","scalestack/shardctl:dev":"scalestack/shardctl:dev-1"}`)

// password is what every generated password is in these tests, so that it can
// be looked for where it must not be.
const password = "generated-password-of-the-mock"

// graph is what one run registered.
type graph struct {
	mu    sync.Mutex
	nodes []pulumi.MockResourceArgs
}

func (g *graph) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.nodes = append(g.nodes, args)
	outputs := args.Inputs.Copy()
	if args.TypeToken == "random:index/randomPassword:RandomPassword" {
		outputs["result"] = resource.NewStringProperty(password)
	}
	if args.TypeToken == "pulumi:index:Stash" {
		outputs["output"] = outputs["input"]
	}
	if metadata := outputs["metadata"]; metadata.IsObject() {
		known := metadata.ObjectValue().Copy()
		known["uid"] = resource.NewStringProperty(args.Name + "-uid")
		outputs["metadata"] = resource.NewObjectProperty(known)
	}
	return args.Name + "-id", outputs, nil
}

func (g *graph) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) { return args.Args, nil }

// settings reads what Pulumi.<env>.yaml says, as the engine hands it over.
func settings(t *testing.T, env string) map[string]string {
	t.Helper()
	project, err := workspace.LoadProject(filepath.Join("..", "Pulumi.yaml"))
	require.NoError(t, err)
	loaded, err := workspace.LoadProjectStack(nil, project, filepath.Join("..", "Pulumi."+env+".yaml"))
	require.NoError(t, err)
	values := map[string]string{}
	for key, value := range loaded.Config {
		text, err := value.Value(config.NopDecrypter)
		require.NoError(t, err)
		values[key.String()] = text
	}
	return values
}

// run deploys env against mocks, with the given settings in place of its own.
func run(t *testing.T, env string, changed map[string]string, options ...pulumi.RunOption) (*graph, error) {
	t.Helper()
	values := settings(t, env)
	maps.Copy(values, changed)
	return register(env, values, options...)
}

// clusterOf has the namespace of a stack from before the shard map's name told
// stacks apart: the environments' graphs then differ in little else than settings.
func clusterOf(env string) *clustertest.Fake {
	return &clustertest.Fake{Namespaces: map[string]*cluster.Object{"scalestack": {Annotations: map[string]string{
		"scalestack/owner": "organization/" + project + "/" + env + "@" + clustertest.ID,
	}}}}
}

// register runs the program with exactly these settings.
func register(env string, values map[string]string, options ...pulumi.RunOption) (*graph, error) {
	g := &graph{}
	body, keep := stack.Program(localImages, stack.WithCluster(clusterOf(env).Connect))
	options = append(options, pulumi.WithMocks(project, env, g),
		func(info *pulumi.RunInfo) { info.Config = values }, keep)
	err := pulumi.RunErr(body, options...)
	sort.Slice(g.nodes, func(i, j int) bool { return id(g.nodes[i]) < id(g.nodes[j]) })
	return g, err
}

// deployed is run for a deployment that must succeed.
func deployed(t *testing.T, env string) *graph {
	t.Helper()
	g, err := run(t, env, nil)
	require.NoError(t, err)
	return g
}

func id(node pulumi.MockResourceArgs) string { return node.TypeToken + " " + node.Name }

// find returns the resources of one type.
func (g *graph) find(token string) []pulumi.MockResourceArgs {
	var found []pulumi.MockResourceArgs
	for _, node := range g.nodes {
		if node.TypeToken == token {
			found = append(found, node)
		}
	}
	return found
}

// at returns the value at a path of the inputs, as text.
func at(t *testing.T, node pulumi.MockResourceArgs, path string) string {
	t.Helper()
	parsed, err := resource.ParsePropertyPath(path)
	require.NoError(t, err)
	value, ok := parsed.Get(resource.NewObjectProperty(node.Inputs))
	if !ok {
		return ""
	}
	if value.IsOutput() {
		value = value.OutputValue().Element
	}
	return fmt.Sprint(value.V)
}

// follows reports whether one resource is registered after another is known,
// directly or by way of others.
func (g *graph) follows(token, name, otherToken, otherName string) bool {
	byURN := map[string]pulumi.MockResourceArgs{}
	var from, to string
	for _, node := range g.nodes {
		urn := urnOf(node)
		byURN[urn] = node
		switch id(node) {
		case token + " " + name:
			from = urn
		case otherToken + " " + otherName:
			to = urn
		}
	}
	if from == "" || to == "" {
		return false
	}
	seen := map[string]bool{}
	var reaches func(urn string) bool
	reaches = func(urn string) bool {
		if urn == to {
			return true
		}
		if seen[urn] {
			return false
		}
		seen[urn] = true
		node, registered := byURN[urn]
		return registered && slices.ContainsFunc(node.RegisterRPC.GetDependencies(), reaches)
	}
	return reaches(from)
}

package main

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
)

// edit is one change of a stack. An object is named by kind and name.
type edit func(t *testing.T, g rule.Graph) rule.Graph

// mutation is one way to break a stack.
type mutation struct {
	// policy is the one that must speak, says is part of its message.
	policy, says string
	// edits break the stack.
	edits []edit
	// only is the environment that the mutation needs. Default: all of them.
	only string
	// config is that of the policy.
	config map[string]any
}

func edits(all ...edit) []edit { return all }

// set changes the value at a path such as spec.ports[0].port.
func set(object, path string, value any) edit {
	return func(t *testing.T, g rule.Graph) rule.Graph {
		parsed, err := resource.ParsePropertyPath(path)
		require.NoError(t, err)
		g[find(t, g, object)].Properties = put(t, g[find(t, g, object)].Properties, parsed, value).(map[string]any)
		return g
	}
}

// add puts a value at the end of a list.
func add(object, path string, value any) edit {
	return func(t *testing.T, g rule.Graph) rule.Graph {
		n := at(t, g[find(t, g, object)], path)
		return set(object, fmt.Sprintf("%s[%d]", path, len(n.Items())), value)(t, g)
	}
}

func at(t *testing.T, r rule.Resource, path string) rule.Node {
	parsed, err := resource.ParsePropertyPath(path)
	require.NoError(t, err)
	n := r.At()
	for _, step := range parsed {
		if i, ok := step.(int); ok {
			n = n.Items()[i]
		} else {
			n = n.At(step.(string))
		}
	}
	return n
}

// gone is the value of what is to be removed.
type gone struct{}

func unset(object, path string) edit { return set(object, path, gone{}) }

// put copies what it changes, so that the recorded stack stays as it is.
func put(t *testing.T, at any, path resource.PropertyPath, value any) any {
	if len(path) == 0 {
		return value
	}
	if hidden, ok := at.(rule.Secret); ok {
		return rule.Secret{Value: put(t, hidden.Value, path, value)}
	}
	switch key := path[0].(type) {
	case string:
		object, _ := at.(map[string]any)
		copied := map[string]any{}
		for name, item := range object {
			copied[name] = item
		}
		copied[key] = put(t, copied[key], path[1:], value)
		if copied[key] == (gone{}) {
			delete(copied, key)
		}
		return copied
	case int:
		list, _ := at.([]any)
		copied := append([]any(nil), list...)
		if key == len(copied) {
			copied = append(copied, nil)
		}
		require.Less(t, key, len(copied), "index in %v", path)
		copied[key] = put(t, copied[key], path[1:], value)
		return copied
	}
	require.Failf(t, "no path", "%v", path)
	return nil
}

// replace changes a part of a text.
func replace(object, path, old, text string) edit {
	return func(t *testing.T, g rule.Graph) rule.Graph {
		n := at(t, g[find(t, g, object)], path)
		require.Contains(t, n.Text(), old)
		return set(object, path, strings.ReplaceAll(n.Text(), old, text))(t, g)
	}
}

// without removes objects.
func without(objects ...string) edit {
	return func(t *testing.T, g rule.Graph) rule.Graph {
		for _, object := range objects {
			i := find(t, g, object)
			g = append(g[:i:i], g[i+1:]...)
		}
		return g
	}
}

// twin adds a copy of an object under another name.
func twin(object, name string) edit {
	return func(t *testing.T, g rule.Graph) rule.Graph {
		other := g[find(t, g, object)]
		other.Name, other.URN = name, other.URN+"-"+name
		if other.Kubernetes() {
			path := resource.PropertyPath{"metadata", "name"}
			other.Properties = put(t, other.Properties, path, name).(map[string]any)
		}
		return append(g, other)
	}
}

func options(object string, changed rule.Options) edit {
	return func(t *testing.T, g rule.Graph) rule.Graph {
		g[find(t, g, object)].Options = &changed
		return g
	}
}

func find(t *testing.T, g rule.Graph, object string) int {
	t.Helper()
	kind, name, _ := strings.Cut(object, " ")
	for i, r := range g {
		known := r.At("metadata", "name").Text()
		if known == "" {
			known = r.Name
		}
		provided := r.Kubernetes() || strings.HasPrefix(r.Type, "cloudflare:")
		if provided && r.Kind() == kind && (known == name || strings.HasSuffix(name, "*") && strings.HasPrefix(known, name[:len(name)-1])) {
			return i
		}
	}
	require.Failf(t, "no such object", "%s", object)
	return -1
}

func env(name string, value any) map[string]any { return map[string]any{"name": name, "value": value} }

// declare adds an object with the house's labels, named spare.
func declare(token string, spec map[string]any) edit {
	return declareAs(token, map[string]any{"spec": spec})
}

// declareAs is declare for an object with other fields than spec.
func declareAs(token string, fields map[string]any) edit {
	return func(_ *testing.T, g rule.Graph) rule.Graph {
		labels := map[string]any{
			"app.kubernetes.io/name": "spare", "app.kubernetes.io/instance": "spare",
			"app.kubernetes.io/part-of": "scalestack", "app.kubernetes.io/managed-by": "pulumi",
		}
		properties := map[string]any{"metadata": map[string]any{"name": "spare", "namespace": "scalestack", "labels": labels}}
		maps.Copy(properties, fields)
		return append(g, rule.Resource{Type: token, Name: "spare", URN: "urn:spare", Properties: properties})
	}
}

// become changes the kind of an object to Argo's Rollout.
func become(object string) edit {
	return func(t *testing.T, g rule.Graph) rule.Graph {
		i := find(t, g, object)
		g[i].Type = "kubernetes:argoproj.io/v1alpha1:Rollout"
		for key, value := range map[string]string{"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"} {
			g[i].Properties = put(t, g[i].Properties, resource.PropertyPath{key}, value).(map[string]any)
		}
		return g
	}
}

// retype changes the type of the object that was added last.
func retype(token string) edit {
	return func(_ *testing.T, g rule.Graph) rule.Graph {
		g[len(g)-1].Type = token
		return g
	}
}

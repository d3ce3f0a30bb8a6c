// Package clustertest has a cluster that exists in memory.
package clustertest

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/scalestack/scalestack/internal/cluster"
)

// ID is the identity of a Fake that has no other.
const ID = "5f3c7c1e-0000-4000-8000-000000000001"

// Fake is a cluster with a few namespaces.
type Fake struct {
	// Identity of the cluster. Default: ID.
	Identity string
	// Namespaces by name.
	Namespaces map[string]*cluster.Object
	// Statuses of objects by resource, namespace and name, with slashes between.
	Statuses map[string]map[string]any
	// Objects by resource, namespace and name, with slashes between.
	Objects map[string]map[string]any
	// Err is why the cluster does not answer.
	Err error
	// Asked are the targets by which it was looked for.
	Asked []cluster.Target
}

// Connect is what stack.WithCluster takes.
func (f *Fake) Connect(_ context.Context, target cluster.Target) (cluster.Interface, error) {
	f.Asked = append(f.Asked, target)
	if f.Err != nil {
		return nil, f.Err
	}
	return f, nil
}

// ID returns the identity.
func (f *Fake) ID() string {
	if f.Identity == "" {
		return ID
	}
	return f.Identity
}

// Namespace returns the namespace of that name, or nil.
func (f *Fake) Namespace(_ context.Context, name string) (*cluster.Object, error) {
	return f.Namespaces[name], nil
}

// Get returns the object, or nil.
func (f *Fake) Get(_ context.Context, of schema.GroupVersionResource, namespace, name string) (map[string]any, error) {
	return f.Objects[of.Resource+"/"+namespace+"/"+name], nil
}

// Names returns those of the objects.
func (f *Fake) Names(_ context.Context, of schema.GroupVersionResource, namespace string) ([]string, error) {
	var names []string
	for key := range f.Objects {
		if name, found := strings.CutPrefix(key, of.Resource+"/"+namespace+"/"); found {
			names = append(names, name)
		}
	}
	return names, nil
}

// List returns the objects.
func (f *Fake) List(_ context.Context, of schema.GroupVersionResource, namespace string) ([]map[string]any, error) {
	var objects []map[string]any
	for key, object := range f.Objects {
		if strings.HasPrefix(key, of.Resource+"/"+namespace+"/") {
			objects = append(objects, object)
		}
	}
	return objects, nil
}

// Status returns that of the object, or an error where there is none.
func (f *Fake) Status(_ context.Context, of schema.GroupVersionResource, namespace, name string) (map[string]any, error) {
	key := of.Resource + "/" + namespace + "/" + name
	status, found := f.Statuses[key]
	if !found {
		return nil, fmt.Errorf("%s: not found", key)
	}
	return status, nil
}

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
	// Lists is why it does not say which objects there are.
	Lists error
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

// Metadata returns the objects of a namespace.
func (f *Fake) Metadata(_ context.Context, of schema.GroupVersionResource, namespace string) ([]cluster.Object, error) {
	if f.Lists != nil {
		return nil, f.Lists
	}
	var all []cluster.Object
	for key, object := range f.Objects {
		if name, found := strings.CutPrefix(key, of.Resource+"/"+namespace+"/"); found {
			metadata, _ := object["metadata"].(map[string]any)
			all = append(all, cluster.Object{Name: name, Deleted: metadata["deletionTimestamp"] != nil})
		}
	}
	return all, nil
}

// List returns the objects.
func (f *Fake) List(_ context.Context, of schema.GroupVersionResource, namespace string) ([]map[string]any, error) {
	if f.Lists != nil {
		return nil, f.Lists
	}
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

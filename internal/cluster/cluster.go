package cluster

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	// The provider knows this kind of credentials too.
	_ "k8s.io/client-go/plugin/pkg/client/auth/oidc"
)

// timeout of one question. A cluster that takes longer is not one to deploy to.
const timeout = 20 * time.Second

var namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// Interface is a cluster that answers.
type Interface interface {
	// ID is the uid of namespace kube-system: it lives as long as the cluster and is
	// the same whatever the cluster's address, name or certificates are.
	ID() string
	// Namespace returns the namespace of that name, or nil where none is.
	Namespace(ctx context.Context, name string) (*Object, error)
	// Get returns an object, or nil where there is none.
	Get(ctx context.Context, of schema.GroupVersionResource, namespace, name string) (map[string]any, error)
	// Metadata returns what is known of the objects in a namespace.
	Metadata(ctx context.Context, of schema.GroupVersionResource, namespace string) ([]Object, error)
	// List returns the objects in a namespace.
	List(ctx context.Context, of schema.GroupVersionResource, namespace string) ([]map[string]any, error)
	// Status returns the field status of an object, or nothing where it has none.
	Status(ctx context.Context, of schema.GroupVersionResource, namespace, name string) (map[string]any, error)
}

type connected struct {
	client  metadata.Interface
	objects dynamic.Interface
	id      string
}

// Connect asks the target for its identity.
func Connect(ctx context.Context, target Target) (Interface, error) {
	config, err := target.config()
	if err != nil {
		return nil, err
	}
	config.Timeout = timeout
	client, err := metadata.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	objects, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	c := &connected{client: client, objects: objects}
	system, err := c.Namespace(ctx, metav1.NamespaceSystem)
	if err != nil {
		return nil, err
	}
	if system == nil || system.UID == "" {
		return nil, fmt.Errorf("namespace %s has no uid: this is no Kubernetes cluster", metav1.NamespaceSystem)
	}
	c.id = system.UID
	return c, nil
}

func (c *connected) ID() string { return c.id }

// Object is what is known of an object.
type Object struct {
	Name string
	// UID is never used again, not even for an object of the same name.
	UID         string
	Annotations map[string]string
	// Deleted is an object that goes as soon as what keeps it has ended. Nobody can take that back.
	Deleted bool
}

func known(of metav1.ObjectMeta) Object {
	return Object{Name: of.Name, UID: string(of.UID), Annotations: of.Annotations, Deleted: of.DeletionTimestamp != nil}
}

func (c *connected) Namespace(ctx context.Context, name string) (*Object, error) {
	found, err := c.client.Resource(namespaces).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("namespace %s: %w", name, err)
	}
	object := known(found.ObjectMeta)
	return &object, nil
}

func (c *connected) Get(ctx context.Context, of schema.GroupVersionResource, namespace, name string) (map[string]any, error) {
	found, err := c.object(ctx, of, namespace, name)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	return found, err
}

func (c *connected) Metadata(ctx context.Context, of schema.GroupVersionResource, namespace string) ([]Object, error) {
	found, err := c.client.Resource(of).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", of.Resource, namespace, err)
	}
	var all []Object
	for _, one := range found.Items {
		all = append(all, known(one.ObjectMeta))
	}
	return all, nil
}

func (c *connected) List(ctx context.Context, of schema.GroupVersionResource, namespace string) ([]map[string]any, error) {
	found, err := c.objects.Resource(of).Namespace(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("%s of %s: %w", of.Resource, namespace, err)
	}
	var objects []map[string]any
	for _, one := range found.Items {
		objects = append(objects, one.Object)
	}
	return objects, nil
}

func (c *connected) Status(ctx context.Context, of schema.GroupVersionResource, namespace, name string) (map[string]any, error) {
	found, err := c.object(ctx, of, namespace, name)
	status, _ := found["status"].(map[string]any)
	return status, err
}

// object returns an object, or an error where there is none.
func (c *connected) object(ctx context.Context, of schema.GroupVersionResource, namespace, name string) (map[string]any, error) {
	found, err := c.objects.Resource(of).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("%s %s/%s: %w", of.Resource, namespace, name, err)
	}
	return found.Object, nil
}

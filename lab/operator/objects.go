package operator

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

const fieldOwner = client.FieldOwner("strimzi-stand-in")

// objects reads and writes what the operator owns.
type objects struct {
	client.Client
	// Fresh reads past the cache: certificates and passwords must not be made twice.
	Fresh client.Reader
	Now   func() time.Time
}

// apply makes the object as given and leaves fields of others alone.
func (o objects) apply(ctx context.Context, object client.Object) error {
	kind, err := apiutil.GVKForObject(object, o.Scheme())
	if err != nil {
		return err
	}
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(object)
	if err != nil {
		return err
	}
	delete(content, "status")
	u := &unstructured.Unstructured{Object: content}
	u.SetGroupVersionKind(kind)
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	return o.Apply(ctx, client.ApplyConfigurationFromUnstructured(u), fieldOwner, client.ForceOwnership)
}

// secret is the data of a Secret, or nothing.
func (o objects) secret(ctx context.Context, namespace, name string) (map[string][]byte, error) {
	found := &corev1.Secret{}
	err := o.Fresh.Get(ctx, types.NamespacedName{Namespace: namespace, Name: name}, found)
	return found.Data, client.IgnoreNotFound(err)
}

// report writes the status of an object if it changed.
func (o objects) report(ctx context.Context, before, after client.Object) error {
	if equality.Semantic.DeepEqual(before, after) {
		return nil
	}
	err := o.Status().Patch(ctx, after, client.MergeFrom(before))
	return client.IgnoreNotFound(err)
}

func isGone(err error) bool { return apierrors.IsNotFound(err) }

package strimzi

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

const fieldOwner = client.FieldOwner("strimzi-emulator")

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
	if err := o.unowned(ctx, kind, object); err != nil {
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

// unowned waits for an object of the same name whose owner is gone: Kubernetes deletes it soon, whatever is written
// into it now.
func (o objects) unowned(ctx context.Context, kind schema.GroupVersionKind, object client.Object) error {
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(kind)
	if err := o.Fresh.Get(ctx, client.ObjectKeyFromObject(object), found); err != nil {
		return client.IgnoreNotFound(err)
	}
	return ownedBy(found, object)
}

// ownedBy compares owners by their identity: a resource that was deleted and made again is another one.
func ownedBy(found, wanted client.Object) error {
	for _, is := range found.GetOwnerReferences() {
		for _, want := range wanted.GetOwnerReferences() {
			if is.Kind == want.Kind && is.Name == want.Name && is.UID != want.UID {
				return waiting(fmt.Sprintf("%s is from an earlier %s and not yet gone", found.GetName(), is.Kind))
			}
		}
	}
	return nil
}

// put makes the Secret exactly as given, whatever it was before and whoever wrote it: Strimzi replaces what it finds
// under the name (SecretOperator.reconcile).
func (o objects) put(ctx context.Context, secret *corev1.Secret) error {
	found := &corev1.Secret{}
	err := o.Fresh.Get(ctx, client.ObjectKeyFromObject(secret), found)
	if isGone(err) {
		return o.Create(ctx, secret)
	}
	if err != nil {
		return err
	}
	secret.ResourceVersion, secret.Finalizers = found.ResourceVersion, found.Finalizers
	return o.Update(ctx, secret)
}

// findSecret is the Secret with the metadata that put would give it, or an empty one.
func (o objects) findSecret(ctx context.Context, meta metav1.ObjectMeta) (*corev1.Secret, error) {
	found := &corev1.Secret{}
	if err := o.Fresh.Get(ctx, types.NamespacedName{Namespace: meta.Namespace, Name: meta.Name}, found); err != nil {
		return &corev1.Secret{}, client.IgnoreNotFound(err)
	}
	return found, ownedBy(found, &corev1.Secret{ObjectMeta: meta})
}

// secret is its data.
func (o objects) secret(ctx context.Context, meta metav1.ObjectMeta) (map[string][]byte, error) {
	found, err := o.findSecret(ctx, meta)
	return found.Data, err
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

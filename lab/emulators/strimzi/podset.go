package strimzi

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
)

// podSets makes the pods that StrimziPodSets list and deletes those that they no longer do
// (StrimziPodSetController). It never replaces a pod that exists: restarts are the cluster's to order.
type podSets struct{ objects }

// Reconcile brings the pods of one set nearer to it.
func (r *podSets) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	set := &api.StrimziPodSet{}
	if err := r.Get(ctx, request.NamespacedName, set); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	// Without its cluster nobody looks after a set; one that is deleted is Kubernetes' own to clear away.
	err := r.Get(ctx, clusterOf(set), &api.Kafka{})
	if err != nil || !set.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := set.DeepCopyObject().(*api.StrimziPodSet)
	set.Status = api.PodSetStatus{ObservedGeneration: set.Generation, Pods: int32(len(set.Spec.Pods))}
	listed := map[string]bool{}
	for i := range set.Spec.Pods {
		listed[set.Spec.Pods[i].Name] = true
		if err := r.ensurePod(ctx, set, set.Spec.Pods[i].DeepCopy()); err != nil {
			return ctrl.Result{}, err
		}
	}
	if err := r.removeUnlisted(ctx, set, listed); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.report(ctx, before, set)
}

// ensurePod makes a pod that is missing, deletes one that ended, and counts.
func (r *podSets) ensurePod(ctx context.Context, set *api.StrimziPodSet, want *corev1.Pod) error {
	found := &corev1.Pod{}
	err := r.Fresh.Get(ctx, client.ObjectKeyFromObject(want), found)
	if isGone(err) {
		yes := true
		want.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: api.PodSetVersion.String(), Kind: api.SetKind, Name: set.Name, UID: set.UID, Controller: &yes,
		}}
		return r.Create(ctx, want)
	}
	if err != nil {
		return err
	}
	if phase := found.Status.Phase; phase == corev1.PodSucceeded || phase == corev1.PodFailed {
		return client.IgnoreNotFound(r.Delete(ctx, found))
	}
	if podReady(found) {
		set.Status.ReadyPods++
	}
	if found.Annotations[nodes.Revision] == want.Annotations[nodes.Revision] {
		set.Status.CurrentPods++
	}
	return nil
}

func (r *podSets) removeUnlisted(ctx context.Context, set *api.StrimziPodSet, listed map[string]bool) error {
	pods := &corev1.PodList{}
	if err := r.Fresh.List(ctx, pods, client.InNamespace(set.Namespace), client.MatchingLabels{api.PodSetLabel: set.Name}); err != nil {
		return err
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if listed[pod.Name] || !metav1.IsControlledBy(pod, set) {
			continue
		}
		if err := client.IgnoreNotFound(r.Delete(ctx, pod)); err != nil {
			return err
		}
	}
	return nil
}

package strimzi

import (
	"context"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
)

// runEntityOperator makes the entity operator's objects and waits for its pod. One that is no longer asked for goes.
func (r *clusters) runEntityOperator(ctx context.Context, c *nodes.Cluster) error {
	if err := r.applyEach(ctx, c.Entity()); err != nil {
		return err
	}
	if len(c.Operators()) > 0 {
		return r.rolledOut(ctx, c, c.EntityOperator(), "the entity operator")
	}
	deployment := &appsv1.Deployment{}
	if err := r.Fresh.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: c.EntityOperator()}, deployment); err != nil {
		return client.IgnoreNotFound(err)
	}
	return client.IgnoreNotFound(r.Delete(ctx, deployment))
}

// rolledOut waits for the pod of a Deployment, and for one that it replaces to go.
func (o objects) rolledOut(ctx context.Context, c *nodes.Cluster, name, what string) error {
	deployment := &appsv1.Deployment{}
	if err := o.Fresh.Get(ctx, types.NamespacedName{Namespace: c.Namespace, Name: name}, deployment); err != nil {
		return err
	}
	s := deployment.Status
	if s.ObservedGeneration < deployment.Generation || s.UpdatedReplicas < 1 || s.AvailableReplicas < 1 || s.Replicas > 1 {
		return waiting(what + " is not ready")
	}
	return nil
}

// entityReady reports whether the cluster has a pod of the entity operator that is ready and has the container.
func (o objects) entityReady(ctx context.Context, cluster types.NamespacedName, container string) (bool, error) {
	labels := (&nodes.Cluster{Kafka: named(cluster)}).EntityLabels()
	pods := &corev1.PodList{}
	if err := o.Fresh.List(ctx, pods, client.InNamespace(cluster.Namespace), client.MatchingLabels(labels)); err != nil {
		return false, err
	}
	return slices.ContainsFunc(pods.Items, func(pod corev1.Pod) bool {
		return podReady(&pod) && slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == container })
	}), nil
}

func named(cluster types.NamespacedName) *api.Kafka {
	k := &api.Kafka{}
	k.Namespace, k.Name = cluster.Namespace, cluster.Name
	return k
}

// operates is the connection that topics or users are handled with. Nil: nobody handles them now, because the cluster
// never answered yet or its operator of them does not run.
func (o objects) operates(ctx context.Context, open *connections, cluster types.NamespacedName, container string) (Admin, error) {
	ready, err := o.entityReady(ctx, cluster, container)
	if err != nil || !ready {
		return nil, err
	}
	return open.get(cluster), nil
}

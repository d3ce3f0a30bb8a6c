package strimzi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/admin"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/nodes"
)

// topics reconciles KafkaTopic resources.
type topics struct {
	objects
	connections *connections
}

// Reconcile brings one topic nearer to its resource.
func (r *topics) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	topic := &api.KafkaTopic{}
	if err := r.Get(ctx, request.NamespacedName, topic); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	cluster := clusterOf(topic)
	if cluster.Name == "" {
		return ctrl.Result{}, nil
	}
	// Without its cluster or the topic operator nobody looks after a topic, and a deleted one keeps its finalizer.
	connection, err := r.operates(ctx, r.connections, cluster, nodes.TopicOperator)
	if err != nil || connection == nil {
		return ctrl.Result{RequeueAfter: soon}, err
	}
	managed := topic.Annotations[api.ManagedAnnotation] != "false"
	switch {
	case !topic.DeletionTimestamp.IsZero():
		return ctrl.Result{}, r.remove(ctx, connection, topic, managed)
	case !managed:
		return ctrl.Result{}, nil
	}
	if controllerutil.AddFinalizer(topic, api.TopicFinalizer) {
		before := topic.DeepCopyObject().(*api.KafkaTopic)
		controllerutil.RemoveFinalizer(before, api.TopicFinalizer)
		if err := r.Patch(ctx, topic, client.MergeFrom(before)); err != nil {
			return ctrl.Result{}, err
		}
	}
	before := topic.DeepCopyObject().(*api.KafkaTopic)
	condition, again, err := outcome(r.ensure(ctx, connection, topic), readyIsNot)
	topic.Status.ObservedGeneration = topic.Generation
	topic.Status.Conditions = api.Since(before.Status.Conditions, []api.Condition{condition}, r.Now())
	return ctrl.Result{RequeueAfter: again}, errors.Join(err, r.report(ctx, before, topic))
}

func (r *topics) ensure(ctx context.Context, connection Admin, topic *api.KafkaTopic) error {
	if was := topic.Status.TopicName; was != "" && was != topic.Name() {
		return invalid("NotSupported", "Changing spec.topicName is not supported")
	}
	owner, err := r.owner(ctx, topic)
	if err != nil {
		return err
	}
	if owner != topic.ObjectMeta.Name {
		return invalid("ResourceConflict", fmt.Sprintf("Managed by KafkaTopic %s", owner))
	}
	config := map[string]string{}
	for name, value := range topic.Spec.Config {
		config[name] = string(value)
	}
	id, err := connection.EnsureTopic(ctx, admin.Topic{
		Name: topic.Name(), Partitions: topic.Spec.Partitions, Replicas: topic.Spec.Replicas, Config: config,
	})
	if errors.Is(err, admin.ErrUnsupported) {
		return invalid("NotSupported", strings.TrimPrefix(err.Error(), admin.ErrUnsupported.Error()+": "))
	}
	if err != nil {
		return err
	}
	topic.Status.TopicName, topic.Status.TopicID = topic.Name(), id
	return nil
}

// owner is the oldest resource for the topic.
func (r *topics) owner(ctx context.Context, topic *api.KafkaTopic) (string, error) {
	all := &api.KafkaTopicList{}
	if err := r.List(ctx, all, client.InNamespace(topic.Namespace), client.MatchingLabels{api.ClusterLabel: clusterOf(topic).Name}); err != nil {
		return "", err
	}
	oldest := topic
	for i := range all.Items {
		other := &all.Items[i]
		if other.Name() == topic.Name() && other.Annotations[api.ManagedAnnotation] != "false" && older(other, oldest) {
			oldest = other
		}
	}
	return oldest.ObjectMeta.Name, nil
}

func older(a, b *api.KafkaTopic) bool {
	if a.CreationTimestamp.Equal(&b.CreationTimestamp) {
		return a.ObjectMeta.Name < b.ObjectMeta.Name
	}
	return a.CreationTimestamp.Before(&b.CreationTimestamp)
}

// remove deletes the topic, unless another resource has it or Strimzi was told to leave it alone.
func (r *topics) remove(ctx context.Context, connection Admin, topic *api.KafkaTopic, managed bool) error {
	if managed {
		owner, err := r.owner(ctx, topic)
		if err != nil {
			return err
		}
		if owner == topic.ObjectMeta.Name {
			if err := connection.DeleteTopic(ctx, topic.Name()); err != nil {
				return err
			}
		}
	}
	return r.release(ctx, topic)
}

// release lets the resource go without touching the topic.
func (r *topics) release(ctx context.Context, topic *api.KafkaTopic) error {
	before := topic.DeepCopyObject().(*api.KafkaTopic)
	if !controllerutil.RemoveFinalizer(topic, api.TopicFinalizer) {
		return nil
	}
	return client.IgnoreNotFound(r.Patch(ctx, topic, client.MergeFrom(before)))
}

func clusterOf(object client.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetLabels()[api.ClusterLabel]}
}

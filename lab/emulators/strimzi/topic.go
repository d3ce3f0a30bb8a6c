package strimzi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
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
	// seen are the topics of which the topic operator knows without a finalizer: what it deletes in Kafka when it
	// hears that one is gone. One reconciliation runs at a time.
	seen map[types.NamespacedName]*api.KafkaTopic
}

// Reconcile brings one topic nearer to its resource.
func (r *topics) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	topic := &api.KafkaTopic{}
	if err := r.Get(ctx, request.NamespacedName, topic); isGone(err) {
		return ctrl.Result{}, r.gone(ctx, request.NamespacedName)
	} else if err != nil {
		return ctrl.Result{}, err
	}
	cluster := clusterOf(topic)
	if cluster.Name == "" {
		return ctrl.Result{}, nil
	}
	// Without its cluster or the topic operator nobody looks after a topic, and a deleted one keeps its finalizer.
	connection, err := r.operates(ctx, r.connections, cluster, nodes.TopicOperator)
	if err != nil || connection == nil {
		delete(r.seen, request.NamespacedName)
		return ctrl.Result{RequeueAfter: soon}, err
	}
	if !topic.DeletionTimestamp.IsZero() {
		return ctrl.Result{}, r.remove(ctx, connection, topic)
	}
	if err := r.setFinalizer(ctx, cluster, topic); err != nil || !isManaged(topic) {
		return ctrl.Result{}, err
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
	if owner != "" {
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

// owner is the other resource that has the topic: the oldest. Of two that are as old, neither has it but one that was
// Ready before.
func (r *topics) owner(ctx context.Context, topic *api.KafkaTopic) (string, error) {
	all := &api.KafkaTopicList{}
	if err := r.List(ctx, all, client.InNamespace(topic.Namespace), client.MatchingLabels{api.ClusterLabel: clusterOf(topic).Name}); err != nil {
		return "", err
	}
	same := slices.DeleteFunc(all.Items, func(other api.KafkaTopic) bool { return other.Name() != topic.Name() || !isManaged(&other) })
	if len(same) < 2 {
		return "", nil
	}
	slices.SortFunc(same, func(a, b api.KafkaTopic) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.ObjectMeta.Name, b.ObjectMeta.Name))
	})
	oldest := &same[0]
	alone := !oldest.CreationTimestamp.Equal(&same[1].CreationTimestamp)
	if oldest.ObjectMeta.Name == topic.ObjectMeta.Name && (alone || api.IsReady(topic.Status.Conditions)) {
		return "", nil
	}
	return oldest.ObjectMeta.Name, nil
}

func isManaged(topic *api.KafkaTopic) bool {
	return topic.Annotations[api.ManagedAnnotation] != "false"
}

// setFinalizer adds it, or takes it off where the topic operator was told to do without
// (BatchingTopicController.addOrRemoveFinalizer).
func (r *topics) setFinalizer(ctx context.Context, cluster types.NamespacedName, topic *api.KafkaTopic) error {
	kafka := &api.Kafka{}
	if err := r.Get(ctx, cluster, kafka); err != nil {
		return client.IgnoreNotFound(err)
	}
	name := client.ObjectKeyFromObject(topic)
	if !usesFinalizers(kafka) {
		if r.seen == nil {
			r.seen = map[types.NamespacedName]*api.KafkaTopic{}
		}
		r.seen[name] = topic.DeepCopyObject().(*api.KafkaTopic)
		return r.release(ctx, topic)
	}
	delete(r.seen, name)
	before := topic.DeepCopyObject().(*api.KafkaTopic)
	if !controllerutil.AddFinalizer(topic, api.TopicFinalizer) {
		return nil
	}
	return r.Patch(ctx, topic, client.MergeFrom(before))
}

// usesFinalizers reads a variable of the topic operator's container.
func usesFinalizers(kafka *api.Kafka) bool {
	e := kafka.Spec.EntityOperator
	return e == nil || !slices.ContainsFunc(e.Template.TopicOperatorContainer.Env, func(variable corev1.EnvVar) bool {
		return variable.Name == "STRIMZI_USE_FINALIZERS" && strings.EqualFold(variable.Value, "false")
	})
}

// gone deletes a topic whose resource had no finalizer. While the topic operator is away nobody hears of it, and the
// topic stays (TopicEventHandler.onDelete).
func (r *topics) gone(ctx context.Context, name types.NamespacedName) error {
	topic, known := r.seen[name]
	if !known {
		return nil
	}
	connection, err := r.operates(ctx, r.connections, clusterOf(topic), nodes.TopicOperator)
	if err == nil && connection != nil && isManaged(topic) {
		err = connection.DeleteTopic(ctx, topic.Name())
	}
	if err == nil {
		delete(r.seen, name)
	}
	return err
}

// remove deletes the topic, even if another resource has it, unless Strimzi was told to leave it alone. Whose name has
// changed stays with its finalizer (BatchingTopicController.deleteInternal).
func (r *topics) remove(ctx context.Context, connection Admin, topic *api.KafkaTopic) error {
	if isManaged(topic) {
		if was := topic.Status.TopicName; was != "" && was != topic.Name() {
			return nil
		}
		if err := connection.DeleteTopic(ctx, topic.Name()); err != nil {
			return err
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

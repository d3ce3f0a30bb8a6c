package strimzi

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	ctrl "sigs.k8s.io/controller-runtime"

	"github.com/scalestack/scalestack/lab/emulators/strimzi/admin"
	"github.com/scalestack/scalestack/lab/emulators/strimzi/api"
)

func topic(name string, change ...func(*api.KafkaTopic)) *api.KafkaTopic {
	t := &api.KafkaTopic{ObjectMeta: meta(name), Spec: api.TopicSpec{
		TopicName: "user_events", Partitions: 12, Replicas: 1, Config: api.Config{"retention.ms": "604800000"},
	}}
	for _, c := range change {
		c(t)
	}
	return t
}

func (l *lab) topic(name string) *api.KafkaTopic {
	l.Helper()
	found := &api.KafkaTopic{}
	l.get(name, found)
	return found
}

func TestTopicIsMade(t *testing.T) {
	l := clusterLab(t, topic("user-events"))
	require.Equal(t, soon, l.run(l.topics(), "user-events").RequeueAfter)
	require.Empty(t, l.topic("user-events").Status.Conditions, "nothing is said before the cluster is ready")

	l.ready()
	l.run(l.topics(), "user-events")
	require.Equal(t, map[string]admin.Topic{"user_events": {
		Name: "user_events", Partitions: 12, Replicas: 1, Config: map[string]string{"retention.ms": "604800000"},
	}}, l.kafka.topics)
	made := l.topic("user-events")
	require.True(t, api.IsReady(made.Status.Conditions))
	require.Equal(t, "id of user_events", made.Status.TopicID)
	require.Equal(t, []string{"strimzi.io/topic-operator"}, made.Finalizers)
}

func TestTopicThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		fails error
		want  string
		again bool
	}{
		"unsupported": {fmt.Errorf("%w: Decreasing partitions not supported", admin.ErrUnsupported), "NotSupported: Decreasing partitions not supported", false},
		"refused":     {errors.New("INVALID_CONFIG"), "KafkaError: INVALID_CONFIG", true},
	} {
		t.Run(name, func(t *testing.T) {
			l := clusterLab(t, topic("user-events"))
			l.ready()
			l.kafka.fails = c.fails
			_, err := l.topics().Reconcile(t.Context(), ctrl.Request{NamespacedName: key("user-events")})
			require.Equal(t, c.again, err != nil)
			require.Equal(t, c.want, reason(l.topic("user-events").Status.Conditions))
		})
	}
}

func TestTopicNameCannotChange(t *testing.T) {
	l := clusterLab(t, topic("user-events", func(t *api.KafkaTopic) { t.Status.TopicName = "other" }))
	l.ready()
	l.run(l.topics(), "user-events")
	require.Equal(t, "NotSupported: Changing spec.topicName is not supported", reason(l.topic("user-events").Status.Conditions))
}

// Of two resources for one topic the older one has it. Deleting the other deletes the topic nevertheless: Strimzi does
// not look whose it is.
func TestTwoResourcesForOneTopic(t *testing.T) {
	old := func(t *api.KafkaTopic) { t.CreationTimestamp = metav1.NewTime(time.Unix(1, 0)) }
	young := func(t *api.KafkaTopic) { t.CreationTimestamp = metav1.NewTime(time.Unix(2, 0)) }
	l := clusterLab(t, topic("a", young), topic("b", old), topic("c", young, func(t *api.KafkaTopic) { t.Spec.TopicName = "other" }))
	l.ready()
	l.run(l.topics(), "a")
	l.run(l.topics(), "b")
	require.Equal(t, "ResourceConflict: Managed by KafkaTopic b", reason(l.topic("a").Status.Conditions))
	require.True(t, api.IsReady(l.topic("b").Status.Conditions))
	require.NoError(t, l.Delete(t.Context(), l.topic("a")))
	l.run(l.topics(), "a")
	require.NotContains(t, l.kafka.topics, "user_events")
}

// Of two that are as old neither has the topic, but for one that had it before.
func TestTwoResourcesOfOneMoment(t *testing.T) {
	l := clusterLab(t, topic("a"), topic("b"))
	l.ready()
	for _, name := range []string{"a", "b"} {
		l.run(l.topics(), name)
		require.Equal(t, "ResourceConflict: Managed by KafkaTopic a", reason(l.topic(name).Status.Conditions))
	}
	first := l.topic("a")
	first.Status.Conditions = []api.Condition{api.Is(api.Ready, "", "")}
	require.NoError(t, l.Status().Update(t.Context(), first))
	l.run(l.topics(), "a")
	require.True(t, api.IsReady(l.topic("a").Status.Conditions))
}

// The topic operator may be told to do without finalizers. Then it must be there to hear of a deletion.
func TestTopicsWithoutFinalizers(t *testing.T) {
	without := func(t *testing.T) (*lab, *topics) {
		l := clusterLab(t, topic("user-events", func(t *api.KafkaTopic) { t.Finalizers = []string{api.TopicFinalizer} }))
		k := l.cluster()
		k.Spec.EntityOperator.Template.TopicOperatorContainer.Env = []corev1.EnvVar{{Name: "STRIMZI_USE_FINALIZERS", Value: "false"}}
		require.NoError(t, l.Update(t.Context(), k))
		l.ready()
		r := l.topics()
		l.run(r, "user-events")
		require.Empty(t, l.topic("user-events").Finalizers, "one that was there is taken off")
		require.True(t, api.IsReady(l.topic("user-events").Status.Conditions))
		return l, r
	}
	t.Run("deleted", func(t *testing.T) {
		l, r := without(t)
		require.NoError(t, l.Delete(t.Context(), l.topic("user-events")))
		l.run(r, "user-events")
		require.Empty(t, l.kafka.topics)
	})
	t.Run("deleted while the operator is away", func(t *testing.T) {
		l, r := without(t)
		l.stopEntityOperator()
		l.run(r, "user-events")
		require.NoError(t, l.Delete(t.Context(), l.topic("user-events")))
		l.start()
		l.run(r, "user-events")
		require.Contains(t, l.kafka.topics, "user_events")
	})
}

// Strimzi leaves a deleted resource whose topic's name has changed as it is.
func TestDeletedTopicWithAnotherName(t *testing.T) {
	l := clusterLab(t, topic("user-events"))
	l.ready()
	l.run(l.topics(), "user-events")
	changed := l.topic("user-events")
	changed.Spec.TopicName = "other"
	require.NoError(t, l.Update(t.Context(), changed))
	require.NoError(t, l.Delete(t.Context(), changed))
	l.run(l.topics(), "user-events")
	require.Equal(t, []string{api.TopicFinalizer}, l.topic("user-events").Finalizers)
	require.Contains(t, l.kafka.topics, "user_events")
}

func TestDeletedTopic(t *testing.T) {
	gone := func(l *lab) {
		l.Helper()
		require.True(l, apierrors.IsNotFound(l.Get(l.Context(), key("user-events"), &api.KafkaTopic{})))
	}
	t.Run("with its cluster", func(t *testing.T) {
		l := clusterLab(t, topic("user-events"))
		l.ready()
		l.run(l.topics(), "user-events")
		require.NoError(t, l.Delete(t.Context(), l.topic("user-events")))
		l.run(l.topics(), "user-events")
		require.Empty(t, l.kafka.topics)
		gone(l)
	})
	stays := func(l *lab) {
		l.Helper()
		require.NoError(l, l.Delete(l.Context(), l.topic("user-events")))
		require.Equal(l, soon, l.run(l.topics(), "user-events").RequeueAfter)
		require.Equal(l, []string{"strimzi.io/topic-operator"}, l.topic("user-events").Finalizers)
		require.Contains(l, l.kafka.topics, "user_events")
	}
	// Strimzi's topic operator is gone with its cluster, and nobody else takes the finalizer away.
	t.Run("after its cluster", func(t *testing.T) {
		l := clusterLab(t, topic("user-events"))
		l.ready()
		l.run(l.topics(), "user-events")
		require.NoError(t, l.Delete(t.Context(), l.cluster()))
		l.run(l.clusters(), "kafka")
		stays(l)
	})
	t.Run("without the entity operator", func(t *testing.T) {
		l := clusterLab(t, topic("user-events"))
		l.ready()
		l.run(l.topics(), "user-events")
		l.stopEntityOperator()
		stays(l)
		l.start()
		l.run(l.topics(), "user-events")
		require.Empty(t, l.kafka.topics)
		gone(l)
	})
	t.Run("kept in Kafka", func(t *testing.T) {
		l := clusterLab(t, topic("user-events"))
		l.ready()
		l.run(l.topics(), "user-events")
		kept := l.topic("user-events")
		kept.Annotations = map[string]string{"strimzi.io/managed": "false"}
		require.NoError(t, l.Update(t.Context(), kept))
		require.NoError(t, l.Delete(t.Context(), kept))
		l.run(l.topics(), "user-events")
		require.Contains(t, l.kafka.topics, "user_events")
		gone(l)
	})
}

//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// What the resources say is what Kafka has.
func TestTopicsAreAsTheirResourcesSay(t *testing.T) {
	namespace := outputs(t).Namespace
	applyKafka(t, "kafkauser", "e2e-reviewer", userManifest("e2e-reviewer", "topic * Describe", "topic * DescribeConfigs"))
	admin := kadm.NewClient(kafkaAs(t, "e2e-reviewer"))
	var resources struct {
		Items []struct {
			Spec struct {
				TopicName            string
				Partitions, Replicas int
				Config               map[string]any
			}
		}
	}
	text := kubectl(t, "get", "kafkatopics", "-n", namespace, "-o", "json")
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	require.NoError(t, decoder.Decode(&resources))
	require.GreaterOrEqual(t, len(resources.Items), 2)
	for _, want := range resources.Items {
		name := want.Spec.TopicName
		found, err := admin.ListTopics(t.Context(), name)
		require.NoError(t, err)
		require.Len(t, found[name].Partitions, want.Spec.Partitions, name)
		require.Equal(t, want.Spec.Replicas, found[name].Partitions.NumReplicas(), name)
		described, err := admin.DescribeTopicConfigs(t.Context(), name)
		require.NoError(t, err)
		_, err = described.On(name, func(r *kadm.ResourceConfig) error {
			for _, setting := range r.Configs {
				if value, asked := want.Spec.Config[setting.Key]; asked {
					require.Equal(t, fmt.Sprint(value), *setting.Value, "%s %s", name, setting.Key)
					delete(want.Spec.Config, setting.Key)
				}
			}
			return r.Err
		})
		require.NoError(t, err)
		require.Empty(t, want.Spec.Config, "%s: settings that Kafka does not have", name)
	}
}

func TestKafkaAsksWhoAndWhetherTheyMay(t *testing.T) {
	applyKafka(t, "kafkatopic", "e2e-rights", topicManifest("e2e-rights", 1))
	applyKafka(t, "kafkauser", "e2e-writer", userManifest("e2e-writer", "topic e2e-rights Describe", "topic e2e-rights Write"))
	applyKafka(t, "kafkauser", "e2e-reader", userManifest("e2e-reader", "topic e2e-rights Describe", "topic e2e-rights Read"))
	require.NoError(t, produce(t, kafkaAs(t, "e2e-writer"), "e2e-rights", "hello"))
	require.Equal(t, []string{"hello"}, consumed(t, "e2e-reader", "e2e-rights"))

	// Who may write nothing may not number its messages either.
	reader := kafkaAs(t, "e2e-reader", kgo.DisableIdempotentWrite())
	require.ErrorIs(t, produce(t, reader, "e2e-rights", "no"), kerr.TopicAuthorizationFailed)
	require.ErrorIs(t, produce(t, kafkaAs(t, "e2e-writer"), "user_events", "no"), kerr.TopicAuthorizationFailed)
	for name, client := range map[string]func() error{
		"wrong password": func() error { return kafkaWith(t, "e2e-writer", "wrong").Ping(t.Context()) },
		"nobody":         func() error { return kafkaWith(t, "nobody", "x").Ping(t.Context()) },
	} {
		require.ErrorIs(t, client(), kerr.SaslAuthenticationFailed, name)
	}

	// A right that is taken away is gone, and so is a user.
	write(t, userManifest("e2e-writer", "topic e2e-rights Describe"))
	writer := kafkaAs(t, "e2e-writer")
	eventually(t, time.Minute, "the writer may not write", func() error {
		if err := produce(t, writer, "e2e-rights", "no"); err == nil {
			return fmt.Errorf("it may still")
		}
		return nil
	})
	password := secret(t, outputs(t).Namespace, "kafka-user-e2e-reader", "password")
	kubectl(t, "delete", "kafkauser", "e2e-reader", "-n", outputs(t).Namespace)
	eventually(t, time.Minute, "the reader is unknown", func() error {
		if kafkaWith(t, "e2e-reader", password).Ping(t.Context()) == nil {
			return fmt.Errorf("it may still log in")
		}
		return nil
	})
}

// Partitions only grow. A resource that asks for fewer says why it is not
// Ready, and its messages stay.
func TestPartitionsOnlyGrow(t *testing.T) {
	namespace := outputs(t).Namespace
	applyKafka(t, "kafkatopic", "e2e-size", topicManifest("e2e-size", 1))
	applyKafka(t, "kafkauser", "e2e-sizer", userManifest("e2e-sizer", "topic e2e-size Describe"))
	admin := kadm.NewClient(kafkaAs(t, "e2e-sizer"))
	partitions := func() int {
		found, err := admin.ListTopics(kadm.WithAuthorizedOps(t.Context()), "e2e-size")
		require.NoError(t, err)
		return len(found["e2e-size"].Partitions)
	}
	require.Equal(t, 1, partitions())
	write(t, topicManifest("e2e-size", 3))
	eventually(t, time.Minute, "three partitions", func() error {
		if n := partitions(); n != 3 {
			return fmt.Errorf("%d partitions", n)
		}
		return nil
	})
	write(t, topicManifest("e2e-size", 2))
	kubectl(t, "wait", "kafkatopic/e2e-size", "-n", namespace, "--for=condition=Ready=False", "--timeout=60s")
	require.Contains(t, kubectl(t, "get", "kafkatopic", "e2e-size", "-n", namespace, "-o", "jsonpath={.status.conditions[0].message}"),
		"Decreasing partitions not supported")
	require.Equal(t, 3, partitions())
}

// An acknowledged message survives the death of the broker that took it, and so
// do passwords. Kafka 3.7.1 by itself loses some if a user was removed before.
func TestKilledBrokerKeepsItsMessages(t *testing.T) {
	namespace := outputs(t).Namespace
	applyKafka(t, "kafkatopic", "e2e-kept", topicManifest("e2e-kept", 3))
	applyKafka(t, "kafkauser", "e2e-keeper", userManifest("e2e-keeper", "topic e2e-kept Describe", "topic e2e-kept Read", "topic e2e-kept Write"))
	client := kafkaAs(t, "e2e-keeper")
	applyKafka(t, "kafkauser", "e2e-removed", userManifest("e2e-removed", "topic e2e-kept Describe"))
	kubectl(t, "delete", "kafkauser", "e2e-removed", "-n", namespace)
	var want []string
	write := func(from, to int) {
		for i := from; i < to; i++ {
			value := fmt.Sprint("message ", i)
			eventually(t, time.Minute, value, func() error { return produce(t, client, "e2e-kept", value) })
			want = append(want, value)
		}
	}
	write(0, 200)
	kubectl(t, "delete", "pod", "kafka-dual-0", "-n", namespace, "--force", "--grace-period=0", "--wait=false")
	write(200, 300)
	kubectl(t, "wait", "pod/kafka-dual-0", "-n", namespace, "--for=condition=Ready", "--timeout=180s")
	kubectl(t, "wait", "kafka/kafka", "-n", namespace, "--for=condition=Ready", "--timeout=180s")

	got := map[string]int{}
	for _, value := range consumed(t, "e2e-keeper", "e2e-kept") {
		got[value]++
	}
	for _, value := range want {
		require.NotZero(t, got[value], "%s was acknowledged", value)
	}
}

package api

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Kafka reads texts: 604800000 as 6.048e+08 would be refused.
func TestConfigKeepsWhatWasWritten(t *testing.T) {
	var spec TopicSpec
	require.NoError(t, json.Unmarshal([]byte(`{"config": {
		"retention.ms": 604800000, "min.insync.replicas": "1", "unclean.leader.election.enable": false, "x": "a\"b"}}`), &spec))
	require.Equal(t, Config{
		"retention.ms": "604800000", "min.insync.replicas": "1", "unclean.leader.election.enable": "false", "x": `a"b`,
	}, spec.Config)
}

func TestTopicName(t *testing.T) {
	topic := &KafkaTopic{}
	topic.ObjectMeta.Name = "user-events"
	require.Equal(t, "user-events", topic.Name())
	topic.Spec.TopicName = "user_events"
	require.Equal(t, "user_events", topic.Name())
}

func TestConditionsKeepTheirTimeWhileTheyHold(t *testing.T) {
	first := Since(nil, []Condition{Is(NotReady, "Creating", "0 of 1")}, time.Unix(1, 0))
	require.Equal(t, "1970-01-01T00:00:01.000000000Z", first[0].LastTransitionTime)
	same := Since(first, []Condition{Is(NotReady, "Creating", "1 of 2")}, time.Unix(2, 0))
	require.Equal(t, first[0].LastTransitionTime, same[0].LastTransitionTime)
	require.False(t, IsReady(same))
	ready := Since(same, []Condition{Is(Ready, "", "")}, time.Unix(3, 0))
	require.Equal(t, "1970-01-01T00:00:03.000000000Z", ready[0].LastTransitionTime)
	require.True(t, IsReady(ready))
	require.False(t, IsReady([]Condition{Not(Ready, "NotSupported", "")}))
}

func TestCopySharesNothing(t *testing.T) {
	user := &KafkaUser{Spec: UserSpec{Authorization: &Authorization{ACLs: []ACL{{Host: "*"}}}}}
	user.Labels = map[string]string{ClusterLabel: "kafka"}
	other := user.DeepCopyObject().(*KafkaUser)
	require.Equal(t, user, other)
	other.Labels[ClusterLabel], other.Spec.Authorization.ACLs[0].Host = "changed", "changed"
	require.Equal(t, "kafka", user.Labels[ClusterLabel])
	require.Equal(t, "*", user.Spec.Authorization.ACLs[0].Host)
}

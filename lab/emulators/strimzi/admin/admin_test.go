package admin

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// start is a client of a cluster in this process, which speaks Kafka's protocol.
func start(t *testing.T) *Client {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	c, err := Connect(cluster.ListenAddrs(), nil, nil)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func (c *Client) ensure(t *testing.T, want Topic) string {
	t.Helper()
	id, err := c.EnsureTopic(t.Context(), want)
	require.NoError(t, err)
	return id
}

// set are the settings that a topic has of its own.
func (c *Client) set(t *testing.T, topic string) map[string]string {
	t.Helper()
	described, err := c.adm.DescribeTopicConfigs(t.Context(), topic)
	require.NoError(t, err)
	found := map[string]string{}
	_, err = described.On(topic, func(r *kadm.ResourceConfig) error {
		for _, setting := range r.Configs {
			if setting.Source == kmsg.ConfigSourceDynamicTopicConfig {
				found[setting.Key] = *setting.Value
			}
		}
		return nil
	})
	require.NoError(t, err)
	return found
}

func TestCluster(t *testing.T) {
	id, brokers, err := start(t).Cluster(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, id)
	require.Equal(t, 1, brokers)
}

// Java reads the names in its maps by this number, the lowest first.
func TestFirstUserIsReadFirst(t *testing.T) {
	hash := int32(0)
	for _, letter := range firstUser {
		hash = 31*hash + letter
	}
	require.Zero(t, hash)

	c := start(t)
	for range 2 {
		_, _, err := c.Cluster(t.Context())
		require.NoError(t, err)
	}
	described, err := c.adm.DescribeUserSCRAMs(t.Context())
	require.NoError(t, err)
	require.Contains(t, described, firstUser)
	names, err := c.Users(t.Context())
	require.NoError(t, err)
	require.Empty(t, names, "it is nobody's to forget")
}

func TestTopicIsMadeLikeTheResource(t *testing.T) {
	c := start(t)
	want := Topic{Name: "user_events", Partitions: 3, Replicas: 1, Config: map[string]string{"retention.ms": "60000"}}
	id := c.ensure(t, want)
	require.Regexp(t, "^[A-Za-z0-9_-]{22}$", id)
	require.Equal(t, id, c.ensure(t, want), "again changes nothing")

	want.Partitions, want.Config = 5, map[string]string{"cleanup.policy": "compact"}
	require.Equal(t, id, c.ensure(t, want))
	found, err := c.topic(t.Context(), want.Name)
	require.NoError(t, err)
	require.Len(t, found.Partitions, 5)
	require.Equal(t, want.Config, c.set(t, want.Name))

	want.Partitions = 2
	_, err = c.EnsureTopic(t.Context(), want)
	require.ErrorIs(t, err, ErrUnsupported)
	require.ErrorContains(t, err, "Decreasing partitions not supported")
	want.Partitions, want.Replicas = 5, 3
	_, err = c.EnsureTopic(t.Context(), want)
	require.ErrorContains(t, err, "Replication factor change not supported, but required for partitions [0 1 2 3 4]")

	used, err := c.BrokersInUse(t.Context())
	require.NoError(t, err)
	require.Len(t, used, 1)

	require.NoError(t, c.DeleteTopic(t.Context(), want.Name))
	require.NoError(t, c.DeleteTopic(t.Context(), want.Name), "a topic that is gone is deleted")
}

func TestTopicThatKafkaRefuses(t *testing.T) {
	_, err := start(t).EnsureTopic(t.Context(), Topic{Name: "user_events", Partitions: 1, Replicas: 9})
	require.ErrorContains(t, err, "INVALID_REPLICATION_FACTOR")
}

func read(topic string, operation kmsg.ACLOperation) ACL {
	return ACL{
		Resource: kmsg.ACLResourceTypeTopic, Name: topic, Pattern: kmsg.ACLResourcePatternTypeLiteral,
		Host: "*", Operation: operation, Permission: kmsg.ACLPermissionTypeAllow,
	}
}

// state is all that Kafka knows of a user.
func (c *Client) state(t *testing.T, name string) (password bool, rules []ACL, quotas map[string]float64) {
	t.Helper()
	described, err := c.adm.DescribeUserSCRAMs(context.Background())
	require.NoError(t, err)
	_, password = described[name]
	all, err := c.rules(t.Context(), nil)
	require.NoError(t, err)
	limits, err := c.adm.DescribeClientQuotas(t.Context(), true, []kadm.DescribeClientQuotaComponent{
		{Type: "user", MatchName: &name, MatchType: kmsg.QuotasMatchTypeExact},
	})
	require.NoError(t, err)
	quotas = map[string]float64{}
	for _, limit := range limits {
		for _, value := range limit.Values {
			quotas[value.Key] = value.Value
		}
	}
	return password, all["User:"+name], quotas
}

func TestUserIsMadeLikeTheResource(t *testing.T) {
	c := start(t)
	other := User{Name: "relay", Password: "b", ACLs: []ACL{read("user_events", kmsg.ACLOperationWrite)}}
	require.NoError(t, c.EnsureUser(t.Context(), other))
	want := User{
		Name: "email", Password: "a", Quotas: map[string]float64{"producer_byte_rate": 1024, "request_percentage": 50},
		ACLs: []ACL{read("user_events", kmsg.ACLOperationRead), read("user_events", kmsg.ACLOperationDescribe)},
	}
	for range 2 {
		require.NoError(t, c.EnsureUser(t.Context(), want))
		password, rules, quotas := c.state(t, "email")
		require.True(t, password)
		require.ElementsMatch(t, want.ACLs, rules)
		require.Equal(t, want.Quotas, quotas)
	}

	want.ACLs, want.Quotas = []ACL{read("email_dlq", kmsg.ACLOperationWrite)}, map[string]float64{"producer_byte_rate": 10}
	require.NoError(t, c.EnsureUser(t.Context(), want))
	_, rules, quotas := c.state(t, "email")
	require.Equal(t, want.ACLs, rules)
	require.Equal(t, want.Quotas, quotas)

	names, err := c.Users(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"email", "relay"}, names)
	require.NoError(t, c.DeleteUser(t.Context(), "email"))
	require.NoError(t, c.DeleteUser(t.Context(), "email"), "a user that is gone is deleted")
	password, rules, quotas := c.state(t, "email")
	require.False(t, password)
	require.Empty(t, rules)
	require.Empty(t, quotas)
	_, rules, _ = c.state(t, "relay")
	require.Equal(t, other.ACLs, rules, "the others stay as they were")
}

func TestDifference(t *testing.T) {
	a, b, c := read("a", 3), read("b", 3), read("c", 3)
	missing, surplus := difference([]ACL{a, b}, []ACL{b, c, c})
	require.Equal(t, []ACL{c}, missing)
	require.Equal(t, []ACL{a}, surplus)
}

// Kafka's own notation, where the two kinds of base64 differ.
func TestTopicIDIsURLSafe(t *testing.T) {
	require.Equal(t, "-_7777_-AAAAAAAAAAAAAA", topicID(kadm.TopicID{0xfb, 0xfe, 0xfb, 0xef, 0xbf, 0xfe}))
}

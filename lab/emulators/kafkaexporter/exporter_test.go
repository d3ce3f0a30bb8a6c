package kafkaexporter

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// cluster is a Kafka with the topics a, of two partitions, and b, of one, and somebody who writes to it.
type cluster struct {
	*testing.T
	addresses []string
	client    *kgo.Client
	admin     *kadm.Client
}

// newCluster runs in this process and speaks Kafka's protocol.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	fake, err := kfake.NewCluster(kfake.NumBrokers(2), kfake.SeedTopics(2, "a"), kfake.SeedTopics(1, "b"))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	return clusterAt(t, fake.ListenAddrs())
}

func clusterAt(t *testing.T, addresses []string) *cluster {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addresses...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return &cluster{T: t, addresses: addresses, client: client, admin: kadm.NewClient(client)}
}

// write adds records to a partition.
func (c *cluster) write(topic string, partition int32, count int) {
	c.Helper()
	for range count {
		require.NoError(c, c.client.ProduceSync(c.Context(), &kgo.Record{Topic: topic, Partition: partition, Value: []byte("x")}).FirstErr())
	}
}

// commit says how far a group without a member is.
func (c *cluster) commit(group, topic string, partition int32, at int64) {
	c.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, partition, at, -1)
	require.NoError(c, c.admin.CommitAllOffsets(c.Context(), group, offsets))
}

// exporter of all that the filters take.
func (c *cluster) exporter(topics, groups Filter) *Exporter {
	c.Helper()
	e, err := Connect(c.Context(), Options{Servers: c.addresses, Topics: topics, Groups: groups, Log: slog.New(slog.DiscardHandler)})
	require.NoError(c, err)
	c.Cleanup(e.Close)
	return e
}

func filter(t *testing.T, include, exclude string) Filter {
	t.Helper()
	f, err := NewFilter(include, exclude)
	require.NoError(t, err)
	return f
}

// series are the lines of the answer that begin with the prefix.
func (c *cluster) series(e *Exporter, prefix string) (lines []string) {
	c.Helper()
	answer := httptest.NewRecorder()
	Handler(e).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(c, http.StatusOK, answer.Code)
	for line := range strings.Lines(answer.Body.String()) {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

// behind is a group without a member: of a it has read one partition of two, of b nothing.
func behind(c *cluster) {
	c.Helper()
	c.write("a", 0, 5)
	c.write("a", 1, 3)
	c.write("b", 0, 2)
	c.commit("mail", "a", 0, 1)
}

// requireBehind is what the exporter has to tell of it.
func requireBehind(c *cluster, e *Exporter) {
	c.Helper()
	require.Equal(c, []string{
		`kafka_consumergroup_current_offset{consumergroup="mail",partition="0",topic="a"} 1`,
		`kafka_consumergroup_current_offset{consumergroup="mail",partition="1",topic="a"} -1`,
		`kafka_consumergroup_current_offset_sum{consumergroup="mail",topic="a"} 0`,
		`kafka_consumergroup_lag{consumergroup="mail",partition="0",topic="a"} 4`,
		`kafka_consumergroup_lag{consumergroup="mail",partition="1",topic="a"} -1`,
		`kafka_consumergroup_lag_sum{consumergroup="mail",topic="a"} 4`,
		`kafka_consumergroup_members{consumergroup="mail"} 0`,
	}, c.series(e, "kafka_consumergroup"))
}

func TestGroupWithoutMemberHasItsLag(t *testing.T) {
	c := newCluster(t)
	everything := filter(t, ".*", "^$")
	e := c.exporter(everything, everything)
	require.Empty(t, c.series(e, "kafka_consumergroup"), "no group yet")
	behind(c)
	requireBehind(c, e)
	c.write("a", 0, 1)
	require.Contains(t, c.series(e, "kafka_consumergroup_lag_sum"), `kafka_consumergroup_lag_sum{consumergroup="mail",topic="a"} 5`)
}

func TestGroupWithMember(t *testing.T) {
	c := newCluster(t)
	c.write("b", 0, 2)
	member, err := kgo.NewClient(kgo.SeedBrokers(c.addresses...), kgo.ConsumerGroup("mail"), kgo.ConsumeTopics("b"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DisableAutoCommit())
	require.NoError(t, err)
	defer member.Close()
	require.NoError(t, member.PollFetches(t.Context()).Err())
	require.NoError(t, member.CommitUncommittedOffsets(t.Context()))
	everything := filter(t, ".*", "^$")
	e := c.exporter(everything, everything)
	require.Equal(t, []string{`kafka_consumergroup_members{consumergroup="mail"} 1`}, c.series(e, "kafka_consumergroup_members"))
	require.Equal(t, []string{`kafka_consumergroup_lag{consumergroup="mail",partition="0",topic="b"} 0`}, c.series(e, "kafka_consumergroup_lag{"))
}

func TestFilters(t *testing.T) {
	c := newCluster(t)
	behind(c)
	c.commit("count", "a", 0, 5)
	c.commit("count", "b", 0, 0)
	e := c.exporter(filter(t, "^b$|a", "^a$"), filter(t, ".*", "mail"))
	require.Equal(t, []string{`kafka_topic_partitions{topic="b"} 1`}, c.series(e, "kafka_topic_partitions"))
	require.Equal(t, []string{`kafka_consumergroup_lag{consumergroup="count",partition="0",topic="b"} 2`}, c.series(e, "kafka_consumergroup_lag{"))
	nothing := filter(t, "^$", "^$")
	require.Empty(t, c.series(c.exporter(nothing, nothing), "kafka_topic"), "no names is not every name")
	_, err := NewFilter("(", "")
	require.Error(t, err)
	_, err = NewFilter("", "(")
	require.Error(t, err)
}

func TestTopics(t *testing.T) {
	c := newCluster(t)
	c.write("b", 0, 2)
	e := c.exporter(filter(t, "^b$", "^$"), filter(t, ".*", "^$"))
	require.Equal(t, []string{"kafka_brokers 2"}, c.series(e, "kafka_brokers"))
	require.Len(t, c.series(e, `kafka_broker_info{address="127.0.0.1:`), 2)
	const partition = `{partition="0",topic="b"}`
	for name, want := range map[string]string{
		"current_offset": "2", "oldest_offset": "0", "under_replicated_partition": "0", "leader_is_preferred": "[01]",
		"leader": "[01]", "replicas": "[12]", "in_sync_replica": "[12]",
	} {
		found := c.series(e, "kafka_topic_partition_"+name+"{")
		require.Len(t, found, 1, name)
		require.Regexp(t, "} "+want+"$", found[0])
		require.Contains(t, found[0], partition)
	}
}

// What is collected is what is described, and all of it.
func TestMetricsAreDescribed(t *testing.T) {
	c := newCluster(t)
	behind(c)
	everything := filter(t, ".*", "^$")
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c.exporter(everything, everything))
	found, err := registry.Gather()
	require.NoError(t, err)
	require.Len(t, found, len(all))
}

func TestHealthAndOutage(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "a"))
	require.NoError(t, err)
	t.Cleanup(fake.Close)
	c := clusterAt(t, fake.ListenAddrs())
	everything := filter(t, ".*", "^$")
	e := c.exporter(everything, everything)
	require.NotEmpty(t, c.series(e, "kafka_topic"))
	fake.Close()
	e.patience = time.Second
	require.Empty(t, c.series(e, "kafka_"), "Kafka is away")
	answer := httptest.NewRecorder()
	Handler(e).ServeHTTP(answer, httptest.NewRequest("GET", "/healthz", nil))
	require.Equal(t, "ok", answer.Body.String())
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = Connect(ctx, Options{Servers: []string{"127.0.0.1:1"}})
	require.ErrorContains(t, err, `no broker of ["127.0.0.1:1"] answers`)
}

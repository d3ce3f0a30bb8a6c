package stack

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/app"
	"github.com/scalestack/scalestack/components/kafka"
)

const mailSettings = `"mail": {"host": "mail.example.com", "from": "shop@example.com"}`

// following returns settings in which the workers run.
func following(t *testing.T, more string) (*Config, error) {
	t.Helper()
	return load(t, map[string]string{
		"scalestack:postgres": `{"maxConnections": 300}`,
		"scalestack:events":   `{"enabled": true, ` + mailSettings + more + `}`,
	})
}

func TestWithoutEventsThereAreNoWorkers(t *testing.T) {
	c, err := load(t, nil)
	require.NoError(t, err)
	require.Empty(t, c.workers())
	require.Empty(t, c.kafkaArgs(pulumi.String("shop")).Users)
	require.Len(t, c.postgresArgs(pulumi.String("shop")).Callers, 3)
}

func TestEachWorkerMayDoItsWorkAndNoMore(t *testing.T) {
	c, err := following(t, "")
	require.NoError(t, err)
	users := c.kafkaArgs(pulumi.String("shop")).Users
	require.Equal(t, []kafka.User{
		{Name: "relay", Produce: []string{"user_events", "product_events"}},
		{Name: "email", Consume: []string{"user_events"}, Group: "email", DeadLetter: "email_dlq"},
		{Name: "analytics", Consume: []string{"user_events", "product_events"}, Group: "analytics", DeadLetter: "analytics_dlq"},
		{Name: "invalidate", Consume: []string{"user_events"}, Group: "invalidate", DeadLetter: "invalidate_dlq"},
	}, users)
	require.Equal(t, map[string][]int{
		"relay": {9093, 5432}, "email": {9093, 5432, 587}, "analytics": {9093, 5432}, "invalidate": {9093, 6379},
	}, portsCalled(c))
	require.Len(t, c.postgresArgs(pulumi.String("shop")).Callers, 6, "app, its two Jobs, relay, email and analytics")
	require.Equal(t, app.PodLabels("invalidate"), c.redisArgs(pulumi.String("shop")).Callers[1].Pods)
}

func portsCalled(c *Config) map[string][]int {
	called := map[string][]int{}
	for _, w := range c.workers() {
		for _, target := range c.workerArgs(w, c.offlineEventWiring()).Targets {
			called[w.name] = append(called[w.name], target.Port)
		}
	}
	return called
}

func TestTopicsThatAreConfiguredStayAsTheyAre(t *testing.T) {
	c, err := load(t, map[string]string{
		"scalestack:postgres": `{"maxConnections": 300}`,
		"scalestack:kafka":    `{"topics": [{"name": "email_dlq", "partitions": 3}, {"name": "orders"}]}`,
		"scalestack:events":   `{"enabled": true, ` + mailSettings + `}`,
	})
	require.NoError(t, err)
	var names []string
	topics := c.kafkaArgs(pulumi.String("shop")).Topics
	for _, topic := range topics {
		names = append(names, topic.Name)
	}
	require.Equal(t, []string{"email_dlq", "orders", "user_events", "product_events", "analytics_dlq", "invalidate_dlq"}, names)
	require.Equal(t, 3, topics[0].Partitions)
}

func TestEventMistakesAreSaidOnce(t *testing.T) {
	for settings, want := range map[string]string{
		`{"enabled": true}`: `scalestack:events.mail.from: "" is not a sender such as shop@example.com
scalestack:events.mail.host: "" is not an address or the name of a host; the email worker needs one`,
		`{"enabled": true, ` + mailSettings + `, "email": {"replicas": {"max": 13}}}`:      "scalestack:events.email.replicas.max: 13 is above the 12 partitions of topic user_events: one more consumer has no work",
		`{"enabled": true, ` + mailSettings + `, "relay": {"replicas": {"min": 5}}}`:       "scalestack:events.relay.replicas.max: 4 is below replicas.min 5",
		`{"enabled": true, ` + mailSettings + `, "scrapers": [{"cidr": "here"}]}`:          `scalestack:events.scrapers[0].cidr: "here" is not an address range such as 203.0.113.0/24`,
		`{"enabled": true, ` + mailSettings + `, "relay": {"resources": {"memory": "x"}}}`: `scalestack:events.relay.resources.memory: "x" is not a quantity such as 500m, 2 or 1Gi`,
		`{"enabled": true, "mail": {"host": "a.b", "from": "a@b.c", "servers": [{}]}}`:     "scalestack:events.mail.servers[0]: names no pods, no namespaces and no cidr",
		`{"enabled": true, "mail": {"host": "a.b", "from": "a@b.c", "secret": "A"}}`:       `scalestack:events.mail.secret: "A" is not the name of a Secret`,
		`{"enabled": true, ` + mailSettings + `, "pool": 6}`: "scalestack:postgres.maxConnections: 200 is below the 205 that every shard must accept: " +
			"app 10 × 13 pods (replicas.max 10 and 3 more during a rollout), events.relay 1 × 5 pods (replicas.max 4 and 1 more during a rollout), " +
			"events.email 6 × 5 pods (replicas.max 4 and 1 more during a rollout), events.analytics 6 × 5 pods (replicas.max 4 and 1 more during a rollout), " +
			"and 10 reserved for administration and replication",
	} {
		_, err := load(t, map[string]string{"scalestack:postgres": `{"maxConnections": 200}`, "scalestack:events": settings})
		require.Error(t, err)
		require.Equal(t, want, strings.TrimSpace(err.Error()))
	}
}

func TestWorkersNeedAKafkaOfTheirOwnNames(t *testing.T) {
	_, err := load(t, map[string]string{
		"scalestack:postgres": `{"maxConnections": 300}`,
		"scalestack:kafka":    `{"waitReady": false, "users": [{"name": "relay", "produce": ["user_events"]}]}`,
		"scalestack:events":   `{"enabled": true, ` + mailSettings + `}`,
	})
	require.EqualError(t, err, "scalestack:events.enabled: true needs kafka.waitReady: the workers cannot start before their users exist\n"+
		`scalestack:kafka.users[0].name: "relay" is the user of the stack's own worker`)
}

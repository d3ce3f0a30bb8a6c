package stack

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/cdn"
	"github.com/scalestack/scalestack/components/job"
	"github.com/scalestack/scalestack/components/k8s"
	"github.com/scalestack/scalestack/components/kafka"
	"github.com/scalestack/scalestack/components/redis"
	"github.com/scalestack/scalestack/components/service"
)

const zone = `"enabled": true, "zoneId": "0123456789abcdef0123456789abcdef"`

// shop is a configuration with one service for each thing that can be used.
func shop(t *testing.T, more map[string]string) *Config {
	t.Helper()
	config := map[string]string{"scalestack:services": `{
		"web":     {"image":"a:1","port":8080,"migration":{"args":["migrate"]},"uses":{"shards":{"pool":2,"write":["orders","shop.*"],"read":["customers"]},"cache":true}},
		"relay":   {"imageFrom":"web","uses":{"shards":{"pool":1,"read":["orders"]},"produce":["orders"]}},
		"mailer":  {"imageFrom":"web","uses":{"consume":{"topics":["orders","returns"],"group":"mail"}}},
		"plain":   {"image":"b:1"}}`}
	maps.Copy(config, more)
	c, err := load(t, config)
	require.NoError(t, err)
	return c
}

var here = pulumi.String("here")

func wiredHere() wiring {
	return wiring{
		namespace: here, shardMap: here, redisAddress: here, redisSecret: here, kafkaBootstrap: here, kafkaCA: here,
		roles: here, shardLogins: map[string]pulumi.StringInput{
			"web": pulumi.String("web-login"), "relay": pulumi.String("relay-login"), "shardctl": pulumi.String("shardctl-login")},
		kafkaUsers: map[string]pulumi.StringInput{"relay": pulumi.String("relay-secret"), "mailer": pulumi.String("mailer-secret")},
	}
}

// Each service gets what it uses and nothing else.
func TestServicesGetWhatTheyUse(t *testing.T) {
	c := shop(t, nil)
	variables, ports, folders := map[string][]string{}, map[string][]int{}, map[string][]string{}
	for key, s := range c.Services {
		a := c.serviceArgs(s, wiredHere())
		variables[key] = slices.Sorted(maps.Keys(a.BaseEnv))
		for _, target := range a.EgressTo {
			ports[key] = append(ports[key], target.Port)
		}
		for _, mount := range a.Mounts {
			folders[key] = append(folders[key], mount.Path)
		}
	}
	require.Equal(t, map[string][]string{
		"web": {
			"SCALESTACK_DB_POOL", "SCALESTACK_LISTEN", "SCALESTACK_REDIS_ADDRESS", "SCALESTACK_REDIS_CREDENTIALS",
			"SCALESTACK_SERVICE", "SCALESTACK_SHARD_CREDENTIALS", "SCALESTACK_SHARD_MAP",
		},
		"relay": {
			"SCALESTACK_DB_POOL", "SCALESTACK_KAFKA_BOOTSTRAP", "SCALESTACK_KAFKA_CA", "SCALESTACK_KAFKA_CREDENTIALS",
			"SCALESTACK_KAFKA_USER", "SCALESTACK_SERVICE", "SCALESTACK_SHARD_CREDENTIALS", "SCALESTACK_SHARD_MAP",
		},
		"mailer": {
			"SCALESTACK_KAFKA_BOOTSTRAP", "SCALESTACK_KAFKA_CA", "SCALESTACK_KAFKA_CREDENTIALS", "SCALESTACK_KAFKA_GROUP",
			"SCALESTACK_KAFKA_USER", "SCALESTACK_SERVICE",
		},
		"plain":    {"SCALESTACK_SERVICE"},
		"shardctl": {"SCALESTACK_METRICS_LISTEN", "SCALESTACK_SERVICE", "SCALESTACK_SHARD_CREDENTIALS", "SCALESTACK_SHARD_MAP"},
	}, variables)
	require.Equal(t, map[string][]int{"web": {5432, 6379}, "relay": {5432, 9093}, "mailer": {9093}, "shardctl": {5432}}, ports)
	require.Equal(t, map[string][]string{
		"web":      {shardMapFolder, credentialsFolder, redisFolder},
		"relay":    {shardMapFolder, credentialsFolder, kafkaFolder, kafkaCAFolder},
		"mailer":   {kafkaFolder, kafkaCAFolder},
		"shardctl": {shardMapFolder, credentialsFolder},
	}, folders)
}

// An address in the place of a Secret's name is a program that never gets ready.
func TestServicesGetEachOutputInItsPlace(t *testing.T) {
	w := wiredHere()
	w.redisAddress, w.redisSecret = pulumi.String("redis-address"), pulumi.String("redis-secret")
	w.kafkaBootstrap, w.kafkaCA = pulumi.String("kafka-bootstrap"), pulumi.String("kafka-ca")
	c := shop(t, nil)
	web, relay := c.serviceArgs(c.Services["web"], w), c.serviceArgs(c.Services["relay"], w)
	require.Equal(t, pulumi.String("redis-address"), web.BaseEnv["SCALESTACK_REDIS_ADDRESS"])
	require.Equal(t, pulumi.String("kafka-bootstrap"), relay.BaseEnv["SCALESTACK_KAFKA_BOOTSTRAP"])
	require.Equal(t, pulumi.String(redisFolder), web.BaseEnv["SCALESTACK_REDIS_CREDENTIALS"])
	secrets := map[string]pulumi.StringInput{}
	for _, mount := range append(web.Mounts, relay.Mounts...) {
		for _, one := range mount.Secrets {
			secrets[mount.Path] = one.Secret
		}
		if mount.Secret != nil {
			secrets[mount.Path] = mount.Secret
		}
	}
	require.Equal(t, pulumi.String("redis-secret"), secrets[redisFolder])
	require.Equal(t, pulumi.String("kafka-ca"), secrets[kafkaCAFolder])
}

func TestServicesHaveTheirOwnKafkaCredentials(t *testing.T) {
	c := shop(t, nil)
	for _, key := range []string{"relay", "mailer"} {
		for _, mount := range c.serviceArgs(c.Services[key], wiredHere()).Mounts {
			if mount.Path == kafkaFolder {
				require.Equal(t, pulumi.String(key+"-secret"), mount.Secrets[0].Secret)
			}
		}
	}
}

// Whoever may read metrics reads those of every service that has any, and nothing else.
func TestScrapersReachMetricsAlone(t *testing.T) {
	scraper := k8s.Peer{Pods: pulumi.StringMap{"app": pulumi.String("prometheus")}}
	c := shop(t, map[string]string{
		"scalestack:metrics":  `{"scrapers":[{"pods":{"app":"prometheus"}}]}`,
		"scalestack:services": `{"web":{"image":"a:1","port":8080,"metricsPort":9090,"metricsFrom":[{"pods":{"app":"probe"}}]},"plain":{"image":"a:1","port":8080}}`,
	})
	web := c.serviceArgs(c.Services["web"], wiredHere())
	require.Equal(t, []k8s.Peer{{Pods: pulumi.StringMap{"app": pulumi.String("probe")}}, scraper}, web.MetricsFrom)
	require.Empty(t, web.IngressFrom)
	require.Contains(t, web.BaseEnv, "SCALESTACK_METRICS_LISTEN")
	require.Empty(t, c.serviceArgs(c.Services["plain"], wiredHere()).MetricsFrom)
	require.Equal(t, []k8s.Peer{scraper}, c.serviceArgs(c.Services[shardctlName], wiredHere()).MetricsFrom)
}

func TestScrapersReachTheExportersThereAre(t *testing.T) {
	c := shop(t, map[string]string{
		"scalestack:metrics":  `{"scrapers":[{"pods":{"app":"prometheus"}}]}`,
		"scalestack:postgres": `{"exporter":{"metricsFrom":[{"pods":{"app":"probe"}}]}}`,
	})
	scraper, probe := k8s.Peer{Pods: pulumi.StringMap{"app": pulumi.String("prometheus")}}, k8s.Peer{Pods: pulumi.StringMap{"app": pulumi.String("probe")}}
	for range 2 {
		require.Equal(t, []k8s.Peer{probe, scraper}, c.postgresArgs(here).Exporter.MetricsFrom)
	}
	require.Nil(t, c.redisArgs(here).Exporter)
	c.Redis.Exporter = &redis.Exporter{}
	require.Equal(t, []k8s.Peer{scraper}, c.redisArgs(here).Exporter.MetricsFrom)
}

// A migration works as the owner of the tables, the service itself never does.
func TestOnlyMigrationsGetTheOwnersLogin(t *testing.T) {
	c := shop(t, nil)
	a := c.serviceArgs(c.Services["web"], wiredHere())
	require.Len(t, a.Mounts[1].Secrets, 4)
	for _, secret := range a.Mounts[1].Secrets {
		require.Equal(t, pulumi.String("web-login"), secret.Secret)
	}
	require.Equal(t, k8s.SecretFiles{Secret: pulumi.String("postgres-shard-0-admin"),
		Files: map[string]string{"owner-username": "shard-0/username", "owner-password": "shard-0/password"}}, a.Migration.Mounts[1].Secrets[0])
	require.Equal(t, "shard-3/password", a.Mounts[1].Secrets[3].Files["password"])
}

// A new shard needs the tables too, and a migration that reaches no shard fails.
func TestMigrationsReachTheShardsAndFollowTheirNumber(t *testing.T) {
	migration := func(shards string) *job.Args {
		c := shop(t, map[string]string{"scalestack:postgres": `{"shards":` + shards + `,"initialShards":4}`})
		return c.serviceArgs(c.Services["web"], wiredHere()).Migration
	}
	require.Contains(t, migration("4").EgressTo, shardPods())
	require.NotEqual(t, migration("4").Revision, migration("5").Revision)
	require.Equal(t, migration("4").Revision, migration("4").Revision)
}

// Settings that the stack shares between deployments are not written to.
func TestWiringLeavesTheConfigurationAlone(t *testing.T) {
	c := shop(t, nil)
	c.serviceArgs(c.Services["web"], wiredHere())
	require.Empty(t, c.Services["web"].Mounts)
	require.Empty(t, c.Services["web"].Migration.Mounts)
	require.Empty(t, c.Services["web"].BaseEnv)
}

// peersOf are who may connect to a target by a policy of their own.
func peersOf(c *Config, target string) (all []k8s.Peer) {
	for _, o := range c.openings() {
		if o.target == target {
			all = append(all, o.From...)
		}
	}
	return all
}

func TestOnlyUsersMayConnect(t *testing.T) {
	c := shop(t, map[string]string{"scalestack:postgres": `{"ingressFrom":[{"pods":{"app":"report"}}]}`})
	require.Equal(t, []k8s.Peer{{Pods: pulumi.StringMap{"app": pulumi.String("report")}}}, c.postgresArgs(here).IngressFrom)
	require.Equal(t, []k8s.Peer{
		{Pods: job.PodLabels("shards-migrate")},
		{Pods: job.PodLabels("shards-reshard")},
		{Pods: service.PodLabels("relay")},
		{Pods: service.PodLabels("shardctl")},
		{Pods: service.PodLabels("web")},
		{Pods: service.MigrationLabels("web")},
	}, peersOf(c, postgresName))
	require.Equal(t, []k8s.Peer{{Pods: service.PodLabels("web")}}, peersOf(c, redisName))
}

// Whoever is named comes beside the stack's own clients, never in their place.
func TestAPeerThatIsNamedRemovesNoClient(t *testing.T) {
	outside := k8s.Peer{Namespaces: pulumi.StringMap{"team": pulumi.String("bi")}}
	const named = `{"ingressFrom":[{"namespaces":{"team":"bi"}}]}`
	services := map[string]string{"scalestack:services": `{
		"web":     {"image":"a:1","migration":{"args":["migrate"]},"uses":{"shards":{"pool":2,"write":["orders"]},"cache":true}},
		"relay":   {"image":"a:1","migration":{"args":["migrate"]},"uses":{"shards":{"pool":1,"read":["orders"]},"produce":["orders"]}},
		"mailer":  {"image":"a:1","triggers":{"lag":{}},"uses":{"consume":{"topics":["orders"]}}}}`}
	keda := KEDA{Namespace: "keda"}.operator()
	for section, c := range map[string]struct {
		peers func(*Config) []k8s.Peer
		own   []k8s.Peer // with a policy of their own
		keda  []k8s.Peer // beside those who are named
		// anyone may connect without a name, and nobody has a policy.
		anyone []k8s.Peer
	}{
		"postgres": {peers: func(c *Config) []k8s.Peer { return c.postgresArgs(here).IngressFrom }, own: []k8s.Peer{
			{Pods: job.PodLabels(migrateName)}, {Pods: job.PodLabels(reshardName)},
			{Pods: service.PodLabels("relay")}, {Pods: service.MigrationLabels("relay")},
			{Pods: service.PodLabels(shardctlName)},
			{Pods: service.PodLabels("web")}, {Pods: service.MigrationLabels("web")},
		}},
		"redis": {peers: func(c *Config) []k8s.Peer { return c.redisArgs(here).IngressFrom }, own: []k8s.Peer{{Pods: service.PodLabels("web")}}},
		"kafka": {peers: func(c *Config) []k8s.Peer { return c.kafkaArgs(here).IngressFrom },
			own:  []k8s.Peer{{Pods: service.PodLabels("mailer")}, {Pods: service.PodLabels("relay")}},
			keda: []k8s.Peer{keda}, anyone: []k8s.Peer{{Namespaces: namespaceNamed("scalestack")}, keda}},
	} {
		t.Run(section, func(t *testing.T) {
			without := shop(t, services)
			require.Equal(t, c.anyone, c.peers(without))
			if c.anyone == nil {
				require.Equal(t, c.own, peersOf(without, section))
			} else {
				require.Empty(t, peersOf(without, section))
			}
			config := maps.Clone(services)
			config["scalestack:"+section] = named
			with := shop(t, config)
			require.Equal(t, append([]k8s.Peer{outside}, c.keda...), c.peers(with))
			require.Equal(t, c.own, peersOf(with, section))
		})
	}
}

// Two owners of one object write over each other, and who goes deletes what the other has.
func TestAServiceIsNotCalledAsAnotherObjectIs(t *testing.T) {
	for name, owner := range map[string]string{
		"web-migrate": "service web", "web-rollout": "service web", "keda-hpa-web": "service web", "default-deny": "the namespace", "default": "the namespace",
	} {
		_, err := load(t, map[string]string{
			"scalestack:services": `{"web":{"image":"a:1","metricsPort":9090,"migration":{"args":["a"]},"postRollout":{"args":["a"]},"triggers":{"connections":{"percent":70}},` +
				`"uses":{"shards":{"pool":1,"write":["orders"]}}},"` + name + `":{"image":"a:1"}}`,
			"scalestack:keda": `{"prometheus":"http://prometheus.monitoring:9090"}`,
		})
		require.EqualError(t, err, fmt.Sprintf(`scalestack:services.%s: Invalid value: %[1]q: is the name of an object of %s`, name, owner))
	}
	_, err := load(t, map[string]string{"scalestack:services": `{"web":{"image":"a:1"},"web-migrate":{"image":"a:1"},"keda-hpa-web":{"image":"a:1"}}`})
	require.NoError(t, err)
}

// A service's own policy has the service's name.
func TestAServiceIsNotCalledAsAPolicyIs(t *testing.T) {
	_, err := load(t, map[string]string{"scalestack:services": `{"web":{"image":"a:1","uses":{"cache":true}},"web-to-redis":{"image":"a:1"}}`})
	require.EqualError(t, err, `scalestack:services.web-to-redis: Invalid value: "web-to-redis": is the name of the policy that lets web connect to redis`)
}

func TestEachKafkaUserMayDoItsWorkAndNoMore(t *testing.T) {
	c := shop(t, map[string]string{"scalestack:kafka": `{"topics":[{"name":"mail_dlq","partitions":20}]}`})
	a := c.kafkaArgs(here)
	require.Equal(t, []kafka.User{
		{Name: "mailer", Consume: []string{"orders", "returns"}, Group: "mail", DeadLetter: "mail_dlq"},
		{Name: "relay", Produce: []string{"orders"}},
	}, a.Users)
	var topics []string
	for _, topic := range a.Topics {
		topics = append(topics, topic.Name)
	}
	require.Equal(t, []string{"mail_dlq", "orders", "returns"}, topics)
	require.Equal(t, 20, a.Topics[0].Partitions, "what is configured stays as it is")
}

// A new service must not shorten the retention of a topic that was there before it,
// whatever the two are called.
func TestADeadLetterTopicIsOneForEveryService(t *testing.T) {
	hours := func(services string) map[string]int {
		all := map[string]int{}
		for _, topic := range shop(t, map[string]string{"scalestack:services": services}).Kafka.Topics {
			all[topic.Name] = topic.RetentionHours
		}
		return all
	}
	for _, reader := range []string{"audit", "zebra"} {
		for _, uses := range []string{`"consume":{"topics":["mail_dlq"]}`, `"produce":["mail_dlq"]`} {
			got := hours(`{"mailer":{"image":"a:1","uses":{"consume":{"topics":["orders"],"group":"mail"}}},"` + reader + `":{"image":"a:1","uses":{` + uses + `}}}`)
			require.Equal(t, 720, got["mail_dlq"], reader+uses)
			require.Equal(t, 168, got["orders"])
		}
	}
}

func TestServicesNeedAKafkaOfTheirOwnNames(t *testing.T) {
	_, err := load(t, map[string]string{
		"scalestack:services": `{"relay":{"image":"a:1","uses":{"produce":["orders"]}}}`,
		"scalestack:kafka":    `{"waitReady":false,"topics":[{"name":"orders"}],"users":[{"name":"relay","produce":["orders"]}]}`,
	})
	require.EqualError(t, err, "scalestack:kafka.waitReady: Invalid value: false: must be true: services that use topics cannot start before their users exist\n"+
		`scalestack:kafka.users[0].name: Invalid value: "relay": is the user of service relay`)
}

func TestNobodyIsLetInUnlessAsked(t *testing.T) {
	c := shop(t, map[string]string{"scalestack:cdn": `{` + zone + `}`})
	require.Empty(t, c.serviceArgs(c.Services["web"], wiredHere()).IngressFrom)
	require.Empty(t, peersOf(c, "web"))
	require.False(t, *c.CDN.RateLimit.Enabled)
}

func TestAllowEdge(t *testing.T) {
	web := `{"web":{"image":"a:1","port":8080,"allowEdge":true,"auth":{"public":true},"ingressFrom":[{"pods":{"app":"probe"}}]}}`
	c := shop(t, map[string]string{"scalestack:services": web, "scalestack:cdn": `{` + zone + `}`})
	require.Equal(t, []k8s.Peer{{Pods: pulumi.StringMap{"app": pulumi.String("probe")}}}, c.serviceArgs(c.Services["web"], wiredHere()).IngressFrom)
	require.Len(t, peersOf(c, "web"), len(cdn.PublishedRanges()))

	c = shop(t, map[string]string{"scalestack:services": web, "scalestack:cdn": `{` + zone + `, "edgeRanges": ["192.0.2.0/24"]}`})
	require.Equal(t, []k8s.Peer{{CIDR: pulumi.String("192.0.2.0/24")}}, peersOf(c, "web"))

	require.True(t, *c.CDN.RateLimit.Enabled, "what the edge may reach is exposed")
	c = shop(t, map[string]string{"scalestack:services": web, "scalestack:cdn": `{` + zone + `, "rateLimit": {"enabled": false}}`})
	require.False(t, *c.CDN.RateLimit.Enabled)

	_, err := load(t, map[string]string{"scalestack:cdn": `{` + zone + `, "edgeRanges": ["192.0.2.0/24"]}`})
	require.EqualError(t, err, "scalestack:cdn.edgeRanges: Forbidden: is used by no service: none has allowEdge")
}

// KEDA may see how far the group has read its topics, connect to the brokers, and
// nothing else.
func TestLagIsReadWithARightOfItsOwn(t *testing.T) {
	c := shop(t, map[string]string{"scalestack:services": `{"mailer": {"image":"a:1",
		"triggers":{"lag":{"perReplica":20}},"uses":{"consume":{"topics":["orders","returns"],"group":"mail"}}}}`})
	mailer := c.Services["mailer"]
	require.Equal(t, service.Lag{Topics: []string{"orders", "returns"}, Group: "mail", PerReplica: 20}, *mailer.Triggers.Lag)
	args := c.kafkaArgs(here)
	user := args.Users[slices.IndexFunc(args.Users, func(u kafka.User) bool { return u.Name == "mailer-lag" })]
	require.Equal(t, kafka.User{Name: "mailer-lag", DescribeTopics: []string{"orders", "returns"}, DescribeGroups: []string{"mail"}}, user)
	require.Len(t, args.IngressFrom, 2, "the namespace, as before, and KEDA")
	require.Equal(t, c.KEDA.operator(), args.IngressFrom[1])
	require.Empty(t, shop(t, nil).kafkaArgs(here).IngressFrom, "without a trigger nothing changes")

	w := wiredHere()
	w.kafkaUsers["mailer-lag"] = pulumi.String("mailer-lag-secret")
	from := c.serviceArgs(mailer, w).Sources
	require.Equal(t, service.Sources{Bootstrap: here, User: "mailer-lag", UserSecret: pulumi.String("mailer-lag-secret"), CASecret: here}, from)
}

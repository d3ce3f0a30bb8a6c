package stack

import (
	"reflect"
	"sync"
	"testing"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/namespace"
)

// echo answers every registration with its inputs.
type echo struct{}

func (echo) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	outputs := args.Inputs.Copy()
	if args.TypeToken == "random:index/randomPassword:RandomPassword" {
		outputs["result"] = resource.NewStringProperty("generated")
	}
	return args.Name + "-id", outputs, nil
}

func (echo) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) { return args.Args, nil }

// outputs deploys c and waits for what the stack exports.
func outputs(t *testing.T, c *Config) map[string]any {
	t.Helper()
	var mu sync.Mutex
	values := map[string]any{}
	require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
		exported, err := deploy(ctx, c)
		for name, value := range exported {
			pulumi.ToOutput(value).ApplyT(func(v any) any {
				mu.Lock()
				defer mu.Unlock()
				values[name] = v
				return v
			})
		}
		return err
	}, pulumi.WithMocks(project, "test", echo{})))
	return values
}

func TestOutputs(t *testing.T) {
	c, err := load(t, map[string]string{
		"scalestack:namespace": "shop",
		"scalestack:postgres":  `{"shards":3,"initialShards":3}`,
		"scalestack:services":  `{"web":{"image":"a:1","port":8080},"mailer":{"image":"a:1"}}`,
		"scalestack:cdn":       `{"enabled":true,"zoneId":"0123456789abcdef0123456789abcdef"}`,
	})
	require.NoError(t, err)
	got := outputs(t, c)

	require.Equal(t, "shop", got["namespace"])
	require.Equal(t, map[string]string{"web": "http://web.shop.svc.cluster.local"}, got["services"])
	require.Equal(t, "redis.shop.svc.cluster.local:6379", got["redisAddress"])
	require.Equal(t, "kafka-kafka-bootstrap.shop.svc:9093", got["kafkaBootstrap"])
	require.Len(t, got["cdnRules"], 5)

	m, err := c.shardMap()
	require.NoError(t, err)
	encoded, err := m.Encode()
	require.NoError(t, err)
	require.Equal(t, map[string]any{
		"cluster": "shop", "buckets": 960, "initialShards": 3,
		"owned":     map[string]int{"shard-0": 320, "shard-1": 320, "shard-2": 320},
		"configMap": namespace.FileName("shard-map", string(encoded)), "key": "map.json",
	}, got["shardMap"])
	shards := got["shards"].([]any)
	require.Len(t, shards, 3)
	for i, shard := range m.Shards {
		require.Equal(t, map[string]any{"name": shard.Name, "host": shard.Host, "drained": false}, shards[i],
			"the map must send clients to the hosts that exist")
	}
}

func TestWithoutEdgeThereAreNoRules(t *testing.T) {
	for _, section := range []string{`{}`, `{"enabled":false,"zoneId":"not checked"}`} {
		c, err := load(t, map[string]string{"scalestack:cdn": section})
		require.NoError(t, err)
		require.Empty(t, outputs(t, c)["cdnRules"])
	}
}

// A destroy keeps the namespace, the claims and the shard maps, and the next deployment
// has to take them over. Providers with this option do so only where it is set.
func TestKeptObjectsAreAdopted(t *testing.T) {
	_, asks := reflect.TypeFor[kubernetes.ProviderArgs]().FieldByName("UpsertExistingObjects")
	require.False(t, asks, "from 4.29 on the provider refuses to create what exists. Before the SDK moves: a second provider with "+
		"UpsertExistingObjects for what is kept on destroy, and for nothing else; see docs/never.md, Adoption of what was kept")
}

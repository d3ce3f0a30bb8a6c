package stack

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/components/service"
)

func load(t *testing.T, config map[string]string, options ...Option) (*Config, error) {
	t.Helper()
	return Load(pulumi.RunInfo{Stack: labStack, Config: config}, options...)
}

// oneService is a section with a service.
func oneService(text string) map[string]string {
	return map[string]string{"scalestack:services": `{"shop":{"image":"example/shop:1",` + text + `}}`}
}

func TestDefaultsAreAValidConfiguration(t *testing.T) {
	c, err := load(t, nil)
	require.NoError(t, err)
	require.Equal(t, "scalestack", c.Namespace)
	require.Equal(t, 4, c.Postgres.Shards)
	require.Equal(t, 4, c.Postgres.InitialShards)
	require.Equal(t, 960, c.Postgres.Buckets)
	require.Len(t, c.Services, 1)
	require.Equal(t, []string{"serve"}, c.Services["shardctl"].Args.Args)
	require.Nil(t, c.CDN)
}

func TestDefaultsOfAService(t *testing.T) {
	c, err := load(t, oneService(`"uses":{"shards":{"write":["orders"]},"consume":{"topics":["orders"]}}`))
	require.NoError(t, err)
	shop := c.Services["shop"]
	require.Equal(t, service.Replicas{Min: 3, Max: 10}, shop.Replicas)
	require.Equal(t, 60, shop.CPUTargetPercent)
	require.Equal(t, 10, shop.Uses.Shards.Pool)
	require.Equal(t, "shop", shop.Name)
	require.Equal(t, UsesTopics{Topics: []string{"orders"}, Group: "shop", DeadLetter: "shop_dlq"}, *shop.Uses.Consume)
}

const sectionNames = "cdn, externalSecrets, gateway, kafka, keda, kubernetes, metrics, namespace, postgres, redis, secrets, services, tunnel"

func TestOneErrorPerMistake(t *testing.T) {
	for name, c := range map[string]struct {
		config map[string]string
		want   string
	}{
		"zero":            {map[string]string{"scalestack:postgres": `{"shards":0}`}, "scalestack:postgres.shards: Invalid value: 0: must be between 1 and 960"},
		"above":           {map[string]string{"scalestack:postgres": `{"shards":961}`}, "scalestack:postgres.shards: Invalid value: 961: must be between 1 and 960"},
		"huge":            {map[string]string{"scalestack:postgres": `{"shards":1e400}`}, "scalestack:postgres.shards: Invalid value: 1e400: must be between 1 and 960"},
		"string":          {map[string]string{"scalestack:postgres": `{"shards":"four"}`}, `scalestack:postgres.shards: Invalid value: "four": must be an integer between 1 and 960`},
		"fraction":        {map[string]string{"scalestack:postgres": `{"shards":4.5}`}, "scalestack:postgres.shards: Invalid value: 4.5: must be an integer between 1 and 960"},
		"null":            {map[string]string{"scalestack:postgres": `{"shards":null}`}, "scalestack:postgres.shards: Invalid value: null: must be an integer between 1 and 960"},
		"section":         {map[string]string{"scalestack:redis": `[]`}, "scalestack:redis: Invalid value: []: must be an object"},
		"no json":         {map[string]string{"scalestack:redis": `{"maxClients":`}, `scalestack:redis: Invalid value: "{\"maxClients\":": must be an object`},
		"two values":      {map[string]string{"scalestack:redis": `{} {}`}, `scalestack:redis: Invalid value: "{} {}": must be an object`},
		"empty section":   {map[string]string{"scalestack:redis": ``}, `scalestack:redis: Invalid value: "": must be an object`},
		"unknown key":     {map[string]string{"scalestack:kubernetes": `{"contxt":"a"}`}, "scalestack:kubernetes.contxt: Forbidden: is not a setting; known here: apiServers, cluster, context, pullSecret, renderTo, resolvers"},
		"case":            {oneService(`"replicas":{"Min":3}`), "scalestack:services.shop.replicas.Min: Forbidden: is not a setting; known here: max, min"},
		"unknown section": {map[string]string{"scalestack:postgress": `{}`}, "scalestack:postgress: Forbidden: is not a setting; known here: " + sectionNames},
		"nameless":        {map[string]string{"scalestack:": `{}`}, "scalestack:[]: Forbidden: is not a setting; known here: " + sectionNames},
		"namespace":       {map[string]string{"scalestack:namespace": `My_Space`}, `scalestack:namespace: Invalid value: "My_Space": must be a DNS label: at most 63 lower-case letters, digits and '-', with a letter or digit at both ends`},
		"choice":          {map[string]string{"scalestack:postgres": `{"rollout":"Fast"}`}, `scalestack:postgres.rollout: Unsupported value: "Fast": supported values: "Serial", "Parallel"`},
		"boolean":         {map[string]string{"scalestack:cdn": `{"enabled":"yes"}`}, `scalestack:cdn.enabled: Invalid value: "yes": must be true or false`},
		"empty string":    {map[string]string{"scalestack:redis": `{"image":""}`}, `scalestack:redis.image: Invalid value: "": must be an image such as name:1.2`},
		"in a list":       {map[string]string{"scalestack:kafka": `{"topics":[{"name":"a"},{"name":"b","partitions":0}]}`}, "scalestack:kafka.topics[1].partitions: Invalid value: 0: must be between 1 and 1000"},
		"free key":        {map[string]string{"scalestack:postgres": `{"settings":{"a_b":1}}`}, "scalestack:postgres.settings.a_b: Invalid value: 1: must be a string"},
		"few buckets":     {map[string]string{"scalestack:postgres": `{"buckets":3,"initialShards":2}`}, "scalestack:postgres.shards: Invalid value: 4 is not between 1 and 3"},
		"no batch":        {map[string]string{"scalestack:postgres": `{"moves":{"batch":0}}`}, "scalestack:postgres.moves.batch: Invalid value: 0: must be between 1 and 1000"},
		"observe":         {map[string]string{"scalestack:postgres": `{"moves":{"observe":86401}}`}, "scalestack:postgres.moves.observe: Invalid value: 86401: must be between 1 and 86400"},
		"peer":            {map[string]string{"scalestack:metrics": `{"scrapers":[{"cidr":"here"}]}`}, `scalestack:metrics.scrapers[0].cidr: Invalid value: "here": must be an address range such as 203.0.113.0/24`},
		"no size":         {map[string]string{"scalestack:postgres": `{"storage":{"size":"lots"}}`}, `scalestack:postgres.storage.size: Invalid value: "lots": must be a quantity such as 500m, 2 or 1Gi`},
		"unknown drain":   {map[string]string{"scalestack:postgres": `{"drain":[4]}`}, "scalestack:postgres.drain[0]: Invalid value: 4 is not a shard id between 0 and 3"},
		"all drained":     {map[string]string{"scalestack:postgres": `{"shards":2,"drain":[1,0]}`}, "scalestack:postgres.drain: Invalid value: [1 0] is not allowed to name every shard: one of the 2 must stay"},
		"weight":          {map[string]string{"scalestack:postgres": `{"weights":{"1":1001}}`}, "scalestack:postgres.weights.1: Invalid value: 1001 is not between 1 and 1000"},
		"weight of":       {map[string]string{"scalestack:postgres": `{"weights":{"one":2}}`}, `scalestack:postgres.weights.one: Invalid value: "one": the key must be an integer`},
		"unknown pin":     {map[string]string{"scalestack:postgres": `{"pins":{"17":4}}`}, "scalestack:postgres.pins.17: Invalid value: 4 is not a shard id between 0 and 3"},
		"no bucket":       {map[string]string{"scalestack:postgres": `{"pins":{"960":1}}`}, "scalestack:postgres.pins.960: Invalid value: 960 is not a bucket between 0 and 959"},
		"pin to drain":    {map[string]string{"scalestack:postgres": `{"drain":[3],"pins":{"17":3}}`}, "scalestack:postgres.pins.17: Invalid value: 3 is not a shard to pin to: it is drained"},
		"unknown gone":    {map[string]string{"scalestack:postgres": `{"shards":5,"drain":[0],"gone":[0,5]}`}, "scalestack:postgres.gone[1]: Invalid value: 5: must be a shard id between 0 and 4"},
		"not drained":     {map[string]string{"scalestack:postgres": `{"drain":[0],"gone":[0,2]}`}, "scalestack:postgres.gone[1]: Invalid value: 2: must be in drain: a shard gives its buckets away before it goes, and stays there"},
		"gone twice":      {map[string]string{"scalestack:postgres": `{"drain":[0],"gone":[0,0]}`}, "scalestack:postgres.gone[1]: Duplicate value: 0"},
		"all gone":        {map[string]string{"scalestack:postgres": `{"shards":2,"drain":[0,1],"gone":[0,1]}`}, "scalestack:postgres.drain: Invalid value: [0 1] is not allowed to name every shard: one of the 2 must stay"},
		"image of none":   {map[string]string{"scalestack:postgres": `{"images":{"4":"postgres:17.5"}}`}, "scalestack:postgres.images.4: Invalid value: 4: the key must be one of the shards"},
		"image of gone":   {map[string]string{"scalestack:postgres": `{"drain":[0],"gone":[0],"images":{"0":"postgres:17.5"}}`}, "scalestack:postgres.images.0: Invalid value: 0: the key must be one of the shards"},
		"loose image":     {map[string]string{"scalestack:postgres": `{"images":{"3":"postgres"}}`}, `scalestack:postgres.images.3: Invalid value: "postgres": must name a version: a tag other than latest, or a digest`},
		"image's key":     {map[string]string{"scalestack:postgres": `{"images":{"three":"postgres:17.5"}}`}, `scalestack:postgres.images.three: Invalid value: "three": the key must be an integer`},
		"restore gone": {map[string]string{"scalestack:postgres": `{"image":"example/postgres:16","drain":[0],"gone":[0],"backup":{"bucket":"s3://acme/prod"},"restore":{"name":"a","shards":[0],"to":"latest"}}`},
			"scalestack:postgres.restore.shards[0]: Invalid value: 0: must be one of the shards"},
		"pool": {oneService(`"uses":{"shards":{"pool":11,"write":["orders"]}}`),
			"scalestack:postgres.maxConnections: Invalid value: 140: must be at least 153: shop 11 × 13 pods (replicas.max 10 and 3 more during a rollout), and 10 reserved for administration and replication"},
		"bounds":       {oneService(`"replicas":{"min":5,"max":4}`), "scalestack:services.shop.replicas.max: Invalid value: 4: must be at least replicas.min 5"},
		"quantity":     {map[string]string{"scalestack:redis": `{"resources":{"memory":"lots"}}`}, `scalestack:redis.resources.memory: Invalid value: "lots": must be a quantity such as 500m, 2 or 1Gi`},
		"number":       {map[string]string{"scalestack:redis": `{"resources":{"cpuRequest":2}}`}, `scalestack:redis.resources.cpuRequest: Invalid value: 2: must be a quantity in quotes, such as "500m", "2" or "1Gi"`},
		"no image":     {map[string]string{"scalestack:services": `{"shop":{}}`}, "scalestack:services.shop.image: Required value: an image with a tag other than latest, or a digest; or imageFrom"},
		"image from":   {map[string]string{"scalestack:services": `{"shop":{"imageFrom":"web"}}`}, `scalestack:services.shop.imageFrom: Not found: "web"`},
		"both images":  {map[string]string{"scalestack:services": `{"web":{"image":"a:1"},"shop":{"imageFrom":"web","image":"b:1"}}`}, "scalestack:services.shop.image: Forbidden: is given together with imageFrom"},
		"chain":        {map[string]string{"scalestack:services": `{"web":{"image":"a:1"},"a":{"imageFrom":"web"},"b":{"imageFrom":"a"}}`}, `scalestack:services.b.imageFrom: Invalid value: "a": must be a service with an image of its own`},
		"taken name":   {map[string]string{"scalestack:services": `{"redis":{"image":"a:1"}}`}, `scalestack:services.redis: Invalid value: "redis": may be the name of an object of component redis`},
		"taken prefix": {map[string]string{"scalestack:services": `{"kafka-entity-operator":{"image":"a:1"}}`}, `scalestack:services.kafka-entity-operator: Invalid value: "kafka-entity-operator": may be the name of an object of component kafka`},
		"two by name":  {map[string]string{"scalestack:services": `{"a":{"image":"a:1","name":"c"},"b":{"image":"a:1","name":"c"}}`}, `scalestack:services.b.name: Invalid value: "c": is the name of the objects of service a`},
		"same name":    {map[string]string{"scalestack:services": `{"a":{"image":"a:1"},"b":{"image":"a:1","name":"a"}}`}, `scalestack:services.b.name: Invalid value: "a": is the name of the objects of service a`},
		"partitions":   {oneService(`"replicas":{"max":13},"uses":{"consume":{"topics":["orders"]}}`), "scalestack:services.shop.replicas.max: Invalid value: 13: must be at most the 12 partitions of topic orders: one more consumer has no work"},
		"own letter":   {oneService(`"uses":{"consume":{"topics":["orders"],"deadLetter":"orders"}}`), `scalestack:services.shop.uses.consume.deadLetter: Invalid value: "orders": must not be a topic that the service reads or writes itself`},
		"local image":  {map[string]string{"scalestack:services": `{"shop":{"image":"example/shop:dev"}}`}, `scalestack:services.shop.image: Invalid value: "example/shop:dev": stands for a local build that SCALESTACK_IMAGES does not name: name a released image`},
		"cache rules":  {map[string]string{"scalestack:cdn": cdnWithRules(11)}, `scalestack:cdn.rules: `},
		"no trigger":   {oneService(`"triggers":{}`), "scalestack:services.shop.triggers: Required value: one of lag, connections, requests and queries"},
		"nobody to ask": {oneService(`"triggers":{"queries":[{"query":"up","perReplica":"1"}]}`), "scalestack:keda.prometheus: Required value: the address that KEDA asks, " +
			"such as http://prometheus.monitoring:9090: a trigger of service shop is read there"},
		"address":     {map[string]string{"scalestack:keda": `{"prometheus":"prometheus:9090"}`}, `scalestack:keda.prometheus: Invalid value: "prometheus:9090": must be an http or https address without a query, such as http://prometheus.monitoring:9090`},
		"no topic":    {oneService(`"triggers":{"lag":{"topics":["a"],"group":"b"}}`), "scalestack:services.shop.triggers.lag: Forbidden: needs uses.consume: the service reads no topic"},
		"other topic": {oneService(`"triggers":{"lag":{"topics":["a"]}},"uses":{"consume":{"topics":["b"]}}`), `scalestack:services.shop.triggers.lag.topics[0]: Invalid value: "a": must be one of uses.consume.topics`},
		"other group": {oneService(`"triggers":{"lag":{"group":"a"}},"uses":{"consume":{"topics":["b"]}}`), `scalestack:services.shop.triggers.lag.group: Invalid value: "a": must be the service's own group shop`},
		"lag's user": {map[string]string{"scalestack:services": `{"a":{"image":"a:1","triggers":{"lag":{}},"uses":{"consume":{"topics":["t"]}}},"a-lag":{"image":"a:1","uses":{"produce":["t"]}}}`},
			"scalestack:services.a.triggers.lag: Forbidden: needs the Kafka user a-lag, which is somebody else's: give that one another name"},
		"edge nowhere": {oneService(`"port":8080,"allowEdge":true,"auth":{"public":true}`), "scalestack:services.shop.allowEdge: Forbidden: needs cdn.enabled: no edge would connect"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.config)
			require.Error(t, err)
			if strings.HasSuffix(c.want, ": ") {
				require.Contains(t, err.Error(), c.want)
				require.NotContains(t, err.Error(), "\n")
				return
			}
			require.EqualError(t, err, c.want)
		})
	}
}

func cdnWithRules(n int) string {
	var rules []string
	for i := range n {
		name := string(rune('a' + i))
		rules = append(rules, `{"ref":"`+name+`","path":"/`+name+`-assets/*"}`)
	}
	return `{"enabled":true,"zoneId":"` + strings.Repeat("a", 32) + `","plan":"free","rules":[` + strings.Join(rules, ",") + `]}`
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := load(t, map[string]string{
		"scalestack:postgres": `{"shards":"four","buckets":0,"colour":"red"}`,
		"scalestack:services": `{"shop":{"image":"a:1","replicas":{"min":5,"max":4}}}`,
		"scalestack:cdn":      `{"enabled":true,"zoneId":"x","plan":"free"}`,
		"scalestack:typo":     `1`,
		"other:key":           `ignored`,
	})
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 6)
	for i, want := range []string{
		"scalestack:typo: Forbidden",
		`scalestack:postgres.shards: Invalid value: "four"`,
		"scalestack:postgres.buckets: Invalid value: 0",
		"scalestack:postgres.colour: Forbidden: is not a setting; known here: backup, buckets, disruption, drain, exporter, gone, image,",
		"scalestack:services.shop.replicas.max: Invalid value: 4",
		`scalestack:cdn.zoneId: Invalid value: "x"`,
	} {
		require.Contains(t, lines[i], want)
	}
}

func TestSecretsAreRefusedUnseen(t *testing.T) {
	_, err := Load(pulumi.RunInfo{
		Stack:            labStack,
		Config:           map[string]string{"scalestack:redis": `{"maxClients":"hunter2"}`},
		ConfigSecretKeys: []string{"scalestack:redis"},
	})
	require.EqualError(t, err, "scalestack:redis: Forbidden: is a secret, and no setting but secrets is one: passwords are generated")
}

func TestDefaultsAreNotShared(t *testing.T) {
	first, err := load(t, nil)
	require.NoError(t, err)
	first.Redis.KeyPatterns[0] = "changed"
	second, err := load(t, nil)
	require.NoError(t, err)
	require.NotEqual(t, "changed", second.Redis.KeyPatterns[0])
}

func TestLocalImages(t *testing.T) {
	config := map[string]string{
		"scalestack:services": `{"a":{"image":"example/a:dev"},"b":{"imageFrom":"a"},"c":{"image":"example/c:1"}}`,
		"scalestack:postgres": `{"shardctl":{"image":"example/shardctl:dev"}}`,
	}
	c, err := load(t, config, WithLocalImages(`{"example/a:dev":"example/a:dev-1","example/shardctl:dev":"example/shardctl:dev-2","example/c:1":"example/c:2"}`))
	require.NoError(t, err)
	require.Equal(t, pulumi.String("example/a:dev-1"), c.Services["a"].Image)
	require.Equal(t, pulumi.String("example/a:dev-1"), c.Services["b"].Image)
	require.Equal(t, pulumi.String("example/c:1"), c.Services["c"].Image, "a released image is not replaced")
	require.Equal(t, pulumi.String("example/shardctl:dev-2"), c.Postgres.Shardctl.Image)

	_, err = load(t, config, WithLocalImages(`[]`))
	require.ErrorContains(t, err, "local images: json: cannot unmarshal array")
}

func FuzzLoad(f *testing.F) {
	for _, text := range []string{
		`{}`, `{"shards":0}`, `{"rules":[{"query":{"names":[1]}}]}`, `[{}]`, `{"pools":[{"roles":[]}]}`, `{"record":{}}`, `"x"`, `{"shards":4.0}`,
		`{"enabled":true,"record":{"name":"a"}}`, `{"a":{"uses":{"consume":{}}}}`, `{"a":{"uses":{"shards":null}}}`,
	} {
		for _, section := range Sections() {
			f.Add(section, text)
		}
	}
	f.Fuzz(func(t *testing.T, section, text string) {
		c, err := load(t, map[string]string{"scalestack:" + section: text})
		require.Equal(t, err == nil, c != nil, "%v", err)
		if err == nil {
			requireDeployed(t, c)
		}
	})
}

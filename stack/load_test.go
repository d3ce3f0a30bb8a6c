package stack

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

func load(t *testing.T, config map[string]string) (*Config, error) {
	t.Helper()
	return Load(pulumi.RunInfo{Config: config})
}

func TestDefaultsAreAValidConfiguration(t *testing.T) {
	c, err := load(t, nil)
	require.NoError(t, err)
	require.Equal(t, "scalestack", c.Namespace)
	require.Equal(t, 4, c.Postgres.Shards)
	require.Equal(t, 4, c.Postgres.InitialShards)
	require.Equal(t, 960, c.Postgres.Buckets)
	require.Equal(t, Replicas{Min: 3, Max: 10}, c.App.Replicas)
	require.Equal(t, 60, c.App.CPUTargetPercent)
	require.Equal(t, 3600, c.App.CacheTTL)
	require.Equal(t, []string{"user_events", "product_events"}, []string{c.Kafka.Topics[0].Name, c.Kafka.Topics[1].Name})
}

// Every key of the schema has a field and every field a key, so that no
// documented setting is ignored and none works in secret.
func TestSchemaAndConfigHaveTheSameKeys(t *testing.T) {
	sameKeys(t, "", compileSchema(), reflect.TypeFor[Config]())
}

func sameKeys(t *testing.T, path string, schema *jsonschema.Schema, config reflect.Type) {
	t.Helper()
	schema = target(schema)
	for config.Kind() == reflect.Pointer {
		config = config.Elem()
	}
	switch {
	case config.Kind() == reflect.Slice:
		require.NotNil(t, schema.Items2020, path)
		sameKeys(t, path+"[]", schema.Items2020, config.Elem())
	case config.Kind() == reflect.Struct:
		var fields []string
		for i := range config.NumField() {
			field := config.Field(i)
			name := field.Tag.Get("json")
			fields = append(fields, name)
			require.Contains(t, schema.Properties, name, path)
			sameKeys(t, dot(path, name), schema.Properties[name], field.Type)
		}
		require.ElementsMatch(t, known(schema), fields, path)
		require.Equal(t, false, schema.AdditionalProperties, "%s lets unknown keys pass", path)
	}
}

func TestEverySettingIsDescribed(t *testing.T) {
	var described func(path string, s *jsonschema.Schema)
	described = func(path string, s *jsonschema.Schema) {
		for name, property := range target(s).Properties {
			require.NotEmpty(t, property.Description, dot(path, name))
			described(dot(path, name), property)
		}
		if items := target(s).Items2020; items != nil {
			described(path+"[]", items)
		}
	}
	described("", compileSchema())
}

func TestOneErrorPerMistake(t *testing.T) {
	for name, c := range map[string]struct {
		config map[string]string
		want   string
	}{
		"zero":          {map[string]string{"scalestack:postgres": `{"shards":0}`}, "scalestack:postgres.shards: 0 is not between 1 and 960"},
		"above":         {map[string]string{"scalestack:postgres": `{"shards":961}`}, "scalestack:postgres.shards: 961 is not between 1 and 960"},
		"huge":          {map[string]string{"scalestack:postgres": `{"shards":1e400}`}, "scalestack:postgres.shards: 1e400 is not between 1 and 960"},
		"text":          {map[string]string{"scalestack:postgres": `{"shards":"four"}`}, `scalestack:postgres.shards: "four" is not a whole number between 1 and 960`},
		"fraction":      {map[string]string{"scalestack:postgres": `{"shards":4.5}`}, "scalestack:postgres.shards: 4.5 is not a whole number between 1 and 960"},
		"null":          {map[string]string{"scalestack:postgres": `{"shards":null}`}, "scalestack:postgres.shards: null is not a whole number between 1 and 960"},
		"section":       {map[string]string{"scalestack:app": `[]`}, "scalestack:app: [] is not an object"},
		"no json":       {map[string]string{"scalestack:app": `{"pool":`}, `scalestack:app: "{\"pool\":" is not an object`},
		"empty section": {map[string]string{"scalestack:app": ``}, `scalestack:app: "" is not an object`},
		"unknown key":   {map[string]string{"scalestack:redis": `{"memory":"1Gi"}`}, "scalestack:redis.memory: is not a setting, known here: evictionPolicy, maxClients, maxMemoryPercent, passwordRotation, resources"},
		"case":          {map[string]string{"scalestack:app": `{"replicas":{"Min":3}}`}, "scalestack:app.replicas.Min: is not a setting, known here: max, min"},
		"unknown section": {map[string]string{"scalestack:postgress": `{}`},
			"scalestack:postgress: is not a setting, known here: app, cdn, events, images, kafka, kubernetes, namespace, postgres, redis"},
		"nameless":      {map[string]string{"scalestack:": `{}`}, "scalestack:: is not a setting, known here: app, cdn, events, images, kafka, kubernetes, namespace, postgres, redis"},
		"namespace":     {map[string]string{"scalestack:namespace": `My_Space`}, `scalestack:namespace: "My_Space" is not a name of lower-case letters, digits and '-', up to 63, with a letter or digit at both ends`},
		"choice":        {map[string]string{"scalestack:postgres": `{"rollout":"Fast"}`}, `scalestack:postgres.rollout: "Fast" is not one of Serial, Parallel`},
		"switch":        {map[string]string{"scalestack:cdn": `{"enabled":"yes"}`}, `scalestack:cdn.enabled: "yes" is not true or false`},
		"empty text":    {map[string]string{"scalestack:images": `{"redis":""}`}, `scalestack:images.redis: "" is not a text of at least one character`},
		"in a list":     {map[string]string{"scalestack:kafka": `{"topics":[{"name":"a"},{"name":"b","partitions":0}]}`}, "scalestack:kafka.topics[1].partitions: 0 is not between 1 and 1000"},
		"free key":      {map[string]string{"scalestack:postgres": `{"settings":{"a_b":1}}`}, "scalestack:postgres.settings.a_b: 1 is not a text"},
		"required":      {map[string]string{"scalestack:kafka": `{"topics":[{}]}`}, "scalestack:kafka.topics[0].name: is required"},
		"few buckets":   {map[string]string{"scalestack:postgres": `{"buckets":3,"initialShards":2}`}, "scalestack:postgres.shards: 4 is not between 1 and 3"},
		"no batch":      {map[string]string{"scalestack:postgres": `{"moves":{"batch":0}}`}, "scalestack:postgres.moves.batch: 0 is not between 1 and 1000"},
		"observe":       {map[string]string{"scalestack:postgres": `{"moves":{"observe":86401}}`}, "scalestack:postgres.moves.observe: 86401 is not between 1 and 86400"},
		"scraper":       {map[string]string{"scalestack:postgres": `{"moves":{"scrapers":[{"cidr":"here"}]}}`}, `scalestack:postgres.moves.scrapers[0].cidr: "here" is not an address range such as 203.0.113.0/24`},
		"no size":       {map[string]string{"scalestack:postgres": `{"storage":{"size":"lots"}}`}, `scalestack:postgres.storage.size: "lots" is not a quantity such as 500m, 2 or 1Gi`},
		"unknown drain": {map[string]string{"scalestack:postgres": `{"drain":[4]}`}, "scalestack:postgres.drain[0]: 4 is not a shard id between 0 and 3"},
		"all drained":   {map[string]string{"scalestack:postgres": `{"shards":2,"drain":[1,0]}`}, "scalestack:postgres.drain: [1 0] is not allowed to name every shard: one of the 2 must stay"},
		"weight":        {map[string]string{"scalestack:postgres": `{"weights":{"1":1001}}`}, "scalestack:postgres.weights.1: 1001 is not between 1 and 1000"},
		"weight of":     {map[string]string{"scalestack:postgres": `{"weights":{"one":2}}`}, "scalestack:postgres.weights.one: does not fit into an object with whole numbers as keys"},
		"unknown pin":   {map[string]string{"scalestack:postgres": `{"pins":{"17":4}}`}, "scalestack:postgres.pins.17: 4 is not a shard id between 0 and 3"},
		"no bucket":     {map[string]string{"scalestack:postgres": `{"pins":{"960":1}}`}, "scalestack:postgres.pins.960: 960 is not a bucket between 0 and 959"},
		"pin to drain":  {map[string]string{"scalestack:postgres": `{"drain":[3],"pins":{"17":3}}`}, "scalestack:postgres.pins.17: 3 is not a shard to pin to: it is drained"},
		"pool": {map[string]string{"scalestack:app": `{"pool":11}`},
			"scalestack:postgres.maxConnections: 140 is below the 153 that every shard must accept: app 11 × 13 pods (replicas.max 10 and 3 more during a rollout), and 10 reserved for administration and replication"},
		"bounds":      {map[string]string{"scalestack:app": `{"replicas":{"min":5,"max":4}}`}, "scalestack:app.replicas.max: 4 is below replicas.min 5"},
		"quantity":    {map[string]string{"scalestack:redis": `{"resources":{"memory":"lots"}}`}, `scalestack:redis.resources.memory: "lots" is not a quantity such as 500m, 2 or 1Gi`},
		"number":      {map[string]string{"scalestack:redis": `{"resources":{"cpuRequest":2}}`}, `scalestack:redis.resources.cpuRequest: 2 is not a quantity in quotes, such as "500m", "2" or "1Gi"`},
		"edge":        {map[string]string{"scalestack:cdn": `{"enabled":true}`}, `scalestack:cdn.zoneId: "" is not 32 hexadecimal digits`},
		"cache rules": {map[string]string{"scalestack:cdn": cdnWithRules(11)}, "scalestack:cdn.rules: 11 and the 2 bypass rules make 13, plan free allows 10"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := load(t, c.config)
			require.EqualError(t, err, c.want)
		})
	}
}

func cdnWithRules(n int) string {
	config := map[string]any{"enabled": true, "zoneId": strings.Repeat("a", 32), "plan": "free"}
	rules := []any{}
	for i := range n {
		name := string(rune('a' + i))
		rules = append(rules, map[string]any{"ref": name, "path": "/" + name + "-assets/*"})
	}
	config["rules"] = rules
	text, _ := json.Marshal(config)
	return string(text)
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := load(t, map[string]string{
		"scalestack:postgres": `{"shards":"four","buckets":0,"colour":"red"}`,
		"scalestack:app":      `{"replicas":{"min":5,"max":4}}`,
		"scalestack:cdn":      `{"enabled":true,"zoneId":"x","plan":"free"}`,
		"scalestack:typo":     `1`,
		"other:key":           `ignored`,
	})
	require.EqualError(t, err, strings.Join([]string{
		`scalestack:app.replicas.max: 4 is below replicas.min 5`,
		`scalestack:cdn.zoneId: "x" is not 32 hexadecimal digits`,
		`scalestack:postgres.buckets: 0 is not between 1 and 16384`,
		`scalestack:postgres.colour: is not a setting, known here: ` +
			`buckets, disruption, drain, initialShards, maxConnections, moves, passwordRotation, pins, protect, resources, rollout, settings, shards, storage, weights, zoneSpread`,
		`scalestack:postgres.shards: "four" is not a whole number between 1 and 960`,
		`scalestack:typo: is not a setting, known here: app, cdn, events, images, kafka, kubernetes, namespace, postgres, redis`,
	}, "\n"))
}

func TestSecretsAreRefusedUnseen(t *testing.T) {
	_, err := Load(pulumi.RunInfo{
		Config:           map[string]string{"scalestack:app": `{"pool":"hunter2"}`},
		ConfigSecretKeys: []string{"scalestack:app"},
	})
	require.EqualError(t, err, "scalestack:app: is a secret, and no setting is one: passwords are generated")
}

func TestDefaultsAreNotShared(t *testing.T) {
	first, err := load(t, nil)
	require.NoError(t, err)
	first.Kafka.Topics[0].Name = "changed"
	second, err := load(t, nil)
	require.NoError(t, err)
	require.Equal(t, "user_events", second.Kafka.Topics[0].Name)
}

// Whatever stands in the configuration, the answer is a configuration or an
// error, never a panic.
func FuzzLoad(f *testing.F) {
	for _, text := range []string{`{}`, `{"shards":0}`, `{"rules":[{"query":{"names":[1]}}]}`, `[{}]`, `{"pools":[{"roles":[]}]}`, `{"record":{}}`, `"x"`, `{"shards":4.0}`} {
		f.Add("postgres", text)
		f.Add("cdn", text)
		f.Add("kafka", text)
	}
	f.Fuzz(func(t *testing.T, section, text string) {
		c, err := load(t, map[string]string{"scalestack:" + section: text})
		require.Equal(t, err == nil, c != nil, "%v", err)
	})
}

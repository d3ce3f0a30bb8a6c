package stack

import (
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/cluster"
	"github.com/scalestack/scalestack/internal/cluster/clustertest"
)

// engine is a state with the outputs of an earlier deployment.
type engine struct {
	echo
	mu sync.Mutex
	// outputs, resources and stash are in the state; failed is why it cannot be read.
	outputs, resources resource.PropertyMap
	stash              map[string]any
	failed             error
	registered         []pulumi.MockResourceArgs
	asked              []string
}

func (e *engine) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.registered = append(e.registered, args)
	id, outputs, err := e.echo.NewResource(args)
	if args.TypeToken == "pulumi:index:Stash" {
		outputs["output"] = outputs["input"]
		if e.stash != nil {
			outputs["output"] = resource.NewObjectProperty(resource.NewPropertyMapFromMap(e.stash))
		}
	}
	return id, outputs, err
}

func (e *engine) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	e.asked = append(e.asked, args.Token)
	if e.failed != nil {
		return nil, e.failed
	}
	switch args.Token {
	case readOutputs:
		return resource.PropertyMap{"name": args.Args["name"], "outputs": resource.NewObjectProperty(e.outputs)}, nil
	case readResources:
		return resource.PropertyMap{"name": args.Args["stackName"], "outputs": resource.NewObjectProperty(e.resources)}, nil
	}
	return args.Args, nil
}

func (e *engine) names() []string {
	var names []string
	for _, one := range e.registered {
		names = append(names, one.TypeToken)
	}
	return names
}

// run runs the whole program in a stack called prod.
func (e *engine) run(t *testing.T, there *clustertest.Fake, config map[string]string) error {
	t.Helper()
	settings := map[string]string{"scalestack:kubernetes": `{"context":"blue"}`}
	maps.Copy(settings, config)
	body, keep := Program(WithCluster(there.Connect))
	return pulumi.RunErr(body, pulumi.WithMocks(project, "prod", e),
		func(info *pulumi.RunInfo) {
			info.Config, info.ConfigSecretKeys, info.RootDirectory = settings, []string{"scalestack:secrets"}, t.TempDir()
		}, keep)
}

const stackOfRun = "organization/scalestack/prod"

func TestAFirstDeploymentLeavesItsMarks(t *testing.T) {
	e, there := &engine{}, &clustertest.Fake{}
	require.NoError(t, e.run(t, there, nil))
	require.NotContains(t, e.asked, readResources, "asking for the resources of a stack without any ends the engine")
	found := 0
	for _, one := range e.registered {
		switch one.TypeToken {
		case "pulumi:providers:kubernetes":
			require.Equal(t, clustertest.ID, one.Inputs["clusterIdentifier"].StringValue())
			require.Equal(t, "blue", one.Inputs["context"].StringValue())
			require.False(t, one.Inputs["deleteUnreachable"].BoolValue())
		case "kubernetes:core/v1:Namespace":
			annotations := one.Inputs["metadata"].ObjectValue()["annotations"].ObjectValue()
			require.Equal(t, stackOfRun+"@"+clustertest.ID, annotations[ownerAnnotation].StringValue())
			require.Equal(t, "960", annotations[bucketsAnnotation].StringValue())
			require.Equal(t, "4", annotations[initialShardsAnnotation].StringValue())
			require.Regexp(t, "^scalestack-[0-9a-f]{8}$", annotations[shardsAnnotation].StringValue())
		case "pulumi:index:Stash":
			require.Equal(t, []string{"input"}, one.RegisterRPC.GetIgnoreChanges(), "the record must never change")
		default:
			continue
		}
		found++
	}
	require.Equal(t, 3, found)
}

// What is asked and what is changed must be one cluster.
func TestLookupsAndProviderHaveOneTarget(t *testing.T) {
	t.Setenv("KUBECONFIG", "/etc/kubeconfig")
	e, there := &engine{}, &clustertest.Fake{}
	require.NoError(t, e.run(t, there, nil))
	require.Equal(t, []cluster.Target{{Kubeconfig: "/etc/kubeconfig", Context: "blue"}}, there.Asked)
	for _, one := range e.registered {
		if one.TypeToken == "pulumi:providers:kubernetes" {
			require.Equal(t, "/etc/kubeconfig", one.Inputs["kubeconfig"].StringValue())
			require.Equal(t, "blue", one.Inputs["context"].StringValue())
		}
	}
}

// Nothing is registered where the guard refuses, nor where it cannot find out.
func TestARefusedRunRegistersNothing(t *testing.T) {
	outputs := func(clusterID string) resource.PropertyMap {
		return resource.NewPropertyMapFromMap(map[string]any{"cluster": clusterID, "namespace": "scalestack"})
	}
	for name, one := range map[string]struct {
		engine *engine
		there  *clustertest.Fake
		want   string
	}{
		"unreachable":      {&engine{outputs: outputs(clustertest.ID)}, &clustertest.Fake{Err: errors.New("connection refused")}, "the cluster of context blue cannot be asked who it is, and nothing was changed: connection refused"},
		"unreachable, new": {&engine{}, &clustertest.Fake{Err: errors.New("connection refused")}, "cannot be asked who it is"},
		"no state":         {&engine{failed: errors.New("403")}, &clustertest.Fake{}, "the state cannot be read, and nothing was changed"},
		"broken map": {&engine{outputs: resource.NewPropertyMapFromMap(map[string]any{"namespace": "scalestack", "shardMap": "{"})}, &clustertest.Fake{},
			"the state cannot be read, and nothing was changed: output shardMap of stack organization/scalestack/prod: map: is not one JSON document"},
		"map without a cluster": {&engine{outputs: resource.NewPropertyMapFromMap(map[string]any{"namespace": "scalestack", "shardMap": map[string]any{"buckets": 960.0, "initialShards": 4.0}})}, &clustertest.Fake{},
			"does not name a cluster, its buckets and its initial shards"},
		"map with half a bucket": {&engine{outputs: resource.NewPropertyMapFromMap(map[string]any{"namespace": "scalestack", "shardMap": map[string]any{"cluster": "a", "buckets": 960.5, "initialShards": 4.0}})}, &clustertest.Fake{},
			"does not name a cluster, its buckets and its initial shards"},
		"map of another type": {&engine{outputs: resource.NewPropertyMapFromMap(map[string]any{"namespace": "scalestack", "shardMap": []any{"a"}})}, &clustertest.Fake{},
			"is not an object"},
		"other cluster": {&engine{outputs: outputs("another")}, &clustertest.Fake{}, "this stack lives in another"},
		"other cluster, nothing to be seen": {&engine{outputs: outputs("another")}, &clustertest.Fake{
			Namespaces: map[string]*cluster.Object{"scalestack": marked(other)}, Lists: errors.New("forbidden"),
		}, "this stack lives in another"},
		"claims not to be seen": {&engine{outputs: outputs(clustertest.ID)}, &clustertest.Fake{
			Namespaces: map[string]*cluster.Object{"scalestack": marked(stackOfRun + "@" + clustertest.ID)}, Lists: errors.New("forbidden"),
		}, "does not say which volume claims there are, and nothing was changed: forbidden"},
		"fewer members, lost state": {&engine{}, &clustertest.Fake{
			Namespaces: map[string]*cluster.Object{"scalestack": marked(stackOfRun + "@" + clustertest.ID)},
			Objects:    map[string]map[string]any{"persistentvolumeclaims/scalestack/data-postgres-shard-3-m1-0": {}},
		}, "scalestack:postgres.members: Invalid value: 1: must be at least 2: shard-3 has as many volume claims"},
		"deleted claims": {&engine{outputs: outputs(clustertest.ID)}, &clustertest.Fake{
			Namespaces: map[string]*cluster.Object{"scalestack": marked(stackOfRun + "@" + clustertest.ID)},
			Objects: map[string]map[string]any{
				"persistentvolumeclaims/scalestack/data-0-kafka-brokers-1":     deletedObject,
				"persistentvolumeclaims/scalestack/data-postgres-shard-0-m1-0": deletedObject,
			},
		}, "scalestack:namespace: Forbidden: volume claim data-0-kafka-brokers-1 of namespace scalestack was deleted, and goes with its data as soon as its pod ends. " +
			"Fix: end no pod, and keep the volume as docs/runbooks/volume-claim-deleted.md says; if the data is to go, delete the pod\n" +
			"scalestack:namespace: Forbidden: volume claim data-postgres-shard-0-m1-0 of"},
		"other stack": {&engine{}, &clustertest.Fake{Namespaces: map[string]*cluster.Object{"scalestack": marked(other)}}, "scalestack:namespace: Invalid value"},
	} {
		t.Run(name, func(t *testing.T) {
			err := one.engine.run(t, one.there, nil)
			require.ErrorContains(t, err, one.want)
			require.Empty(t, one.engine.names())
		})
	}
}

// deletedObject is kept by what uses it.
var deletedObject = map[string]any{"metadata": map[string]any{"deletionTimestamp": "2026-11-30T12:00:00Z"}}

func TestClaimsOfOthersDoNotHoldUpADeployment(t *testing.T) {
	there := &clustertest.Fake{
		Namespaces: map[string]*cluster.Object{"scalestack": marked(stackOfRun + "@" + clustertest.ID)},
		Objects: map[string]map[string]any{
			"persistentvolumeclaims/scalestack/data-search-0":           deletedObject,
			"persistentvolumeclaims/scalestack/data-postgres-shard-0-0": {"metadata": map[string]any{}},
		},
	}
	require.NoError(t, (&engine{}).run(t, there, nil))
}

// The state alone knows what Pulumi would delete.
func TestASecretOfTheStackIsNotHandedOver(t *testing.T) {
	const urn = "urn:pulumi:prod::scalestack::scalestack:secrets:Secrets$kubernetes:core/v1:Secret::secrets-"
	of := func(typ, name string) map[string]any {
		return map[string]any{"type": typ, "outputs": map[string]any{"metadata": map[string]any{"name": name}}}
	}
	const certificate, kafkaUser = "kubernetes:cert-manager.io/v1:Certificate", "kubernetes:kafka.strimzi.io/v1beta2:KafkaUser"
	there := &clustertest.Fake{Namespaces: map[string]*cluster.Object{"scalestack": marked(stackOfRun + "@" + clustertest.ID)}}
	issued := func(section string) map[string]string {
		return map[string]string{"scalestack:" + section: `{"tls":{"issuer":{"name":"ca"}}}`}
	}
	given := func(section, name string) map[string]string {
		return map[string]string{
			"scalestack:" + section: `{"tls":{"secret":"` + name + `"}}`,
			"scalestack:secrets":    `{"` + name + `":{"tls.crt":"a","tls.key":"b","ca.crt":"c"}}`,
		}
	}
	for name, test := range map[string]struct {
		urn      string
		was      map[string]any
		settings map[string]string
		refusal  string
	}{
		"to an external store": {urn + "mail-login", of("kubernetes:core/v1:Secret", "mail-login"),
			with(oneService(mounted), "externalSecrets", `["mail-login"]`), `scalestack:externalSecrets: Invalid value: "mail-login": was a Secret of the setting secrets`},
		"another name": {urn + "mail-login-2", of("kubernetes:core/v1:Secret", "mail-login-2"),
			with(oneService(mounted), "externalSecrets", `["mail-login"]`), ""},
		"to cert-manager":                    {urn + "redis-tls", of("kubernetes:core/v1:Secret", "redis-tls"), issued("redis"), `scalestack:redis.tls.issuer: Invalid value: "redis-tls": was a Secret of the setting secrets`},
		"shards' to cert-manager":            {urn + "postgres-tls", of("kubernetes:core/v1:Secret", "postgres-tls"), issued("postgres"), `scalestack:postgres.tls.issuer: Invalid value: "postgres-tls": was a Secret`},
		"the gateway's to cert-manager":      {urn + "own", of("kubernetes:core/v1:Secret", "own"), routed(openWeb, `"own":{"class":"envoy","issuer":"letsencrypt","secret":"own"}`), `scalestack:gateway.own.issuer: Invalid value: "own": was a Secret of the setting secrets`},
		"from cert-manager":                  {"urn:c", of(certificate, "redis-tls"), given("redis", "redis-tls"), `scalestack:secrets.redis-tls: Invalid value: "redis-tls": was a Secret of cert-manager`},
		"from cert-manager, by another name": {"urn:c", of(certificate, "redis-tls"), given("redis", "cache-tls"), ""},
		"cert-manager's stays":               {"urn:c", of(certificate, "redis-tls"), with(issued("redis"), "externalSecrets", `["redis-tls"]`), ""},
		"from Strimzi": {"urn:u", of(kafkaUser, "mail"), with(oneService(strings.ReplaceAll(mounted, "mail-login", "kafka-user-mail")), "externalSecrets", `["kafka-user-mail"]`),
			`scalestack:externalSecrets: Invalid value: "kafka-user-mail": was a Secret of Strimzi until now`},
		"a user's name is not its Secret's": {"urn:u", of(kafkaUser, "mail-login"), with(oneService(mounted), "secrets", `{"mail-login":{"password":"hush"}}`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := &engine{
				outputs:   resource.NewPropertyMapFromMap(map[string]any{"cluster": clustertest.ID, "namespace": "scalestack"}),
				resources: resource.NewPropertyMapFromMap(map[string]any{test.urn: test.was}),
			}
			err := e.run(t, there, test.settings)
			if test.refusal == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.refusal)
			require.Empty(t, e.names())
		})
	}
}

// A first deployment that failed half-way has no outputs. The record tells.
func TestTheRecordCountsWithoutOutputs(t *testing.T) {
	for want, stash := range map[string]map[string]any{
		"this stack lives in another":    {"cluster": "another", "namespace": "scalestack"},
		"must stay shop":                 {"cluster": clustertest.ID, "namespace": "shop"},
		"names no cluster and namespace": {"cluster": ""},
	} {
		e := &engine{stash: stash}
		require.ErrorContains(t, e.run(t, &clustertest.Fake{}, nil), want)
		require.Equal(t, []string{"pulumi:index:Stash"}, e.names())
	}
}

// A stack of the last version has outputs without a cluster, and a provider without
// an identity.
func TestAStackFromBeforeIsAdopted(t *testing.T) {
	t.Setenv("KUBECONFIG", "/etc/kubeconfig")
	c, err := load(t, nil)
	require.NoError(t, err)
	old, err := c.shardMap()
	require.NoError(t, err)
	encoded, err := old.Encode()
	require.NoError(t, err)
	e := &engine{
		outputs: resource.NewPropertyMapFromMap(map[string]any{"namespace": "scalestack", "shardMap": string(encoded)}),
		resources: resource.NewPropertyMapFromMap(map[string]any{
			"urn:pulumi:prod::scalestack::scalestack:namespace:Namespace$kubernetes:core/v1:Namespace::base-namespace": map[string]any{
				"type": "kubernetes:core/v1:Namespace", "outputs": map[string]any{"metadata": map[string]any{"uid": "a"}},
			},
			"urn:pulumi:prod::scalestack::pulumi:providers:kubernetes::kubernetes": map[string]any{
				"type": "pulumi:providers:kubernetes", "outputs": map[string]any{"kubeconfig": "/etc/kubeconfig", "context": "blue"},
			},
		}),
	}
	there := &clustertest.Fake{Namespaces: map[string]*cluster.Object{"scalestack": {UID: "a"}}}
	require.NoError(t, e.run(t, there, nil))
	for _, one := range e.registered {
		if one.TypeToken == "kubernetes:core/v1:Namespace" {
			require.Equal(t, "scalestack", one.Inputs["metadata"].ObjectValue()["annotations"].ObjectValue()[shardsAnnotation].StringValue(),
				"the shards would refuse a map with another name")
		}
	}

	there.Namespaces["scalestack"].UID = "b"
	e.registered = nil
	require.ErrorContains(t, e.run(t, there, nil), "does not have the namespace scalestack that this stack made")
	require.Empty(t, e.names())
}

func TestAStackOtherThanDevNamesItsCluster(t *testing.T) {
	const want = "scalestack:kubernetes.context: Required value: a context of the kubeconfig"
	_, err := Load(pulumi.RunInfo{Stack: "prod"})
	require.ErrorContains(t, err, want)
	for _, section := range []string{`{"context":"blue"}`, `{"cluster":"a"}`} {
		_, err := Load(pulumi.RunInfo{Stack: "prod", Config: map[string]string{"scalestack:kubernetes": section}})
		require.NoError(t, err)
	}
	_, err = Load(pulumi.RunInfo{Stack: labStack})
	require.NoError(t, err)
}

// Inline, the settings would be ignored and four shards deployed.
func TestWithoutItsOptionTheProgramRefuses(t *testing.T) {
	e := &engine{}
	body, _ := Program(WithCluster((&clustertest.Fake{}).Connect))
	err := pulumi.RunErr(body, pulumi.WithMocks(project, labStack, e), func(info *pulumi.RunInfo) {
		info.Config = map[string]string{"scalestack:postgres": `{"shards":8}`, "scalestack:typo": `1`}
	})
	require.ErrorContains(t, err, "hand both results of stack.Program to pulumi.Run")
	require.Empty(t, e.names())
}

// A stack that renders asks no cluster, and neither kind takes over the other's state.
func TestAStackThatRendersAsksNoCluster(t *testing.T) {
	t.Setenv("KUBECONFIG", "/etc/kubeconfig")
	render := map[string]string{"scalestack:kubernetes": `{"renderTo":"manifests","cluster":"uid"}`}
	e, there := &engine{}, &clustertest.Fake{Err: errors.New("it was asked")}
	require.NoError(t, e.run(t, there, render))
	for _, one := range e.registered {
		if one.TypeToken == "pulumi:providers:kubernetes" {
			require.Equal(t, "manifests", one.Inputs["renderYamlToDirectory"].StringValue())
			require.Empty(t, one.Inputs["kubeconfig"].StringValue(), "the provider refuses it, that of the shell too")
			require.NotContains(t, one.Inputs, resource.PropertyKey("context"))
		}
	}
	deployed := &engine{outputs: resource.NewPropertyMapFromMap(map[string]any{"cluster": clustertest.ID, "namespace": "scalestack"})}
	require.ErrorContains(t, deployed.run(t, there, render), "the cluster of the rendered files is rendered for uid, and this stack lives in "+clustertest.ID)
	rendered := &engine{outputs: resource.NewPropertyMapFromMap(map[string]any{"cluster": "rendered for uid", "namespace": "scalestack"})}
	require.ErrorContains(t, rendered.run(t, &clustertest.Fake{}, nil), "and this stack lives in rendered for uid")
	require.NoError(t, rendered.run(t, there, render))

	for section, mistake := range map[string]string{
		`{"renderTo":"a"}`:                                  "scalestack:kubernetes.cluster: Required value: with renderTo",
		`{"renderTo":"/tmp/a","cluster":"uid"}`:             `scalestack:kubernetes.renderTo: Invalid value: "/tmp/a": must be a folder below that of the project`,
		`{"renderTo":"a","cluster":"uid","context":"blue"}`: `scalestack:kubernetes.context: Invalid value: "blue": must be empty with renderTo`,
	} {
		_, err := load(t, map[string]string{"scalestack:kubernetes": section})
		require.ErrorContains(t, err, mistake)
	}
}

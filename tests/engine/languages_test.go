package engine

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi-yaml/pkg/pulumiyaml"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// inYAML is a stack of the program in a folder.
func inYAML(t *testing.T, folder string, config resource.PropertyMap) *rig {
	t.Helper()
	loader := pulumiyaml.NewPackageLoaderFromSchemaLoader(onePackage{bound(t)})
	return newRig(t, func() pulumi.RunFunc {
		template, problems, err := pulumiyaml.LoadDir(folder)
		require.NoError(t, err)
		require.Empty(t, problems)
		return func(ctx *pulumi.Context) error { return pulumiyaml.RunTemplate(ctx, template, config, loader) }
	}, process(t))
}

func TestAProgramInYAML(t *testing.T) {
	zone := strings.Repeat("0a", 16)
	requireTheShop(t, inYAML(t, "../../examples/yaml", resource.PropertyMap{"zoneId": resource.NewProperty(zone)}), zone)
}

// requireTheShop deploys the example, which is the same in each language.
func requireTheShop(t *testing.T, r *rig, zone string) {
	t.Helper()
	said, err := r.run(update, true)
	require.NoError(t, err, said)
	r.mustRun(update)

	for _, shard := range []string{"0", "1"} {
		set := r.find("StatefulSet", "postgres-shard-"+shard)
		require.Equal(t, "scalestack:postgres:Postgres$kubernetes:apps/v1:StatefulSet", string(set.URN.QualifiedType()), "the URN is that of a program in Go")
		require.Equal(t, "shop", at(t, set.Inputs, "metadata", "namespace").StringValue())
	}
	container := at(t, r.find("Deployment", "orders-deployment").Inputs, "spec", "template", "spec", "containers").ArrayValue()[0].ObjectValue()
	require.Equal(t, "ghcr.io/example/orders:1.4.0", container["image"].StringValue())
	var hosts []string
	for _, variable := range container["env"].ArrayValue() {
		hosts = append(hosts, at(t, variable.ObjectValue(), "value").StringValue())
	}
	require.Contains(t, hosts, "postgres-shard-1.shop.svc.cluster.local")
	require.InDelta(t, 6, at(t, r.find("HorizontalPodAutoscaler", "orders-autoscaler").Inputs, "spec", "maxReplicas").NumberValue(), 0)
	policy := at(t, r.find("NetworkPolicy", "orders-policy").Inputs, "spec", "egress").ArrayValue()
	require.Contains(t, resource.NewProperty(policy).String(), "postgres", "the embedded fields of a target are read too")

	rules := r.find("Ruleset", "edge-cache-rules")
	require.Equal(t, zone, rules.Inputs["zoneId"].StringValue())
	require.Contains(t, rules.Inputs["rules"].String(), "/assets/")
	require.Contains(t, rules.Inputs["rules"].String(), "/orders")

	made := r.find("Postgres", "postgres").Outputs
	require.Equal(t, "postgres-shard-1-app", at(t, made["shards"].ArrayValue()[1].ObjectValue(), "appSecret").StringValue())
	require.True(t, made["checksum"].IsSecret())

	r.mustRun(update)
	require.Empty(t, r.done, "a second deployment changes nothing")
}

// at is the value at a path of keys.
func at(t *testing.T, object resource.PropertyMap, keys ...resource.PropertyKey) resource.PropertyValue {
	t.Helper()
	value := resource.NewProperty(object)
	for _, key := range keys {
		for value.IsSecret() {
			value = value.SecretValue().Element
		}
		require.True(t, value.IsObject(), "%s in %s", key, value)
		value = value.ObjectValue()[key]
	}
	return value
}

// A language without types sends whatever it was given: each mistake comes back at once,
// with the path that a program in Go would see, and nothing is registered.
func TestMistakesFromAnotherLanguage(t *testing.T) {
	for name, c := range map[string]struct {
		token  string
		inputs pulumi.Map
		want   []string
	}{
		"postgres": {"scalestack:postgres:Postgres", pulumi.Map{
			"shards":  pulumi.ToArray([]any{0, 0, "two", 10000}),
			"members": pulumi.Int(9),
			"storage": pulumi.Map{"size": pulumi.Int(5), "klass": pulumi.String("fast")},
			"image":   pulumi.String("postgres"),
			"settings": pulumi.Map{
				"Work_mem": pulumi.String("64MB"), "port": pulumi.String("1"),
			},
			"maxConnections": pulumi.ToSecret(pulumi.Int(100)),
			"ingressFrom":    pulumi.ToArray([]any{map[string]any{}}),
		}, []string{
			`shards[2]: Invalid value: "two": must be an integer between 0 and 9999`,
			`shards[3]: Invalid value: 10000: must be between 0 and 9999`,
			`members: Invalid value: 9: must be between 1 and 5`,
			`storage.size: Invalid value: 5: must be a quantity of at least 1Gi`,
			`storage.klass: Forbidden: is not a setting; known here: accessMode, class, size`,
			`image: Invalid value: "postgres": must name a version: a tag other than latest, or a digest`,
			`settings.Work_mem: Invalid value: "Work_mem": the key must be the name of a PostgreSQL setting`,
			`settings.port: Forbidden: is decided by the component`,
			`maxConnections: Forbidden: must be known before the deployment: it cannot be a secret or another resource's output`,
			`ingressFrom[0]: Required value: one of pods, namespaces and cidr`,
		}},
		"service": {"scalestack:service:Service", pulumi.Map{
			"replicas": pulumi.Map{"min": pulumi.Int(5), "max": pulumi.Int(2)},
			"egressTo": pulumi.ToArray([]any{map[string]any{"cidr": "ten", "port": 70000}}),
		}, []string{
			`image: Required value: an image with a tag other than latest, or a digest`,
			`replicas.max: Invalid value: 2: must be at least replicas.min 5`,
			`egressTo[0].cidr: Invalid value: "ten": must be an address range such as 203.0.113.0/24`,
			`egressTo[0].port: Invalid value: 70000: must be between 1 and 65535`,
		}},
		"cdn": {"scalestack:cdn:CDN", pulumi.Map{
			"zoneId":      pulumi.String("zone"),
			"rules":       pulumi.ToArray([]any{map[string]any{"ref": "a", "path": "/a/*", "edgeTtl": 60}}),
			"tieredCache": pulumi.String("yes"),
		}, []string{
			`zoneId: Invalid value: "zone": must be 32 hexadecimal digits in lower case`,
			`rules[0].edgeTtl: Invalid value: 60: must be 0 or at least 7200, the least that plan free allows`,
			`tieredCache: Invalid value: "yes": must be true or false`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func() pulumi.RunFunc {
				return func(ctx *pulumi.Context) error {
					var made pulumi.ResourceState
					return ctx.RegisterRemoteComponentResource(c.token, name, c.inputs, &made)
				}
			}, process(t))
			said, err := r.run(update, false)
			require.Error(t, err)
			said += err.Error()
			for _, want := range c.want {
				require.Contains(t, said, want)
			}
			require.Empty(t, r.done)
		})
	}
}

package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/pkg/v3/resource/deploy/deploytest"
	"github.com/pulumi/pulumi/pkg/v3/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/property"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/cluster/clustertest"
	"github.com/scalestack/scalestack/stack"
)

// newStack is the whole product with one shard in the engine. Its settings are read at each run.
func newStack(t *testing.T, settings map[string]string) *rig {
	r, _ := newStackIn(t, settings)
	return r
}

// newStackIn also returns the cluster that the stack asks.
func newStackIn(t *testing.T, settings map[string]string) (*rig, *clustertest.Fake) {
	r, there := &rig{t: t, judge: kubernetesDiff}, &clustertest.Fake{}
	r.start(func(info plugin.RunInfo, _ *deploytest.ResourceMonitor) error {
		body, keep := stack.Program(stack.WithCluster(there.Connect))
		run := pulumi.RunInfo{
			Project: "scalestack", Stack: info.Stack, Parallel: info.Parallel, DryRun: info.DryRun, MonitorAddr: info.MonitorAddress,
			EngineAddr: r.address, RootDirectory: t.TempDir(), ConfigSecretKeys: []string{"scalestack:secrets"},
			Config: map[string]string{"scalestack:kubernetes": `{"context":"blue"}`, "scalestack:postgres": `{"shards":1,"initialShards":1}`},
		}
		for name, value := range settings {
			run.Config["scalestack:"+name] = value
		}
		keep(&run)
		ctx, err := pulumi.NewContext(context.Background(), run)
		if err != nil {
			return err
		}
		return pulumi.RunWithContext(ctx, body)
	})
	r.plan.BackendClient = &deploytest.BackendClient{
		GetStackOutputsF:         func(context.Context, string, func(error) error) (property.Map, error) { return r.outputs(), nil },
		GetStackResourceOutputsF: func(context.Context, string) (property.Map, error) { return r.resources(), nil },
	}
	return r, there
}

// outputs are those of the stack's last deployment, as a backend has them.
func (r *rig) outputs() property.Map {
	if r.state != nil {
		for _, one := range r.state.Resources {
			if one.URN.Type() == resource.RootStackType {
				return resource.FromResourcePropertyMap(one.Outputs)
			}
		}
	}
	return property.Map{}
}

// resources are all of the stack's, as a backend has them.
func (r *rig) resources() property.Map {
	all := resource.PropertyMap{}
	for _, one := range r.state.Resources {
		all[resource.PropertyKey(one.URN)] = resource.NewObjectProperty(resource.PropertyMap{
			"type": resource.NewStringProperty(string(one.URN.Type())), "outputs": resource.NewObjectProperty(one.Outputs),
		})
	}
	return resource.FromResourcePropertyMap(all)
}

// kubernetesDiff replaces what the provider of Kubernetes 4.24.1 does (its diff.go), by
// deleting first since the program names every object.
func kubernetesDiff(asked plugin.DiffRequest) plugin.DiffResult {
	diff := plugin.DiffResult{Changes: plugin.DiffSome}
	for _, text := range map[string][]string{
		"Deployment": {"spec.selector"}, "Job": {"spec.template"}, "Secret": {"type"}, "RandomPassword": {"keepers"}, "StatefulSet": {"spec.selector", "spec.serviceName"},
	}[string(asked.URN.Type().Name())] {
		if before, now := valueAt(asked.OldInputs, text), valueAt(asked.NewInputs, text); now.ContainsUnknowns() || !now.DeepEquals(before) {
			diff.ReplaceKeys, diff.DeleteBeforeReplace = append(diff.ReplaceKeys, resource.PropertyKey(text)), true
		}
	}
	return diff
}

// valueAt is the value at a path, and unknown below a value that is.
func valueAt(inputs resource.PropertyMap, path string) resource.PropertyValue {
	parsed, _ := resource.ParsePropertyPath(path)
	for ; len(parsed) > 0; parsed = parsed[:len(parsed)-1] {
		value, ok := parsed.Get(resource.NewObjectProperty(inputs))
		if ok && (value.ContainsUnknowns() || resource.PropertyPath(parsed).String() == path) {
			return value
		}
	}
	return resource.NewNullProperty()
}

// deleted are the objects of a kind that the last run has deleted.
func (r *rig) deleted(kind string) []string {
	var names []string
	for _, one := range r.done {
		if name, is := strings.CutPrefix(one, "delete "+kind+" "); is {
			names = append(names, name)
		}
	}
	return slices.Compact(names)
}

const (
	webWithSecret = `{"web":{"image":"a:1","port":8080,"auth":{"public":true},"mounts":[{"name":"own","path":"/own","secret":"own"}]},` +
		`"other":{"image":"a:1"}}`
	ownGateway = `{"enabled":true,"host":"www.example.com","service":"web","own":{"class":"envoy","secret":"own"},` +
		`"from":[{"namespaces":{"kubernetes.io/metadata.name":"gateways"}}]}`
)

func settingsWith(secrets string) map[string]string {
	return map[string]string{"services": webWithSecret, "secrets": secrets}
}

// A certificate that services mount becomes that of the gateway, and nothing is replaced.
func TestTheGatewayTakesACertificateThatServicesMount(t *testing.T) {
	settings := settingsWith(`{"own":{"tls.crt":"a","tls.key":"b"}}`)
	r := newStack(t, settings)
	r.mustRun(update)
	r.mustRun(update)
	require.Empty(t, r.done)

	settings["gateway"] = ownGateway
	r.mustRun(update)
	require.Contains(t, r.done, "create Gateway gateway-gateway")
	require.Empty(t, r.deleted("Secret"))
	require.Empty(t, r.deleted("Deployment"))
}

// Keys that make a Secret one of another type replace it, and it alone: pods keep the
// files that they have mounted.
func TestASecretIsReplacedWithoutItsUsers(t *testing.T) {
	settings := settingsWith(`{"own":{"tls.crt":"a"}}`)
	r := newStack(t, settings)
	r.mustRun(update)

	settings["secrets"] = `{"own":{"tls.crt":"a","tls.key":"b"}}`
	r.mustRun(update)
	require.Equal(t, []string{"secrets-own"}, r.deleted("Secret"))
	require.Empty(t, r.deleted("Deployment"))
}

// What pods mount is not deleted because something else shall make it under that name;
// under another name it goes once nobody uses it.
func TestASecretMovesElsewhereUnderAnotherName(t *testing.T) {
	settings := settingsWith(`{"own":{"password":"a"}}`)
	r := newStack(t, settings)
	r.mustRun(update)

	delete(settings, "secrets")
	settings["externalSecrets"] = `["own"]`
	for _, preview := range []bool{true, false} {
		said, err := r.run(update, preview)
		require.Error(t, err)
		require.Contains(t, said, `scalestack:externalSecrets: Invalid value: "own": was a Secret of the setting secrets until now`)
		require.Empty(t, r.done)
	}

	settings["externalSecrets"] = `["elsewhere"]`
	settings["services"] = strings.ReplaceAll(webWithSecret, `"secret":"own"`, `"secret":"elsewhere"`)
	r.mustRun(update)
	r.requireOrder("update Deployment web-deployment", "delete Secret secrets-own")
}

// A first deployment that failed has no outputs, and Secrets like any other.
func TestASecretOfADeploymentThatFailedIsNotHandedOverEither(t *testing.T) {
	settings := settingsWith(`{"own":{"password":"a"}}`)
	r := newStack(t, settings)
	r.unready = "Deployment"
	_, err := r.run(update, false)
	require.Error(t, err)
	require.Zero(t, r.outputs().Len())

	r.unready = ""
	delete(settings, "secrets")
	settings["externalSecrets"] = `["own"]`
	said, err := r.run(update, true)
	require.Error(t, err)
	require.Contains(t, said, `scalestack:externalSecrets: Invalid value: "own": was a Secret of the setting secrets until now`)

	settings["secrets"] = `{"own":{"password":"a"}}`
	delete(settings, "externalSecrets")
	said, err = r.run(update, true)
	require.NoError(t, err, said)
	r.mustRun(update)
}

// A deployment compares with the state, which does not know that everything is gone.
func TestANamespaceThatIsGoneIsTold(t *testing.T) {
	r := newStack(t, map[string]string{})
	r.mustRun(update)
	const told = "namespace scalestack is gone from the cluster"
	require.NotContains(t, r.logged.String(), told)
	r.mustRun(update)
	require.Empty(t, r.done)
	require.Contains(t, r.logged.String(), told)
}

func webWith(most, pool int) string {
	return fmt.Sprintf(`{"web":{"image":"a:1","replicas":{"min":3,"max":%d},"uses":{"shards":{"pool":%d,"write":["orders"]}}}}`, most, pool)
}

// Two services hold connections side by side while one takes the other's place, or its share.
func TestConnectionsThatAreGivenAwayInTheSameDeploymentAreTold(t *testing.T) {
	const told = "postgres.maxConnections is 140, and pods of before and of this deployment may hold"
	both := func(web, relay int) string {
		return fmt.Sprintf(`{"web":{"image":"a:1","replicas":{"min":3,"max":5},"uses":{"shards":{"pool":%d,"write":["orders"]}}},`+
			`"relay":{"image":"a:1","replicas":{"min":3,"max":5},"uses":{"shards":{"pool":%d,"write":["orders"]}}}}`, web, relay)
	}
	for name, one := range map[string]struct{ before, after, want string }{
		"fewer":        {webWith(10, 10), webWith(5, 5), ""},
		"another name": {webWith(10, 10), strings.ReplaceAll(webWith(10, 10), "web", "shop"), " 270 for a while: shop 130, web 130, and 10 reserved"},
		"its share":    {both(13, 5), both(5, 13), " 192 for a while: relay 91, web 91, and 10 reserved"},
		"room enough":  {both(5, 5), both(5, 9), ""},
	} {
		t.Run(name, func(t *testing.T) {
			config := map[string]string{"services": one.before, "postgres": `{"shards":1,"initialShards":1,"maxConnections":140}`}
			r := newStack(t, config)
			r.mustRun(update)
			config["services"] = one.after
			r.mustRun(update)
			if one.want == "" {
				require.NotContains(t, r.logged.String(), told)
				return
			}
			require.Contains(t, r.logged.String(), told+one.want)
		})
	}
}

// The Job that lowers the logins' limits comes after the last pod that may need more: a
// new one that gets no session ends the rollout.
func TestFewerConnectionsReachTheShardsAfterThePods(t *testing.T) {
	settings := map[string]string{"services": webWith(10, 10)}
	r := newStack(t, settings)
	r.mustRun(update)

	settings["services"] = webWith(10, 5)
	r.mustRun(update)
	r.requireOrder("create Job shards-migrate", "update Deployment web-deployment")
	r.requireOrder("update Deployment web-deployment", "create Job shards-reshard")

	settings["services"] = webWith(5, 5)
	r.mustRun(update)
	r.requireOrder("update HorizontalPodAutoscaler web-autoscaler", "create Job shards-reshard")
}

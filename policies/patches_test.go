package main

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
	"github.com/scalestack/scalestack/stack"
)

// notAsPatch are the mistakes that the same policy does not see in a Patch of the changed
// fields alone, and why.
var notAsPatch = map[string]string{
	"limit below request":        "a policy about one object sees the request alone; the limit is the object's, and the API server compares them",
	"rollouts without a budget":  "a Patch changes no object's kind",
	"superuser's Secret":         "a Patch that names the Secret leaves the items of the object's volume as they are",
	"superuser of another shard": "a Patch that names the Secret leaves the items of the object's volume as they are",
	"empty liveness":             "merged with the object's probe it is whole: a Patch cannot take the probe's action away",
}

// Each mistake that can be written as a Patch of an object is one there too.
func TestMutationsAsPatches(t *testing.T) {
	recorded, patched := map[string]rule.Graph{}, 0
	for name, m := range mutations() {
		env := m.only
		if env == "" {
			env = "prod"
		}
		if recorded[env] == nil {
			recorded[env] = record(t, env)
		}
		changed := slices.Clone(recorded[env])
		for _, change := range m.edits {
			changed = change(t, changed)
		}
		graph, patches := asPatches(recorded[env], changed)
		if patches == 0 {
			continue // it adds or removes, or is about Cloudflare: there is no such Patch
		}
		patched++
		t.Run(name, func(t *testing.T) {
			speaks := false
			for _, one := range rules() {
				var config map[string]any
				if one.Name == m.policy {
					config = m.config
				}
				found, err := one.Violations(env, config, graph)
				require.NoError(t, err)
				speaks = speaks || one.Name == m.policy && len(found) > 0
				if one.Name != m.policy && one.Name != "one-owner" {
					require.Empty(t, messages(found))
				}
			}
			why, excepted := notAsPatch[name]
			require.Equal(t, !excepted, speaks, "policy %s speaks; exception: %s", m.policy, why)
		})
	}
	require.Greater(t, patched, 80)
}

// asPatches is the changed stack with a Patch in the place of each changed object.
func asPatches(before, after rule.Graph) (graph rule.Graph, patches int) {
	old := map[string]rule.Resource{}
	for _, r := range before {
		old[r.URN] = r
	}
	var added rule.Graph
	for _, r := range after {
		was, known := old[r.URN]
		diff, changed := difference("", was.Properties, r.Properties)
		if !known || !r.Kubernetes() || !changed {
			graph = append(graph, r)
			continue
		}
		graph = append(graph, was)
		meta := map[string]any{"name": nameOf(was), "namespace": namespaceOf(was).Text()}
		properties := diff.(map[string]any)
		if more, ok := properties["metadata"].(map[string]any); ok {
			maps.Copy(meta, more)
		}
		properties["metadata"] = meta
		added = append(added, rule.Resource{Type: r.Type + "Patch", Name: r.Name + "-patch", URN: r.URN + "-patch", Properties: properties})
	}
	return append(graph, added...), len(added)
}

// difference is what after has and before has not. What is removed has no place in a Patch.
func difference(name string, before, after any) (any, bool) {
	if reflect.DeepEqual(before, after) {
		return nil, false
	}
	old, wasObject := before.(map[string]any)
	object, isObject := after.(map[string]any)
	if wasObject && isObject && !rule.Whole(name) {
		changed := map[string]any{}
		for key, value := range object {
			if part, differs := difference(key, old[key], value); differs {
				changed[key] = part
			}
		}
		return changed, len(changed) > 0
	}
	list, isList := after.([]any)
	if was, wasList := before.([]any); wasList && isList {
		return differentItems(name, was, list)
	}
	return after, true
}

// differentItems is the whole list where a Patch replaces it.
func differentItems(name string, before, after []any) (any, bool) {
	var changed []any
	for _, item := range after {
		key, merged := rule.ItemKey(name, item)
		if !merged {
			return after, true
		}
		i := slices.IndexFunc(before, func(other any) bool { same, _ := rule.ItemKey(name, other); return same == key })
		if i < 0 {
			changed = append(changed, item)
			continue
		}
		if part, differs := difference("", before[i], item); differs {
			named := map[string]any{}
			for _, field := range []string{"name", "mountPath", "containerPort", "port", "protocol", "topologyKey", "whenUnsatisfiable"} {
				if value, ok := item.(map[string]any)[field]; ok {
					named[field] = value
				}
			}
			maps.Copy(named, part.(map[string]any))
			changed = append(changed, named)
		}
	}
	return changed, len(changed) > 0
}

// A Patch of an object that the stack does not have is judged by what it says.
func TestPatchesOfOthersObjects(t *testing.T) {
	graph := record(t, "prod")
	pod := object{"spec": object{"template": object{"spec": object{
		"hostNetwork": true, "automountServiceAccountToken": true,
		"volumes": []any{object{"name": "h", "hostPath": object{"path": "/"}}},
		"containers": []any{object{"name": "a", "image": "evil:latest", "env": []any{env("DB_PASSWORD", "hunter2")},
			"securityContext": object{"privileged": true, "runAsUser": 0.0}}},
	}}}}
	inPods := []string{"pod-isolation", "pod-volumes", "pod-privileges", "pod-user", "image-pinned", "image-digest", "plain-secret", "token-used"}
	open := object{"spec": object{"ingress": []any{object{}}}}
	for token, c := range map[string]struct {
		fields object
		want   []string
	}{
		"apps/v1:Deployment":                     {pod, inPods},
		"apps/v1:StatefulSet":                    {pod, inPods},
		"apps/v1beta1:Deployment":                {pod, inPods},
		"extensions/v1beta1:DaemonSet":           {pod, inPods},
		"core/v1:Namespace":                      {object{"metadata": object{"name": "b", "labels": object{"pod-security.kubernetes.io/enforce": "privileged"}}}, []string{"namespace-restricted"}},
		"networking.k8s.io/v1:NetworkPolicy":     {open, []string{"network-covered", "metrics-private"}},
		"core/v1:Service":                        {object{"spec": object{"type": "NodePort"}}, []string{"service-exposure"}},
		"v1:Service":                             {object{"spec": object{"type": "LoadBalancer"}}, []string{"service-exposure"}},
		"core/v1:ConfigMap":                      {object{"data": object{"redis.conf": "requirepass hunter2hunter2\nport 0\ntls-port 6380\n"}}, []string{"plain-secret"}},
		"autoscaling/v2:HorizontalPodAutoscaler": {object{"spec": object{"minReplicas": 1.0, "scaleTargetRef": object{"kind": "Deployment", "name": "app"}}}, []string{"autoscaler-minimum"}},
		"rbac.authorization.k8s.io/v1:Role":      {rights("verbs", "*"), []string{"rbac-rights"}},
		"core/v1:ServiceAccount":                 {object{"imagePullSecrets": []any{object{"name": "a"}}}, nil},
		"gateway.networking.k8s.io/v1:HTTPRoute": {object{"spec": object{"hostnames": []any{"*.example.com"}}}, []string{"gateway-closed"}},
		"kafka.strimzi.io/v1beta2:KafkaNodePool": {object{"spec": object{"storage": object{"deleteClaim": true}}}, []string{"volumes-kept"}},
		"keda.sh/v1alpha1:ScaledObject":          {object{"spec": object{"minReplicaCount": 5.0}}, nil},
		"policy/v1:PodDisruptionBudget":          {object{"spec": object{"maxUnavailable": 1.0}}, nil},
	} {
		t.Run(token, func(t *testing.T) {
			properties := object{"metadata": object{"name": "other", "namespace": "scalestack"}}
			maps.Copy(properties, c.fields)
			said := map[string]bool{}
			for _, v := range violations("prod", append(slices.Clone(graph), rule.Resource{
				Type: "kubernetes:" + token + "Patch", Name: "p", URN: "urn:p", Properties: properties,
			})) {
				said[v.Rule] = true
			}
			require.ElementsMatch(t, c.want, slices.Collect(maps.Keys(said)), fmt.Sprint(properties))
		})
	}
}

// The stack itself patches an account that Kubernetes makes.
func TestTheStacksOwnPatchIsSilent(t *testing.T) {
	values := settings(t, "dev")
	values["scalestack:externalSecrets"], values["scalestack:kubernetes"] = `["registry"]`, `{"context":"blue","pullSecret":"registry"}`
	body, keep := stack.Program(localImages, someCluster)
	graph := recordProgram(t, "dev", body, func(info *pulumi.RunInfo) { info.Config = values }, keep)
	require.Len(t, graph.Patches("ServiceAccount"), 1)
	require.Empty(t, messages(violations("dev", graph)))
}

// A Patch of the stack's own object has two owners, whatever it sets and in whatever version.
func TestAPatchOfAnOwnObjectHasTwoOwners(t *testing.T) {
	graph := append(record(t, "dev"), rule.Resource{Type: "kubernetes:apps/v1beta2:DeploymentPatch", Name: "p", URN: "urn:p",
		Properties: object{"metadata": object{"name": "app", "namespace": "scalestack", "labels": object{"a": "b"}}}})
	found := violations("dev", graph)
	require.Len(t, found, 1)
	require.Contains(t, found[0].Rule+": "+found[0].Message(), "one-owner: DeploymentPatch scalestack/app: the object is declared by urn:pulumi:dev")
}

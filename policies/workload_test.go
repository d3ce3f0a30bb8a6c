package main

import (
	"fmt"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
)

type object = map[string]any

// The pod policies know where each kind of workload keeps its pods.
func TestEveryKindOfWorkload(t *testing.T) {
	spec := object{"hostNetwork": true, "containers": []any{object{"name": "a", "image": "a:latest"}}}
	template := object{"template": object{"spec": spec}}
	for token, properties := range map[string]object{
		"kubernetes:core/v1:Pod":                     {"spec": spec},
		"kubernetes:core/v1:PodTemplate":             template,
		"kubernetes:core/v1:ReplicationController":   {"spec": template},
		"kubernetes:apps/v1:Deployment":              {"spec": template},
		"kubernetes:apps/v1:StatefulSet":             {"spec": template},
		"kubernetes:apps/v1:DaemonSet":               {"spec": template},
		"kubernetes:apps/v1:ReplicaSet":              {"spec": template},
		"kubernetes:batch/v1:Job":                    {"spec": template},
		"kubernetes:batch/v1:CronJob":                {"spec": object{"jobTemplate": object{"spec": template}}},
		"kubernetes:batch/v1beta1:CronJob":           {"spec": object{"jobTemplate": object{"spec": template}}},
		"kubernetes:keda.sh/v1alpha1:ScaledJob":      {"spec": object{"jobTargetRef": template}},
		"kubernetes:argoproj.io/v1alpha1:Rollout":    {"spec": template},
		"kubernetes:serving.knative.dev/v1:Service":  {"spec": template},
		"kubernetes:jobset.x-k8s.io/v1alpha2:JobSet": {"spec": object{"replicatedJobs": []any{object{"name": "a", "template": object{"spec": template}}}}},
		"kubernetes:v1:Pod":                          {"spec": spec},
		"kubernetes:apps/v1beta1:StatefulSet":        {"spec": template},
		"kubernetes:apps/v1beta2:DaemonSet":          {"spec": template},
		"kubernetes:extensions/v1beta1:Deployment":   {"spec": template},
	} {
		found := map[string]bool{}
		for _, v := range violations("dev", rule.Graph{{Type: token, Name: "a", URN: "urn", Properties: properties}}) {
			found[v.Rule] = true
		}
		for _, want := range []string{
			"pod-isolation", "pod-privileges", "pod-user", "pod-kernel", "container-resources", "image-pinned", "token-used",
		} {
			require.True(t, found[want], "%s says nothing about %s", want, token)
		}
	}
}

// A chart's objects keep the security rules, not the house's names and labels.
func TestVendorsObjects(t *testing.T) {
	operator := rule.Resource{
		Type: "kubernetes:core/v1:Pod", Name: "operator",
		URN: "urn:pulumi:prod::scalestack::scalestack:kafka:Kafka$kubernetes:helm.sh/v4:Chart$kubernetes:core/v1:Pod::operator",
		Properties: object{"metadata": object{"name": "operator", "namespace": "a"}, "spec": object{
			"hostPID": true, "containers": []any{object{"name": "a", "image": "operator:0.44.0"}},
		}},
	}
	found := map[string]bool{}
	for _, v := range violations("prod", rule.Graph{operator}) {
		found[v.Rule] = true
	}
	require.True(t, found["pod-isolation"])
	for _, name := range []string{"names-and-labels", "image-digest", "network-covered"} {
		require.False(t, found[name], name)
	}
}

// A file's or a chart's component is no object: its children are.
func TestComponentsOfFilesAreNoObjects(t *testing.T) {
	for _, token := range []string{
		"kubernetes:yaml:ConfigFile", "kubernetes:yaml/v2:ConfigGroup", "kubernetes:kustomize/v2:Directory", "kubernetes:helm.sh/v4:Chart",
	} {
		require.Empty(t, messages(violations("prod", rule.Graph{{Type: token, Name: "a", URN: "urn", Properties: object{}}})), token)
	}
}

// A token for another audience is none for the API server.
func TestTokensForOthers(t *testing.T) {
	graph := set(web, pods+"volumes[0]", projected(object{"path": "token", "audience": "sts.example.com"}))(t, record(t, "dev"))
	require.NotContains(t, fmt.Sprint(messages(violations("dev", graph))), "token-used")
}

// An account that Kubernetes makes mounts its token, whatever else a Patch says of it.
func TestPatchedAccountsMountTheirToken(t *testing.T) {
	pod := rule.Resource{Type: "kubernetes:core/v1:Pod", URN: "urn", Properties: object{"metadata": object{"name": "a", "namespace": "n"}, "spec": object{}}}
	account := func(more object) rule.Resource {
		fields := object{"metadata": object{"name": "default", "namespace": "n"}}
		maps.Copy(fields, more)
		return rule.Resource{Type: "kubernetes:core/v1:ServiceAccountPatch", URN: "urn:patch", Properties: fields}
	}
	found := func(of rule.Resource) int { return len(list(tokenUsed.Violations("dev", nil, rule.Graph{pod, of}))) }
	require.Equal(t, 1, found(account(object{"imagePullSecrets": []any{}})))
	require.Zero(t, found(account(object{"automountServiceAccountToken": false})))
}

// A token is used by an account that a role is bound to.
func TestBoundAccountsKeepTheirToken(t *testing.T) {
	pod := rule.Resource{Type: "kubernetes:core/v1:Pod", URN: "urn", Properties: object{
		"metadata": object{"name": "a", "namespace": "n"}, "spec": object{"serviceAccountName": "operator"},
	}}
	binding := rule.Resource{Type: "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", Properties: object{
		"subjects": []any{object{"kind": "ServiceAccount", "name": "operator", "namespace": "n"}},
	}}
	speaks := func(graph ...rule.Resource) bool {
		for _, v := range violations("dev", graph) {
			if v.Rule == "token-used" {
				return true
			}
		}
		return false
	}
	require.True(t, speaks(pod))
	require.False(t, speaks(pod, binding))
}

//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/scalestack/scalestack/tests/golden"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// manifest is an object as kubectl reads it.
type manifest map[string]any

func (m manifest) kind() string { return m["kind"].(string) }

func (m manifest) metadata() manifest { return m["metadata"].(map[string]any) }

// manifests returns the objects of a golden file, which is what the program
// registers for that environment, moved to another namespace. A chart is no
// object: what it holds is its author's.
func manifests(t *testing.T, env, namespace string) []manifest {
	t.Helper()
	resources, err := golden.Resources(env)
	require.NoError(t, err)
	var all []manifest
	for _, one := range resources {
		if !strings.HasPrefix(one.Type, "kubernetes:") || strings.HasPrefix(one.Type, "kubernetes:helm.sh/") {
			continue
		}
		object := manifest(one.Inputs)
		if object.kind() == "Namespace" {
			object.metadata()["name"] = namespace
		} else {
			object.metadata()["namespace"] = namespace
		}
		// Owners have an identity once they are there.
		owners, _ := object.metadata()["ownerReferences"].([]any)
		for i, owner := range owners {
			owner.(map[string]any)["uid"] = fmt.Sprint("owner-", i)
		}
		all = append(all, object)
	}
	require.Greater(t, len(all), 40)
	return all
}

// workloads are the kinds with a pod template. Kafka's pods are made by Strimzi.
var workloads = []string{"Deployment", "StatefulSet", "Job"}

// pods makes a Pod of every pod template. Admission judges Pods by the Pod
// Security Standard, and only warns about what makes them.
func pods(all []manifest) []manifest {
	var list []manifest
	for _, object := range all {
		if !slices.Contains(workloads, object.kind()) {
			continue
		}
		metadata, template := object.metadata(), object["spec"].(map[string]any)["template"].(map[string]any)
		list = append(list, manifest{
			"apiVersion": "v1", "kind": "Pod", "spec": template["spec"],
			"metadata": map[string]any{"name": metadata["name"], "namespace": metadata["namespace"]},
		})
	}
	return list
}

func ofKind(all []manifest, kind string) []manifest {
	var found []manifest
	for _, object := range all {
		if object.kind() == kind {
			found = append(found, object)
		}
	}
	return found
}

// apply sends the objects to the API server; one refusal fails the test.
func apply(t *testing.T, objects []manifest, flags ...string) string {
	t.Helper()
	var text strings.Builder
	encoder := yaml.NewEncoder(&text)
	for _, object := range objects {
		require.NoError(t, encoder.Encode(map[string]any(object)))
	}
	require.NoError(t, encoder.Close())
	file := filepath.Join(t.TempDir(), "objects.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o600))
	return kubectl(t, append([]string{"apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", file}, flags...)...)
}

// Every object of every environment passes the real API server: its schemas,
// Strimzi's among them, its validation of values and between fields, and its
// admission. Nothing of it stays.
func TestAPIServerAcceptsEveryObject(t *testing.T) {
	for _, env := range []string{"dev", "staging", "prod"} {
		t.Run(env, func(t *testing.T) {
			namespace := "validation-" + env
			all := manifests(t, env, namespace)
			defer func() {
				_, err := try(t, "kubectl", "delete", "namespace", namespace, "--ignore-not-found")
				assert.NoError(t, err)
			}()
			apply(t, ofKind(all, "Namespace"))
			apply(t, ofKind(all, "ServiceAccount"))
			eventually(t, time.Minute, "the namespace's own account", func() error {
				_, err := try(t, "kubectl", "get", "serviceaccount", "default", "-n", namespace)
				return err
			})

			accepted := apply(t, all, "--dry-run=server")
			require.Equal(t, len(all), strings.Count(accepted, "(server dry run)"), accepted)
			templates := pods(all)
			for _, kind := range workloads {
				require.NotEmpty(t, ofKind(all, kind), kind)
			}
			apply(t, templates, "--dry-run=server")
			left := kubectl(t, "get", "pods,services,secrets,statefulsets,deployments,kafkas", "-n", namespace, "-o", "name")
			require.Empty(t, strings.TrimSpace(left))
		})
	}
}

// The check is worth something only if the server refuses what is wrong.
func TestAPIServerRefuses(t *testing.T) {
	namespace := outputs(t).Namespace
	for name, c := range map[string]struct{ object, want string }{
		"an unknown field": {"apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {port: 80}\n", ".spec.port: field not declared in schema"},
		"a bad value":      {"apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {ports: [{port: 99999}]}\n", "must be between 1 and 65535"},
		"a bad Strimzi value": {"apiVersion: kafka.strimzi.io/v1beta2\nkind: KafkaTopic\nmetadata: {name: x}\nspec: {partitions: 0}\n",
			"should be greater than or equal to 1"},
		"a pod that is not restricted": {"apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: x, image: x}]}\n", "violates PodSecurity"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "object.yaml")
			require.NoError(t, os.WriteFile(file, []byte(c.object), 0o600))
			text, err := try(t, "kubectl", "apply", "--server-side", "--dry-run=server", "--validate=strict", "-n", namespace, "-f", file)
			require.Error(t, err)
			require.Contains(t, text, c.want)
		})
	}
}

//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	betaAPI   = "kafka.strimzi.io/v1beta2"
	stableAPI = "kafka.strimzi.io/v1"
)

// clusterStack is a stack of the program in clusterstack, in a namespace of its name.
type clusterStack struct {
	*testing.T
	name string
}

func newClusterStack(t *testing.T, name string) clusterStack {
	t.Helper()
	s := clusterStack{t, name}
	kubectl(t, "create", "namespace", name)
	t.Cleanup(func() { kubectl(t, "delete", "namespace", name, "--timeout=90s") })
	text, err := s.run("present", betaAPI, "stack", "init")
	require.NoError(t, err, text)
	t.Cleanup(func() {
		text, err := s.run("present", betaAPI, "stack", "rm", "--yes", "--force")
		require.NoError(t, err, text)
	})
	return s
}

// run calls pulumi with the program's variables.
func (s clusterStack) run(mode, apiVersion string, args ...string) (string, error) {
	s.Helper()
	folder, err := filepath.Abs("clusterstack")
	require.NoError(s, err)
	cmd := exec.Command("pulumi", append(args, "--stack", s.name, "--non-interactive", "--color", "never")...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "E2E_NAMESPACE="+s.name, "E2E_MODE="+mode, "E2E_API_VERSION="+apiVersion,
		"E2E_CHART="+filepath.Join(folder, "chart"))
	text, err := cmd.CombinedOutput()
	return string(text), err
}

func (s clusterStack) must(mode, apiVersion string, args ...string) string {
	s.Helper()
	text, err := s.run(mode, apiVersion, args...)
	require.NoError(s, err, text)
	return text
}

// objects are what no deployment may lose, with their identities: the cluster-wide
// objects, and what holds data.
func (s clusterStack) objects() string {
	s.Helper()
	const columns = "custom-columns=KIND:.kind,NAME:.metadata.name,UID:.metadata.uid"
	return kubectl(s.T, "get", "customresourcedefinition/widgets.e2e.scalestack.dev", "clusterrole/e2e-widgets", "-o", columns) +
		kubectl(s.T, "get", "kafka/kafka", "kafkanodepool/dual", "kafkatopic/orders", "-n", s.name, "-o", columns)
}

// A second stack does not install where one has, and no destroy, change of the mode or
// other API version of one takes anything that counts.
func TestTwoStacksInOneCluster(t *testing.T) {
	t.Cleanup(func() {
		kubectl(t, "delete", "--ignore-not-found", "customresourcedefinition/widgets.e2e.scalestack.dev", "clusterrole/e2e-widgets")
	})
	one, two := newClusterStack(t, "e2e-one"), newClusterStack(t, "e2e-two")
	one.must("install", betaAPI, "up", "--yes", "--skip-preview")
	before := one.objects()

	text, err := two.run("install", betaAPI, "preview")
	require.Error(t, err, text)
	require.Contains(t, text, "operator.mode: Forbidden: install: ")
	require.Contains(t, text, `is in this cluster already, applied by "scalestack-e2e-one"`)
	text, err = two.run("install", betaAPI, "up", "--yes", "--skip-preview")
	require.Error(t, err, text)
	require.Contains(t, text, "field conflict detected")
	two.must("install", betaAPI, "destroy", "--yes", "--skip-preview")
	require.Equal(t, before, one.objects(), "the second stack took something of the first")

	one.must("present", betaAPI, "up", "--yes", "--skip-preview")
	require.Empty(t, kubectl(t, "get", "configmap", "operator", "-n", one.name, "--ignore-not-found"), "the operator goes")
	require.Equal(t, before, one.objects(), "another mode took something")

	serveStableAPI(t)
	text = one.must("present", stableAPI, "up", "--yes", "--skip-preview")
	require.Contains(t, text, "updated")
	for _, lost := range []string{"deleted", "created", "replaced"} {
		require.NotContains(t, text, lost)
	}
	require.Contains(t, one.must("present", stableAPI, "stack", "export"), "kubernetes:"+stableAPI+":KafkaNodePool")
	require.Equal(t, before, one.objects(), "another API version took something")

	one.must("present", stableAPI, "destroy", "--yes", "--skip-preview")
	require.Equal(t, before, one.objects(), "the destroy took something")
}

// serveStableAPI lets the lab's definitions serve v1 too, as those of Strimzi 0.49 do, until
// the test ends. Other tests' kubectl must not learn of v1: it would go on asking for it.
func serveStableAPI(t *testing.T) {
	t.Helper()
	t.Setenv("KUBECACHEDIR", t.TempDir())
	t.Cleanup(func() {
		eventually(t, time.Minute, "no more v1", func() error {
			if served := kubectl(t, "api-versions"); strings.Contains(served, stableAPI+"\n") {
				return errors.New(served)
			}
			return nil
		})
	})
	for _, name := range []string{"kafkas", "kafkanodepools", "kafkatopics"} {
		definition := "customresourcedefinition/" + name + ".kafka.strimzi.io"
		var found struct {
			Spec struct{ Versions []map[string]any }
		}
		require.NoError(t, json.Unmarshal([]byte(kubectl(t, "get", definition, "-o", "json")), &found))
		var stable map[string]any
		for _, version := range found.Spec.Versions {
			if version["name"] == "v1beta2" {
				stable = version
			}
		}
		require.NotNil(t, stable)
		stable["name"], stable["storage"] = "v1", false
		patch(t, definition, map[string]any{"op": "add", "path": "/spec/versions/-", "value": stable})
		last := len(found.Spec.Versions)
		t.Cleanup(func() {
			patch(t, definition, map[string]any{"op": "remove", "path": fmt.Sprintf("/spec/versions/%d", last)})
		})
		eventually(t, time.Minute, name+" in v1", func() error {
			_, err := try(t, "kubectl", "get", name+".v1.kafka.strimzi.io", "-A")
			return err
		})
	}
}

func patch(t *testing.T, object string, operation map[string]any) {
	t.Helper()
	text, err := json.Marshal([]any{operation})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "patch.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	kubectl(t, "patch", object, "--type=json", "--patch-file", file)
}

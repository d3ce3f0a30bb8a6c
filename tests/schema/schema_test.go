package schema

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/yannh/kubeconform/pkg/resource"
	"github.com/yannh/kubeconform/pkg/validator"
	"sigs.k8s.io/yaml"
)

// strimzi's kinds are no part of Kubernetes, so that it has no schema for them.
const strimzi = "kafka.strimzi.io/"

var environments = []string{"dev", "staging", "prod"}

// object is a resource of a golden file that becomes an object of the cluster.
type object struct {
	URN    string         `json:"urn"`
	Type   string         `json:"type"`
	Inputs map[string]any `json:"inputs"`
}

// canonical is the environment whose whole graph is kept, the others' differ from it.
const canonical = "dev"

func objects(t *testing.T, env string) []object {
	t.Helper()
	var found []object
	for _, one := range graph(t, env) {
		builtIn := strings.HasPrefix(one.Type, "kubernetes:") && !strings.HasPrefix(one.Type, "kubernetes:helm.sh/")
		if builtIn && !strings.HasPrefix(one.Inputs["apiVersion"].(string), strimzi) {
			found = append(found, one)
		}
	}
	return found
}

// graph applies an environment's differences to the canonical graph.
func graph(t *testing.T, env string) []object {
	t.Helper()
	var all []object
	read(t, canonical, &all)
	if env == canonical {
		return all
	}
	var differences struct {
		Removed []string                  `json:"removed"`
		Added   []object                  `json:"added"`
		Changed map[string]map[string]any `json:"changed"`
	}
	read(t, env, &differences)
	made := differences.Added
	for _, one := range all {
		if slices.Contains(differences.Removed, one.URN) {
			continue
		}
		if inputs, ok := differences.Changed[one.URN]["inputs"].(map[string]any); ok {
			merge(one.Inputs, inputs)
		}
		made = append(made, one)
	}
	return made
}

func read(t *testing.T, env string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "golden", env+".yaml"))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(text, into))
}

// merge applies a JSON merge patch (RFC 7386).
func merge(object, patch map[string]any) {
	for name, value := range patch {
		members, isObject := object[name].(map[string]any)
		changed, patchesObject := value.(map[string]any)
		switch {
		case value == nil:
			delete(object, name)
		case isObject && patchesObject:
			merge(members, changed)
		default:
			object[name] = value
		}
	}
}

func newValidator(t *testing.T, r release) validator.Validator {
	t.Helper()
	v, err := validator.New([]string{convert(t, openAPI(t, r))}, validator.Opts{KubernetesVersion: r.version, Strict: true})
	require.NoError(t, err)
	return v
}

func validate(t *testing.T, v validator.Validator, one object) validator.Result {
	t.Helper()
	text, err := yaml.Marshal(one.Inputs)
	require.NoError(t, err)
	return v.ValidateResource(resource.Resource{Path: one.URN, Bytes: text})
}

func TestObjectsFitTheSchemas(t *testing.T) {
	for _, r := range releases {
		v := newValidator(t, r)
		for _, env := range environments {
			t.Run(r.version+"/"+env, func(t *testing.T) {
				list := objects(t, env)
				require.Greater(t, len(list), 40)
				for _, one := range list {
					result := validate(t, v, one)
					require.NoError(t, result.Err, one.URN)
					require.Equal(t, validator.Valid, result.Status, one.URN)
				}
			})
		}
	}
}

// The check is worth something only if it refuses what is wrong.
func TestSchemasRefuse(t *testing.T) {
	for _, r := range releases {
		v := newValidator(t, r)
		for name, c := range map[string]struct {
			spoil func(spec map[string]any)
			want  string
		}{
			"unknown field":    {func(spec map[string]any) { spec["replica"] = 3 }, "replica"},
			"wrong type":       {func(spec map[string]any) { spec["revisionHistoryLimit"] = "three" }, "revisionHistoryLimit"},
			"missing selector": {func(spec map[string]any) { delete(spec, "selector") }, "selector"},
			"deep unknown field": {func(spec map[string]any) {
				pod := spec["template"].(map[string]any)["spec"].(map[string]any)
				pod["containers"].([]any)[0].(map[string]any)["imagePulPolicy"] = "Always"
			}, "imagePulPolicy"},
		} {
			t.Run(r.version+"/"+name, func(t *testing.T) {
				one := deployment(t)
				c.spoil(one.Inputs["spec"].(map[string]any))
				result := validate(t, v, one)
				require.Equal(t, validator.Invalid, result.Status)
				require.ErrorContains(t, result.Err, c.want)
			})
		}
	}
}

func deployment(t *testing.T) object {
	t.Helper()
	for _, one := range objects(t, "dev") {
		if one.Type == "kubernetes:apps/v1:Deployment" {
			return one
		}
	}
	require.Fail(t, "dev has no Deployment")
	return object{}
}

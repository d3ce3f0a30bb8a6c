package schema

import (
	"slices"
	"strings"
	"testing"

	"github.com/scalestack/scalestack/tests/golden"
	"github.com/stretchr/testify/require"
	"github.com/yannh/kubeconform/pkg/resource"
	"github.com/yannh/kubeconform/pkg/validator"
	"sigs.k8s.io/yaml"
)

// foreign are groups whose kinds are no part of Kubernetes, so that it has no schema for
// them.
var foreign = []string{"kafka.strimzi.io", "keda.sh"}

var environments = []string{"dev", "staging", "prod"}

// objects are the resources of a golden file that become objects of the cluster.
func objects(t *testing.T, env string) []golden.Resource {
	t.Helper()
	var found []golden.Resource
	all, err := golden.Resources(env)
	require.NoError(t, err)
	for _, one := range all {
		builtIn := strings.HasPrefix(one.Type, "kubernetes:") && !strings.HasPrefix(one.Type, "kubernetes:helm.sh/")
		if builtIn && !slices.Contains(foreign, groupOf(one)) {
			found = append(found, one)
		}
	}
	return found
}

func groupOf(object golden.Resource) string {
	group, _, _ := strings.Cut(object.Inputs["apiVersion"].(string), "/")
	return group
}

func newValidator(t *testing.T, r release) validator.Validator {
	t.Helper()
	v, err := validator.New([]string{convert(t, openAPI(t, r))}, validator.Opts{KubernetesVersion: r.version, Strict: true})
	require.NoError(t, err)
	return v
}

func validate(t *testing.T, v validator.Validator, one golden.Resource) validator.Result {
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

func deployment(t *testing.T) golden.Resource {
	t.Helper()
	for _, one := range objects(t, "dev") {
		if one.Type == "kubernetes:apps/v1:Deployment" {
			return one
		}
	}
	require.Fail(t, "dev has no Deployment")
	return golden.Resource{}
}

package schema

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/yannh/kubeconform/pkg/resource"
	"github.com/yannh/kubeconform/pkg/validator"
	"sigs.k8s.io/yaml"
)

// certManager has the schema of Certificates, pinned by the sum of its Go module.
var certManager = release{"1.16.2", "h1:c9UU2E+8XWGruyvC/mdpc1wuLddtgmNr8foKdP7a8Jg="}

// certificates is a validator that knows cert-manager's Certificates alone.
func certificates(t *testing.T) validator.Validator {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(certManager.module(t, "github.com/cert-manager/cert-manager"), "deploy", "crds", "crd-certificates.yaml"))
	require.NoError(t, err)
	var definition struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema map[string]any `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	require.NoError(t, yaml.Unmarshal(text, &definition))
	require.Len(t, definition.Spec.Versions, 1)
	schema := definition.Spec.Versions[0].Schema.OpenAPIV3Schema
	// Kubernetes' own, which a definition of another kind leaves open.
	delete(schema["properties"].(map[string]any), "metadata")
	delete(schema, "required")
	tighten(schema["properties"].(map[string]any)["spec"])
	dir := t.TempDir()
	write(t, filepath.Join(dir, "certificate.json"), schema)
	v, err := validator.New([]string{dir + "/{{ .ResourceKind }}.json"}, validator.Opts{Strict: true})
	require.NoError(t, err)
	return v
}

func TestCertificateFitsCertManager(t *testing.T) {
	v := certificates(t)
	text, err := os.ReadFile("../../components/postgres/testdata/certificate.json")
	require.NoError(t, err)
	result := v.ValidateResource(resource.Resource{Path: "certificate.json", Bytes: text})
	require.NoError(t, result.Err)
	require.Equal(t, validator.Valid, result.Status)

	for what, spoil := range map[string]func(spec map[string]any){
		"size":    func(spec map[string]any) { spec["privateKey"].(map[string]any)["size"] = "256" },
		"usages":  func(spec map[string]any) { spec["usages"] = []any{"server"} },
		"dnsName": func(spec map[string]any) { spec["dnsName"] = "a" },
	} {
		var object map[string]any
		require.NoError(t, json.Unmarshal(text, &object))
		spoil(object["spec"].(map[string]any))
		spoiled, err := json.Marshal(object)
		require.NoError(t, err)
		result := v.ValidateResource(resource.Resource{Path: what, Bytes: spoiled})
		require.Equal(t, validator.Invalid, result.Status, what)
	}
}

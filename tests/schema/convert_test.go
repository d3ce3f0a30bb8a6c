package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// definitionsFile holds all schemas of a release; each kind's file refers to it.
const definitionsFile = "definitions.json"

// convert writes the release's OpenAPI documents as JSON Schemas in kubeconform's
// layout and returns the template of their names.
func convert(t *testing.T, openAPI string) string {
	t.Helper()
	documents, err := filepath.Glob(filepath.Join(openAPI, "api*__v*_openapi.json"))
	require.NoError(t, err)
	require.NotEmpty(t, documents)
	all := map[string]any{}
	for _, file := range documents {
		maps.Copy(all, schemas(t, file))
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, definitionsFile), map[string]any{"definitions": all})
	for name, schema := range all {
		for _, kind := range kinds(schema) {
			reference := map[string]any{"$ref": definitionsFile + "#/definitions/" + name}
			write(t, filepath.Join(dir, kind.file()), reference)
		}
	}
	return dir + "/{{ .ResourceKind }}{{ .KindSuffix }}.json"
}

func schemas(t *testing.T, file string) map[string]any {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	var document struct {
		Components struct {
			Schemas map[string]any `json:"schemas"`
		} `json:"components"`
	}
	require.NoError(t, json.Unmarshal(text, &document), file)
	for _, schema := range document.Components.Schemas {
		tighten(schema)
	}
	return document.Components.Schemas
}

// tighten makes OpenAPI a JSON Schema that refuses unknown fields: references
// point to our file, and an object knows its properties and no others.
func tighten(node any) {
	switch at := node.(type) {
	case []any:
		for _, item := range at {
			tighten(item)
		}
	case map[string]any:
		for _, item := range at {
			tighten(item)
		}
		if reference, ok := at["$ref"].(string); ok {
			at["$ref"] = strings.Replace(reference, "#/components/schemas/", "#/definitions/", 1)
		}
		_, closed := at["properties"].(map[string]any)
		if _, free := at["additionalProperties"]; closed && !free && at["type"] == "object" {
			at["additionalProperties"] = false
		}
	}
}

// kind is one kind that a schema describes.
type kind struct {
	Group   string `json:"group"`
	Kind    string `json:"kind"`
	Version string `json:"version"`
}

func (k kind) file() string {
	group, _, _ := strings.Cut(k.Group, ".")
	name := k.Kind
	if group != "" {
		name += "-" + group
	}
	return strings.ToLower(fmt.Sprintf("%s-%s.json", name, k.Version))
}

func kinds(schema any) []kind {
	text, err := json.Marshal(schema.(map[string]any)["x-kubernetes-group-version-kind"])
	if err != nil {
		return nil
	}
	var list []kind
	if json.Unmarshal(text, &list) != nil || len(list) != 1 {
		return nil // shared by all groups, such as DeleteOptions
	}
	return list
}

func write(t *testing.T, file string, content any) {
	t.Helper()
	text, err := json.Marshal(content)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
}

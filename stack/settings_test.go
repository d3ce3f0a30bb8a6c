package stack

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write SETTINGS.md from schema.json")

// The table for people is the schema in other words and nothing else.
func TestSettingsTable(t *testing.T) {
	want := "# Settings\n\n" +
		"All settings of `pulumi config`, from [schema.json](schema.json): `go test ./stack -update` writes this page.\n\n" +
		"| setting | meaning | allowed | default |\n|---|---|---|---|\n" +
		rows("", compileSchema())
	if *update {
		require.NoError(t, os.WriteFile("SETTINGS.md", []byte(want), 0o644))
	}
	got, err := os.ReadFile("SETTINGS.md")
	require.NoError(t, err)
	require.Equal(t, want, string(got), "run go test ./stack -update")
}

func rows(path string, schema *jsonschema.Schema) string {
	var out strings.Builder
	for _, name := range known(schema) {
		property := schema.Properties[name]
		rule, at := target(property), dot(path, name)
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s |\n", at, property.Description, allowed(rule, true), standard(property))
		if rule.Items2020 != nil {
			rule, at = target(rule.Items2020), at+"[]"
		}
		out.WriteString(rows(at, rule))
	}
	return out.String()
}

// standard renders a setting's default; an empty object has those of its keys.
func standard(property *jsonschema.Schema) string {
	if property.Default == nil {
		return ""
	}
	if object, ok := (*property.Default).(map[string]any); ok && len(object) == 0 {
		return ""
	}
	text, err := json.Marshal(*property.Default)
	if err != nil {
		panic(err)
	}
	return "`" + string(text) + "`"
}

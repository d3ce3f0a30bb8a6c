package stack

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/internal/settings"
)

var update = flag.Bool("update", false, "write the files that follow from the settings")

func described() *settings.Property {
	return settings.Schema(reflect.TypeFor[Config](), settings.NewDocs("..", "github.com/scalestack/scalestack"))
}

// The files that describe the settings are the fields of Config in other words and
// nothing else.
func TestGeneratedFilesAreCurrent(t *testing.T) {
	schema, err := json.MarshalIndent(described(), "", "  ")
	require.NoError(t, err)
	project, err := os.ReadFile("../Pulumi.yaml")
	require.NoError(t, err)
	for file, want := range map[string]string{
		"../docs/reference/settings.schema.json": string(schema) + "\n",
		"../docs/reference/settings.md":          page(described()),
		"../Pulumi.yaml":                         projectFile(string(project), described()),
	} {
		if *update {
			require.NoError(t, os.WriteFile(file, []byte(want), 0o644))
		}
		got, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Equal(t, want, string(got), "run go test ./stack -run TestGeneratedFiles -update")
	}
}

func page(p *settings.Property) string {
	return "# Settings\n\n" +
		"All settings of `pulumi config`, namespace `scalestack`. Generated from the fields of `stack.Config` and of the components' Args: " +
		"`go test ./stack -run TestGeneratedFiles -update` writes this page, the [schema](settings.schema.json) for editors and the " +
		"`config:` block of Pulumi.yaml.\n\n" +
		"| setting | meaning | allowed | default |\n|---|---|---|---|\n" + settings.Table(p)
}

const marker = "# Generated from the settings, see docs/reference/settings.md.\n"

// projectFile replaces the config block of Pulumi.yaml.
func projectFile(text string, p *settings.Property) string {
	head, _, _ := strings.Cut(text, marker)
	var out strings.Builder
	out.WriteString(head + marker + "config:\n")
	for _, name := range Sections() {
		section := p.Properties[name]
		kind, standard := section.Type, "{}"
		switch kind {
		case "string":
			standard = fmt.Sprint(section.Default)
		case "array":
			kind, standard = "array\n    items: {type: string}", "[]"
		}
		description, _ := json.Marshal(describe(section))
		fmt.Fprintf(&out, "  scalestack:%s:\n    type: %s\n    description: %s\n    default: %s\n", name, kind, description, standard)
	}
	return out.String()
}

func describe(section *settings.Property) string {
	text := strings.ReplaceAll(section.Description, "`", "")
	if keys := section.Keys(); len(keys) > 0 {
		text += " Keys: " + strings.Join(keys, ", ") + "."
	}
	return text
}

// An editor accepts what the program accepts: every environment's file, and the
// defaults.
func TestSchemaAcceptsTheDefaults(t *testing.T) {
	text, err := json.Marshal(described())
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("settings.json", document))
	schema := compiler.MustCompile("settings.json")
	for text, want := range map[string]bool{
		`{}`:                           true,
		`{"postgres":{"shards":5}}`:    true,
		`{"postgres":{"shards":0}}`:    false,
		`{"postgres":{"colour":1}}`:    false,
		`{"redis":{"maxClients":"5"}}`: false,
		`{"services":{"a":{"image":"a:1","uses":{"shards":{}}}}}`: true,
		`{"services":{"a":{"uses":{"shards":{"pool":0}}}}}`:       false,
	} {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		require.NoError(t, err)
		require.Equal(t, want, schema.Validate(value) == nil, text)
	}
}

package events

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaFiles are what other teams read; ours are checked against them too, so
// that the files cannot differ from what is published.
//
//go:embed schemas
var schemaFiles embed.FS

// urn is where the names of schemas lie among all URIs, as CloudEvents wants one.
const urn = "urn:scalestack:"

var compiled = mustCompile()

// SchemaFile returns the JSON Schema of a name such as user/v1.
func SchemaFile(name string) ([]byte, error) {
	return schemaFiles.ReadFile("schemas/" + name + ".json")
}

// SchemaNames lists all schemas, also those that are not published any more.
func SchemaNames() []string {
	paths, err := fs.Glob(schemaFiles, "schemas/*/*.json")
	if err != nil {
		panic(err)
	}
	for i, path := range paths {
		paths[i] = strings.TrimSuffix(strings.TrimPrefix(path, "schemas/"), ".json")
	}
	return paths
}

// mustCompile cannot fail outside of this package's tests: the files are part
// of the program.
func mustCompile() map[string]*jsonschema.Schema {
	compiler := jsonschema.NewCompiler()
	all := make(map[string]*jsonschema.Schema)
	for _, name := range SchemaNames() {
		content, err := SchemaFile(name)
		if err != nil {
			panic(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
		if err == nil {
			err = compiler.AddResource(urn+name, document)
		}
		if err != nil {
			panic(fmt.Sprintf("schema %s: %v", name, err))
		}
		all[name] = compiler.MustCompile(urn + name)
	}
	return all
}

// checkData returns what is wrong with data of a schema.
func checkData(schema string, data []byte) error {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return fmt.Errorf("the data is not JSON: %w", err)
	}
	var invalid *jsonschema.ValidationError
	if err := compiled[schema].Validate(document); errors.As(err, &invalid) {
		return fmt.Errorf("the data is not %s: %s", schema, firstCause(invalid))
	} else if err != nil {
		return err
	}
	return nil
}

// firstCause says what and where in one line.
func firstCause(err *jsonschema.ValidationError) string {
	for len(err.Causes) > 0 {
		err = err.Causes[0]
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimPrefix(strings.TrimSpace(lines[len(lines)-1]), "- ")
}

package stack

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/scalestack/scalestack/internal/check"
)

// schemaJSON is the one place that says which settings there are, what each
// means, its unit, range and default. A JSON Schema, because editors read it
// too and a well-kept library finds every mistake at once.
//
//go:embed schema.json
var schemaJSON []byte

// schemaURL only names the schema inside the compiler.
const schemaURL = "config.schema.json"

// compileSchema panics on a broken schema, which is a mistake in this package
// and not in a configuration; a test compiles it.
func compileSchema() *jsonschema.Schema {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(schemaJSON))
	if err != nil {
		panic(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(schemaURL, document); err != nil {
		panic(err)
	}
	return compiler.MustCompile(schemaURL)
}

// checkSchema records every value that the schema refuses.
func checkSchema(errs *check.Errors, schema *jsonschema.Schema, document map[string]any) {
	var invalid *jsonschema.ValidationError
	if err := schema.Validate(document); err != nil {
		invalid = err.(*jsonschema.ValidationError) //nolint:errorlint // what Validate documents
		explain(errs, schema, document, invalid)
	}
}

// explain turns the leaves of a validation error into one message each.
func explain(errs *check.Errors, schema *jsonschema.Schema, document any, e *jsonschema.ValidationError) {
	for _, cause := range e.Causes {
		explain(errs, schema, document, cause)
	}
	if len(e.Causes) > 0 {
		return
	}
	rule, value, path := follow(schema, document, e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			errs.Addf(dot(path, name), "%s", unknown(rule))
		}
	case *kind.Required:
		for _, name := range k.Missing {
			errs.Addf(dot(path, name), "is required")
		}
	case *kind.Type:
		errs.Addf(path, "%s is not %s", quote(value), allowed(rule, true))
	case *kind.Minimum, *kind.Maximum, *kind.Enum, *kind.Pattern, *kind.MinLength:
		errs.Addf(path, "%s is not %s", quote(value), allowed(rule, false))
	default:
		errs.Addf(path, "%s: %s", quote(value), k.LocalizedString(message.NewPrinter(language.English)))
	}
}

// unknown says why an object takes no such key.
func unknown(rule *jsonschema.Schema) string {
	if rule.PatternProperties != nil {
		return "does not fit into " + rule.Title
	}
	return "is not a setting, known here: " + strings.Join(known(rule), ", ")
}

// follow walks schema and document down to location and renders its path.
func follow(schema *jsonschema.Schema, document any, location []string) (*jsonschema.Schema, any, string) {
	schema, path := target(schema), ""
	for _, token := range location {
		switch at := document.(type) {
		case map[string]any:
			document, path = at[token], dot(path, token)
			schema = target(member(schema, token))
		case []any:
			i, _ := strconv.Atoi(token) // the library counted it
			document, path = at[i], path+"["+token+"]"
			schema = target(schema.Items2020)
		}
	}
	return schema, document, path
}

// member is the schema of one key of an object: that of a setting, or of every
// value where keys are free, as labels are.
func member(object *jsonschema.Schema, name string) *jsonschema.Schema {
	if setting, ok := object.Properties[name]; ok {
		return setting
	}
	if free, ok := object.AdditionalProperties.(*jsonschema.Schema); ok {
		return free
	}
	for pattern, free := range object.PatternProperties {
		if pattern.MatchString(name) {
			return free
		}
	}
	return &jsonschema.Schema{}
}

// target resolves a reference, under which the schema keeps shared parts.
func target(schema *jsonschema.Schema) *jsonschema.Schema {
	for schema.Ref != nil {
		schema = schema.Ref
	}
	return schema
}

// typeNames are JSON's types in words; every number of ours is a whole one.
var typeNames = map[string]string{
	"[integer]": "a whole number",
	"[string]":  "a text",
	"[boolean]": "true or false",
	"[array]":   "a list",
	"[object]":  "an object",
}

// typeOf is empty for a choice, whose values are its type.
func typeOf(s *jsonschema.Schema) string {
	if s.Types == nil {
		return ""
	}
	return s.Types.String()
}

// allowed says in words what the schema accepts.
func allowed(s *jsonschema.Schema, wrongType bool) string {
	name := typeNames[typeOf(s)]
	between := s.Minimum != nil && s.Maximum != nil
	switch {
	case s.Enum != nil:
		return "one of " + join(s.Enum.Values)
	case s.Title != "":
		return s.Title
	case between && wrongType:
		return name + " between " + s.Minimum.RatString() + " and " + s.Maximum.RatString()
	case between:
		return "between " + s.Minimum.RatString() + " and " + s.Maximum.RatString()
	}
	return name
}

func join(values []any) string {
	texts := make([]string, len(values))
	for i, v := range values {
		texts[i] = fmt.Sprint(v)
	}
	return strings.Join(texts, ", ")
}

func known(s *jsonschema.Schema) []string {
	var names []string
	for name := range s.Properties {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// quote renders a value for a message, shortened.
func quote(value any) string {
	const most = 60
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%T", value)
	}
	if len(text) > most {
		return string(text[:most]) + "…"
	}
	return string(text)
}

func dot(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// fill adds the schema's defaults to document where it says nothing.
func fill(schema *jsonschema.Schema, document map[string]any) {
	for name, property := range schema.Properties {
		if _, given := document[name]; !given && property.Default != nil {
			document[name] = clone(*property.Default)
		}
		property = target(property)
		if object, ok := document[name].(map[string]any); ok {
			fill(property, object)
		}
		if list, ok := document[name].([]any); ok && property.Items2020 != nil {
			fillList(target(property.Items2020), list)
		}
	}
}

func fillList(schema *jsonschema.Schema, list []any) {
	for _, item := range list {
		if object, ok := item.(map[string]any); ok {
			fill(schema, object)
		}
	}
}

// clone keeps the schema's own defaults from being written to.
func clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(v))
		for key, item := range v {
			copied[key] = clone(item)
		}
		return copied
	case []any:
		copied := make([]any, len(v))
		for i, item := range v {
			copied[i] = clone(item)
		}
		return copied
	}
	return value
}

// Sections returns the names of all top-level settings, sorted.
func Sections() []string { return known(compileSchema()) }

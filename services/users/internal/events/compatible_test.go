package events

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// object is the part of a JSON Schema that our schemas use.
type object struct {
	Required             []string                  `json:"required"`
	Properties           map[string]map[string]any `json:"properties"`
	AdditionalProperties *bool                     `json:"additionalProperties"`
}

func parse(t *testing.T, content []byte) object {
	t.Helper()
	var o object
	require.NoError(t, json.Unmarshal(content, &o))
	return o
}

// breaks says what a published schema's readers or its old events would not
// survive. New fields that nobody must have are the only change that is allowed.
func breaks(old, next object) (problems []string) {
	for _, name := range next.Required {
		if !slices.Contains(old.Required, name) {
			problems = append(problems, name+" is required, and old events lack it")
		}
	}
	for _, name := range old.Required {
		if !slices.Contains(next.Required, name) {
			problems = append(problems, name+" is no longer required, and old readers need it")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(old.Properties)) {
		property, found := next.Properties[name]
		if !found {
			problems = append(problems, name+" is gone")
			continue
		}
		delete(property, "description")
		delete(old.Properties[name], "description")
		if was, is := fmt.Sprint(old.Properties[name]), fmt.Sprint(property); was != is {
			problems = append(problems, fmt.Sprintf("%s was %s and is %s", name, was, is))
		}
	}
	if next.AdditionalProperties != nil {
		problems = append(problems, "additionalProperties is set, and a reader would refuse fields of later writers")
	}
	return problems
}

// The golden schemas are those that were published. Who adds a field adds it to
// the golden file too; who cannot make this test pass needs a new version.
func TestPublishedSchemasStayCompatible(t *testing.T) {
	published, err := filepath.Glob("testdata/golden/*/*/schema.json")
	require.NoError(t, err)
	require.Len(t, published, len(SchemaNames()))
	for _, path := range published {
		name, err := filepath.Rel("testdata/golden", filepath.Dir(path))
		require.NoError(t, err)
		t.Run(name, func(t *testing.T) {
			old, err := os.ReadFile(path)
			require.NoError(t, err)
			next, err := SchemaFile(name)
			require.NoError(t, err, "a schema that was published is gone")
			require.Empty(t, breaks(parse(t, old), parse(t, next)))
		})
	}
}

func TestBreakingChangesAreFound(t *testing.T) {
	const old = `{"required": ["a"], "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}`
	for name, c := range map[string]struct {
		next string
		want []string
	}{
		"the same":     {old, nil},
		"a new field":  {`{"required": ["a"], "properties": {"a": {"type": "integer"}, "b": {"type": "string"}, "c": {}}}`, nil},
		"described":    {`{"required": ["a"], "properties": {"a": {"type": "integer", "description": "x"}, "b": {"type": "string"}}}`, nil},
		"removed":      {`{"required": ["a"], "properties": {"a": {"type": "integer"}}}`, []string{"b is gone"}},
		"renamed":      {`{"required": ["a"], "properties": {"a": {"type": "integer"}, "B": {"type": "string"}}}`, []string{"b is gone"}},
		"another type": {`{"required": ["a"], "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}`, []string{"a was map[type:integer] and is map[type:string]"}},
		"narrower":     {`{"required": ["a"], "properties": {"a": {"type": "integer"}, "b": {"type": "string", "maxLength": 3}}}`, []string{"b was map[type:string] and is map[maxLength:3 type:string]"}},
		"now required": {`{"required": ["a", "b"], "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}`, []string{"b is required, and old events lack it"}},
		"now optional": {`{"properties": {"a": {"type": "integer"}, "b": {"type": "string"}}}`, []string{"a is no longer required, and old readers need it"}},
		"closed": {`{"required": ["a"], "properties": {"a": {"type": "integer"}, "b": {"type": "string"}}, "additionalProperties": false}`,
			[]string{"additionalProperties is set, and a reader would refuse fields of later writers"}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, breaks(parse(t, []byte(old)), parse(t, []byte(c.next))))
		})
	}
}

// typeWith returns a type that may have the schema.
func typeWith(schema string) string {
	for _, name := range slices.Sorted(maps.Keys(schemasOf)) {
		if slices.Contains(schemasOf[name], schema) {
			return name
		}
	}
	return ""
}

func TestOldEventsAreStillRead(t *testing.T) {
	old, err := filepath.Glob("testdata/golden/*/*/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, old)
	for _, path := range old {
		if filepath.Base(path) == "schema.json" {
			continue
		}
		t.Run(path, func(t *testing.T) {
			data, err := os.ReadFile(path)
			require.NoError(t, err)
			schema, err := filepath.Rel("testdata/golden", filepath.Dir(path))
			require.NoError(t, err)
			var owner struct {
				UserID int64 `json:"user_id"`
			}
			require.NoError(t, json.Unmarshal(data, &owner))
			written := &Event{ID: uuid.New(), Type: typeWith(schema), UserID: owner.UserID, Sequence: 1, Schema: schema, Data: data}
			read, err := FromRecord(written.Record(UserTopic))
			require.NoError(t, err)
			if written.Schema == UserSchema || written.Schema == UserDeletedSchema {
				_, err = read.User()
			} else {
				_, err = read.Product()
			}
			require.NoError(t, err)
		})
	}
}

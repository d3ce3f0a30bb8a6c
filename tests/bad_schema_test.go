package tests

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// object is one schema or one part of a configuration.
type object = map[string]any

// spot is a place in a configuration with the schema that holds there.
type spot struct {
	keys   []any
	schema object
}

func (s spot) path() string {
	var text strings.Builder
	for i, key := range s.keys {
		if n, index := key.(int); index {
			fmt.Fprintf(&text, "[%d]", n)
			continue
		}
		if i > 0 {
			text.WriteString(".")
		}
		text.WriteString(key.(string))
	}
	return text.String()
}

func (s spot) at(keys ...any) spot { return spot{append(slices.Clone(s.keys), keys...), s.schema} }

// spots lists every place that the schema of the settings describes. A member of a
// map stands for all of them.
func spots(t *testing.T) []spot {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "reference", "settings.schema.json"))
	require.NoError(t, err)
	var schema object
	require.NoError(t, json.Unmarshal(text, &schema))
	// Its mistakes show no value, and it is refused unless encrypted: stack/secrets_test.go.
	delete(schema["properties"].(object), "secrets")
	var all []spot
	walk(spot{schema: schema}, &all)
	return all[1:] // the root holds what Pulumi made of the sections
}

func walk(at spot, all *[]spot) {
	*all = append(*all, at)
	properties, _ := at.schema["properties"].(object)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		walk(spot{at.at(name).keys, properties[name].(object)}, all)
	}
	if items, ok := at.schema["items"].(object); ok {
		walk(spot{at.at(0).keys, items}, all)
	}
	if values, ok := at.schema["additionalProperties"].(object); ok && values["properties"] != nil {
		walk(spot{at.at("relay").keys, values}, all)
	}
}

// mistakes lists what can be wrong at a place, by the schema.
func (s spot) mistakes() []*rapid.Generator[mistake] {
	var all []*rapid.Generator[mistake]
	add := func(reason string, values *rapid.Generator[any]) {
		all = append(all, rapid.Map(values, func(value any) mistake { return mistake{s.path(), reason, []set{{s.keys, value}}} }))
	}
	lowest, limited := s.schema["minimum"].(float64)
	if limited {
		highest := int(s.schema["maximum"].(float64))
		add("must be between", rapid.IntMax(int(lowest)-1).AsAny())
		add("must be between", rapid.IntMin(highest+1).AsAny())
	}
	if choices, ok := s.schema["enum"].([]any); ok {
		// An empty text counts as none.
		other := rapid.String().Filter(func(text string) bool { return text != "" && !slices.Contains(choices, any(text)) })
		add("supported values: ", other.AsAny())
	}
	if !s.isTopLevelText() {
		add("must be", otherType(s.schema))
	}
	return append(all, s.keyMistakes()...)
}

// isTopLevelText marks the settings that Pulumi hands over as text, whatever
// it is; only their pattern can be missed.
func (s spot) isTopLevelText() bool { return len(s.keys) == 1 && s.schema["type"] == "string" }

// keyMistakes are unknown and missing keys.
func (s spot) keyMistakes() []*rapid.Generator[mistake] {
	var all []*rapid.Generator[mistake]
	properties, _ := s.schema["properties"].(object)
	reason := "is not a setting; known here: "
	if s.schema["additionalProperties"] == false {
		unknown := rapid.StringMatching(`[a-zA-Z_][a-zA-Z0-9_-]{0,20}`).Filter(func(name string) bool { return properties[name] == nil })
		all = append(all, rapid.Custom(func(t *rapid.T) mistake {
			name := unknown.Draw(t, "key")
			keys := s.at(name)
			return mistake{keys.path(), reason, []set{{keys.keys, anything().Draw(t, "value")}}}
		}))
	}
	names, named := s.schema["propertyNames"].(object)
	if named {
		all = append(all, rapid.Custom(func(t *rapid.T) mistake {
			keys := s.at(rapid.StringMatching(`[a-z]{1,10}`).Draw(t, "key"))
			return mistake{keys.path(), "the key must be an integer", []set{{keys.keys, anything().Draw(t, "value")}}}
		}))
	}
	if values, ok := s.schema["additionalProperties"].(object); ok && values["type"] == "string" {
		reason, key := "must be a string", `[a-z]{1,10}`
		if named {
			reason, key = "must be", names["pattern"].(string)
		}
		all = append(all, rapid.Custom(func(t *rapid.T) mistake {
			keys := s.at(rapid.StringMatching(key).Filter(func(name string) bool { return len(name) < 10 }).Draw(t, "key"))
			return mistake{keys.path(), reason, []set{{keys.keys, otherType(values).Draw(t, "value")}}}
		}))
	}
	return all
}

// kinds of JSON values.
func values() map[string]*rapid.Generator[any] {
	return map[string]*rapid.Generator[any]{
		"integer": rapid.Int32().AsAny(),
		"number":  rapid.Map(rapid.Int16(), func(n int16) any { return float64(n) + 0.5 }),
		"string":  rapid.String().AsAny(),
		"boolean": rapid.Bool().AsAny(),
		"null":    rapid.Just[any](nil),
		"array":   rapid.Just[any]([]any{object{}}),
		"object":  rapid.Just[any](object{"x": 1}),
	}
}

func anything() *rapid.Generator[any] { return oneOf(values()) }

func otherType(schema object) *rapid.Generator[any] {
	kinds := values()
	delete(kinds, or(schema["type"], "string"))
	return oneOf(kinds)
}

// or is a schema's type, or that of its choices.
func or(kind any, fallback string) string {
	if text, ok := kind.(string); ok {
		return text
	}
	return fallback
}

func oneOf(kinds map[string]*rapid.Generator[any]) *rapid.Generator[any] {
	var list []*rapid.Generator[any]
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		list = append(list, kinds[name])
	}
	return rapid.OneOf(list...)
}

package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/scalestack/scalestack/policies/rule"
)

// oneOfEach returns the index of one resource of every type.
func oneOfEach(graph rule.Graph) []int {
	seen := map[string]bool{}
	var found []int
	for i, r := range graph {
		if !seen[r.Type] {
			seen[r.Type] = true
			found = append(found, i)
		}
	}
	return found
}

// violationsAt returns those of a stack in which one resource has changed: rules about single
// resources look at that one alone, or the test would take minutes.
func violationsAt(graph rule.Graph, changed int) []rule.Violation {
	var all []rule.Violation
	for _, one := range rules() {
		seen := graph
		if one.Each != nil {
			seen = graph[changed : changed+1]
		}
		found, err := one.Violations("staging", nil, seen)
		if err != nil {
			panic(err)
		}
		all = append(all, found...)
	}
	return all
}

// visit offers every value below an object or list for replacement.
func visit(value any, offer func(path string, replace func(any))) {
	switch value := value.(type) {
	case rule.Secret:
		visit(value.Value, offer)
	case map[string]any:
		for key, item := range value {
			offer(key, func(other any) { value[key] = other })
			value[key] = item
			visit(item, offer)
		}
	case []any:
		for i, item := range value {
			offer("[]", func(other any) { value[i] = other })
			value[i] = item
			visit(item, offer)
		}
	}
}

// A preview may know nothing of any value, and no rule may complain about what
// it cannot see.
func TestUnknownValuesPass(t *testing.T) {
	graph := record(t, "staging")
	for _, i := range oneOfEach(graph) {
		visit(graph[i].Properties, func(path string, replace func(any)) {
			replace(rule.Unknown{})
			assert.Empty(t, messages(violationsAt(graph, i)), "%s: %s is unknown", graph[i], path)
		})
	}
}

// Whatever a value is, no rule may panic over it. The wrong values take turns.
func TestWrongTypesDoNotPanic(t *testing.T) {
	graph := record(t, "staging")
	wrong := []any{nil, "text", 7.5, []any{"a", nil, map[string]any{}}, map[string]any{"a": 1.0}}
	turn := 0
	for _, i := range oneOfEach(graph) {
		visit(graph[i].Properties, func(path string, replace func(any)) {
			value := wrong[turn%len(wrong)]
			turn++
			replace(value)
			require.NotPanics(t, func() { violationsAt(graph, i) }, "%s: %s is %v", graph[i], path, value)
		})
	}
	require.Greater(t, turn, 500)
}

package tests

import (
	"encoding/json"
	"flag"
	"maps"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// mistake is a change to an environment's settings that must be refused.
type mistake struct {
	path   string // as the message begins, without "scalestack:"
	reason string // part of the message
	sets   []set
}

// set puts a value at a place: names of keys and indexes of lists.
type set struct {
	keys  []any
	value any
}

// put returns document with the value in it; lists and objects on the way are
// made where there are none.
func (s set) put(document any) any {
	if len(s.keys) == 0 {
		return s.value
	}
	rest := set{s.keys[1:], s.value}
	if index, ok := s.keys[0].(int); ok {
		list, _ := document.([]any)
		for len(list) <= index {
			list = append(list, object{})
		}
		list[index] = rest.put(list[index])
		return list
	}
	members, ok := document.(object)
	if !ok {
		members = object{}
	}
	members[s.keys[0].(string)] = rest.put(members[s.keys[0].(string)])
	return members
}

// spoil makes the mistake in a copy of the settings.
func (m mistake) spoil(values map[string]string) (map[string]string, error) {
	values = maps.Clone(values)
	for _, s := range m.sets {
		name := project + ":" + s.keys[0].(string)
		var document any
		if text, given := values[name]; given {
			if err := json.Unmarshal([]byte(text), &document); err != nil {
				return nil, err
			}
		}
		value := set{s.keys[1:], s.value}.put(document)
		if text, plain := value.(string); plain {
			values[name] = text
			continue
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, err
		}
		values[name] = string(text)
	}
	return values, nil
}

// traces are what a person must never see.
var traces = regexp.MustCompile(`panic: |goroutine \d+ \[|\.go:\d+|%![a-z]\(`)

const generated = "500"

// Each of many generated configurations with one mistake is refused before
// anything is registered, with the mistake's path and a reason.
func TestGeneratedMistakesAreRefused(t *testing.T) {
	fixed(t, "rapid.checks", generated)
	fixed(t, "rapid.seed", "20261123")
	fixed(t, "rapid.nofailfile", "true")
	good := map[string]map[string]string{}
	for _, env := range environments {
		good[env] = settings(t, env)
	}
	all := allMistakes(t)
	paths := map[string]bool{}
	rapid.Check(t, func(r *rapid.T) {
		env := rapid.SampledFrom(environments).Draw(r, "environment")
		m := all.Draw(r, "mistake")
		values, err := m.spoil(good[env])
		if err != nil {
			r.Fatal(err)
		}
		paths[m.path] = true
		g, err := register(env, values)
		if err == nil {
			r.Fatalf("%s: accepted, with %d resources", m.path, len(g.nodes))
		}
		message := regexp.MustCompile(`(?m)(^|\s)scalestack:` + regexp.QuoteMeta(m.path) + `: .*` + regexp.QuoteMeta(m.reason))
		if !message.MatchString(err.Error()) {
			r.Fatalf("no message for %s with %q in\n%v", m.path, m.reason, err)
		}
		if found := traces.FindString(err.Error()); found != "" {
			r.Fatalf("%q in\n%v", found, err)
		}
		if len(g.nodes) > 0 {
			r.Fatalf("%d resources were registered", len(g.nodes))
		}
	})
	require.Greater(t, len(paths), 150, "mistakes at only so many places")
}

// allMistakes draws a place first, so that a setting with many possible
// mistakes is not drawn more often, and every third time one between settings.
func allMistakes(t *testing.T) *rapid.Generator[mistake] {
	var places []*rapid.Generator[mistake]
	for _, s := range spots(t) {
		if list := s.mistakes(); len(list) > 0 {
			places = append(places, rapid.OneOf(list...))
		}
	}
	return rapid.OneOf(rapid.OneOf(places...), rapid.OneOf(places...), rapid.OneOf(meanings()...))
}

// fixed sets a flag of the rapid package for one test.
func fixed(t *testing.T, name, value string) {
	t.Helper()
	before := flag.Lookup(name).Value.String()
	require.NoError(t, flag.Set(name, value))
	t.Cleanup(func() { require.NoError(t, flag.Set(name, before)) })
}

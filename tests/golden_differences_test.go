package tests

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// differences are how the graph of an environment differs from the canonical one.
type differences struct {
	// Removed are the URNs of resources that only the canonical graph has.
	Removed []string `yaml:"removed"`
	// Added are resources that only this environment has.
	Added []snapshot `yaml:"added"`
	// Changed are JSON merge patches (RFC 7386) of the resources that differ, by URN.
	Changed map[string]map[string]any `yaml:"changed"`
}

// asCanonical gives the resources the URNs that they would have in the canonical
// environment.
func asCanonical(t *testing.T, env string, all []snapshot) []snapshot {
	t.Helper()
	text, err := encode(all)
	require.NoError(t, err)
	renamed, err := decode([]byte(strings.ReplaceAll(string(text), "urn:pulumi:"+env+"::", "urn:pulumi:"+canonical+"::")))
	require.NoError(t, err)
	return renamed
}

// compareDifferences is compare for an environment of which only the differences are
// kept.
func compareDifferences(file string, base, now []snapshot, update bool) error {
	text, err := encodeDifferences(differ(base, now))
	if err != nil {
		return err
	}
	reviewed, err := os.ReadFile(file)
	if update && errors.Is(err, fs.ErrNotExist) {
		return os.WriteFile(file, text, 0o644)
	}
	if err != nil {
		return err
	}
	var before differences
	if err := yaml.Unmarshal(reviewed, &before); err != nil {
		return err
	}
	if err := moved(before.on(base), now); err != nil {
		return err
	}
	return same(file, reviewed, text, update)
}

func encodeDifferences(d differences) ([]byte, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	err := encoder.Encode(d)
	return text.Bytes(), err
}

// on returns the resources that there were, without the changes of their values.
func (d differences) on(base []snapshot) []snapshot {
	removed := map[string]bool{}
	for _, urn := range d.Removed {
		removed[urn] = true
	}
	all := append([]snapshot(nil), d.Added...)
	for _, one := range base {
		if !removed[one.URN] {
			all = append(all, one)
		}
	}
	return all
}

func differ(base, now []snapshot) differences {
	d := differences{Changed: map[string]map[string]any{}}
	before := byURN(base)
	for _, one := range now {
		old, known := before[one.URN]
		if !known {
			d.Added = append(d.Added, one)
			continue
		}
		if changed := mergePatch(plainResource(old), plainResource(one)); len(changed) > 0 {
			d.Changed[one.URN] = changed
		}
	}
	after := byURN(now)
	for _, one := range base {
		if _, still := after[one.URN]; !still {
			d.Removed = append(d.Removed, one.URN)
		}
	}
	return d
}

func byURN(all []snapshot) map[string]snapshot {
	found := map[string]snapshot{}
	for _, one := range all {
		found[one.URN] = one
	}
	return found
}

// mergePatch turns one object into another: members that differ, and nil for those that
// are gone. A list that differs is given whole.
func mergePatch(before, after map[string]any) map[string]any {
	patch := map[string]any{}
	for name, value := range after {
		old, known := before[name]
		oldMembers, wasObject := old.(map[string]any)
		members, isObject := value.(map[string]any)
		switch {
		case known && wasObject && isObject:
			if inner := mergePatch(oldMembers, members); len(inner) > 0 {
				patch[name] = inner
			}
		case !known || !reflect.DeepEqual(old, value):
			patch[name] = value
		}
	}
	for name := range before {
		if _, still := after[name]; !still {
			patch[name] = nil
		}
	}
	return patch
}

// plainResource is a resource as a golden file has it.
func plainResource(s snapshot) map[string]any {
	text, err := yaml.Marshal(s)
	if err != nil {
		panic(err)
	}
	var value map[string]any
	if err := yaml.Unmarshal(text, &value); err != nil {
		panic(err)
	}
	return value
}

func TestDifferencesFindEveryChange(t *testing.T) {
	base := []snapshot{
		{URN: "a", Inputs: map[string]any{"spec": map[string]any{"replicas": 1, "list": []any{"x", "y"}}}},
		{URN: "b", Protect: true}, {URN: "c"},
	}
	now := []snapshot{
		{URN: "a", Inputs: map[string]any{"spec": map[string]any{"replicas": 2, "list": []any{"x"}}}},
		{URN: "b"}, {URN: "d"},
	}
	d := differ(base, now)
	require.Equal(t, []string{"c"}, d.Removed)
	require.Equal(t, []snapshot{{URN: "d"}}, d.Added)
	require.Equal(t, map[string]map[string]any{
		"a": {"inputs": map[string]any{"spec": map[string]any{"replicas": 2, "list": []any{"x"}}}},
		"b": {"protect": nil},
	}, d.Changed)
	var urns []string
	for _, one := range d.on(base) {
		urns = append(urns, one.URN)
	}
	require.ElementsMatch(t, []string{"a", "b", "d"}, urns)
}

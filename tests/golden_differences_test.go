package tests

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/scalestack/scalestack/tests/golden"
)

// differences are how the graph of an environment differs from the canonical one.
type differences struct {
	// Removed are the URNs of resources that only the canonical graph has.
	Removed []string `yaml:"removed"`
	// Added are resources that only this environment has.
	Added []snapshot `yaml:"added"`
	// Changed are the resources that differ.
	Changed []change `yaml:"changed"`
}

// change is a JSON merge patch (RFC 7386) of a resource.
type change struct {
	URN   string         `yaml:"urn"`
	Patch map[string]any `yaml:",inline"`
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
	before, err := decodeDifferences(reviewed)
	if err != nil {
		return err
	}
	if err := moved(before.on(base), now); err != nil {
		return err
	}
	return same(file, reviewed, text, update)
}

// writtenDifferences are differences as their file has them.
type writtenDifferences[T any] struct {
	Removed []string `yaml:"removed"`
	Added   []T      `yaml:"added"`
	Changed []T      `yaml:"changed"`
}

func encodeDifferences(d differences) ([]byte, error) {
	added, err := golden.Fold(d.Added)
	if err != nil {
		return nil, err
	}
	changed, err := golden.Fold(d.Changed)
	if err != nil {
		return nil, err
	}
	return encode(writtenDifferences[any]{d.Removed, added, changed})
}

func decodeDifferences(text []byte) (d differences, err error) {
	var written writtenDifferences[map[string]any]
	if err := yaml.Unmarshal(text, &written); err != nil {
		return d, err
	}
	d.Removed = written.Removed
	if d.Added, err = golden.Unfold[snapshot](written.Added); err != nil {
		return d, err
	}
	d.Changed, err = golden.Unfold[change](written.Changed)
	return d, err
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
	var d differences
	before := byURN(base)
	for _, one := range now {
		old, known := before[one.URN]
		if !known {
			d.Added = append(d.Added, one)
			continue
		}
		if changed := mergePatch(plainResource(old), plainResource(one)); len(changed) > 0 {
			d.Changed = append(d.Changed, change{one.URN, changed})
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

// What a file says shortly is read as it was.
func TestGoldenFilesLoseNothing(t *testing.T) {
	base := deployed(t, canonical).snapshots()
	for _, env := range environments {
		now := asCanonical(t, env, deployed(t, env).snapshots())
		for name, d := range map[string]differences{"whole": {Added: now}, "differences": differ(base, now)} {
			written, err := encodeDifferences(d)
			require.NoError(t, err)
			read, err := decodeDifferences(written)
			require.NoError(t, err)
			want, err := encode(d)
			require.NoError(t, err)
			got, err := encode(read)
			require.NoError(t, err)
			require.Equal(t, string(want), string(got), "%s, %s", env, name)
		}
	}
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
	require.Equal(t, []change{
		{"a", map[string]any{"inputs": map[string]any{"spec": map[string]any{"replicas": 2, "list": []any{"x"}}}}},
		{"b", map[string]any{"protect": nil}},
	}, d.Changed)
	var urns []string
	for _, one := range d.on(base) {
		urns = append(urns, one.URN)
	}
	require.ElementsMatch(t, []string{"a", "b", "d"}, urns)
}

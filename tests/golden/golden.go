// Package golden reads the reviewed graphs in its folder, for tests of other packages and modules.
package golden

import (
	"embed"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// canonical is the environment whose whole graph is kept; the others' files say how they differ from it.
const canonical = "dev"

//go:embed *.yaml
var files embed.FS

// Resource is what the program registers.
type Resource struct {
	URN    string
	Type   string
	Inputs map[string]any
}

// Resources returns what the program registers for dev, staging or prod.
func Resources(env string) ([]Resource, error) {
	var entries []map[string]any
	if err := read(canonical, &entries); err != nil {
		return nil, err
	}
	base, err := Unfold[Resource](entries)
	if err != nil || env == canonical {
		return base, err
	}
	// Changed are JSON merge patches (RFC 7386).
	var differences struct {
		Removed        []string
		Added, Changed []map[string]any
	}
	if err := read(env, &differences); err != nil {
		return nil, err
	}
	all, err := Unfold[Resource](differences.Added)
	if err != nil {
		return nil, err
	}
	changed, err := Unfold[Resource](differences.Changed)
	if err != nil {
		return nil, err
	}
	patches := map[string]map[string]any{}
	for _, one := range changed {
		patches[one.URN] = one.Inputs
	}
	for _, one := range base {
		if !slices.Contains(differences.Removed, one.URN) {
			merge(one.Inputs, patches[one.URN])
			all = append(all, one)
		}
	}
	return all, nil
}

func read(env string, into any) error {
	text, err := files.ReadFile(env + ".yaml")
	if err != nil {
		return fmt.Errorf("golden file: %w", err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("golden file of %s: %w", env, err)
	}
	return nil
}

// merge applies a JSON merge patch.
func merge(object, patch map[string]any) {
	for name, value := range patch {
		members, isObject := object[name].(map[string]any)
		changed, patchesObject := value.(map[string]any)
		switch {
		case value == nil:
			delete(object, name)
		case isObject && patchesObject:
			merge(members, changed)
		default:
			object[name] = value
		}
	}
}

package golden

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// folded stands for a resource that is like another one of its file but for the number of
// its shard or member. Whatever else differs is in it.
type folded struct {
	URN string `yaml:"urn"`
	// As is the name of the other one, whose URN differs in that number only.
	As string `yaml:"as"`
	// But are the values that differ, by JSON pointer.
	But map[string]any `yaml:"but,omitempty"`
	// Without are the pointers to what only the other one has.
	Without []string `yaml:"without,omitempty"`
}

// numbers are those of shards and members, as names of objects and of databases have them.
var numbers = []*regexp.Regexp{regexp.MustCompile(`(shard[-_])(\d+)`), regexp.MustCompile(`(-m|member-)(\d+)`)}

var escape, unescape = strings.NewReplacer("~", "~0", "/", "~1"), strings.NewReplacer("~1", "/", "~0", "~")

// Fold returns the list as a golden file has it. Of entries whose URNs differ in the numbers
// of shards and members the first is in full, and of each later one only how it differs from
// one in full with their numbers swapped, unless that is more than half of it. In YAML each
// entry has a field urn.
func Fold[T any](all []T) ([]any, error) {
	// full are the entries in full, by kind.
	full, out := map[string][]map[string]any{}, make([]any, 0, len(all))
	for _, one := range all {
		var tree map[string]any
		if err := convert(one, &tree); err != nil {
			return nil, err
		}
		kind := kindOf(tree["urn"].(string))
		shortest, least := any(one), length(one)/2
		for _, other := range full[kind] {
			if f := fold(tree, other); length(f) < least {
				shortest, least = f, length(f)
			}
		}
		if _, short := shortest.(folded); !short {
			full[kind] = append(full[kind], tree)
		}
		out = append(out, shortest)
	}
	return out, nil
}

// kindOf is the URN without the numbers in its name.
func kindOf(urn string) string {
	place, name := split(urn)
	for _, number := range numbers {
		name = number.ReplaceAllString(name, "${1}n")
	}
	return place + name
}

// fold says how one tree differs from another one of its kind.
func fold(one, other map[string]any) folded {
	f := folded{URN: one["urn"].(string), But: map[string]any{}}
	_, name := split(f.URN)
	_, f.As = split(other["urn"].(string))
	f.differ("", renamed(other, f.As, name), one)
	slices.Sort(f.Without)
	return f
}

// Unfold is the reverse of Fold.
func Unfold[T any](entries []map[string]any) ([]T, error) {
	full, trees := map[string]any{}, make([]any, 0, len(entries))
	for _, entry := range entries {
		tree := any(entry)
		if entry["as"] != nil {
			var f folded
			if err := convert(entry, &f); err != nil {
				return nil, err
			}
			place, name := split(f.URN)
			tree = renamed(full[place+f.As], f.As, name)
			if err := f.apply(tree); err != nil {
				return nil, err
			}
		}
		full[entry["urn"].(string)] = tree
		trees = append(trees, tree)
	}
	var all []T
	return all, convert(trees, &all)
}

// split cuts the name off a URN.
func split(urn string) (place, name string) {
	i := strings.LastIndex(urn, "::") + len("::")
	return urn[:i], urn[i:]
}

// length is that of the value's YAML.
func length(value any) int {
	text, _ := yaml.Marshal(value)
	return len(text)
}

// convert turns a value into one of another type with the same YAML.
func convert(from, to any) error {
	text, err := yaml.Marshal(from)
	if err != nil {
		return err
	}
	return yaml.Unmarshal(text, to)
}

// renamed is a copy in which the numbers of two names are swapped. If one took the other's
// place, two fields could get one name.
func renamed(value any, from, to string) any {
	switch value := value.(type) {
	case string:
		return renamedText(value, from, to)
	case []any:
		list := make([]any, len(value))
		for i, item := range value {
			list[i] = renamed(item, from, to)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(value))
		for name, item := range value {
			object[renamedText(name, from, to)] = renamed(item, from, to)
		}
		return object
	}
	return value
}

func renamedText(text, from, to string) string {
	for _, number := range numbers {
		a, b := number.FindStringSubmatch(from), number.FindStringSubmatch(to)
		if a == nil || b == nil {
			continue
		}
		swapped := map[string]string{a[2]: b[2], b[2]: a[2]}
		text = number.ReplaceAllStringFunc(text, func(found string) string {
			match := number.FindStringSubmatch(found)
			return match[1] + cmp.Or(swapped[match[2]], match[2])
		})
	}
	return text
}

// differ notes what turns one value into the other.
func (f *folded) differ(pointer string, from, to any) {
	before, wasObject := from.(map[string]any)
	after, isObject := to.(map[string]any)
	old, wasList := from.([]any)
	list, isList := to.([]any)
	switch {
	case wasObject && isObject:
		for name := range before {
			if _, still := after[name]; !still {
				f.Without = append(f.Without, pointer+"/"+escape.Replace(name))
			}
		}
		for name, value := range after {
			at := pointer + "/" + escape.Replace(name)
			if was, known := before[name]; known {
				f.differ(at, was, value)
			} else {
				f.But[at] = value
			}
		}
	case wasList && isList && len(old) == len(list):
		for i := range list {
			f.differ(pointer+"/"+strconv.Itoa(i), old[i], list[i])
		}
	case !reflect.DeepEqual(from, to):
		f.But[pointer] = to
	}
}

// gone is the value of what is removed.
type gone struct{}

// apply makes the tree of the other one this one's.
func (f *folded) apply(tree any) error {
	changes := map[string]any{}
	maps.Copy(changes, f.But)
	for _, pointer := range f.Without {
		changes[pointer] = gone{}
	}
	for pointer, value := range changes {
		if err := put(tree, strings.Split(pointer, "/")[1:], value); err != nil {
			return fmt.Errorf("%s as %s: %s: %w", f.URN, f.As, pointer, err)
		}
	}
	return nil
}

func put(tree any, steps []string, value any) error {
	switch at := tree.(type) {
	case map[string]any:
		name := unescape.Replace(steps[0])
		switch {
		case len(steps) > 1:
			return put(at[name], steps[1:], value)
		case value == gone{}:
			delete(at, name)
		default:
			at[name] = value
		}
		return nil
	case []any:
		i, err := strconv.Atoi(steps[0])
		switch {
		case err != nil || i >= len(at):
		case len(steps) > 1:
			return put(at[i], steps[1:], value)
		default:
			at[i] = value
			return nil
		}
	}
	return errors.New("nothing is there")
}

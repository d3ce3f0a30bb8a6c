package provider

import (
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/property"
)

// Kind is the shape of a property's value.
type Kind string

// The kinds of values.
const (
	String Kind = "a string"
	Int    Kind = "an integer"
	Bool   Kind = "true or false"
	List   Kind = "a list"
	Map    Kind = "a map"
	Object Kind = "an object"
)

// Field describes one property. Its zero value, apart from Kind, is an optional input
// that can be updated in place.
type Field struct {
	Kind     Kind
	Required bool
	// Default is the value that counts when none is given: a string, int or bool.
	Default any
	// Replace says that a change needs a new resource.
	Replace bool
	// Same says that two different strings mean the same.
	Same func(old, now string) bool
	// Computed marks what only the provider sets.
	Computed bool
	// Assigned marks an input that the provider chooses when it is absent.
	Assigned bool
	// Stable marks a computed property that an update does not change.
	Stable bool
	// Secret marks a property whose value is secret in the resource's state.
	Secret bool
	// OneOf lists the allowed values of a String, AtLeast and AtMost bound an Int;
	// both bounds zero means unbounded; math.MinInt and math.MaxInt leave an end open.
	OneOf           []string
	AtLeast, AtMost int
	// Elem describes the items of a List or Map, Fields the properties of an Object.
	Elem   *Field
	Fields Fields
}

// Fields are the properties of a resource or an object by their names.
type Fields map[string]Field

// Value makes a property value of plain Go: nil, string, bool, a number, or a
// list or map of these.
func Value(v any) property.Value {
	switch v := v.(type) {
	case int:
		return property.New(float64(v))
	case map[string]any:
		return property.New(FromPlain(v))
	case []any:
		items := make([]property.Value, len(v))
		for i, item := range v {
			items[i] = Value(item)
		}
		return property.New(items)
	}
	value, err := property.Any(v)
	if err != nil {
		panic(fmt.Sprintf("no property value: %v", err))
	}
	return value
}

// withDefaults returns m with the default of every field that is absent.
func (fields Fields) withDefaults(m property.Map) property.Map {
	return fields.complete(m, func(f Field) (property.Value, bool) {
		return Value(f.Default), f.Default != nil
	})
}

// withUnknowns returns m with an unknown for all that a provider sets later.
func (fields Fields) withUnknowns(m property.Map) property.Map {
	return fields.complete(m, func(f Field) (property.Value, bool) {
		return property.New(property.Computed).WithSecret(f.Secret), f.Computed || f.Assigned
	})
}

func (fields Fields) complete(m property.Map, absent func(Field) (property.Value, bool)) property.Map {
	for _, name := range fields.names() {
		field := fields[name]
		if value, ok := given(m, name); ok {
			m = m.Set(name, field.complete(value, absent))
		} else if value, ok := absent(field); ok {
			m = m.Set(name, value)
		}
	}
	return m
}

func (f Field) complete(v property.Value, absent func(Field) (property.Value, bool)) property.Value {
	switch {
	case f.Kind == Object && v.IsMap():
		return property.WithGoValue(v, f.Fields.complete(v.AsMap(), absent))
	case f.Kind == List && v.IsArray():
		items := v.AsArray().AsSlice()
		for i := range items {
			items[i] = f.Elem.complete(items[i], absent)
		}
		return property.WithGoValue(v, property.NewArray(items))
	}
	return v
}

// markSecrets returns m with every secret field marked as such.
func (fields Fields) markSecrets(m property.Map) property.Map {
	for name, field := range fields {
		if value, ok := m.GetOk(name); ok && field.Secret {
			m = m.Set(name, value.WithSecret(true))
		}
	}
	return m
}

func (fields Fields) names() []string {
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// given reports whether m has a value for name; null is the same as absent.
func given(m property.Map, name string) (property.Value, bool) {
	value, ok := m.GetOk(name)
	return value, ok && !value.IsNull()
}

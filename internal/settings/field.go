package settings

import (
	"reflect"
	"strings"
	"sync"
	"unicode"
)

// setting is one field of a struct with its tags.
type setting struct {
	goName string
	// owner is the struct that declares the field, for its doc comment.
	owner reflect.Type
	// name is the json name, or the Go name in camel case for a hidden field.
	name   string
	hidden bool
	// exported is the name in other languages, "" for a field that they do not have;
	// optional says that they may leave it out.
	exported string
	optional bool
	index    []int
	typ      reflect.Type
	tag      reflect.StructTag
}

var known sync.Map // reflect.Type to []setting

// settingsOf lists the fields of a struct in their order. The fields of an
// embedded struct take its place; an outer field hides an embedded one of the
// same name.
func settingsOf(t reflect.Type) []setting {
	if cached, ok := known.Load(t); ok {
		return cached.([]setting)
	}
	own := map[string]bool{}
	for i := range t.NumField() {
		if f := t.Field(i); !f.Anonymous && f.IsExported() {
			own[f.Name], own[nameOf(f)] = true, true
		}
	}
	var all []setting
	for i := range t.NumField() {
		f := t.Field(i)
		switch {
		case f.Anonymous:
			for _, inner := range settingsOf(f.Type) {
				if !own[inner.goName] && !own[inner.name] {
					inner.index = append([]int{i}, inner.index...)
					all = append(all, inner)
				}
			}
		case f.IsExported():
			exported, option, _ := strings.Cut(f.Tag.Get("pulumi"), ",")
			all = append(all, setting{
				goName: f.Name, owner: t, name: nameOf(f), hidden: isHidden(f), exported: exported, optional: option == "optional",
				index: []int{i}, typ: f.Type, tag: f.Tag,
			})
		}
	}
	known.Store(t, all)
	return all
}

func isHidden(f reflect.StructField) bool { return f.Tag.Get("json") == "" || f.Tag.Get("json") == "-" }

func nameOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" || name == "-" {
		return camelCase(f.Name)
	}
	return name
}

// camelCase lowers the first word of a Go name, which may be an initialism.
func camelCase(name string) string {
	runes := []rune(name)
	for i := range runes {
		if i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1]) {
			break
		}
		runes[i] = unicode.ToLower(runes[i])
	}
	return string(runes)
}

// Names lists the settings of a struct that a configuration may give, in the order
// of its fields.
func Names(t reflect.Type) []string { return configuration.names(t) }

// view is who sets the fields: the configuration of a stack, or a program in another
// language.
type view int

const (
	configuration view = iota
	languages
)

func (v view) has(s setting) bool {
	if v == languages {
		return s.exported != ""
	}
	return !s.hidden
}

func (v view) names(t reflect.Type) []string {
	var all []string
	for _, s := range settingsOf(t) {
		if v.has(s) {
			all = append(all, s.name)
		}
	}
	return all
}

// Tag is what a field's tags say about its name.
type Tag struct {
	// Field is the Go name, Name the setting's, and Exported the one in other
	// languages, "" where they do not have it.
	Field, Name, Exported string
	Required, Optional    bool
	Type                  reflect.Type
}

// Tags returns those of a struct's fields, for tests that hold the names together.
func Tags(t reflect.Type) []Tag {
	var all []Tag
	for _, s := range settingsOf(t) {
		all = append(all, Tag{
			Field: s.goName, Name: s.name, Exported: s.exported, Required: s.required(), Optional: s.optional, Type: s.typ,
		})
	}
	return all
}

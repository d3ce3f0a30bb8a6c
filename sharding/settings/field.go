package settings

import (
	"cmp"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"time"
)

// Field describes one setting.
type Field struct {
	// Name is the environment variable.
	Name string `json:"name"`
	// Default is the value without it, "" for empty.
	Default string `json:"default"`
	// Allowed says which values are accepted.
	Allowed string `json:"allowed"`
	// Doc says what the setting is for.
	Doc string `json:"doc"`

	goName string
	of     reflect.Type
	rules  map[string]string
}

// listFields returns the settings of a struct, in their order.
func listFields(s any) []Field { return appendFields(nil, reflect.ValueOf(s).Elem()) }

func fieldsOf(s any) map[string]Field {
	byName := map[string]Field{}
	for _, f := range listFields(s) {
		byName[f.Name] = f
	}
	return byName
}

func appendFields(list []Field, value reflect.Value) []Field {
	for i := range value.NumField() {
		field, at := value.Type().Field(i), value.Field(i)
		name, set := field.Tag.Lookup("env")
		switch {
		case set:
			list = append(list, newField(name, field, at))
		case field.Type.Kind() == reflect.Struct:
			list = appendFields(list, at)
		}
	}
	return list
}

func newField(name string, field reflect.StructField, at reflect.Value) Field {
	f := Field{Name: name, Default: field.Tag.Get("envDefault"), Doc: field.Tag.Get("doc"),
		goName: field.Name, of: field.Type, rules: map[string]string{}}
	// Some defaults depend on the command; they are in the struct already.
	if f.Default == "" && !at.IsZero() {
		f.Default = fmt.Sprint(at.Interface())
	}
	for rule := range strings.SplitSeq(field.Tag.Get("validate"), ",") {
		key, value, _ := strings.Cut(rule, "=")
		f.rules[key] = value
	}
	f.Allowed = f.allowed()
	return f
}

// allowed says which values are accepted.
func (f Field) allowed() string {
	if least, most := f.rules["min"], f.rules["max"]; least != "" && most != "" {
		return least + " to " + most
	}
	if options := f.rules["oneof"]; options != "" {
		return strings.ReplaceAll(options, " ", "|")
	}
	for rule, meaning := range formats {
		if _, has := f.rules[rule]; has {
			return meaning
		}
	}
	switch f.of {
	case reflect.TypeFor[slog.Level]():
		return "debug|info|warn|error"
	case reflect.TypeFor[bool]():
		return "true|false"
	}
	return "any string"
}

// kind says what kind of value fits the field's type.
func (f Field) kind() string {
	switch f.of {
	case reflect.TypeFor[time.Duration]():
		return "a duration such as " + cmp.Or(f.Default, "10s")
	case reflect.TypeFor[slog.Level]():
		return "one of debug, info, warn, error"
	case reflect.TypeFor[bool]():
		return "true or false"
	}
	return "an integer"
}

// help lists settings for people.
func help(s any) string {
	var lines []string
	for _, f := range listFields(s) {
		lines = append(lines, fmt.Sprintf("  %s (%s, default %s)\n      %s", f.Name, f.Allowed, cmp.Or(f.Default, "empty"), f.Doc))
	}
	return strings.Join(lines, "\n")
}
